"""Which files of a project that is no package get into its image."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.engines import own_files as room
from depsfirst.engines.own_files import OwnFiles, own_files
from depsfirst.errors import DepsfirstError
from depsfirst.project.model import Project
from depsfirst.wheels.own.tree import Hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write(root: Path, *names: str, text: str = "") -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", "main.py", "shop/__init__.py", "shop/static/logo.svg", "requirements.txt")


def asked(root: Path, store: Path | None = None, lock: Path | None = None) -> OwnFiles:
    project = Project(root, None, lock or root / "requirements.txt", "shop")
    return own_files(project, ContentStore(store or root.parent / "cache"), Hashes(root))


OWN = ["main.py", "requirements.txt", "shop/__init__.py", "shop/static/logo.svg"]


def test_what_no_image_needs_is_left_out(root: Path) -> None:
    droppings = ("venv/pyvenv.cfg", "venv/bin/python", ".venv/x.py", ".git-not/x", "shop/__pycache__/main.pyc")
    tools = (
        ".pdm-python",
        ".pytest_cache/x",
        ".env",
        "node_modules/x.js",
        "tests/test_main.py",
        "dist/x",
        "shop.egg-info/x",
    )
    write(root, *droppings, *tools, "Dockerfile", "compose.yaml")
    assert sorted(asked(root).kinds) == [".git-not/x", *OWN]


def test_an_empty_directory_is_kept(root: Path) -> None:
    (root / "uploads/new").mkdir(parents=True)
    assert asked(root).kinds["uploads/new"] == "directory"
    assert "uploads" not in asked(root).kinds


def test_an_ignore_file_decides_alone(root: Path) -> None:
    write(root, ".dockerignore", text="shop/static\n*.txt\n!keep.txt\n.dockerignore\n")
    write(root, "keep.txt", "tests/test_main.py", "dist/app.js", ".gitignore", text="dist\n")
    write(root, ".venv/pyvenv.cfg", "shop/__pycache__/main.pyc")
    git(root, "init")
    found = asked(root)
    assert sorted(found.kinds) == [
        ".gitignore",
        "dist/app.js",
        "keep.txt",
        "main.py",
        "shop/__init__.py",
        "tests/test_main.py",
    ]
    assert found.reason == "what .dockerignore leaves"


def test_the_ignore_file_of_a_workspace_counts_for_its_members(root: Path) -> None:
    write(root.parent, ".dockerignore", text="shop/main.py\nmain.py\n")
    write(root.parent, "uv.lock")
    assert "main.py" in asked(root).kinds
    assert "main.py" not in asked(root, lock=root.parent / "uv.lock").kinds


def test_git_is_asked_what_it_ignores(root: Path) -> None:
    write(root, "db.sqlite3", "data/huge.bin", "notes.txt", "kept.log", "shop/secret.py")
    write(root, ".gitignore", text="*.sqlite3\ndata/\n*.log\n")
    write(root, "shop/.gitignore", text="secret.py\n")
    git(root, "init")
    git(root, "add", "--force", "main.py", "kept.log")
    found = asked(root)
    assert sorted(found.kinds) == [".gitignore", "kept.log", *OWN[:1], "notes.txt", OWN[1], "shop/.gitignore", *OWN[2:]]
    assert found.reason == "what git does not ignore"


def test_a_directory_that_git_ignores_as_a_whole_is_taken_as_it_is(root: Path) -> None:
    write(root.parent, ".gitignore", text="shop/\n")
    git(root.parent, "init")
    assert sorted(asked(root).kinds) == OWN


def test_a_submodule_belongs_to_its_project(root: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", "themes.py")
    git(other, "init")
    git(other, "add", ".")
    git(other, "commit", "-m", "themes")
    git(root, "init")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", str(other), "themes")
    assert {"themes/themes.py", "main.py"} <= set(asked(root).kinds)


def test_git_that_cannot_be_asked_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "init")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DepsfirstError, match="git cannot be asked") as caught:
        asked(root)
    assert ".dockerignore" in (caught.value.hint or "")


def test_a_broken_ignore_file_is_an_error(root: Path) -> None:
    write(root, ".dockerignore", text="[\n")
    with pytest.raises(DepsfirstError) as caught:
        asked(root)
    assert caught.value.where == ".dockerignore:1"


def link_main(root: Path) -> None:
    (root / "main.py").unlink()
    (root / "main.py").symlink_to("shop")


EDITS: dict[str, Callable[[Path], object]] = {
    "a new file": lambda root: write(root, "shop/late.py"),
    "a file that is gone": lambda root: (root / "main.py").unlink(),
    "a rule of git": lambda root: write(root, ".gitignore", text="*.svg\n*.db\n"),
    "an ignore file": lambda root: write(root, ".dockerignore", text="main.py\n"),
    "an ignored file that is tracked": lambda root: git(root, "add", "--force", "kept.db"),
    "a file that became a link": link_main,
}


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_what_is_remembered_is_what_would_be_decided(edit: str, root: Path, tmp_path: Path) -> None:
    write(root, "kept.db")
    write(root, ".gitignore", text="*.db\n")
    git(root, "init")
    before = asked(root)
    EDITS[edit](root)
    assert asked(root) == asked(root, tmp_path / "another cache") != before


def test_nothing_is_decided_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, "kept.db", ".venv/pyvenv.cfg")
    git(root, "init")
    first = asked(root)

    def refuse(*_: object) -> None:
        raise AssertionError("it is remembered")

    monkeypatch.setattr(room, "_decided", refuse)
    write(root, "main.py", text="import shop\n")
    write(root, ".venv/lib/new.py")
    assert asked(root) == first
