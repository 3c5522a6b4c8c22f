"""What tests of wheels share: a project to build, and a cache whose build environments outlive a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover_library
from depsfirst.project.model import BuildSystem
from depsfirst.wheels.built.backend import ENVIRONMENTS, Source, built_wheel
from depsfirst.wheels.own import learning
from depsfirst.wheels.own.wheel import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.project.model import Project
    from depsfirst.wheels.own.unpacked import Unpacked
    from depsfirst.wheels.own.wheel import ProjectWheel

PROJECTS = Path(__file__).parent / "projects"

Contents = list[tuple[str, bytes, bool]]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the build environments of all tests are kept."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def store(tmp_path: Path, environments: Path) -> ContentStore:
    """A cache that knows of no build, but has the environments of those before."""
    store = ContentStore(tmp_path / "cache")
    store.root.mkdir()
    (store.root / ENVIRONMENTS).symlink_to(environments)
    return store


@pytest.fixture
def shop(tmp_path: Path) -> Callable[[str], Path]:
    """``shop("hatchling")`` is the directory of a small project with that manifest."""

    def made(manifest: str) -> Path:
        root = tmp_path / "work" / manifest
        shutil.copytree(PROJECTS / "tree", root)
        (root / "gitignore").rename(root / ".gitignore")
        shutil.copy(PROJECTS / "manifests" / f"{manifest}.toml", root / "pyproject.toml")
        if manifest.endswith("-flat"):
            (root / "src/shop").rename(root / "shop")
            (root / "src").rmdir()
        return root

    return made


@pytest.fixture
def read() -> Callable[[Path], Project]:
    """``read(root)`` is the project as its manifest describes it now."""
    return lambda root: discover_library(root, root / "uv.lock")


@pytest.fixture
def contents() -> Callable[[ProjectWheel], Contents]:
    """Path, bytes and executable bit of each entry."""
    return lambda wheel: [
        (
            entry.path,
            entry.content if isinstance(entry.content, bytes) else entry.content.read_bytes(),
            entry.executable,
        )
        for entry in wheel.entries
    ]


@pytest.fixture
def unpacked_contents() -> Callable[[Unpacked], Contents]:
    """The same of a wheel that was just unpacked."""
    return lambda wheel: [
        (file.path, (wheel.directory / file.path).read_bytes(), file.executable) for file in wheel.files
    ]


@pytest.fixture
def listing() -> Callable[[Path], dict[str, tuple[int, bytes]]]:
    """Mode and bytes of every file below a directory, and the mode of every directory."""

    def listed(root: Path) -> dict[str, tuple[int, bytes]]:
        found = {}
        for folder, folders, files in os.walk(root):
            for name in [*folders, *files]:
                path = Path(folder) / name
                found[str(path.relative_to(root))] = (
                    path.lstat().st_mode,
                    path.read_bytes() if path.is_file() else b"",
                )
        return found

    return listed


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """``git(root, "init")`` gives git's output; the user's own settings do not count."""
    if shutil.which("git") is None:
        pytest.skip("git is needed")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@shop.example")

    def run(root: Path, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
        return done.stdout

    return run


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[None]:
    """Root may read everything; a test about what may not be read runs as somebody else."""
    if os.geteuid() != 0:
        yield
        return
    closed = [(folder, folder.stat().st_mode) for folder in tmp_path.parents if not folder.stat().st_mode & 0o001]
    for folder, mode in closed:
        folder.chmod(mode | 0o011)
    for parent, folders, files in os.walk(tmp_path):
        for name in [".", *folders, *files]:
            os.chown(Path(parent) / name, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        for folder, mode in closed:
            folder.chmod(mode)


class Packer:
    """Packs what lies below ``src``, as a declarative backend does, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.tag = "py3-none-any"
        self.name = "corner_shop"
        self.more: dict[str, bytes] = {}
        self.meanwhile: Callable[[Path], object] = lambda _: None

    @contextmanager
    def __call__(self, source: Source, store: ContentStore, **_: Any) -> Iterator[Path]:
        self.calls += 1
        root = source.directory
        with store.scratch_directory() as scratch:
            version = str(Version(_version(root)))
            path = scratch / f"{self.name}-{version}-{self.tag}.whl"
            self._pack(root, path, version)
            self.meanwhile(root)
            yield path

    def _pack(self, root: Path, path: Path, version: str) -> None:
        info = f"{self.name}-{version}.dist-info"
        files = {
            str(file.relative_to(root / "src")): file for file in sorted((root / "src").rglob("*")) if file.is_file()
        }
        packed = {name: (file.read_bytes(), file.stat().st_mode) for name, file in files.items() if _is_packed(name)}
        packed[f"{info}/licenses/LICENSE"] = ((root / "LICENSE").read_bytes(), 0o644)
        readme = (root / "README.md").read_bytes()
        packed[f"{info}/METADATA"] = (b"Name: corner-shop\nVersion: %s\n\n%s" % (version.encode(), readme), 0o644)
        packed[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nTag: {self.tag}\n".encode(), 0o644)
        packed |= {name.replace("INFO", info): (data, 0o644) for name, data in self.more.items()}
        rows = [f"{name},sha256={_hash(data)},{len(data)}" for name, (data, _) in packed.items()]
        packed[f"{info}/RECORD"] = ("\n".join([*rows, f"{info}/RECORD,,"]).encode(), 0o644)
        with zipfile.ZipFile(path, "w") as archive:
            for name, (data, mode) in packed.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (0o100000 | mode & 0o777) << 16
                archive.writestr(entry, data)


def _is_packed(name: str) -> bool:
    return not name.endswith(".pyc") and "/.mypy_cache/" not in name


def _hash(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")


def _version(root: Path) -> str:
    lines = (root / "pyproject.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version ="))


@pytest.fixture
def packer(monkeypatch: pytest.MonkeyPatch) -> Packer:
    packer = Packer()
    monkeypatch.setattr(learning, "built_wheel", packer)
    return packer


@pytest.fixture
def root(shop: Callable[[str], Path]) -> Path:
    return shop("flit")


@pytest.fixture
def wheel(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> Callable[[], ProjectWheel]:
    """``wheel()`` is the wheel of the project as it stands; it has been built once."""
    assert project_wheel(read(root), store).how == "built"
    return lambda: project_wheel(read(root), store)


@pytest.fixture
def fresh(root: Path, read: Callable[[Path], Project], tmp_path: Path, packer: Packer) -> Callable[[], ProjectWheel]:
    """``fresh()`` is what the backend makes of the project as it stands."""
    return lambda: project_wheel(read(root), ContentStore(tmp_path / f"fresh {packer.calls}"))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A package index that backends come from; what needs it is skipped with the reason where there is none."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "tiny.py").write_text('"""Tiny."""\n__version__ = "1"\n')
    (folder / "pyproject.toml").write_text('[project]\nname = "tiny"\ndynamic = ["version", "description"]\n')
    store = ContentStore(folder / "cache")
    try:
        with built_wheel(Source(folder, BuildSystem(("flit_core",), "flit_core.buildapi"), "tiny"), store):
            return
    except DepsfirstError as error:
        if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(f"a package index is needed: {error}")


@pytest.fixture(autouse=True)
def _index(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("index"):
        request.getfixturevalue("index")
