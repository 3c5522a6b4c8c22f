"""What tests of wheels share: a project to build, and a cache whose build environments outlive a test."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.project.discover import discover_library
from depsfirst.wheels.backend import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.project.model import Project
    from depsfirst.wheels.project import ProjectWheel
    from depsfirst.wheels.unpacked import Unpacked

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
