"""The wildcards of ``${x#p}``, ``${x%p}`` and ``${x/p/r}``: ``*`` and ``?``, which never match a line feed.

A matcher of its own instead of ``re``, whose time on a pattern like ``*a*a*a*b`` has no useful bound; this one tries
no pair of places in pattern and text twice.
"""

from __future__ import annotations

import re
from enum import Enum


class _Wild(Enum):
    ANY = "?"
    MANY = "*"


_Symbols = list[str | _Wild]


class PatternError(ValueError):
    """A backslash before a character that needs none."""


def without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    """``value`` without the start that ``pattern`` matches, its shortest or longest."""
    end = _end(_symbols(pattern), value, 0, greedy=longest)
    return value if end is None else value[end:]


def without_suffix(value: str, pattern: str, *, longest: bool) -> str:
    """``value`` without the end that ``pattern`` matches, its shortest or longest."""
    return without_prefix(value[::-1], _reversed(pattern), longest=longest)[::-1]


def replaced(value: str, pattern: str, replacement: str) -> str:
    """``value`` with the first match of ``pattern`` replaced."""
    symbols = _symbols(pattern)
    found = _search(symbols, value, 0)
    return value if found is None else value[: found[0]] + replacement + value[found[1] :]


def all_replaced(value: str, pattern: str, replacement: str) -> str:
    """``value`` with all matches replaced, ``$0``, ``$1`` and ``$$`` in the replacement having Go's meaning."""
    symbols = _symbols(pattern)
    parts: list[str] = []
    start = done = 0
    while (found := _search(symbols, value, start)) is not None:
        begin, end = found
        parts.append(value[done:begin])
        if end > done or not begin:
            parts.append(_template(replacement, value[begin:end]))
        done = end
        start = max(end, start + 1)
    return "".join(parts) + value[done:]


def _symbols(pattern: str) -> _Symbols:
    symbols: _Symbols = []
    rest = iter(pattern.removeprefix("\ufeff"))
    for character in rest:
        if character == "\\":
            symbols.append(_escaped(next(rest, "")))
        elif character in "*?":
            symbols.append(_Wild(character))
        else:
            symbols.append(character)
    return symbols


def _escaped(character: str) -> str:
    if character not in ("*", "?", "\\", "}", "/"):
        raise PatternError(f'"\\{character}" in a pattern escapes a character that needs no escape')
    return character


def _reversed(pattern: str) -> str:
    return "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))


def _search(symbols: _Symbols, text: str, start: int) -> tuple[int, int] | None:
    for begin in range(start, len(text) + 1):
        end = _end(symbols, text, begin, greedy=True)
        if end is not None:
            return begin, end
    return None


def _end(symbols: _Symbols, text: str, start: int, *, greedy: bool) -> int | None:
    """Where the preferred match from ``start`` on ends; the first in the order of a backtracking matcher."""
    todo, seen = [(0, start)], set()
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        symbol, position = state
        if symbol == len(symbols):
            return position
        todo += _next(symbols[symbol], symbol, position, text, greedy=greedy)
    return None


def _next(kind: str | _Wild, symbol: int, position: int, text: str, *, greedy: bool) -> list[tuple[int, int]]:
    """The states after this one, the preferred last."""
    character = text[position : position + 1]
    wild = bool(character) and character != "\n"
    if kind is _Wild.MANY:
        skip, more = (symbol + 1, position), (symbol, position + 1)
        if not wild:
            return [skip]
        return [skip, more] if greedy else [more, skip]
    matches = wild if kind is _Wild.ANY else character == kind
    return [(symbol + 1, position + 1)] if matches else []


def _template(replacement: str, match: str) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return "$" if found[0] == "$$" else match if name == "0" else ""

    return re.sub(r"\$\$|\$(\w+)|\$\{(\w+)\}", value, replacement)
