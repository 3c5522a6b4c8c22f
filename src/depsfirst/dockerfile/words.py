"""Divides a statement into keyword, flags and words, by the rule that BuildKit has for each instruction."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.source import BLANK, SPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Token(NamedTuple):
    """A word: what BuildKit reads, and where it starts and ends in the logical line."""

    value: str
    start: int
    end: int


class Flag(NamedTuple):
    """A flag ``--name=value``; without ``=`` the value is None. Quotes and escapes are already gone."""

    name: str
    value: str | None
    start: int
    end: int

    @property
    def text(self) -> str:
        """The flag as BuildKit reads it."""
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


class Fault(NamedTuple):
    """Why BuildKit refuses a statement, and what to do about it; both are sentences."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A statement in three: its keyword, its flags, and the rest without the space around it."""

    keyword: Token
    flags: tuple[Flag, ...]
    arguments: Token


class Words(NamedTuple):
    """The words of a statement: from a JSON array or not, and why they cannot be had."""

    tokens: tuple[Token, ...] = ()
    exec_form: bool = False
    fault: Fault | None = None


_KEYWORD = re.compile(f"[^{BLANK}]*")
_BLANKS = re.compile(f"[{BLANK}]+")
_BLANK_WORD = re.compile(f"[^{BLANK}]+")
_BYTE_SPACE = re.compile("[\t\n\v\f\r \x85\xa0]*")


def split(text: str, escape: str, start: int = 0) -> Parts:
    """The parts of the statement that fills ``text`` from ``start`` on."""
    text = text.rstrip(SPACE)
    begin = len(text) - len(text[start:].lstrip(SPACE))
    keyword = _match(_KEYWORD, text, begin)
    rest = begin + len(keyword)
    if blanks := _BLANKS.match(text, rest):
        rest = blanks.end()
    flags: tuple[Flag, ...] = ()
    if text.startswith("--", rest):
        flags, rest = _flags(text, rest, escape)
    return Parts(Token(keyword, begin, begin + len(keyword)), flags, trimmed(text, rest))


def trimmed(text: str, start: int) -> Token:
    """What stands in ``text`` from ``start`` on, without the white space around it."""
    rest = text[start:].lstrip(SPACE)
    begin = len(text) - len(rest)
    rest = rest.rstrip(SPACE)
    return Token(rest, begin, begin + len(rest))


def _match(pattern: re.Pattern[str], text: str, start: int) -> str:
    found = pattern.match(text, start)
    return found.group() if found else ""


def _flags(text: str, start: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """The flags from ``start`` on, and where the rest begins.

    BuildKit reads bytes here and takes each for a character of Latin-1: ``--chown=é`` means ``Ã©``, and the second
    byte of ``à`` ends a flag, as it is a no-break space. So do we.
    """
    if text.isascii():
        return _flags_of_bytes(text, start, escape)
    starts = list(accumulate((len(each.encode("utf-8", "surrogatepass")) for each in text), initial=0))
    octets = text.encode("utf-8", "surrogatepass").decode("latin-1")
    flags, rest = _flags_of_bytes(octets, starts[start], escape)

    def position(byte: int) -> int:
        return bisect_right(starts, byte) - 1

    return tuple(flag._replace(start=position(flag.start), end=position(flag.end)) for flag in flags), position(rest)


def _flags_of_bytes(text: str, start: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    pattern = _flag_pattern(escape)
    flags: list[Flag] = []
    while True:
        start += len(_match(_BYTE_SPACE, text, start))
        found = pattern.match(text, start)
        if not found:
            return tuple(flags), start
        start = found.end()
        word = _unquoted(found.group(), escape)
        if word == "--":
            return tuple(flags), start
        name, equals, value = word[2:].partition("=")
        flags.append(Flag(name, value if equals else None, found.start(), start))


@cache
def _flag_pattern(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    quoted = "|".join(f"{quote}(?:[^{quote}{e}]|{e}.)*+(?:{quote}|{e}?\\Z)" for quote in "'\"")
    return re.compile(f"--(?:[^\t\n\v\f\r \x85\xa0'\"{e}]|{e}(?:.|\\Z)|{quoted})*+", re.DOTALL)


def _unquoted(word: str, escape: str) -> str:
    if escape not in word and "'" not in word and '"' not in word:
        return word
    characters: list[str] = []
    quote = ""
    rest = iter(word)
    for character in rest:
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            characters.append(next(rest, "") if character == escape else character)
    return "".join(characters)


def divide(name: str, arguments: Token, escape: str, *, first_array: bool = False) -> Words:
    """The words of the instruction ``name``, in capitals; none for an instruction that does not exist.

    Args:
        name: of the instruction.
        arguments: behind its flags.
        escape: the escape character.
        first_array: whether nothing counts that stands behind a JSON array.
    """
    divider = _DIVIDERS.get(name)
    if first_array and divider in {_command, _paths} and (end := _array_end(arguments.value)):
        arguments = Token(arguments.value[:end], arguments.start, arguments.start + end)
    return divider(arguments, escape) if divider and arguments.value else Words()


def _whole(arguments: Token, _: str) -> Words:
    return Words((arguments,))


def _command(arguments: Token, _: str) -> Words:
    return _json_words(arguments) or Words((arguments,))


def _paths(arguments: Token, _: str) -> Words:
    return _json_words(arguments) or Words(_blank_words(arguments))


def _blank(arguments: Token, _: str) -> Words:
    return Words(_blank_words(arguments))


def _definitions(arguments: Token, escape: str) -> Words:
    return Words(tuple(_quoted_words(arguments, escape)))


def _blank_words(arguments: Token) -> tuple[Token, ...]:
    base = arguments.start
    return tuple(
        Token(found.group(), base + found.start(), base + found.end())
        for found in _BLANK_WORD.finditer(arguments.value)
    )


@cache
def _word_pattern(escape: str) -> re.Pattern[str]:
    """A word with its quotes and escapes; a lone escape character at the very end is no part of it."""
    e = re.escape(escape)
    single = "'[^']*+(?:'|\\Z)"
    double = f'"(?:[^"{e}]|{e}.)*+(?:"|(?={e}?\\Z))'
    return re.compile(f"(?=[^{SPACE}])((?:[^{SPACE}'\"{e}]|{e}.|{single}|{double})*+)(?:{e}\\Z)?", re.DOTALL)


def _quoted_words(arguments: Token, escape: str) -> list[Token]:
    base = arguments.start
    return [
        Token(found[1], base + found.start(1), base + found.end(1))
        for found in _word_pattern(escape).finditer(arguments.value)
        if found[1]
    ]


def _pairs(arguments: Token, escape: str) -> Words:
    """Names and values in turn, as ``name=value …`` or in the old form ``name value``."""
    words = _quoted_words(arguments, escape)
    if words and "=" not in words[0].value:
        return _old_pair(arguments)
    tokens: list[Token] = []
    for word in words:
        if "=" not in word.value:
            return Words(
                fault=Fault(f'the word "{word.value}" has no "="', "write name=value, and quote values with spaces")
            )
        equals = word.value.index("=")
        tokens.append(Token(word.value[:equals], word.start, word.start + equals))
        tokens.append(Token(word.value[equals + 1 :], word.start + equals + 1, word.end))
    return Words(tuple(tokens))


def _old_pair(arguments: Token) -> Words:
    blanks = _BLANKS.search(arguments.value)
    if not blanks:
        return Words(fault=Fault(f'"{arguments.value}" has no value', f"write {arguments.value}=value"))
    key = Token(arguments.value[: blanks.start()], arguments.start, arguments.start + blanks.start())
    value = Token(arguments.value[blanks.end() :], arguments.start + blanks.end(), arguments.end)
    return Words((key, value))


def _health_check(arguments: Token, _: str) -> Words:
    """The kind of check and its command; BuildKit looks for the end of the kind in bytes, as for flags."""
    octets = arguments.value.encode("utf-8", "surrogatepass").decode("latin-1")
    kind = re.split("[\t\n\v\f\r \x85\xa0]", octets, maxsplit=1)[0]
    kind = kind.encode("latin-1").decode("utf-8", "replace")
    first = Token(kind, arguments.start, arguments.start + len(kind))
    command = arguments.value[len(kind) :].lstrip("\t\n\v\f\r ")
    if not command:
        return Words((first,))
    rest = Token(command, arguments.end - len(command), arguments.end)
    array = trimmed(command, 0)
    words = _json_words(array._replace(start=rest.start + array.start, end=rest.end)) or Words((rest,))
    return words._replace(tokens=(first, *words.tokens))


_ELEMENT = re.compile(r'[ \t\r\n]*("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")[ \t\r\n]*([,\]])')
_EMPTY_ARRAY_HEAD = re.compile(r"\[[ \t\r\n]*\]")
_EMPTY_ARRAY = re.compile(r"\[[ \t\r\n]*\]\Z")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NOT_STRINGS = Fault(
    "a JSON array has elements that are no strings",
    'put every element between double quotes, or write the command without "[" and "]"',
)


def _json_words(arguments: Token) -> Words | None:
    """The strings of a JSON array; None for anything else, which BuildKit takes for a shell command or plain words."""
    text = arguments.value
    if not text.startswith("["):
        return None
    if _EMPTY_ARRAY.match(text):
        return Words(exec_form=True)
    tokens: list[Token] = []
    position, closing = 1, ""
    while closing != "]":
        found = _ELEMENT.match(text, position)
        if not found:
            return Words(fault=_NOT_STRINGS) if _is_json(text) else None
        start, end = found.span(1)
        tokens.append(Token(_decoded(text[start + 1 : end - 1]), arguments.start + start, arguments.start + end))
        position, closing = found.end(), found[2]
    return Words(tuple(tokens), exec_form=True) if position == len(text) else None


def _array_end(text: str) -> int | None:
    """Where a JSON array of strings ends that the text begins with."""
    if empty := _EMPTY_ARRAY_HEAD.match(text):
        return empty.end()
    position, closing = 1, ""
    while closing != "]":
        found = _ELEMENT.match(text, position) if text.startswith("[") else None
        if not found:
            return None
        position, closing = found.end(), found[2]
    return len(text[:position].rstrip(" \t\r\n"))


def _decoded(string: str) -> str:
    if "\\" not in string:
        return string
    text = _ESCAPED.sub(lambda found: _character(found[1]), string)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES.get(escape, escape)


def _is_json(text: str) -> bool:
    """Whether Go's decoder accepts the text: no NaN, no number beyond a double."""
    try:
        json.loads(text, parse_constant=_number, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError):
        return False
    return True


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_DIVIDERS: Mapping[str, Callable[[Token, str], Words]] = {
    "ADD": _paths,
    "ARG": _definitions,
    "CMD": _command,
    "COPY": _paths,
    "ENTRYPOINT": _command,
    "ENV": _pairs,
    "EXPOSE": _blank,
    "FROM": _blank,
    "HEALTHCHECK": _health_check,
    "LABEL": _pairs,
    "MAINTAINER": _whole,
    "RUN": _command,
    "SHELL": _command,
    "STOPSIGNAL": _whole,
    "USER": _whole,
    "VOLUME": _paths,
    "WORKDIR": _whole,
}
