"""How the last build saves the next one. The backend is a stand-in here; test_backends.py has the real ones."""

from __future__ import annotations

import os
import shutil
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.wheels import earlier, learning, project, tree
from depsfirst.wheels.project import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.project.model import Project
    from depsfirst.wheels.backend import Source
    from depsfirst.wheels.project import ProjectWheel

Contents = list[tuple[str, bytes, bool]]
INFO = "corner_shop-1.2.3.dist-info"


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


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_first_build_asks_the_backend(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    made = project_wheel(read(root), store)
    assert (made.how, made.reason) == ("built", "no earlier build of it is remembered")
    assert (made.name, made.version, made.tags) == ("corner_shop", "1.2.3", frozenset({"py3-none-any"}))
    paths = [entry.path for entry in made.entries]
    assert paths == sorted(paths)
    assert f"{INFO}/RECORD" not in paths
    assert ("shop/main.py", (root / "src/shop/main.py").read_bytes(), False) in contents(made)
    assert all(isinstance(entry.content, Path) and entry.content.is_relative_to(store.root) for entry in made.entries)


def test_nothing_changed(wheel: Callable[[], ProjectWheel], fresh: Callable[[], ProjectWheel], packer: Packer) -> None:
    made = wheel()
    assert (made.how, made.reason) == ("reused", "nothing in it changed")
    assert packer.calls == 1
    assert made.digest == fresh().digest


def test_an_edit_is_patched_in(
    root: Path,
    wheel: Callable[[], ProjectWheel],
    fresh: Callable[[], ProjectWheel],
    contents: Callable[..., Contents],
    packer: Packer,
) -> None:
    (root / "src/shop/main.py").write_text("print('new')\n")
    (root / "src/shop/prices/table.csv").write_text("tea,3.00\n")
    made = wheel()
    assert (made.how, made.reason) == ("patched", '"src/shop/main.py" and 1 more edited')
    assert packer.calls == 1
    expected = fresh()
    assert contents(made) == contents(expected)
    assert made.digest == expected.digest


def test_an_edit_may_be_taken_back(root: Path, wheel: Callable[[], ProjectWheel]) -> None:
    before = wheel()
    edit(root / "src/shop/main.py", "tea", "cake")
    assert wheel().how == "patched"
    edit(root / "src/shop/main.py", "cake", "tea")
    again = wheel()
    assert (again.how, again.digest) == ("reused", before.digest)


def test_a_patched_wheel_stays_what_it_is(
    root: Path, wheel: Callable[[], ProjectWheel], store: ContentStore, contents: Callable[..., Contents]
) -> None:
    (root / "src/shop/main.py").write_text("edited once")
    made = wheel()
    before = contents(made)
    for file in (root / "src/shop").rglob("*.py"):
        file.write_text("edited again")
    shutil.rmtree(root)
    assert contents(made) == before
    assert all(isinstance(each.content, bytes) or each.content.is_relative_to(store.root) for each in made.entries)


@pytest.mark.parametrize(("name", "value"), [("_IN_MEMORY", 10), ("LARGE", 10)])
def test_large_edits_are_held_in_the_cache(
    *,
    root: Path,
    wheel: Callable[[], ProjectWheel],
    contents: Callable[..., Contents],
    monkeypatch: pytest.MonkeyPatch,
    store: ContentStore,
    name: str,
    value: int,
) -> None:
    monkeypatch.setattr(project if name == "_IN_MEMORY" else tree, name, value)
    (root / "src/shop/main.py").write_text("print('a rather long edit')\n")
    made = wheel()
    assert made.how == "patched"
    entry = next(entry for entry in made.entries if entry.path == "shop/main.py")
    assert isinstance(entry.content, Path)
    assert entry.content.is_relative_to(store.root)
    held = entry.content.stat().st_ino
    (root / "src/shop/main.py").touch()
    entry = next(entry for entry in wheel().entries if entry.path == "shop/main.py")
    assert isinstance(entry.content, Path)
    assert entry.content.stat().st_ino == held
    (root / "src/shop/main.py").unlink()
    assert ("shop/main.py", b"print('a rather long edit')\n", False) in contents(made)


@pytest.mark.parametrize("version", ["1.3.0", "2", "1.2.3.post1", "1.3.0a1", "1.3.0rc2.dev4", "2026.11.23"])
def test_a_new_version_is_patched_in(
    root: Path,
    wheel: Callable[[], ProjectWheel],
    fresh: Callable[[], ProjectWheel],
    contents: Callable[..., Contents],
    version: str,
) -> None:
    edit(root / "pyproject.toml", '"1.2.3"', f'"{version}"')
    edit(root / "src/shop/main.py", "tea", "rice")
    made = wheel()
    assert (made.how, made.version) == ("patched", version)
    assert made.reason == f'version 1.2.3 became {version}, "src/shop/main.py" edited'
    expected = fresh()
    assert contents(made) == contents(expected)
    assert made.digest == expected.digest
    metadata = next(data for path, data, _ in contents(made) if path.endswith("/METADATA"))
    assert f"\nVersion: {version}\n".encode() in metadata
    assert b"\n\nVersion: 1.2.3\n\n" in metadata  # of the readme


@pytest.mark.parametrize("version", ["1.2.3-1", "1.0+local", "1!1.0", "01.2", "v1.0", "1.0-alpha", "1.0.0.RC1"])
def test_a_version_that_may_be_written_otherwise_is_not(
    root: Path, wheel: Callable[[], ProjectWheel], packer: Packer, version: str
) -> None:
    edit(root / "pyproject.toml", '"1.2.3"', f'"{version}"')
    made = wheel()
    assert made.how == "built"
    assert version in made.reason


def test_metadata_that_does_not_state_the_version_is_not_patched(
    root: Path, packer: Packer, read: Callable[[Path], Project], store: ContentStore
) -> None:
    packer.more["INFO/METADATA"] = b"Name: corner-shop\nSummary: Version: 1.2.3\n\n"
    project_wheel(read(root), store)
    edit(root / "pyproject.toml", '"1.2.3"', '"1.2.4"')
    assert "does not state the version" in project_wheel(read(root), store).reason


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        ("pyproject.toml", "rich>=13", "rich>=14", "dependencies changed in [project]"),
        (
            "pyproject.toml",
            "[project.urls]",
            "[project.gui-scripts]\nx = 'a:b'\n[project.urls]",
            "gui-scripts changed in",
        ),
        ("pyproject.toml", '"flit_core"', '"flit_core>=3"', "requires changed in [build-system]"),
        ("pyproject.toml", 'name = "shop"', 'name = "shop"\nx = 1', "module changed in [tool.flit]"),
        ("README.md", "tea", "rice", '"README.md", which the backend reads, changed'),
        (".gitignore", "log", "tmp", '".gitignore", which the backend reads, changed'),
    ],
)
def test_what_the_backend_reads_calls_it(
    *, root: Path, wheel: Callable[[], ProjectWheel], path: str, old: str, new: str, reason: str
) -> None:
    edit(root / path, old, new)
    made = wheel()
    assert made.how == "built"
    assert reason in made.reason
    assert wheel().how == "reused"


@pytest.mark.parametrize(
    "change",
    [
        lambda root: edit(root / "pyproject.toml", "line-length = 100", "line-length = 80"),
        lambda root: edit(root / "pyproject.toml", '"pytest"', '"pytest", "coverage"'),
        lambda root: edit(root / "docs/guide.md", "Guide", "Handbook"),
        lambda root: edit(root / "tests/scenario.py", "tests", "more tests"),
        lambda root: (root / "src/shop/main.py").touch(),
        lambda root: folder(root / "src/shop/__pycache__"),
        lambda root: folder(root / ".git"),
        lambda root: folder(root / "build"),
        lambda root: folder(root / ".mypy_cache"),
        lambda root: folder(root / "tests/.pytest_cache"),
        lambda root: folder(root / "src/corner_shop.egg-info"),
        lambda root: folder(root / "env", "pyvenv.cfg"),
    ],
)
def test_what_is_of_no_consequence(
    root: Path, wheel: Callable[[], ProjectWheel], packer: Packer, change: Callable[[Path], object]
) -> None:
    folder(root / ".git")
    wheel()
    calls = packer.calls
    change(root)
    assert wheel().how == "reused"
    assert packer.calls == calls


def folder(path: Path, name: str = "anything") -> None:
    path.mkdir(exist_ok=True)
    (path / name).write_text("")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda root: (root / "src/shop/new.py").write_text(""), '"src/shop/new.py" is new'),
        (lambda root: (root / "LICENSE.txt").write_text(""), '"LICENSE.txt" is new'),
        (lambda root: (root / "src/shop/empty").mkdir(), '"src/shop/empty" is new'),
        (lambda root: (root / "src/shop/main.py").unlink(), '"src/shop/main.py" is gone'),
        (lambda root: (root / "docs/guide.md").unlink(), '"docs/guide.md" is gone'),
        (lambda root: (root / "src/shop/main.py").chmod(0o755), 'executable bits of "src/shop/main.py" changed'),
        (lambda root: linked(root / "docs/guide.md"), '"docs/guide.md" is now a link to ../README.md'),
        (lambda root: folder(root / "src/shop/.mypy_cache"), '"src/shop/.mypy_cache" is new in a package'),
        (lambda root: folder(root / ".hg"), "the repository it belongs to is another"),
    ],
)
def test_what_may_change_the_list_of_entries_calls_the_backend(
    root: Path, wheel: Callable[[], ProjectWheel], change: Callable[[Path], object], reason: str
) -> None:
    change(root)
    made = wheel()
    assert made.how == "built"
    assert reason in made.reason


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("../README.md")


def test_executable_bits_are_kept(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    (root / "src/shop/main.py").chmod(0o755)
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    made = project_wheel(read(root), store)
    assert made.how == "patched"
    assert [entry.path for entry in made.entries if entry.executable] == ["shop/main.py"]


def test_a_license_is_a_copy(root: Path, wheel: Callable[[], ProjectWheel], contents: Callable[..., Contents]) -> None:
    (root / "LICENSE").write_text("All rights reserved.\n")
    made = wheel()
    assert made.how == "patched"
    assert (f"{INFO}/licenses/LICENSE", b"All rights reserved.\n", False) in contents(made)


def test_a_license_that_stands_in_the_metadata_is_read(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    edit(root / "pyproject.toml", 'license-files = ["LICENSE"]', 'license = { file = "LICENSE" }')
    project_wheel(read(root), store)
    (root / "LICENSE").write_text("All rights reserved.\n")
    assert project_wheel(read(root), store).reason == '"LICENSE", which the backend reads, changed'


def test_a_twin_elsewhere_is_no_harm_until_one_of_them_changes(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    twin = root / "tests/shop/prices/taxes.py"
    twin.parent.mkdir()
    twin.touch()
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"
    (root / "src/shop/prices/taxes.py").write_text("VAT = 7\n")
    made = project_wheel(read(root), store)
    assert made.how == "built"
    assert (
        made.reason == '"src/shop/prices/taxes.py" changed, which may or may not be "shop/prices/taxes.py" of the wheel'
    )
    (root / "src/shop/prices/taxes.py").write_text("VAT = 19\n")
    assert project_wheel(read(root), store).how == "patched"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"shop/_version.py": b"generated"}, '"shop/_version.py" of its wheel is no copy'),
        ({"other/main.py": b"generated"}, '"other/main.py" of its wheel is no copy'),
        ({"INFO/extra/x.json": b"{}"}, 'x.json" of its wheel is no copy'),
    ],
)
def test_an_entry_without_a_source_calls_the_backend_every_time(
    *,
    root: Path,
    read: Callable[[Path], Project],
    store: ContentStore,
    packer: Packer,
    more: dict[str, bytes],
    reason: str,
) -> None:
    packer.more = more
    project_wheel(read(root), store)
    for _ in range(2):
        made = project_wheel(read(root), store)
        assert made.how == "built"
        assert reason in made.reason


def test_a_script_is_not_patched(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    folder(root / "bin", "weigh")
    (root / "bin/weigh").write_text("#!/bin/sh\n")
    packer.more = {"corner_shop-1.2.3.data/scripts/weigh": b"#!/bin/sh\n"}
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"
    (root / "bin/weigh").write_text("#!/usr/bin/python3\n")
    assert '"bin/weigh" is a script' in project_wheel(read(root), store).reason


def test_data_of_another_name_is_renamed_with_the_version(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    packer.more = {"corner_shop-1.2.3.data/data/share/guide.md": (root / "docs/guide.md").read_bytes()}
    project_wheel(read(root), store)
    (root / "docs/guide.md").write_text("# Handbook\n")
    edit(root / "pyproject.toml", '"1.2.3"', '"1.3.0"')
    made = project_wheel(read(root), store)
    assert made.how == "patched"
    assert ("corner_shop-1.3.0.data/data/share/guide.md", b"# Handbook\n", False) in contents(made)


def test_a_wheel_for_one_platform_is_always_built(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    packer.tag = "cp311-cp311-linux_x86_64"
    assert project_wheel(read(root), store).tags == {"cp311-cp311-linux_x86_64"}
    assert project_wheel(read(root), store).reason == 'its wheel is made for "cp311-cp311-linux_x86_64"'


def test_a_linked_directory_in_a_package_is_always_built(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    (root / "src/shop/more").symlink_to(root / "docs")
    for _ in range(2):
        made = project_wheel(read(root), store)
        assert made.how == "built"
    assert '"src/shop/more" in a package is a directory link' in made.reason


def test_a_linked_file_is_followed(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    (root / "src/shop/guide.md").symlink_to("../../docs/guide.md")
    project_wheel(read(root), store)
    (root / "docs/guide.md").write_text("# Handbook\n")
    made = project_wheel(read(root), store)
    assert made.how == "patched"
    assert ("shop/guide.md", b"# Handbook\n", False) in contents(made)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda root: edit(root / "README.md", "tea", "rice"),
        lambda root: edit(root / "pyproject.toml", "1.2.3", "1.2.4"),
        lambda root: (root / "src/shop/late.py").touch(),
        lambda root: (root / "docs/guide.md").unlink(),
    ],
)
def test_an_edit_during_the_build_is_not_taken_for_what_was_built(
    root: Path,
    read: Callable[[Path], Project],
    store: ContentStore,
    packer: Packer,
    meanwhile: Callable[[Path], object],
) -> None:
    packer.meanwhile = meanwhile
    project_wheel(read(root), store)
    packer.meanwhile = lambda _: None
    made = project_wheel(read(root), store)
    assert (made.how, made.reason) == ("built", "its files changed during the last build")
    assert project_wheel(read(root), store).how == "reused"


def test_an_edit_of_a_packed_file_during_the_build_is_seen_afterwards(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    packer.meanwhile = lambda root: (root / "src/shop/main.py").write_text("late")
    project_wheel(read(root), store)
    packer.meanwhile = lambda _: None
    made = project_wheel(read(root), store)
    assert ("shop/main.py", b"late", False) in contents(made)
    assert project_wheel(read(root), store).how == "reused"


def test_a_file_may_vanish_after_the_walk(
    root: Path, wheel: Callable[[], ProjectWheel], monkeypatch: pytest.MonkeyPatch, packer: Packer
) -> None:
    seen = tree.walk(root)
    (root / "src/shop/main.py").unlink()
    monkeypatch.setattr(project, "walk", lambda _: seen)
    made = wheel()
    assert (made.how, made.reason) == ("built", '"src/shop/main.py" is gone')


def test_a_source_that_cannot_be_read_is_an_error(
    root: Path, wheel: Callable[[], ProjectWheel], nobody: None, packer: Packer
) -> None:
    (root / "src/shop/main.py").chmod(0)
    with pytest.raises(DepsfirstError, match="cannot be read") as caught:
        wheel()
    assert caught.value.where == str(root / "src/shop/main.py")


def test_what_cannot_be_read_elsewhere_does_not_matter(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, nobody: None
) -> None:
    (root / "docs/guide.md").chmod(0)
    (root / "pgdata").mkdir(mode=0)
    project_wheel(read(root), store)
    assert project_wheel(read(root), store).how == "reused"


def test_odd_files_do_not_matter(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    os.mkfifo(root / "pipe")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9")).write_text("")
    (root / "circle").symlink_to("circle")
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"


def test_a_pipe_in_the_place_of_a_source_does_not_stop_the_build(
    root: Path, wheel: Callable[[], ProjectWheel], monkeypatch: pytest.MonkeyPatch, packer: Packer
) -> None:
    seen = tree.walk(root)
    (root / "src/shop/main.py").unlink()
    os.mkfifo(root / "src/shop/main.py")
    monkeypatch.setattr(project, "walk", lambda _: seen)
    assert wheel().reason == '"src/shop/main.py" is gone'


def test_a_wheel_that_was_pruned_is_built_again(
    root: Path, wheel: Callable[[], ProjectWheel], store: ContentStore
) -> None:
    shutil.rmtree(store.root / "project-wheels")
    assert wheel().reason == "the wheel of the last build is no longer in the cache"
    assert wheel().how == "reused"


def test_a_memory_of_another_form_does_not_count(
    root: Path, wheel: Callable[[], ProjectWheel], store: ContentStore
) -> None:
    store.remember("project-wheel", earlier.memo_key(root), {"format": 0, "always": "outdated"})
    assert wheel().reason == "no earlier build of it is remembered"


def test_another_python_builds_again(wheel: Callable[[], ProjectWheel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "this_python", lambda: "PyPy")
    assert wheel().reason == "the last build ran in another Python"


def test_a_wheel_of_another_name_is_refused(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    packer.name = "UNKNOWN"
    with pytest.raises(DepsfirstError, match='a wheel of "UNKNOWN", but the project is called "corner-shop"'):
        project_wheel(read(root), store)


def test_what_is_no_package_has_no_wheel(root: Path, read: Callable[[Path], Project], store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match='"corner-shop" is no package'):
        project_wheel(replace(read(root), build_system=None), store)


def test_projects_are_remembered_apart(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    other = root.with_name("other")
    shutil.copytree(root, other)
    assert project_wheel(read(root), store).digest == project_wheel(read(other), store).digest
    edit(other / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "reused"
    assert project_wheel(read(other), store).how == "patched"


def test_neither_directory_nor_umask_shows(
    root: Path, read: Callable[[Path], Project], tmp_path: Path, packer: Packer, contents: Callable[..., Contents]
) -> None:
    (root / "src/shop/main.py").chmod(0o755)
    made = []
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        try:
            other = tmp_path / f"elsewhere {mask}" / "shop"
            for file in [file for file in root.rglob("*") if file.is_file()]:
                target = other / file.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
                target.chmod((0o777 if file.stat().st_mode & 0o100 else 0o666) & ~mask)
            store = ContentStore(tmp_path / f"cache {mask}")
            first = project_wheel(read(other), store)
            edit(other / "src/shop/prices/table.csv", "tea", "rice")
            second = project_wheel(read(other), store)
            assert (first.how, second.how) == ("built", "patched")
            made.append((first.digest, contents(first), second.digest, contents(second)))
        finally:
            os.umask(before)
    assert made[0] == made[1]


def test_a_project_may_have_no_pyproject_toml(
    read: Callable[[Path], Project], store: ContentStore, packer: Packer, shop: Callable[[str], Path]
) -> None:
    root = shop("setuptools-src")
    (root / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (root / "setup.cfg").write_text("[metadata]\nname = corner-shop\nversion = 1.2.3\n")
    described = replace(read(root), manifest=None, pyproject={})
    assert project_wheel(described, store).how == "built"
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(described, store).how == "patched"
    edit(root / "setup.cfg", "1.2.3", "1.2.4")
    assert project_wheel(described, store).reason == '"setup.cfg", which the backend reads, changed'
