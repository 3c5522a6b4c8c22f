"""How the last build saves the next one. The backend is a stand-in here; test_backends.py has the real ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.wheels.own import earlier, tree
from depsfirst.wheels.own import wheel as project
from depsfirst.wheels.own.wheel import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wheels.conftest import Contents, Packer

    from depsfirst.project.model import Project
    from depsfirst.wheels.own.wheel import ProjectWheel

INFO = "corner_shop-1.2.3.dist-info"


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


@pytest.mark.parametrize(
    "change",
    [
        lambda memo: {**memo, "format": 0},
        lambda memo: {**memo, "unheard": "of"},
        lambda memo: {**memo, "entries": [["too", "short"]]},
        lambda memo: {key: value for key, value in memo.items() if key != "sources"},
        lambda memo: {**memo, "sources": []},
        lambda _: [],
    ],
)
def test_a_memory_of_another_form_does_not_count(
    root: Path, wheel: Callable[[], ProjectWheel], store: ContentStore, change: Callable[[dict[str, object]], object]
) -> None:
    memo = store.recall("project-wheel", earlier.memo_key(root))
    store.remember("project-wheel", earlier.memo_key(root), change(memo))
    assert wheel().reason == "no earlier build of it is remembered"
    assert wheel().how == "reused"


def test_another_python_builds_again(wheel: Callable[[], ProjectWheel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "this_python", lambda: "PyPy")
    assert wheel().reason == "the last build ran in another Python"


def test_what_is_no_package_has_no_wheel(root: Path, read: Callable[[Path], Project], store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match='"corner-shop" is no package'):
        project_wheel(read(root)._replace(build_system=None), store)


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
