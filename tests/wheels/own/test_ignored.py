from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.wheels.own.ignored import repository, rules
from depsfirst.wheels.own.tree import walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POETRY, HATCH = "poetry.core.masonry.api", "hatchling.build"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mono/packages/shop"
    (root / "shop").mkdir(parents=True)
    (root / "shop/main.py").write_text("")
    return root


def test_the_repository_is_the_nearest_above(root: Path) -> None:
    (root.parents[1] / ".git").mkdir()
    assert repository(root) == "../.."
    (root / ".hg").mkdir()
    assert repository(root) == "."


def test_hatchling_climbs_to_the_top_of_the_repository(root: Path) -> None:
    (root.parents[1] / ".git").mkdir()
    assert rules(root, HATCH, walk(root)) == {"../.gitignore", "../.hgignore", "../../.gitignore", "../../.hgignore"}


def test_without_a_repository_it_climbs_to_the_root(root: Path) -> None:
    found = rules(root, HATCH, walk(root))
    assert "../" * len(root.parents) + ".gitignore" in found


@pytest.mark.parametrize("backend", ["flit_core.buildapi", "pdm.backend", "setuptools.build_meta", "uv_build"])
def test_other_backends_look_at_no_rules(root: Path, backend: str) -> None:
    (root / ".git").mkdir()
    assert rules(root, backend, walk(root)) == set()


def test_poetry_asks_git(root: Path, git: Callable[..., str], tmp_path: Path) -> None:
    git(root.parents[1], "init", "-q")
    found = {(root / path).resolve() for path in rules(root, POETRY, walk(root))}
    top = root.parents[1]
    assert {
        *(root.parent / ".gitignore", top / ".gitignore", top / ".git/info/exclude", top / ".git/config"),
        *(tmp_path / ".gitconfig", tmp_path / ".config/git/ignore", tmp_path / ".config/git/config"),
    } <= found
    assert top / ".git/index" not in found


def test_an_excludes_file_of_the_user_counts(root: Path, git: Callable[..., str], tmp_path: Path) -> None:
    git(root, "init", "-q")
    git(root, "config", "core.excludesFile", str(tmp_path / "mine"))
    assert tmp_path / "mine" in {(root / path).resolve() for path in rules(root, POETRY, walk(root))}


@pytest.mark.parametrize(
    ("ignored", "tracked", "expected"),
    [
        ("shop/local.py", False, True),  # `git add -f` would have it packed
        ("shop/static/secret", False, True),
        ("shop/main.py", True, True),  # `git rm --cached` would have it left out
        ("notes.txt", False, False),
        ("shop/main.pyc", False, False),
        ("shop/__pycache__/main.pyc", False, False),
    ],
)
def test_tracking_counts_where_an_ignored_file_lies_among_modules(
    root: Path, git: Callable[..., str], ignored: str, *, tracked: bool, expected: bool
) -> None:
    git(root, "init", "-q")
    (root / ignored).parent.mkdir(parents=True, exist_ok=True)
    (root / ignored).touch()
    if tracked:
        git(root, "add", ignored)
    (root / ".gitignore").write_text(f"/{ignored}\n")
    assert (".git/index" in rules(root, POETRY, walk(root))) is expected


def test_without_git_there_is_nobody_to_ask(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".git").mkdir()
    monkeypatch.setenv("PATH", "/nowhere")
    assert ".git/info/exclude" not in rules(root, POETRY, walk(root))
