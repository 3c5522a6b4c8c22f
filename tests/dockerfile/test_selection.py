from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import processor_seconds
from tests.dockerfile.drawn import Builder, draw_edit, draw_ignore_file, draw_source, draw_tree, paths_below

from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version
from depsfirst.dockerfile.context import Context, read_context
from depsfirst.dockerfile.filetree import Entry, Kind, tree_of
from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.dockerfile.selection import ChangeKind, Selection, affects, same_content, select, select_mount
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from pathlib import Path

SEED = int(os.environ.get("DEPSFIRST_TEST_SEED", "20"))
BUILDS = int(os.environ.get("DEPSFIRST_TEST_BUILDS", "5"))
EDITED, ADDED, REMOVED, MODE = ChangeKind
BEFORE_RELATIVE_NAMES: Version = (0, 20)


def file(digest: str = "1", mode: int = 0o644) -> Entry:
    return Entry(Kind.FILE, mode, 1, digest)


def link(target: str) -> Entry:
    return Entry(Kind.SYMLINK, 0o777, link=target)


def folder(mode: int = 0o755) -> Entry:
    return Entry(Kind.DIRECTORY, mode)


def context(ignore: str = "", extra: dict[str, Entry] | None = None) -> Context:
    listing = {
        "Dockerfile": file("docker"),
        ".dockerignore": file("ignore"),
        "a": file("1"),
        "a.txt": file("2"),
        "b.txt": file("3"),
        "d/a": file("1"),
        "d/s/z": file("4"),
        "d/s/a": file("1"),
        "d/l": link("../a"),
        "e": folder(),
        "lf": link("a"),
        "ld": link("/d/s"),
        **(extra or {}),
    }
    return Context(tree_of(listing), read_patterns(ignore))


def read_of(selection: Selection) -> list[str]:
    return sorted(set(selection.paths()))


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("a", ["a"]),
        ("./a", ["a"]),
        ("/a", ["a"]),
        ("d", ["d", "d/a", "d/l", "d/s", "d/s/a", "d/s/z"]),
        ("d/", ["d", "d/a", "d/l", "d/s", "d/s/a", "d/s/z"]),
        ("d/.", ["d", "d/a", "d/l", "d/s", "d/s/a", "d/s/z"]),
        ("d/s", ["d/s", "d/s/a", "d/s/z"]),
        ("e", ["e"]),
        ("*.txt", ["a.txt", "b.txt"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("[^b].tx?", ["a.txt"]),
        ("d/*", ["a", "d/a", "d/s", "d/s/a", "d/s/z"]),
        ("*/a", ["d/a"]),
        ("*/*/z", ["d/s/z"]),
        ("d[^x]a", ["d/a"]),  # the class takes the slash
        ("d[^/]a", []),
        (r"d\/[as]", []),  # there is no directory of that name
        (r"[d]\/[as]", ["d/a", "d/s", "d/s/a", "d/s/z"]),
        ("ld", ["d/s", "d/s/a", "d/s/z"]),
        ("ld/z", ["d/s/z"]),
        ("ld/*", ["d/s/a", "d/s/z"]),
        ("lf", ["a"]),
        ("l*", ["a", "d/s", "d/s/a", "d/s/z"]),
        ("../../a", ["a"]),
        ("*.none", []),
        ("a/*", []),
    ],
)
def test_what_a_source_reads(source: str, paths: list[str]) -> None:
    assert read_of(select(context(), [source])) == sorted(paths)


def test_a_dot_reads_all_that_is_sent_the_dockerfile_too() -> None:
    everything = [path for path, _ in context().walk()]
    for source in (".", "/", "./", "..", "a/.."):
        assert read_of(select(context(), [source])) == everything
    assert "Dockerfile" in everything
    ignoring = context("Dockerfile\n.dockerignore\nd/s")
    assert read_of(select(ignoring, ["."])) == ["a", "a.txt", "b.txt", "d", "d/a", "d/l", "e", "ld", "lf"]


def test_a_mount_takes_no_patterns() -> None:
    starred = context(extra={"a*": file("star")})
    assert read_of(select_mount(starred, "a*")) == ["a*"]
    assert read_of(select(starred, ["a*"])) == ["a", "a*", "a.txt"]
    assert read_of(select_mount(starred, "d/s")) == ["d/s", "d/s/a", "d/s/z"]
    assert len(read_of(select_mount(starred))) == len(list(starred.walk()))


@pytest.mark.parametrize(
    ("source", "ignore", "reason"),
    [
        ("none", "", 'there is no "none"'),
        ("d/none/x", "", 'there is no "d/none/x"'),
        ("a.txt", "*.md\n*.txt", '.dockerignore:2 leaves it out: "*.txt"'),
        ("d/s/z", "d/s", '.dockerignore:1 leaves it out: "d/s"'),
        ("loop", "", "its symlinks lead in a circle"),
        ("dangling", "", 'there is no "dangling"'),
        ("none/*", "", 'there is no "none"'),
        ("a/*", "", '"a" is no directory'),
        ("d/*", "d", '.dockerignore:1 leaves it out: "d"'),
        ("dang*", "", 'there is no "dangling"'),
        ("[", "", 'it is no pattern: a "[" is not closed'),
    ],
)
def test_what_makes_a_build_fail_is_said(source: str, ignore: str, reason: str) -> None:
    selection = select(context(ignore, {"loop": link("loop"), "dangling": link("nowhere")}), ["a", source])
    assert [(read.source, read.missing) for read in selection.missing] == [(source, reason)]


def test_patterns_that_fit_nothing_are_no_failure() -> None:
    selection = select(context(), ["*.none", "d/*.none", "[x]"])
    assert not selection.missing
    assert read_of(selection) == []


@pytest.mark.parametrize(("source", "clipped"), [("../a", True), ("..", True), ("d/../../a", True), ("d/../a", False)])
def test_a_source_that_would_leave_the_context_is_told(source: str, clipped: bool) -> None:  # noqa: FBT001
    (read,) = select(context(), [source]).reads
    assert read.clipped is clipped
    assert read.missing is None


@pytest.mark.parametrize(
    ("sources", "path", "kind", "expected"),
    [
        (["a"], "a", EDITED, True),
        (["a"], "a", MODE, True),
        (["a"], "a", REMOVED, True),
        (["a"], "a.txt", EDITED, False),
        (["d"], "d/s/z", EDITED, True),
        (["d"], "d/new", EDITED, True),  # what does not exist is added
        (["d"], "d/s/new", ADDED, True),
        (["d"], "d", MODE, True),
        (["d/."], "d", MODE, True),
        (["d"], "a", EDITED, False),  # links in a directory are compared, and not followed
        (["d"], "d/l", EDITED, True),
        (["d"], "d/s", EDITED, True),
        (["d/a"], "d", MODE, False),
        (["d/a"], "d/s", EDITED, False),
        (["d/a"], "d", EDITED, True),
        (["d/*"], "d", MODE, False),
        (["d/*"], "d/s", MODE, True),
        (["d/*"], "d/new", ADDED, True),
        (["d/*"], "a", EDITED, True),  # a link that a pattern fits is followed
        (["*.txt"], "b.txt", EDITED, True),
        (["*.txt"], "c.txt", ADDED, True),
        (["*.txt"], "c.md", ADDED, False),
        (["*.txt"], "d/c.txt", ADDED, False),
        (["opt.tx[t]"], "opt.txt", ADDED, True),
        (["lf"], "a", EDITED, True),
        (["lf"], "lf", EDITED, True),
        (["ld"], "d/s/z", EDITED, True),
        (["ld/z"], "ld", REMOVED, True),
        (["."], "e/new", ADDED, True),
        (["."], "new/deep/file", ADDED, True),
        (["."], "e", REMOVED, True),
        (["."], "", MODE, False),  # the root's own mode never counts
        (["a", "d"], "d/a", EDITED, True),
        (["none"], "none", ADDED, True),  # the build failed before
        (["none"], "a", EDITED, False),
    ],
)
def test_which_changes_a_copy_notices(sources: list[str], path: str, kind: ChangeKind, expected: bool) -> None:  # noqa: FBT001
    assert affects(select(context(), sources), path, kind) is expected


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("d/m.pyc", ADDED, False),
        ("d/s/z", EDITED, False),
        ("d/s/keep", ADDED, True),
        ("new/m.pyc", ADDED, True),  # the directory that it needs is sent
        ("d/s", MODE, False),
        ("Dockerfile", EDITED, False),
        (".dockerignore", EDITED, True),
    ],
)
def test_what_is_ignored_is_not_noticed(path: str, kind: ChangeKind, expected: bool) -> None:  # noqa: FBT001
    ignoring = context("**/*.pyc\nd/s\n!d/s/keep\nDockerfile")
    assert affects(select(ignoring, ["."]), path, kind) is expected


def test_a_path_outside_is_an_error() -> None:
    with pytest.raises(DepsfirstError, match=r"outside the build context"):
        affects(select(context(), ["."]), "../a")


def hit(
    sources: list[str], before: Context, after: Context, *, exclude: tuple[str, ...] = (), parents: bool = False
) -> bool:
    one = select(before, sources, exclude=exclude, parents=parents)
    other = select(after, sources, exclude=exclude, parents=parents)
    answer = same_content(one, other)
    assert answer is (one.fingerprint == other.fingerprint)
    return answer


def pair(before: dict[str, Entry], after: dict[str, Entry], version: Version = CURRENT) -> tuple[Context, Context]:
    one, other = (Context(tree_of(listing), version=version) for listing in (before, after))
    return one, other


@pytest.mark.parametrize("version", [CLASSIC, BEFORE_RELATIVE_NAMES, CURRENT], ids=str)
@pytest.mark.parametrize(
    ("sources", "before", "after", "expected"),
    [
        # Of a single path only the content counts, and not where it is.
        (["*/a.txt"], {"p/a.txt": file()}, {"q/a.txt": file()}, True),
        (["*/a.tx?"], {"p/a.txt": file()}, {"q/a.txt": file()}, "relative"),
        (["*.txt"], {"a.txt": file()}, {"b.txt": file()}, False),
        (["l"], {"l": link("t"), "t": file(), "u": file()}, {"l": link("u"), "t": file(), "u": file()}, True),
        (["l"], {"l": link("t"), "t": file()}, {"l": file()}, True),
        (
            ["d"],
            {"d/l": link("../t"), "t": file(), "u": file()},
            {"d/l": link("../u"), "t": file(), "u": file()},
            False,
        ),
        (["d"], {"d/a": file()}, {"d": file()}, False),
        (["d"], {"d/a": file(mode=0o644)}, {"d/a": file(mode=0o664)}, False),
        (["d"], {"d/a": file()}, {"d/a": file(), "d/e": folder()}, False),
        (["a", "b"], {"a": file("1"), "b": file("2")}, {"a": file("2"), "b": file("1")}, False),
        (["p/a"], {"p/a": file(), "p/b": file()}, {"p/a": file(), "p/b": file("2")}, True),
    ],
)
def test_what_counts_of_names_and_links(
    sources: list[str],
    before: dict[str, Entry],
    after: dict[str, Entry],
    expected: bool | str,  # noqa: FBT001
    version: Version,
) -> None:
    if expected == "relative":
        expected = version < CURRENT
    assert hit(sources, *pair(before, after, version)) is expected


@pytest.mark.parametrize(
    ("version", "sources", "before", "after", "expected"),
    [
        # Directories above count by nothing, but since 0.26 names count from the pattern's own directory.
        ((0, 25), ["p*/x?"], {"p1/xa": file()}, {"p2/xa": file()}, True),
        ((0, 26), ["p*/x?"], {"p1/xa": file()}, {"p2/xa": file()}, False),
        # A list of basenames does not tell in which of two directories a file is.
        ((0, 8), ["d*"], {"d/s": folder(), "d/s/z": file()}, {"d/s": folder(), "d/z": file()}, False),
        ((0, 25), ["d*"], {"d/s": folder(), "d/s/z": file()}, {"d/s": folder(), "d/z": file()}, True),
        ((0, 26), ["d*"], {"d/s": folder(), "d/s/z": file()}, {"d/s": folder(), "d/z": file()}, False),
        # Behind a link a pattern found nothing once.
        ((0, 8), ["l/*"], {"l": link("r"), "r/a": file()}, {"l": link("r"), "r/a": file("2")}, True),
        ((0, 10), ["l/*"], {"l": link("r"), "r/a": file()}, {"l": link("r"), "r/a": file("2")}, False),
        # Links inside of what a pattern fits were followed for a while.
        ((0, 8), ["d*"], {"d/l": link("../t"), "t": file()}, {"d/l": link("../t"), "t": file("2")}, True),
        ((0, 24), ["d*"], {"d/l": link("../t"), "t": file()}, {"d/l": link("../t"), "t": file("2")}, False),
        ((0, 25), ["d*"], {"d/l": link("../t"), "t": file()}, {"d/l": link("../t"), "t": file("2")}, True),
        # A relative link behind a link was taken from the path as it was written.
        ((0, 13), ["k/l"], {"k": link("r/d"), "r/d/l": link("../f"), "f": file(), "r/f": file()},
         {"k": link("r/d"), "r/d/l": link("../f"), "f": file(), "r/f": file("2")}, True),
        ((0, 14), ["k/l"], {"k": link("r/d"), "r/d/l": link("../f"), "f": file(), "r/f": file()},
         {"k": link("r/d"), "r/d/l": link("../f"), "f": file(), "r/f": file("2")}, False),
    ],
)  # fmt: skip
def test_where_releases_differ(
    version: Version,
    sources: list[str],
    before: dict[str, Entry],
    after: dict[str, Entry],
    expected: bool,  # noqa: FBT001
) -> None:
    assert hit(sources, *pair(before, after, version)) is expected


PARENTS = {"p/q/r": file(), "p/q2/r": file(), "x/p/q/r": file()}


@pytest.mark.parametrize(
    ("source", "path", "entry", "expected"),
    [
        ("p/q/r", "p/q2/r", file("2"), True),
        ("p/q/r", "p/q/r", file("2"), False),
        ("p/q/r", "p/q", folder(0o700), False),
        ("p/q/r", "p", folder(0o700), False),
        ("p/q/r", "p/q2", folder(0o700), True),
        ("p/*/r", "p/q3/r", file(), False),
        ("p/*/r", "p/q/s", file(), True),
        ("x/./p/q/r", "x", folder(0o700), False),  # the pivot's own mode counts too
        ("x/./p/q/r", "x/p", folder(0o700), False),
        ("x/./p/q/r", "p/q/r", file("2"), True),
        ("p", "p/new", file(), False),
        ("/p/q", "p/q/new", file(), False),
    ],
)
def test_parents_count_with_their_modes(source: str, path: str, entry: Entry, expected: bool) -> None:  # noqa: FBT001
    before = Context(tree_of(PARENTS))
    assert hit([source], before, before.changed({path: entry}), parents=True) is expected


def test_parents_of_nothing_fail_since_they_are_required() -> None:
    for source in ("p/none", "x/./none"):
        (missing,) = select(Context(tree_of(PARENTS)), [source], parents=True).missing
        assert missing.missing == f'there is no "{source.replace("./", "")}"'
        assert not select(Context(tree_of(PARENTS), version=(0, 25)), [source], parents=True).missing
    assert not select(Context(tree_of(PARENTS)), ["p/none*"], parents=True).missing


@pytest.mark.parametrize(
    ("source", "exclude", "path", "expected"),
    [
        ("d", ["s"], "d/s/z", True),
        ("d", ["s"], "d/s/new", True),
        ("d", ["s"], "d/a", False),
        ("d", ["s", "!s/z"], "d/s/z", False),
        ("d", ["*.txt"], "d/a.txt", True),
        ("d", ["**/z"], "d/s/z", True),
        (".", ["d"], "d/a", True),
        (".", ["d"], "a", False),
        (".", ["/d"], "d/a", False),  # patterns of a flag have no root
        ("d*", ["s"], "d/s/z", True),
        ("d*", ["d"], "d/a", False),  # they are held against what is below a match
    ],
)
def test_what_is_excluded_does_not_count(source: str, exclude: list[str], path: str, expected: bool) -> None:  # noqa: FBT001
    before = context()
    after = before.changed({path: file("other")})
    assert hit([source], before, after, exclude=tuple(exclude)) is expected
    assert affects(select(before, [source], exclude=exclude), path) is not expected


def test_a_bad_exclude_is_an_error() -> None:
    with pytest.raises(DepsfirstError, match=r'^--exclude: "a\[" is no pattern'):
        select(context(), ["."], exclude=["a["])


def test_a_source_inside_of_another_adds_nothing() -> None:
    selection = select(context(), ["d/s", "d", "a", "d"])
    assert [read.path for read in selection.counted] == ["/a", "/d"]
    assert [read.path for read in select(context(), ["d", "."]).counted] == ["/"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A context of 20,000 files in 200 directories."""
    root = tmp_path_factory.mktemp("large")
    for number in range(200):
        inner = root / f"package{number}"
        inner.mkdir()
        for name in range(100):
            os.mknod(inner / f"module{name}.py")
    (root / ".dockerignore").write_text("**/*.pyc\n**/__pycache__\n.git\n*.md\n!README.md\n")
    return root


def test_a_large_context_is_walked_quickly(large: Path) -> None:
    assert sum(1 for _ in read_context(large).walk()) == 20201
    assert processor_seconds(lambda: list(read_context(large).walk())) < 0.6  # about 0.08 s when nothing else runs


def test_a_question_about_one_path_reads_no_more_than_it_must(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    scandir = os.scandir

    def listed(path: str) -> object:
        read.append(os.path.basename(path))  # noqa: PTH119
        return scandir(path)

    monkeypatch.setattr(os, "scandir", listed)
    assert affects(select(read_context(large), ["."]), "package7/module7.py")
    assert read == [large.name, "package7"]


NAMES = st.sampled_from(["a", "b", "c", "a.txt"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LEAVES = st.sampled_from([file(), file("2"), file("1", 0o755), link("a"), link("../b"), link("b/c")])
GLOBS = st.lists(st.sampled_from(["a", "b", "*", "?", "a*", "[ab]", "."]), min_size=1, max_size=3).map("/".join)
VERSIONS = st.sampled_from([CLASSIC, (0, 12), (0, 20), (0, 25), CURRENT])
IGNORES = st.sampled_from(["", "", "**/a", "*\n!a", "b\n!b/a", "*.txt"])


@st.composite
def listings(draw: st.DrawFn) -> dict[str, Entry]:
    listing: dict[str, Entry] = {}
    for path in draw(st.lists(PATHS, max_size=8)):
        parents = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 1)]
        inside = any(known.startswith(path + "/") for known in listing)
        if not inside and not any(parent in listing for parent in parents):
            listing[path] = draw(LEAVES)
    return listing


@given(
    listing=listings(),
    sources=st.lists(GLOBS, min_size=1, max_size=2),
    path=PATHS,
    kind=st.sampled_from(ChangeKind),
    ignore=IGNORES,
    version=VERSIONS,
    flags=st.sampled_from([((), False), (("a",), False), (("*", "!b"), False), ((), True)]),
)
def test_what_affects_a_selection_is_what_makes_another(  # noqa: PLR0917
    listing: dict[str, Entry],
    sources: list[str],
    path: str,
    kind: ChangeKind,
    ignore: str,
    version: Version,
    flags: tuple[tuple[str, ...], bool],
) -> None:
    exclude, parents = flags
    before = Context(tree_of(listing), read_patterns(ignore, version=version), version=version)
    above = ["/".join(path.split("/")[:end]) for end in range(1, path.count("/") + 1)]
    path = next((parent for parent in above if parent in listing), path)  # nothing is below a file or a link
    known = listing.get(path)
    if known is None and (kind is MODE or any(name.startswith(path + "/") for name in listing)):
        return
    now = None if kind is REMOVED else file("new")
    if known is not None and kind is MODE:
        now = Entry(known.kind, 0o4000, known.size, known.digest, known.link)
    elif known is not None and known.kind is Kind.SYMLINK and kind is not REMOVED:
        now = link("of/nobody")
    elif known is not None and kind is not REMOVED:
        now = file("new", known.mode or 0)
    one = select(before, sources, exclude=exclude, parents=parents)
    other = select(before.changed({path: now}), sources, exclude=exclude, parents=parents)
    assert affects(one, path, kind) is not same_content(one, other)
    assert same_content(one, other) is (one.fingerprint == other.fingerprint)
    assert same_content(one, one)


@pytest.fixture
def builder(docker_classic: str, tmp_path: Path) -> Builder:
    return Builder.found(docker_classic, tmp_path)


def compared(
    builder: Builder, number: int, folder_of: Path, drawn: random.Random
) -> list[tuple[list[str], bool, bool]]:
    """Draw a context, an edit and sources; what was expected of each ``COPY``, cached or not, and what was seen."""
    # A daemon keeps what it got from a directory of this name, and believes sizes and times.
    before, after = (folder_of / f"{side}-{SEED}-{os.getpid()}-{number}" for side in ("before", "after"))
    draw_tree(drawn, before, names=6)
    if drawn.random() < 0.4:
        (before / ".dockerignore").write_text(draw_ignore_file(drawn, paths_below(before)), newline="")
    shutil.copytree(before, after, symlinks=True, copy_function=shutil.copy)
    draw_edit(drawn, after)
    try:
        contexts = [read_context(side, version=CLASSIC, contents=True) for side in (before, after)]
    except DepsfirstError:
        return []
    sources = [[draw_source(drawn, paths_below(before)) for _ in range(drawn.choice([1, 1, 2]))] for _ in range(6)]
    pairs = [[select(side, some) for side in contexts] for some in [*sources, ["."]]]
    kept = [(one, other) for one, other in pairs if not one.missing and not other.missing]
    seen = builder.cached(before, after, [list(one.request.sources) for one, _ in kept])
    return [(list(kept[place][0].request.sources), same_content(*kept[place]), hit) for place, hit in seen.items()]


@pytest.mark.docker
def test_a_real_builder_caches_the_same_copies(builder: Builder, tmp_path: Path) -> None:
    drawn = random.Random(SEED)
    found = [case for number in range(BUILDS) for case in compared(builder, number, tmp_path, drawn)]
    assert [case for case in found if case[1] != case[2]] == []
    assert {case[2] for case in found} == {True, False}, "the draw has to have both"
