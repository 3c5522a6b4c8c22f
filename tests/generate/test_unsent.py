from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.errors import DepsfirstError
from depsfirst.generate.gitignore import Source
from depsfirst.generate.repository import ignored_by_git
from depsfirst.generate.unsent import unsent

if TYPE_CHECKING:
    from collections.abc import Iterable

RELEASES = ((0, 8), (0, 32))
"""Of a BuildKit with each of both matchers."""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.excludesFile=", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=600).stdout


def listed(folder: Path, *arguments: str) -> set[str]:
    return {path for path in git(folder, "ls-files", "-z", *arguments).split("\0") if path}


def lines_of(rules: str, wanted: Iterable[str] = (), others: str = "", folders: Iterable[str] = ()) -> tuple[str, ...]:
    return unsent([Source(rules)], wanted, others, set(folders).__contains__).lines


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        ("*.log\n", ["**/*.log"]),
        ("/data\n", ["data"]),
        ("data/\n", ["**/data"]),
        ("docs/_build/\n", ["docs/_build"]),
        ("# no\n\n  \n", []),
        ("a/**/b\n**/c/d\nout/**\n", ["a/**/b", "**/c/d", "out/**"]),
        ("f[!ab]o\nx**y\n\\#tmp\\#\n", ["**/f[^ab]o", "**/x*y", "**/#tmp#"]),
        ("a{b|c}^+(1)\n[z-a]\n[]x]\n", ["**/a?b?c????1?", "**/?"]),
        ("trailing   \nkept\\ \n", ["**/trailing", "**/kept?"]),
        ("/\\#tmp\n/\\!x\n.#*\n", ["?tmp", "?x", "**/.#*"]),
        ("../up\n./here\na//b\n", []),
        ("*/\n", ["**/*/**"]),
    ],
)
def test_rules_of_git_as_patterns_of_a_builder(rules: str, lines: list[str]) -> None:
    assert list(lines_of(rules)) == lines


def test_what_other_lines_leave_out_is_not_said_twice() -> None:
    rules = "__pycache__/\n*.py[cod]\n.mypy_cache/\n/docs/_build\n_build/\n.env.local\n"
    others = "**/__pycache__\n**/*.py[cod]\n**/.*_cache\ndocs\n**/.env.*\n"
    assert lines_of(rules, others=others) == ("**/_build",)


def test_what_holds_everywhere_is_not_said_of_one_directory() -> None:
    sources = [Source("*.log\n"), Source("*.log\n*.tmp\n", place="web")]
    assert unsent(sources, (), "", set().__contains__).lines == ("**/*.log", "web/**/*.tmp")
    kept = [Source("*.log\n!/own/a.log\n"), Source("*.log\n", place="web")]
    assert unsent(kept, (), "", set().__contains__).lines == ("**/*.log", "!own/a.log", "web/**/*.log")


def test_a_negation_of_what_other_lines_leave_out_says_nothing() -> None:
    assert lines_of(".vscode/*\n!.vscode/launch.json\n", others="**/.vscode\n") == ()


def test_a_path_that_git_takes_back_in() -> None:
    rules = "data/\n*.csv\n!src/shop/data/\n"
    lines = lines_of(rules, folders=["src/shop/data"])
    assert lines == ("**/data", "!src/shop/data/**", "src/shop/data/**/data", "**/*.csv")
    patterns = read_patterns("\n".join(lines))
    assert not patterns.ignores("src/shop/data/new.json")
    assert patterns.ignores("src/shop/data/new.csv")
    assert patterns.ignores("data/new.json")


def test_what_git_does_not_take_back_in_below_a_directory_that_it_ignores() -> None:
    assert lines_of("/data/\n!/data/keep/\n", folders=["data/keep"]) == ("data",)


def test_a_tracked_file_is_named_and_what_is_beside_it_stays_out() -> None:
    lines = lines_of("lib/\n", ["src/lib/a.py", "lib/b.py"])
    assert lines == ("**/lib", "lib/*", "src/lib/*", "!lib/b.py", "!src/lib/a.py")
    for release in RELEASES:
        patterns = read_patterns("\n".join(lines), version=release)
        assert not patterns.ignores("lib/b.py")
        assert not patterns.ignores("src/lib/a.py")
        for path in ("lib/secret", "lib/deep/secret", "src/lib/secret", "src/lib/deep/secret"):
            assert patterns.ignores(path), (release, path)


def test_a_rule_that_many_tracked_files_contradict_is_told_and_left() -> None:
    wanted = [f"src/lib/m{number}.py" for number in range(30)]
    found = unsent([Source("lib/\n*.log\n")], [*wanted, "a.log"], "", set().__contains__)
    assert found.lines == ("**/*.log", "!a.log")
    assert found.contradicted == (("lib/", 30),)


NAMES = st.sampled_from(["a", "b", "keep", "x.py", "x.log", ".env", ".env.example", "data", "lib"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.one_of(NAMES, st.sampled_from(["*", "**", "*.py", "*.log", ".env*", "k*", "?", "[ab]", "[!a]"]))
RULES = st.builds(
    lambda negated, rooted, parts, directory: f"{negated}{rooted}{'/'.join(parts)}{directory}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


def _written(folder: Path, paths: Iterable[str]) -> None:
    for path in paths:
        place = folder / path
        if not any((folder / Path(*place.relative_to(folder).parts[:n])).is_file() for n in range(1, 9)):
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.is_dir():
                place.touch()


@settings(max_examples=25)
@given(
    paths=st.lists(PATHS, min_size=3, max_size=12, unique=True),
    rules=st.lists(RULES, min_size=1, max_size=6),
    below=st.lists(RULES, max_size=3),
    forced=st.sets(st.integers(0, 11), max_size=2),
)
@example(["data/keep/x.log", "data/x.py"], ["*.log", "data/*", "!data/keep/"], [], set())
@example(["lib/.env.example", "lib/.env"], ["lib/", "!.env.example"], [], set())
@example(["a/data/b/data/x.py"], ["data", "!a/data"], [], set())
@example(["a/b/x.py", "a/b/x.log"], ["*", "!*/", "!*.py"], [], set())
@example(["data/a/keep", "data/keep"], ["data/**", "!data/keep"], ["*"], {0})
def test_all_that_git_ignores_and_nothing_that_it_tracks(
    paths: list[str], rules: list[str], below: list[str], forced: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _written(folder, paths)
        (folder / ".gitignore").write_text("\n".join(rules))
        if (folder / "a").is_dir():
            (folder / "a/.gitignore").write_text("\n".join(below))
        git(folder, "init", "--quiet")
        git(
            folder,
            "add",
            "--force",
            ".gitignore",
            *(each for each in _some(paths, forced) if (folder / each).is_file()),
        )
        git(folder, "add", "--all")
        _hold(folder)


def _some(paths: list[str], places: set[int]) -> Iterable[str]:
    return (paths[at] for at in sorted(places) if at < len(paths))


def _hold(folder: Path) -> None:
    found = ignored_by_git(folder, (), "")
    ignored, tracked = listed(folder, "--others", "--ignored", "--exclude-standard"), listed(folder, "--cached")
    for release in RELEASES:
        patterns = read_patterns("\n".join(found.lines), version=release)
        assert {path for path in ignored if not patterns.ignores(path)} == set(), found.lines
        assert {path for path in tracked if patterns.ignores(path)} == set(), found.lines


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    _written(folder, ["back/end/app.py", "back/end/media/photo", "back/end/dump.sql", "back/end/own/key", "front/x"])
    (folder / ".gitignore").write_text("/back/*/media\n/front\n*.sql\n/back\\ end\n")
    (folder / "back/end/own/.gitignore").write_text("/key\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return folder


def test_rules_above_and_below_the_context(repository: Path) -> None:
    found = ignored_by_git(repository / "back/end", (), "")
    assert found.lines == ("media", "**/*.sql", "own/key")


def test_what_the_build_copies_is_sent(repository: Path) -> None:
    (repository / ".gitignore").write_text("uv.lock\n")
    assert ignored_by_git(repository, ["uv.lock"], "").lines[::2] == ("**/uv.lock", "!uv.lock")


def test_nothing_is_known_without_a_work_tree(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    assert ignored_by_git(tmp_path, (), "").lines == ()


def test_git_that_cannot_be_asked(repository: Path) -> None:
    (repository / ".git/config").write_text("[core\n")
    with pytest.raises(DepsfirstError, match="git cannot be asked which files it ignores"):
        ignored_by_git(repository, (), "")
