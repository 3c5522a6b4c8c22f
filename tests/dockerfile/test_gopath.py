from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.dockerfile.gopath import BadPatternError, check_pattern, clean, compile_glob, has_wildcards
from depsfirst.dockerfile.goregexp import translate

NAMES = st.text(st.sampled_from("ab.c-é[]*?\\^ \n"), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", "."),
        ("a//b/./c/", "a/b/c"),
        ("a/../..", ".."),
        ("/../a", "/a"),
        ("//a", "/a"),
        ("///", "/"),
        ("./.", "."),
    ],
)
def test_clean_gives_the_shortest_name(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("path", "wild"),
    [("a*", True), ("a?", True), ("[a]", True), (r"a\*b", False), (r"a\\*b", True), ("a]b", False), ("a\\", False)],
)
def test_an_escaped_wildcard_is_none(path: str, wild: bool) -> None:  # noqa: FBT001
    assert has_wildcards(path) is wild


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*.txt", ["a.txt", ".txt", "a.b.txt"], ["a/b.txt", "a.txt2", "txt"]),
        ("a?c", ["abc", "aéc", "a\nc"], ["ac", "a/c", "abbc"]),
        ("**/a", ["x/a", "/a"], ["a", "x/y/a"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx", "/x"], ["ax", "x"]),
        (r"\*[\]]\[", ["*]["], ["a]["]),
        ("opt.tx[t]", ["opt.txt"], ["opt.tx", "opt.tx[t]"]),
        ("[b-a]", [], ["a", "b", ""]),
        ("[^b-a]", ["a", "/"], [""]),
        ("*a*b*", ["ab", "xaxbx"], ["ba", "a/b"]),
        ("", [""], ["a"]),
    ],
)
def test_a_glob_fits_what_go_says(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    glob = compile_glob(pattern)
    assert [name for name in [*fits, *fits_not] if glob.matches(name)] == fits


def test_a_glob_commits_to_the_first_place_as_go_does() -> None:
    # The first "a" with the class takes both, and Go does not come back to let the class take the slash.
    assert not compile_glob("*a[^y]*z").matches("aa/z")
    assert compile_glob("*a[^y]*z").matches("ba/z")


@pytest.mark.parametrize(
    "pattern", ["[", "[]", "[^", "[^]", "[a", "[a-", "[a-]", "[-]", "[x-]", "\\", "a[\\", "a*[", "[\udc80]"]
)
def test_a_bad_glob_is_refused(pattern: str) -> None:
    with pytest.raises(BadPatternError):
        compile_glob(pattern)


def test_a_pattern_with_an_odd_slash_is_held_against_whole_paths() -> None:
    assert compile_glob("a[^b]c").crosses
    assert compile_glob("a[.-0]c").crosses
    assert compile_glob("a[^/]c").crosses  # it takes none, but to cut the pattern there would tear the class
    assert compile_glob(r"a\/c").crosses
    assert not compile_glob("a[b]*c").crosses


def test_the_check_of_ignore_patterns_stops_where_matching_does() -> None:
    check_pattern("a*[")  # "." does not begin with "a", so nobody looks at the rest
    check_pattern("a*\\")
    for pattern in ("[", "\\", "*[", ".[", "*.[", "a[", "[a-", ".*[a"):
        with pytest.raises(BadPatternError):
            check_pattern(pattern)


@given(name=NAMES)
def test_an_escaped_name_fits_itself_alone(name: str) -> None:
    glob = compile_glob(re.sub(r"([\\*?\[\]^-])", r"\\\1", name))
    assert glob.matches(name)
    assert not glob.matches(name + "a")
    assert not glob.matches("a" + name)


@given(st.text(st.sampled_from("ab/*?[]^-\\.c"), max_size=8), st.text(st.sampled_from("ab/.c\n"), max_size=8))
def test_no_text_breaks_the_matcher(pattern: str, name: str) -> None:
    try:
        glob = compile_glob(pattern)
    except BadPatternError:
        return
    check_pattern(pattern)  # never stricter
    if not glob.crosses:
        parts = pattern.split("/"), name.split("/")
        alike = len(parts[0]) == len(parts[1]) and all(compile_glob(p).matches(n) for p, n in zip(*parts, strict=True))
        assert glob.matches(name) is alike


def go_matches(expression: str, text: str) -> bool:
    return re.search(translate(expression), text, re.ASCII) is not None


@pytest.mark.parametrize(
    ("expression", "fits", "fits_not"),
    [
        ("^a$", ["a"], ["a\n", "ba", "A"]),
        ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
        ("a.b", ["a/b"], ["a\nb"]),
        (r"^\d\w\s$", ["1_ "], ["1_\v", "\u0661_ "]),
        (r"^[\d-x]$", ["1", "-", "x"], ["y"]),
        (r"^[^\w]$", ["é", "\n"], ["_"]),
        (r"^[[:alpha:][:^print:]]$", ["a", "\x01"], ["1", " "]),
        (r"^\x41\x{42}\103\Q*.\E$", ["ABC*."], ["ABCx."]),
        (r"^(ab){2,3}c+$", ["ababc", "abababcc"], ["abc", "abab"]),
        (r"^a{,2}$", ["a{,2}"], ["aa"]),
        (r"\Bb", ["ab"], ["b"]),
        (r"^\B$", [""], ["a"]),
        ("^\ufffd$", ["\ufffd", "\udc80"], ["a"]),
        ("^[^a]$", ["\udc80", "/"], ["a"]),
        ("^[]a]$", ["]", "a"], ["b"]),
        ("^^*$", [""], ["^"]),
    ],
)
def test_an_expression_means_what_it_means_in_go(expression: str, fits: list[str], fits_not: list[str]) -> None:
    assert [text for text in [*fits, *fits_not] if go_matches(expression, text)] == fits


@pytest.mark.parametrize(
    "expression",
    [
        "(",
        ")",
        "a)",
        "[",
        "[a",
        "[b-a]",
        "[[:foo:]]",
        "*",
        "a**",
        "a+*",
        "(|*)",
        "a{1001}",
        "a{3,2}",
        "(a{500}){3}",
        r"\1",
        r"\8",
        "\\",
        r"\e",
        r"\E",
        r"\é",
        r"\x",
        r"[\b]",
        r"\pL",
        "(?i)a",
        "(" * 1001,
        r"\x{110000}",
    ],
)
def test_what_go_refuses_is_refused(expression: str) -> None:
    with pytest.raises(BadPatternError):
        translate(expression)
