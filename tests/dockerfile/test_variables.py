"""Words in, expanded words out: what BuildKit's shell lexer makes of them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.dockerfile.variables import expand, expand_document
from depsfirst.errors import DepsfirstError

VALUES = {
    "HOME": "/home",
    "SHELL": "bash",
    "EMPTY": "",
    "FILE": "a.tar.gz",
    "PATHS": "/one/two/three",
    "STARS": "x**y",
    "SPACED": "p  q",
    "LINES": "one\ntwo",
    "SLASH": "/",
    "ü": "umlaut",
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("plain", "plain"),
        ("a'b'c", "abc"),
        ('a"b"c', "abc"),
        ("a\\'b", "a'b"),
        ("'a\\b'", "a\\b"),
        ('"a\\b"', "a\\b"),
        ('"a\\"b\\\\c\\$d"', 'a"b\\c$d'),
        ("a\\b", "ab"),
        ("a\\", "a"),
        ("\"a\" 'b'", "a b"),
        ("'$HOME'", "$HOME"),
        ('"$HOME"', "/home"),
        ("\"'$HOME'\"", "'/home'"),
        ("$HOME", "/home"),
        ("a${HOME}b", "a/homeb"),
        ("$HOME.x", "/home.x"),
        ("$HOME_x", ""),
        ("\\$HOME", "$HOME"),
        ("\\\\$HOME", "\\/home"),
        ("$", "$"),
        ("$.", "$."),
        ("$ü", "umlaut"),
        ("$1x", "x"),
        ("$12x", "x"),
        ("$@@", "@"),
        ("${1:-a}", "a"),
        ("${-:-a}", "a"),
        ("a<b<<c<< d", "a<b<<c<< d"),
        ("\ufeffa", "a"),
    ],
)
def test_quotes_escapes_and_references(word: str, value: str) -> None:
    assert expand(word, VALUES).value == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("${NONE:-a}", "a"),
        ("${EMPTY:-a}", "a"),
        ("${HOME:-a}", "/home"),
        ("${NONE-a}", "a"),
        ("${EMPTY-a}", ""),
        ("${NONE:+a}", ""),
        ("${EMPTY:+a}", ""),
        ("${HOME:+a}", "a"),
        ("${EMPTY+a}", "a"),
        ("${NONE+a}", ""),
        ("${HOME:?a}", "/home"),
        ("${EMPTY?a}", ""),
        ("${NONE:-${OTHER:-$SHELL}}", "bash"),
        ("${NONE:-a b}", "a b"),
        ("${NONE:-'}'}", "}"),
        ("${NONE:-\\}}", "}"),
        ("${HOME:+${HOME}:}x", "/home:x"),
        ("${NONE:-\\${HOME}z}", "${HOMEz}"),
        ("${NONE:-}", ""),
        ("${NONE}}", "}"),
    ],
)
def test_defaults_and_alternatives(word: str, value: str) -> None:
    assert expand(word, VALUES).value == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("${FILE#*.}", "tar.gz"),
        ("${FILE##*.}", "gz"),
        ("${FILE%.*}", "a.tar"),
        ("${FILE%%.*}", "a"),
        ("${FILE#?}", ".tar.gz"),
        ("${FILE#x}", "a.tar.gz"),
        ("${FILE#}", "a.tar.gz"),
        ("${FILE##*}", ""),
        ("${FILE#*}", "a.tar.gz"),
        ("${FILE%[a-z]z}", "a.tar.gz"),
        ("${STARS#x\\*}", "*y"),
        ("${STARS%%\\**}", "x"),
        ("${STARS%\\**}", "x*"),
        ("${PATHS#$SLASH*$SLASH}", "two/three"),
        ("${PATHS/\\//:}", ":one/two/three"),
        ("${PATHS//\\//:}", ":one:two:three"),
        ("${PATHS/t*e/X}", "/one/X"),
        ("${PATHS//?o/X}", "Xne/tX/three"),
        ("${PATHS//o/}", "/ne/tw/three"),
        ("${PATHS/no such/X}", "/one/two/three"),
        ("${SHELL//x/}", "bash"),
        ("${SHELL//b/$HOME}", "/homeash"),
        ("${SHELL///X}", "XbXaXsXhX"),
        ("${SHELL/$EMPTY/X}", "Xbash"),
        ("${NONE/a/b}", ""),
        ("${NONE%x}", ""),
        ("${LINES%*}", "one\ntwo"),
        ("${LINES##*}", "\ntwo"),
        ("${SHELL//as/<\\$0>}", "b<\\as>h"),
        ("${SHELL//as/<\\$\\{0\\}>}", "b<\\$\\{0\\}>h"),
        ("${SHELL//as/<\\$1x>}", "b<\\>h"),
    ],
)
def test_patterns(word: str, value: str) -> None:
    assert expand(word, VALUES).value == value


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("'a", "the closing ' is missing"),
        ('"a', 'the closing " is missing'),
        ('"a\\"', 'the closing " is missing'),
        ("${HOME", 'the closing "}" is missing'),
        ("${HOME:-a", 'the closing "}" is missing'),
        ("${HOME:-${SHELL}", 'the closing "}" is missing'),
        ("${", 'the closing "}" is missing'),
        ("${}", "a name is missing behind ${"),
        ("${{a}}", "a name is missing behind ${"),
        ("${:-a}", "a name is missing behind ${"),
        ("${.}", '"." behind the name "" is no substitution'),
        ("${HOME=a}", '"=" behind the name "HOME" is no substitution'),
        ("${HOME:=a}", '":=" is no substitution'),
        ("${HOME:#a}", '":#" is no substitution'),
        ("${HOME:%a}", '":%" is no substitution'),
        ("${NONE:?}", '"NONE" has no value'),
        ("${EMPTY:?say it}", '"EMPTY" has no value: say it'),
        ("${NONE?say it}", '"NONE" has no value: say it'),
        ("${HOME/a}", 'the closing "/" is missing'),
        ("${HOME/a/b", 'the closing "}" is missing'),
        ("${HOME#\\a}", '"\\a" in a pattern escapes a character that needs no escape'),
        ("${HOME/\\a/b}", '"\\a" in a pattern escapes a character that needs no escape'),
        ("${NONE:-" * 100, "substitutions are nested more than 64 deep"),
    ],
)
def test_what_cannot_be_expanded(word: str, reason: str) -> None:
    with pytest.raises(DepsfirstError) as raised:
        expand(word, VALUES, where="Dockerfile:7")
    assert raised.value.message == f'"{word}" cannot be expanded: {reason}'
    assert raised.value.where == "Dockerfile:7"
    assert raised.value.hint


def test_the_escape_character_can_be_another() -> None:
    assert expand("a`$HOME\\b`", VALUES, escape="`").value == "a$HOME\\b"
    assert expand('"`$HOME\\"', VALUES, escape="`").value == "$HOME\\"


def test_names_that_were_looked_up() -> None:
    expansion = expand("${HOME:-$NONE} $OTHER ${EMPTY:+$SHELL} '$ü'", VALUES)
    assert expansion.used == {"HOME", "EMPTY", "SHELL"}
    assert expansion.undefined == {"NONE", "OTHER"}


def test_words_divide_behind_expansion_but_not_in_quotes() -> None:
    assert expand("a $SPACED", VALUES).words == ("a", "p", "q")
    assert expand("a \"$SPACED\" 'b c'd e\\ f $EMPTY ''", VALUES).words == ("a", "p  q", "b cd", "e f")


def test_a_substitution_clears_the_word_before_it() -> None:
    assert expand("80${NONE:-81}", VALUES).words == ("81",)
    assert expand("80${NONE:-81}", VALUES).value == "8081"


def test_documents_keep_their_quotes() -> None:
    assert expand_document("'$HOME' \"${NONE}\" \\$HOME \\n it's\n", VALUES).value == "'/home' \"\" $HOME n it's\n"


def test_a_pattern_takes_bounded_time() -> None:
    values = {"LONG": "a" * 2000}
    assert expand("${LONG##" + "*a" * 12 + "b}", values).value == values["LONG"]


@given(st.text(st.sampled_from("a$`\\{}'\"<>:-+?#%/*? xN\n"), max_size=30), st.sampled_from("\\`"))
def test_any_word_expands_or_says_why_not(word: str, escape: str) -> None:
    with suppress(DepsfirstError):
        expand(word, {"x": "ax/a", "N": ""}, escape=escape)
