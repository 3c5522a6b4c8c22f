from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import processor_seconds

from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version
from depsfirst.dockerfile.ignore import Patterns, patterns_of, read_patterns
from depsfirst.errors import DepsfirstError

BOTH = pytest.mark.parametrize("version", [CURRENT, CLASSIC], ids=["patternmatcher", "fileutils"])


def ignored(lines: list[str], version: Version, *paths: str) -> list[str]:
    patterns = read_patterns("\n".join(lines), version=version)
    return [path for path in paths if patterns.ignores(path)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a\nb", [("a", False, 1), ("b", False, 2)]),
        ("\n\n  a  \t\n", [("a", False, 3)]),
        ("# a\n#b\n #c", [("#c", False, 3)]),
        ("\ufeff# a\n\ufeff# b", [("\ufeff# b", False, 2)]),
        ("\ufeffa", [("a", False, 1)]),
        ("a\r\nb\r\n", [("a", False, 1), ("b", False, 2)]),
        ("./a/../b//c/", [("b/c", False, 1)]),
        ("/a", [("a", False, 1)]),
        ("//a", [("a", False, 1)]),
        ("/", [("/", False, 1)]),
        (".", [(".", False, 1)]),
        ("../a", [("../a", False, 1)]),
        ("!a\n! /b/\n!!c", [("a", True, 1), ("b", True, 2), ("!c", True, 3)]),
        ("a\u00a0\nb\x1c", [("a", False, 1), ("b\x1c", False, 2)]),
        ("\\#a\n\\!b", [("\\#a", False, 1), ("\\!b", False, 2)]),
    ],
)
def test_lines_become_patterns(text: str, expected: list[tuple[str, bool, int]]) -> None:
    found = read_patterns(text).patterns
    assert [(pattern.text, pattern.negated, pattern.line) for pattern in found] == expected


def test_patterns_of_a_flag_keep_a_leading_slash_and_know_no_comments() -> None:
    found = patterns_of([" /a/ ", "#b", "!c", ""], "--exclude").patterns
    assert [(pattern.text, pattern.negated, pattern.line) for pattern in found] == [
        ("/a", False, 0),
        ("#b", False, 0),
        ("c", True, 0),
    ]


@BOTH
@pytest.mark.parametrize("line", ["!", " ! ", "!/", "[", "a[", "[]a]", "[a-", "\\", "[^", "*.[x", "[-x]"])
def test_a_bad_pattern_is_refused_with_its_line(line: str, version: Version) -> None:
    with pytest.raises(DepsfirstError) as caught:
        read_patterns(f"fine\n# comment\n{line}\n", "docker/Dockerfile.dockerignore", version)
    assert caught.value.where == "docker/Dockerfile.dockerignore:3"
    assert f'"{line.strip()}" is no pattern: ' in caught.value.message
    assert caught.value.hint


def test_a_line_of_garbage_is_refused_with_its_line() -> None:
    assert read_patterns("a\n" + "x" * 65535).patterns
    with pytest.raises(DepsfirstError, match=r"^\.dockerignore:2: a line is longer than 65,535 bytes$"):
        read_patterns("a\n" + "é" * 32768)


@BOTH
def test_a_pattern_that_only_the_matcher_refuses_is_refused_when_it_is_asked(version: Version) -> None:
    patterns = read_patterns("a\n[z-a]\n", version=version)
    with pytest.raises(DepsfirstError, match=r"^\.dockerignore:2: \"\[z-a\]\" is no pattern"):
        patterns.ignores("b")


def test_a_pattern_that_is_never_asked_is_never_refused() -> None:
    assert read_patterns("**\n[z-a]\n").ignores("a/b")
    with pytest.raises(DepsfirstError):
        read_patterns("**\n[z-a]\n", version=CLASSIC).ignores("a/b")
    with pytest.raises(DepsfirstError):
        read_patterns("**\n!b\n[z-a]\n").ignores("b")


@BOTH
@pytest.mark.parametrize(
    ("lines", "left_out", "kept"),
    [
        (["a"], ["a", "a/b", "a/b/c"], ["b", "b/a", "ab"]),
        (["a/"], ["a", "a/b"], ["b/a"]),
        (["/a"], ["a", "a/b"], ["b/a"]),
        (["*.txt"], ["a.txt", "d.txt/x"], ["d/a.txt", "txt"]),
        (["**/*.txt"], ["a.txt", "d/a.txt", "d/e/a.txt"], ["a.md"]),
        (["a*/b"], ["ax/b", "a/b/c"], ["ax/c", "b", "x/a/b"]),
        (["**"], ["a", "a/b", ".x"], []),
        (["a/**"], ["a/b", "a/b/c"], ["a", "ab"]),
        (["**/a/**"], ["a/b", "x/a/b"], ["a", "x/a", "x"]),
        (["a**/b"], ["a/b", "ax/b", "a/x/b"], ["b", "x/a/b"]),
        (["*"], ["a", "a/b"], []),
        (["a?c"], ["abc", "aéc"], ["ac", "a/c"]),
        (["[a-c]"], ["a", "c/x"], ["d"]),
        (["[^a]"], ["b", "b/x"], ["a", "bb"]),
        ([r"\*"], ["*"], ["a"]),
        ([r"a\[b"], ["a[b"], ["ab"]),
        (["a b"], ["a b"], ["a"]),
        (["a", "!a/b"], ["a", "a/c"], ["a/b", "a/b/c"]),
        (["!a", "a"], ["a"], ["b"]),
        (["a", "!a", "a/b"], ["a/b"], ["a", "a/c"]),
        (["*", "!a"], ["b", "b/a"], ["a", "a/b"]),
        ([".", "/", "..", "../a"], [], ["a", "b/c"]),
        (["a/../b"], ["b"], ["a"]),
        (["x.y"], ["x.y"], ["xzy"]),
        (["a$"], ["a$"], ["a"]),
        (["é*"], ["éa"], ["ea"]),
        (["*\udc80"], ["a\udc80"], ["a"]),
    ],
)
def test_what_both_matchers_agree_on(lines: list[str], left_out: list[str], kept: list[str], version: Version) -> None:
    assert ignored(lines, version, *left_out, *kept) == left_out


@pytest.mark.parametrize(
    ("lines", "path", "by_patternmatcher", "by_fileutils"),
    [
        (["a+b"], "a+b", True, False),  # an operator of expressions, in the old one
        (["a+b"], "aab", False, True),
        (["(a)b"], "ab", False, True),
        (["a|b"], "ax", False, True),
        (["a{2}"], "aa", False, True),
        (["a{2}*"], "aab", True, True),  # moby's table of what to escape is too short for braces
        (["a|b*"], "xb", True, True),
        (["(a)b*"], "(a)bc", True, False),
        (["**d"], "README.md", True, False),  # a suffix, whatever is before it
        (["**/d"], "README.md", False, False),
        (["**d"], "x/d", True, True),
        (["a\\d"], "a1", True, True),  # an escape of expressions, and so is the next
        (["[[:digit:]]"], "7", True, True),
        (["[*]"], "*", False, False),  # the star becomes an expression, and the class falls apart
        (["[*]"], "^]", True, True),
        (["^a"], "^a", True, False),
        (["^a*"], "ab", True, True),
        (["\n\ufeffa*"], "ab", True, True),  # Go's scanner drops the mark
        (["\n\ufeffa"], "a", False, True),
        (["d", "!**/a"], "d/a", False, True),  # only the new one looks into the directory
        (["d", "!d/*"], "d/a", False, False),
        (["*/b", "!a"], "a/b", True, False),  # the new one asked "!a" for "a" alone, when nothing was left out yet
    ],
)
def test_where_the_two_matchers_part(
    lines: list[str],
    path: str,
    by_patternmatcher: bool,  # noqa: FBT001
    by_fileutils: bool,  # noqa: FBT001
) -> None:
    assert ignored(lines, CURRENT, path) == [path] * by_patternmatcher
    assert ignored(lines, CLASSIC, path) == [path] * by_fileutils


def test_results_are_inherited_pattern_by_pattern() -> None:
    # "x" leaves "x/a" out by the parent, "!x/a" takes it back, and "**/a" is asked anew for each path.
    assert ignored(["x", "!x/a", "**/b"], CURRENT, "x/a", "x/a/b", "x/a/c", "x/c") == ["x/a/b", "x/c"]


@BOTH
def test_directories_are_entered_only_for_what_may_be_taken_back_in(version: Version) -> None:
    plain = read_patterns("a", version=version)
    assert not plain.enters("a")
    prefixed = read_patterns("a\n!a/b/c", version=version)
    assert [path for path in ("a", "a/b", "a/b/c", "ab", "a/b/c/d") if prefixed.enters(path)] == ["a", "a/b", "a/b/c"]
    assert prefixed.keeps_entered is (version == CLASSIC)
    assert prefixed.ignores("a", directory=True) is (version == CURRENT)


def test_a_wildcard_that_takes_back_in_has_all_directories_entered_since_patternmatcher() -> None:
    for line in ("!**/x", "!a*", "!a/b*/c", "![a]", "!a\\b", "!^a"):
        assert read_patterns(f"a\n{line}").enters("z")
        assert not read_patterns(f"a\n{line}", version=CLASSIC).enters("z")
    for line in ("!a/*", "!a/**", "!a/b"):
        assert not read_patterns(f"a\n{line}").enters("z")
        assert read_patterns(f"a\n{line}").enters("a")


def test_the_deciding_pattern_is_named() -> None:
    patterns = read_patterns("*.txt\n!a.txt\n\nd  \n")
    assert [
        (found.line, found.written) for path in ("b.txt", "a.txt", "d/x") if (found := patterns.deciding(path))
    ] == [
        (1, "*.txt"),
        (2, "!a.txt"),
        (4, "d"),
    ]
    assert patterns.deciding("z") is None


PARTS = st.sampled_from(["a", "b", "ab", "a.b", "*", "?", "a*", "*b", "**", "[ab]", "[^a]*", "b**"])
LINES = st.builds("{}{}".format, st.sampled_from(["", "", "!"]), st.lists(PARTS, min_size=1, max_size=3).map("/".join))
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "ba"]), min_size=1, max_size=4).map("/".join)


def go_expression(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression, by the documented rules alone, without moby's shortcuts."""
    tokens = re.findall(r"\*\*/?|\*|\?|\[[^]]*]|.", pattern)
    parts = []
    for place, token in enumerate(tokens):
        if token.startswith("**"):
            parts.append(".*" if place + 1 == len(tokens) else "(.*/)?")
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(token) or (token if token[0] == "[" else re.escape(token)))
    if pattern.startswith("**") and not re.search(r"[*?\[]", pattern[2:]):  # moby tests a suffix there
        return re.compile(f"(.*{re.escape(pattern[2:])}|{re.escape(pattern[3:])})")
    return re.compile("".join(parts))


def slow_ignores(lines: list[str], path: str) -> bool:
    """MatchesUsingParentResults as moby writes it: a list of results for each path, pattern by pattern."""
    patterns = [(line.startswith("!"), go_expression(line.removeprefix("!"))) for line in lines]
    above, matched = [False] * len(patterns), False
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        here, matched = [False] * len(patterns), False
        for place, (negated, expression) in enumerate(patterns):
            fits = above[place]
            if not fits:
                if negated != matched:
                    continue
                fits = expression.fullmatch("/".join(parts[:end])) is not None
            here[place] = fits
            if fits:
                matched = not negated
        above = here
    return matched


@given(lines=st.lists(LINES, min_size=1, max_size=7), paths=st.lists(PATHS, min_size=1, max_size=6))
def test_runs_and_shortcuts_decide_as_pattern_by_pattern_does(lines: list[str], paths: list[str]) -> None:
    patterns = read_patterns("\n".join(lines))
    for path in paths:
        state, answer = 0, False
        for end in range(path.count("/") + 1):
            answer, state = patterns.step("/".join(path.split("/")[: end + 1]), state)
        assert answer == slow_ignores(lines, path), (lines, path)


@given(lines=st.lists(LINES, min_size=1, max_size=5), path=PATHS)
def test_what_is_not_entered_has_nothing_that_is_taken_back_in(lines: list[str], path: str) -> None:
    patterns = read_patterns("\n".join(lines))
    assert patterns.ignores(path) == slow_ignores(lines, path)


@given(
    st.text(st.sampled_from("ab/!#*?[]^-\\. \n\r\t+(){}|\ufeff\udc80dwQE"), max_size=40),
    st.sampled_from([CURRENT, CLASSIC]),
)
def test_no_text_breaks_it(text: str, version: Version) -> None:
    where = ""
    try:
        read_patterns(text, version=version).ignores("a/b/c.d")
    except DepsfirstError as error:
        where = error.where or "nowhere"
    assert re.fullmatch(r"|\.dockerignore:\d+", where)


def test_many_paths_and_patterns_take_little_time() -> None:
    lines = [f"**/*.x{number}" for number in range(15)] + [f"dir{number}/*.log" for number in range(10)]
    lines += [f"**/name{number}" for number in range(10)] + ["!dir1/keep.log", "!**/*.keep"]
    lines += [f"tmp{number}*" for number in range(8)] + [f"**/gen{number}/**" for number in range(5)]
    patterns = read_patterns("\n".join(lines))
    assert len(patterns.patterns) == 50

    def step_through_all() -> None:
        found = 0
        for directory in range(1000):
            ignored_directory, state = patterns.step(f"dir{directory}", 0)
            found += ignored_directory
            for file in range(20):
                found += patterns.step(f"dir{directory}/module_{file}.py", state)[0]
        assert found == 0

    assert processor_seconds(step_through_all) < 0.5  # about 0.05 s when nothing else runs


def test_no_patterns_leave_nothing_out() -> None:
    assert not Patterns().ignores("a/b")
