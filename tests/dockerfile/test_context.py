from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dockerfile.drawn import Builder, draw_ignore_file, draw_tree, paths_below

from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version
from depsfirst.dockerfile.context import Context, context_path, ignore_files, read_context
from depsfirst.dockerfile.filetree import (
    Directory,
    Entry,
    Kind,
    LinkLoopError,
    changed,
    follow,
    follow_lexically,
    node_digest,
    read_tree,
    same_node,
    tree_of,
    walk,
)
from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.errors import DepsfirstError

SEED = int(os.environ.get("DEPSFIRST_TEST_SEED", "20"))
BUILDS = int(os.environ.get("DEPSFIRST_TEST_BUILDS", "10"))


def file(digest: str = "1", mode: int = 0o644) -> Entry:
    return Entry(Kind.FILE, mode, 1, digest)


def link(target: str) -> Entry:
    return Entry(Kind.SYMLINK, 0o777, link=target)


def folder(mode: int = 0o755) -> Entry:
    return Entry(Kind.DIRECTORY, mode)


def write(root: Path, **texts: str) -> Path:
    """Files below ``root``; ``__`` in a name stands for a slash, ``_DOT_`` for a dot."""
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def sent(tree: Directory, ignore: str = "", version: Version = CURRENT) -> list[str]:
    return [path for path, _ in Context(tree, read_patterns(ignore, version=version), version=version).walk()]


TREE = tree_of({"a": file(), "d/a": file(), "d/s/z": file("2"), "e": folder(0o700), "d/l": link("../a")})


def test_a_tree_has_the_directories_that_its_listing_leaves_out() -> None:
    assert [path for path, _ in walk(TREE)] == ["a", "d", "d/a", "d/l", "d/s", "d/s/z", "e"]
    assert {path: node.mode for path, node in walk(TREE) if isinstance(node, Directory)} == {
        "d": 0o755,
        "d/s": 0o755,
        "e": 0o700,
    }


def test_a_listing_may_name_a_directory_behind_what_is_in_it() -> None:
    tree = tree_of({"d/a": file(), "d": folder(0o700)})
    node = tree.children["d"]
    assert isinstance(node, Directory)
    assert (node.mode, node.implied, list(node.children)) == (0o700, False, ["a"])


def test_a_change_shares_what_it_does_not_touch() -> None:
    after = changed(TREE, "d/s/new", file())
    one, other = TREE.children["d"], after.children["d"]
    assert isinstance(one, Directory)
    assert isinstance(other, Directory)
    assert one is not other
    assert one.children["a"] is other.children["a"]
    assert TREE.children["e"] is after.children["e"]
    assert not same_node(TREE, after)
    assert "new" not in dict(walk(TREE))


@pytest.mark.parametrize(
    ("path", "entry", "paths"),
    [
        ("d/s/z", None, ["a", "d", "d/a", "d/l", "e"]),  # the directory goes with its last entry, as in git
        ("e/x", file(), ["a", "d", "d/a", "d/l", "d/s", "d/s/z", "e", "e/x"]),
        ("n/m/x", file(), ["a", "d", "d/a", "d/l", "d/s", "d/s/z", "e", "n", "n/m", "n/m/x"]),
        ("d", None, ["a", "e"]),
        ("d", file(), ["a", "d", "e"]),
        ("a/x", file(), ["a", "a/x", "d", "d/a", "d/l", "d/s", "d/s/z", "e"]),
        ("d", folder(0o700), ["a", "d", "d/a", "d/l", "d/s", "d/s/z", "e"]),
    ],
)
def test_changes_of_a_tree(path: str, entry: Entry | None, paths: list[str]) -> None:
    assert [found for found, _ in walk(changed(TREE, path, entry))] == paths


def test_a_change_that_changes_nothing_gives_the_same_tree() -> None:
    assert changed(TREE, "nothing/here", None) is TREE
    assert changed(TREE, "a/b", None) is TREE
    assert changed(TREE, "nothing", None) is TREE


def test_a_real_directory_stays_when_it_is_emptied() -> None:
    tree = changed(tree_of({"d": folder(), "d/a": file()}), "d/a", None)
    assert [path for path, _ in walk(tree)] == ["d"]


def test_a_submodule_is_a_directory_with_the_commit_for_its_content() -> None:
    one = tree_of({"sub": Entry(Kind.DIRECTORY, 0o755, digest="c1")})
    other = tree_of({"sub": Entry(Kind.DIRECTORY, 0o755, digest="c2")})
    assert not same_node(one, other)
    assert node_digest(one) != node_digest(other)
    assert same_node(one, tree_of({"sub": Entry(Kind.DIRECTORY, 0o755, digest="c1")}))


LINKS = tree_of(
    {
        "real/deep/f": file(),
        "real/up": link("../x"),
        "x": file("x"),
        "abs": link("/real/deep"),
        "out": link("../../real"),
        "chain": link("abs"),
        "loop": link("loop"),
        "ping": link("pong/a"),
        "pong": link("ping"),
        "gone": link("nothing/../x"),
        "dl": link("real/deep"),
    }
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("x", "x"),
        ("abs/f", "real/deep/f"),
        ("out/deep", "real/deep"),
        ("chain", "real/deep"),
        ("chain/f", "real/deep/f"),
        ("gone", "x"),
        ("real/up", "x"),
        ("x/f", "x/f"),
        ("abs/none", "real/deep/none"),
        ("", ""),
    ],
)
def test_links_are_followed_inside_of_the_root(path: str, found: str) -> None:
    assert follow(LINKS, path)[0] == found
    assert follow_lexically(LINKS, path)[0] == found


def test_a_link_at_the_end_may_stay() -> None:
    assert follow(LINKS, "chain", trailing=False)[0] == "chain"
    assert follow(LINKS, "abs/f", trailing=False)[0] == "real/deep/f"
    assert follow_lexically(LINKS, "chain", trailing=False)[0] == "chain"


def test_a_relative_link_behind_a_link_is_taken_from_where_that_led() -> None:
    tree = tree_of({"real/deep/l": link("../f"), "real/f": file("1"), "f": file("2"), "ld": link("real/deep")})
    assert follow(tree, "ld/l")[0] == "real/f"
    assert follow_lexically(tree, "ld/l")[0] == "f"


@pytest.mark.parametrize("path", ["loop", "ping", "pong/x"])
def test_links_in_a_circle_are_an_error(path: str) -> None:
    with pytest.raises(LinkLoopError):
        follow(LINKS, path)
    with pytest.raises(LinkLoopError):
        follow_lexically(LINKS, path)


@pytest.mark.parametrize(
    ("ignore", "paths"),
    [
        ("", ["Dockerfile", "a", "d", "d/a", "d/s", "d/s/z", "e"]),
        ("d", ["Dockerfile", "a", "e"]),
        ("d/s/z", ["Dockerfile", "a", "d", "d/a", "d/s", "e"]),
        ("Dockerfile\ne", ["a", "d", "d/a", "d/s", "d/s/z"]),
        ("*\n!d/s", ["d", "d/s", "d/s/z"]),
        ("d\n!d/a", ["Dockerfile", "a", "d", "d/a", "e"]),
        ("d\n!d/nothing", ["Dockerfile", "a", "e"]),
        ("*\n!**/z", ["d", "d/s", "d/s/z"]),
    ],
)
def test_what_is_sent(ignore: str, paths: list[str]) -> None:
    tree = tree_of({"a": file(), "d/a": file(), "d/s/z": file(), "e": folder(), "Dockerfile": file()})
    assert sent(tree, ignore) == paths


def test_the_old_walker_sends_a_directory_it_enters_and_enters_by_prefix_alone() -> None:
    tree = tree_of({"a": file(), "d/a": file(), "d/s/z": file()})
    assert sent(tree, "d\n!d/nothing", CLASSIC) == ["a", "d"]
    assert sent(tree, "*\n!**/z", CLASSIC) == []


def test_an_ignored_file_in_a_new_directory_sends_the_directory() -> None:
    context = Context(TREE, read_patterns("**/*.pyc"))
    after = context.changed({"new/m.pyc": file()})
    assert [path for path, _ in after.walk() if path.startswith("new")] == ["new"]
    back = after.changed({"new/m.pyc": None})
    assert [path for path, _ in back.walk()] == [path for path, _ in context.walk()]


def test_unchanged_directories_are_filtered_once() -> None:
    context = Context(TREE, read_patterns("a"))
    list(context.walk())
    after = context.changed({"e/x": file()})
    assert after.find("d") is context.find("d")
    assert after.find("e") is not context.find("e")
    assert after.find("d/s/z") == file("2")
    assert context.find("a") is None
    assert context.find("d/a/x") is None


def test_a_context_of_a_disk(tmp_path: Path) -> None:
    write(tmp_path, a="1", d__s__z="22", _DOT_dockerignore="d/s\n")
    (tmp_path / "l").symlink_to("../outside")
    (tmp_path / "run").write_text("x")
    (tmp_path / "run").chmod(0o755)
    os.mkfifo(tmp_path / "pipe")
    context = read_context(tmp_path, contents=True)
    found = dict(context.walk())
    assert list(found) == [".dockerignore", "a", "d", "l", "pipe", "run"]
    assert found["l"] == Entry(Kind.SYMLINK, 0o777, link="../outside")
    run = found["run"]
    assert isinstance(run, Entry)
    assert (run.kind, run.mode, run.size) == (Kind.FILE, 0o755, 1)
    assert run.digest == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    pipe = found["pipe"]
    assert isinstance(pipe, Entry)
    assert pipe.kind is Kind.OTHER
    assert context.ignore_file == ".dockerignore"


def test_contents_are_those_of_the_moment_of_reading(tmp_path: Path) -> None:
    write(tmp_path, d__a="1")
    before = read_context(tmp_path, contents=True)
    write(tmp_path, d__a="2", d__b="3")
    after = read_context(tmp_path, contents=True)
    assert [path for path, _ in before.walk()] == ["d", "d/a"]
    assert not same_node(before.sent, after.sent)
    write(tmp_path, d__a="1")
    (tmp_path / "d/b").unlink()
    assert same_node(before.sent, read_context(tmp_path, contents=True).sent)


def test_without_contents_only_related_trees_compare(tmp_path: Path) -> None:
    write(tmp_path, a="1")
    one, other = read_context(tmp_path), read_context(tmp_path)
    assert same_node(one.sent, one.changed({}).sent)
    assert not same_node(one.sent, other.sent)
    with pytest.raises(ValueError, match="without contents"):
        node_digest(one.sent)


def test_directories_that_nobody_asks_for_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a="1", d__s__z="2", node_modules__x__y="3", _DOT_dockerignore="node_modules\n")
    read: list[str] = []
    scandir = os.scandir

    def listed(path: str) -> object:
        read.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    context = read_context(tmp_path)
    assert context.find("a") is not None
    assert read == [tmp_path.name]
    list(context.walk())
    assert sorted(read[1:]) == ["d", "s"]


@pytest.mark.parametrize(
    ("dockerfile", "ignore_file", "kept"),
    [
        (None, ".dockerignore", "b"),
        ("Dockerfile", ".dockerignore", "b"),
        ("app.Dockerfile", "app.Dockerfile.dockerignore", "a"),
        ("docker/Dockerfile", "docker/Dockerfile.dockerignore", "ab"),  # it counts though it is empty
        ("docker/other", ".dockerignore", "b"),
    ],
)
def test_the_ignore_file_beside_the_dockerfile_wins(
    tmp_path: Path, dockerfile: str | None, ignore_file: str, kept: str
) -> None:
    write(tmp_path, a="", b="", _DOT_dockerignore="a", docker__Dockerfile_DOT_dockerignore="")
    write(tmp_path, app_DOT_Dockerfile_DOT_dockerignore="b", docker___DOT_dockerignore="a\nb")
    context = read_context(tmp_path, None if dockerfile is None else tmp_path / dockerfile)
    assert context.ignore_file == ignore_file
    assert context.patterns.where == ignore_file
    assert "".join(path for path, _ in context.walk() if path in "ab") == kept


def test_an_ignore_file_outside_counts_too(tmp_path: Path) -> None:
    write(tmp_path, ctx__a="", ctx__b="", away__Dockerfile_DOT_dockerignore="[")
    with pytest.raises(DepsfirstError) as caught:
        read_context(tmp_path / "ctx", tmp_path / "away/Dockerfile")
    assert caught.value.where == f"{tmp_path / 'away/Dockerfile.dockerignore'}:1"
    write(tmp_path, away__Dockerfile_DOT_dockerignore="a")
    context = read_context(tmp_path / "ctx", tmp_path / "away/Dockerfile")
    assert context.ignore_file is None
    assert [path for path, _ in context.walk()] == ["b"]


def test_an_ignore_file_may_be_a_link_inside_of_the_context(tmp_path: Path) -> None:
    write(tmp_path, ctx__a="", ctx__conf__ignore="a", secret="conf")
    ignore = tmp_path / "ctx/.dockerignore"
    ignore.symlink_to("/conf/ignore")
    context = read_context(tmp_path / "ctx")
    assert context.ignore_file == "conf/ignore"
    assert context.find("a") is None
    for target in ("../secret", ".dockerignore", "conf", "nothing"):
        ignore.unlink()
        ignore.symlink_to(target)
        assert read_context(tmp_path / "ctx").patterns.patterns == ()


def test_ignore_files_by_precedence() -> None:
    assert ignore_files("docker/app.Dockerfile") == ("docker/app.Dockerfile.dockerignore", ".dockerignore")
    assert ignore_files(None) == (".dockerignore",)


def test_a_context_that_is_none_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, a="")
    with pytest.raises(DepsfirstError, match=r'the build context ".*/a" is no directory'):
        read_context(tmp_path / "a")
    with pytest.raises(DepsfirstError, match=r'the build context ".*/b" cannot be read: No such file'):
        read_context(tmp_path / "b")


@pytest.mark.parametrize(("path", "inside"), [("a/../b", "b"), ("./a/", "a"), (".", ""), ("a/..", ""), ("..a", "..a")])
def test_paths_of_the_context_are_cleaned(path: str, inside: str) -> None:
    assert context_path(path) == inside


@pytest.mark.parametrize("path", ["..", "../a", "/a", "a/../../b"])
def test_a_path_outside_of_the_context_is_an_error(path: str) -> None:
    with pytest.raises(DepsfirstError, match=re.escape(f'"{path}" is outside the build context')):
        context_path(path)


UNREADABLE = """
    from pathlib import Path
    from depsfirst.dockerfile.context import read_context
    from depsfirst.errors import DepsfirstError
    import os, sys
    root = Path(sys.argv[1])
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        print(*(path for path, _ in read_context(root).walk()))
    except DepsfirstError as error:
        print(error.message, "|", error.hint)
"""


@pytest.mark.parametrize(
    ("ignore", "said"),
    [
        ("", '"{}/d" in the build context cannot be read: Permission denied | make it readable'),
        ("d", ".dockerignore"),
        ("d\n!**/x", ".dockerignore"),  # it is looked into, and left alone
    ],
)
def test_a_directory_that_cannot_be_read_is_named(tmp_path: Path, ignore: str, said: str) -> None:
    root = write(tmp_path / "ctx", _DOT_dockerignore=ignore, d__x="")
    (root / "d").chmod(0)
    root.chmod(0o755)
    for parent in root.parents:
        if parent.stat().st_uid == os.getuid() and Path(tempfile.gettempdir()) in parent.parents:
            parent.chmod(0o755)
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-c", textwrap.dedent(UNREADABLE), str(root)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, check=False
    )
    (root / "d").chmod(0o755)
    assert said.format(root) in done.stdout, done.stdout + done.stderr


NAMES = st.sampled_from(["a", "b", "c", "a.txt"])
LISTINGS = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    st.sampled_from([file(), file("2"), file("1", 0o755), folder(), link("a"), link("../b")]),
    max_size=8,
).map(lambda found: {path: entry for path, entry in found.items() if not _below_a_leaf(path, found)})
IGNORES = st.lists(
    st.sampled_from(["a", "b", "**/a", "!a", "!**/b", "*", "!a/b", "c/*", "*.txt", "!c"]), max_size=4
).map("\n".join)


def _below_a_leaf(path: str, found: dict[str, Entry]) -> bool:
    parts = path.split("/")
    above = ("/".join(parts[:end]) for end in range(1, len(parts)))
    return any(parent in found and found[parent].kind is not Kind.DIRECTORY for parent in above)


@given(listing=LISTINGS, other=LISTINGS, ignore=IGNORES, version=st.sampled_from([CURRENT, CLASSIC]))
def test_changing_one_context_into_another_gives_the_other(
    listing: dict[str, Entry], other: dict[str, Entry], ignore: str, version: Version
) -> None:
    patterns = read_patterns(ignore, version=version)
    context = Context(tree_of(listing), patterns, version=version)
    list(context.walk())
    gone = dict.fromkeys(sorted(listing.keys() - other.keys(), reverse=True))
    now = context.changed(gone).changed({path: other[path] for path in sorted(other)})
    made = Context(tree_of(other), patterns, version=version)
    assert [path for path, _ in now.walk()] == [path for path, _ in made.walk()]
    assert same_node(now.sent, made.sent)
    assert node_digest(now.sent) == node_digest(made.sent)


@given(one=LISTINGS, other=LISTINGS)
def test_trees_are_alike_exactly_if_their_digests_are(one: dict[str, Entry], other: dict[str, Entry]) -> None:
    trees = tree_of(one), tree_of(other)
    assert same_node(*trees) is (node_digest(trees[0]) == node_digest(trees[1]))


@given(listing=LISTINGS, ignore=IGNORES)
def test_what_is_sent_is_what_is_not_ignored_and_what_leads_there(listing: dict[str, Entry], ignore: str) -> None:
    patterns = read_patterns(ignore)
    tree = tree_of(listing)
    kept = {path for path, _ in walk(tree) if not patterns.ignores(path)}
    leading = {"/".join(path.split("/")[:end]) for path in kept for end in range(1, path.count("/") + 1)}
    assert set(sent(tree, ignore)) == kept | leading


def test_two_reads_of_a_disk_are_alike(tmp_path: Path) -> None:
    draw_tree(random.Random(7), tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two", symlinks=True)
    one, two = (read_tree(tmp_path / name, contents=True) for name in ("one", "two"))
    assert same_node(one, two)


@pytest.fixture
def builder(docker_classic: str, tmp_path: Path) -> Builder:
    return Builder.found(docker_classic, tmp_path)


@pytest.mark.docker
def test_a_real_builder_sends_the_same_files(builder: Builder, tmp_path: Path) -> None:
    drawn = random.Random(SEED)
    fewer = 0
    for number in range(BUILDS):
        root = tmp_path / f"context-{SEED}-{os.getpid()}-{number}"
        draw_tree(drawn, root)
        text = draw_ignore_file(drawn, paths_below(root))
        (root / ".dockerignore").write_text(text, newline="")
        try:
            ours: list[str] | None = [path for path, _ in read_context(root, version=builder.sends).walk()]
        except DepsfirstError:
            ours = None
        theirs = builder.sent(root)
        assert (None if ours is None else sorted(ours)) == theirs, f"{text!r} in {paths_below(root)}"
        fewer += theirs is not None and len(theirs) < len(paths_below(root))
    assert fewer > BUILDS // 4, "the draw has to leave something out"
