"""Paths as Go's package path cleans and matches them: ``path.Clean`` and ``path.Match``."""

from __future__ import annotations

import re
from posixpath import normpath

from depsfirst.dataclass import dataclass

REPLACEMENT = 0xFFFD
"""The code point that Go reads for a byte that is no UTF-8."""

_SURROGATES = range(0xDC80, 0xDD00)  # what stands in a Python string for such a byte


class BadPatternError(ValueError):
    """A pattern that Go refuses; the message says what is wrong with it."""


def clean(path: str) -> str:
    """The shortest name of the same path: no ``.``, no inner ``..``, no double or trailing slash; ``.`` for none."""
    cleaned = normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def has_wildcards(path: str) -> bool:
    """Whether BuildKit takes a source for a pattern: it has ``*``, ``?`` or ``[`` that no backslash escapes."""
    unescaped = re.sub(r"\\.?", "", path, flags=re.DOTALL)
    return any(character in unescaped for character in "*?[")


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern of ``path.Match``, ready to be held against names.

    Attributes:
        expression: matches the whole of a name exactly if Go does.
        crosses: whether it cannot be held against a path part by part: a class takes a slash, or one is escaped.
    """

    expression: re.Pattern[str]
    crosses: bool

    def matches(self, name: str) -> bool:
        """Whether all of ``name`` fits."""
        return self.expression.fullmatch(name) is not None


def compile_glob(pattern: str) -> Glob:
    """Translate a pattern of ``path.Match``.

    Raises:
        BadPatternError: Go's ErrBadPattern.
    """
    chunks = [(star, *_chunk(text)) for star, text in _chunks(pattern)]
    expression = ""
    for place, (star, chunk, _) in enumerate(chunks):
        if not star:
            expression += chunk
        elif place + 1 < len(chunks):
            # Go takes the first place where a chunk fits and never comes back to it, as an atomic group does.
            expression += f"(?>[^/]*?{chunk})"
        else:
            expression += f"[^/]*?{chunk}"
    return Glob(re.compile(expression), any(crosses for _, _, crosses in chunks))


def check_pattern(pattern: str) -> None:
    """Refuse what moby's matchers refuse when they are made, by ``filepath.Match(pattern, ".")``.

    Unlike ``path.Match`` it does not look at what stands behind the part that already fails to match.

    Raises:
        BadPatternError: Go's ErrBadPattern.
    """
    name = "."
    chunks = _chunks(pattern)
    for place, (star, text) in enumerate(chunks):
        expression = re.compile(_chunk(text)[0])
        found = expression.match(name) or (expression.match(name, 1) if star else None)
        if found is None or (place + 1 == len(chunks) and found.end() < len(name)):
            return
        name = name[found.end() :]


def _chunks(pattern: str) -> list[tuple[bool, str]]:
    """The parts of a pattern without stars, and whether stars stand before each."""
    chunks = []
    while pattern:
        rest = pattern.lstrip("*")
        end = _chunk_end(rest)
        chunks.append((rest != pattern, rest[:end]))
        pattern = rest[end:]
    return chunks


def _chunk_end(pattern: str) -> int:
    """Where the next star stands that is no member of a class."""
    at, inside = 0, False
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character in "[]":
            inside = character == "["
        elif character == "*" and not inside:
            return at
        at += 1
    return len(pattern)


def _chunk(text: str) -> tuple[str, bool]:
    """The expression of a part without stars, and whether it has a slash that is no plain one."""
    parts, crosses, at = [], False, 0
    while at < len(text):
        character, start = text[at], at
        at += 1
        if character == "[":
            part, at, slash = _character_class(text, at)
            crosses = crosses or slash or "/" in text[start:at]
        elif character == "?":
            part = "[^/]"
        else:
            if character == "\\":
                character, at = _escaped(text, at)
                crosses = crosses or character == "/"
            part = re.escape(character)
        parts.append(part)
    return "".join(parts), crosses


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    if at == len(pattern):
        raise BadPatternError("a backslash stands at its end")
    return pattern[at], at + 1


def _character_class(pattern: str, at: int) -> tuple[str, int, bool]:
    """The expression of the class behind a bracket, where it ends, and whether it takes a slash."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[int, int]] = []
    while not (ranges and pattern.startswith("]", at)):
        low, at = _class_character(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_character(pattern, at + 1)
        if at == len(pattern):
            raise BadPatternError('a "[" is not closed')
        ranges.append((low, high))
    slash = any(low <= ord("/") <= high for low, high in ranges) != negated
    return class_expression(ranges, negated=negated), at + 1, slash


def _class_character(pattern: str, at: int) -> tuple[int, int]:
    if at == len(pattern):
        raise BadPatternError('a "[" is not closed')
    character = pattern[at]
    if character in "-]":
        raise BadPatternError(f'a "{character}" stands in a class unescaped')
    if ord(character) in _SURROGATES:
        raise BadPatternError("a class holds a byte that is no UTF-8")
    at += 1
    if character == "\\":
        character, at = _escaped(pattern, at)
    return ord(character), at


def class_expression(ranges: list[tuple[int, int]], *, negated: bool) -> str:
    """One character of (or, negated, outside) ranges of code points, both ends included; empty ranges do not count."""
    parts = [f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges if low <= high]
    if any(low <= REPLACEMENT <= high for low, high in ranges):
        parts.append(f"\\U{_SURROGATES[0]:08x}-\\U{_SURROGATES[-1]:08x}")
    if not parts:
        return r"[\s\S]" if negated else r"[^\s\S]"
    return f"[{'^' * negated}{''.join(parts)}]"
