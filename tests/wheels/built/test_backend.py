from __future__ import annotations

import os
import shutil
import sys
import textwrap
import zipfile
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.project.model import BuildSystem
from depsfirst.wheels.built.backend import ENVIRONMENTS, Source, built_wheel
from depsfirst.wheels.indexes.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Listing = dict[str, tuple[int, bytes]]

PACKS = """
import zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        wheel.writestr("shop.py", "")
    return name
"""


class Notes:
    """A watcher who keeps what he is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[str] = []

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        assert (total, unit) == (None, "steps")
        self.tasks.append(title)
        yield lambda _: None

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def own_backend(tmp_path: Path) -> Callable[..., Source]:
    """A source tree with a backend of its own, which needs no index."""

    def made(code: str, *, requires: tuple[str, ...] = (), backend: str = "packer", path: str = "tools") -> Source:
        root = tmp_path / "tree"
        (root / "tools").mkdir(parents=True, exist_ok=True)
        (root / "tools/packer.py").write_text(textwrap.dedent(code))
        (root / "pyproject.toml").write_text("")
        return Source(root, BuildSystem(requires, backend, (path,)), "shop")

    return made


def build(
    source: Source, store: ContentStore, progress: Notes | None = None, index_url: str | None = None
) -> list[str]:
    with built_wheel(source, store, search=Search(index_url), progress=progress) as wheel:
        assert wheel.suffix == ".whl"
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
    assert not wheel.exists()
    return names


def test_a_backend_of_the_projects_own_builds(
    own_backend: Callable[..., Source], store: ContentStore, listing: Callable[[Path], Listing]
) -> None:
    source = own_backend(PACKS)
    before = listing(source.directory)
    assert build(source, store) == ["shop.py"]
    assert listing(source.directory) == before
    assert not list((store.root / "tmp").iterdir())


def test_the_environment_is_kept_and_does_not_change(
    own_backend: Callable[..., Source], tmp_path: Path, listing: Callable[[Path], Listing]
) -> None:
    source, store = own_backend(PACKS), ContentStore(tmp_path / "own cache")
    notes = Notes()
    build(source, store, notes)
    assert notes.tasks == ["installing nothing to build shop", "building shop with packer"]
    before = listing(store.root / ENVIRONMENTS)
    again = Notes()
    build(source, store, again)
    assert again.tasks == ["building shop with packer"]
    assert listing(store.root / ENVIRONMENTS) == before


def test_builds_side_by_side_share_one_environment(own_backend: Callable[..., Source], tmp_path: Path) -> None:
    source, store = own_backend(PACKS), ContentStore(tmp_path / "own cache")
    other = Source(tmp_path / "other", source.system, "other")
    shutil.copytree(source.directory, other.directory)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: build(each, store), [source, other, source, other]))
    assert found == [["shop.py"]] * 4
    assert len(list((store.root / ENVIRONMENTS).glob("*/*"))) == 1


def test_builds_of_one_tree_wait_for_each_other(own_backend: Callable[..., Source], store: ContentStore) -> None:
    source = own_backend(
        """
        import os, time
        from packer_parts import pack

        def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
            os.mkdir("working")  # fails if another is at work
            time.sleep(0.2)
            os.rmdir("working")
            return pack(wheel_directory)
        """
    )
    (source.directory / "tools/packer_parts.py").write_text(PACKS.replace("build_wheel", "pack"))
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda _: build(source, store), range(3))) == [["shop.py"]] * 3


def test_more_requirements_that_the_backend_asks_for_are_installed(
    own_backend: Callable[..., Source], store: ContentStore, tmp_path: Path
) -> None:
    helper = tool_wheel(tmp_path, "helper", "VALUE = 'helped'\n")
    source = own_backend(
        f"""
        from packer_parts import pack

        def get_requires_for_build_wheel(config_settings=None):
            return ["helper @ {helper.as_uri()}"]

        def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
            import helper
            assert helper.VALUE == "helped"
            return pack(wheel_directory)
        """
    )
    (source.directory / "tools/packer_parts.py").write_text(PACKS.replace("build_wheel", "pack"))
    assert build(source, store) == ["shop.py"]


def test_an_environment_with_a_direct_reference_is_not_kept(own_backend: Callable[..., Source], tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "own cache")
    helper = tool_wheel(tmp_path, "helper", "NAME = 'one.py'\n")
    code = PACKS.replace('"shop.py"', "__import__('helper').NAME")
    source = own_backend(code, requires=(f"helper @ {helper.as_uri()}",))
    assert build(source, store) == ["one.py"]
    tool_wheel(tmp_path, "helper", "NAME = 'two.py'\n")
    assert build(source, store) == ["two.py"]
    assert not (store.root / ENVIRONMENTS).exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def build_wheel(*_): raise RuntimeError('no tea left')", "no tea left"),
        ("import leaf", 'the build backend "packer" cannot be imported'),
        ("", "has no attribute 'build_wheel'"),
        ("def build_wheel(*_): return 'nothing.whl'", "returned without a wheel"),
        ("def build_wheel(*_): return None", "returned without a wheel"),
        ("def build_wheel(*_): __import__('os')._exit(0)", "ended without an answer"),
        ("def build_wheel(*_):\n    print('last words', flush=True)\n    __import__('os')._exit(3)", "last words"),
    ],
)
def test_a_failing_backend_is_an_error_with_its_last_lines(
    own_backend: Callable[..., Source], store: ContentStore, code: str, said: str
) -> None:
    source = own_backend(code)
    with pytest.raises(DepsfirstError) as caught:
        build(source, store)
    assert said in caught.value.message
    assert '"packer"' in caught.value.message
    assert caught.value.where == str(source.directory / "pyproject.toml")
    assert caught.value.hint
    assert not list((store.root / "tmp").iterdir())


def test_only_the_last_lines_of_a_long_story_are_told(own_backend: Callable[..., Source], store: ContentStore) -> None:
    source = own_backend("def build_wheel(*_):\n    print(*range(1000), sep='\\n')\n    raise SystemExit(1)")
    with pytest.raises(DepsfirstError) as caught:
        build(source, store)
    assert len(caught.value.message.splitlines()) < 20


def test_a_backend_path_out_of_the_tree_is_refused(own_backend: Callable[..., Source], store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="paths must be inside source tree"):
        build(own_backend(PACKS, path="../elsewhere"), store)


def test_what_is_no_requirement_is_refused(own_backend: Callable[..., Source], store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match='"what is this" is no requirement') as caught:
        build(own_backend(PACKS, requires=("what is this",)), store)
    assert str(caught.value.where).endswith("build-system.requires")


def test_an_index_that_cannot_be_reached_is_an_error(
    own_backend: Callable[..., Source], store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    source = own_backend(PACKS, requires=("shop-that-is-nowhere",))
    with pytest.raises(DepsfirstError, match="cannot be installed") as caught:
        build(source, store, index_url="http://127.0.0.1:9/simple")
    assert "127.0.0.1:9" in caught.value.message
    assert "index" in (caught.value.hint or "")
    assert not list(store.path(ENVIRONMENTS, "x").parent.parent.glob("*/*shop*"))


def test_a_password_of_the_index_is_on_no_command_line_and_in_no_message(
    own_backend: Callable[..., Source], store: ContentStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import uv

    program = tmp_path / "uv"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/words"\nexec "{uv.find_uv_bin()}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(program))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    notes = Notes()
    with pytest.raises(DepsfirstError, match="cannot be installed") as caught:
        build(
            own_backend(PACKS, requires=("shop-that-is-nowhere",)), store, notes, "http://ada:s3cr3t@127.0.0.1:9/simple"
        )
    assert "127.0.0.1:9" in caught.value.message
    assert "pip install" in (tmp_path / "words").read_text()
    assert "s3cr3t" not in f"{caught.value.message} {notes.notes} {(tmp_path / 'words').read_text()}"


def test_warnings_are_notes(own_backend: Callable[..., Source], store: ContentStore) -> None:
    notes = Notes()
    loud = "import warnings\nwarnings.warn('use coffee instead', UserWarning)\nprint('grinding')\n"
    assert build(own_backend(loud + PACKS), store, notes) == ["shop.py"]
    told = "\n".join(notes.notes)
    assert "use coffee instead" in told
    assert "grinding" in told


def test_the_backend_runs_apart_from_this_python(
    own_backend: Callable[..., Source], store: ContentStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "mine"))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "mine"))
    tests = """
    import os, sys, tempfile

    assert "PYTHONPATH" not in os.environ
    assert sys.prefix == os.environ["VIRTUAL_ENV"] != sys.base_prefix
    assert os.environ["PATH"].split(":")[0] == f"{sys.prefix}/bin"
    assert not any("mine" in path for path in sys.path)
    assert sys.flags.no_user_site and sys.dont_write_bytecode
    assert tempfile.gettempdir().startswith("TEMPORARY")
    assert sys.stdin.read() == ""
    """.replace("TEMPORARY", str(store.root / "tmp"))
    assert build(own_backend(textwrap.dedent(tests) + PACKS), store) == ["shop.py"]


def test_it_works_under_a_tight_umask(own_backend: Callable[..., Source], tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        assert build(own_backend(PACKS), ContentStore(tmp_path / "own cache")) == ["shop.py"]
    finally:
        os.umask(before)


def test_pips_settings_serve_uv_where_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a.example https://b.example")
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    monkeypatch.setenv("UV_PYTHON", "3.8")
    found = Search().variables()
    assert found["UV_DEFAULT_INDEX"] == "https://pip.example/simple"
    assert found["UV_INDEX"] == "https://a.example https://b.example"
    assert found["UV_FIND_LINKS"] == "/one,/two"
    assert "UV_PYTHON" not in found
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example/simple")
    assert "UV_DEFAULT_INDEX" not in Search().variables()


@pytest.mark.index
@pytest.mark.parametrize("requirement", ["setuptools>=77", "setuptools==64.0.3", "setuptools==65.4.0"])
def test_setuptools_neither_litters_nor_finds_litter(
    store: ContentStore, tmp_path: Path, listing: Callable[[Path], Listing], requirement: str
) -> None:
    root = tmp_path / "tree"
    for name, text in {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\n',
        "src/shop/__init__.py": "",
        "src/shop/extra.txt": "extra",
        "MANIFEST.in": "include src/shop/extra.txt\n",
        "build/lib/shop/stale.py": "",
        "src/shop.egg-info/SOURCES.txt": "src/shop/gone.py\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    before = listing(root)
    source = Source(root, BuildSystem((requirement, "wheel"), "setuptools.build_meta"), "shop")
    names = build(source, store)
    assert {"shop/__init__.py", "shop/extra.txt"} <= {*names}
    assert not [name for name in names if "stale" in name or "gone" in name]
    assert listing(root) == before


@pytest.mark.index
def test_a_version_from_git_sees_the_repository(
    store: ContentStore, tmp_path: Path, git: Callable[..., str], listing: Callable[[Path], Listing]
) -> None:
    for requirement in ("setuptools>=77", "setuptools==64.0.3"):
        root = tmp_path / requirement
        (root / "src/shop").mkdir(parents=True)
        (root / "src/shop/__init__.py").touch()
        (root / "pyproject.toml").write_text('[project]\nname = "shop"\ndynamic = ["version"]\n[tool.setuptools_scm]\n')
        git(root, "init", "-q")
        git(root, "add", ".")
        git(root, "commit", "-q", "-m", "first")
        git(root, "tag", "v4.5.6")
        source = Source(root, BuildSystem((requirement, "setuptools_scm<9"), "setuptools.build_meta"), "shop")
        before = {path: found for path, found in listing(root).items() if not path.startswith(".git")}
        assert "shop-4.5.6.dist-info/METADATA" in build(source, store)
        assert {path: found for path, found in listing(root).items() if not path.startswith(".git")} == before


@pytest.mark.index
def test_a_kept_environment_needs_no_index(
    shop: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ContentStore(tmp_path / "own cache")
    source = Source(shop("flit"), BuildSystem(("flit_core",), "flit_core.buildapi"), "corner-shop")
    build(source, store)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("uv.find_uv_bin", lambda: pytest.fail("uv was asked again"))
    assert "shop/main.py" in build(source, store)


def tool_wheel(folder: Path, name: str, code: str) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{entry},sha256={urlsafe_b64encode(sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for entry, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, text in files.items():
            wheel.writestr(entry, text)
        wheel.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]))
    return path


def test_the_interpreter_is_this_one(own_backend: Callable[..., Source], store: ContentStore) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    checks = f"import platform\nassert platform.python_version() == {version!r}, platform.python_version()\n"
    assert build(own_backend(checks + PACKS), store) == ["shop.py"]
