"""Rules of a ``.gitignore`` as patterns of a builder's ignore file. Pure.

A pattern fits what its rule fits, and perhaps more: where a builder does not read a letter as git does, it stands for
any one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPERATORS = frozenset("{}|^+()")
"""Letters to git, and operators to a builder, or to one of them."""
_SPECIAL = frozenset("*?[]\\")
_BRACKET = re.compile(r"\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]")
_PLAIN = re.compile(r"(?:[A-Za-z0-9_.](?!-)|a-z|A-Z|0-9)+")
"""What stands in brackets and means the same to all."""
_NO_START = frozenset(" #!")
"""What a line of an ignore file does not begin with as it is."""


class Source(NamedTuple):
    """A file of rules.

    Attributes:
        text: of the file.
        place: its directory, relative to the context; empty for the context itself and for one above it.
        below: names of the directories that lead from it down to the context, if it is above.
    """

    text: str
    place: str = ""
    below: tuple[str, ...] = ()


class Rule(NamedTuple):
    """What a line says of a context.

    Attributes:
        written: the line.
        patterns: that fit what it fits.
        negated: whether it takes back in.
        directory: whether it fits directories alone.
        path: the only one that it fits, if it names one.
    """

    written: str
    patterns: tuple[str, ...]
    negated: bool
    directory: bool
    path: str | None

    def fits(self, path: str) -> bool:
        """Whether it fits this path itself, were it a directory."""
        return any(fits(pattern, path) for pattern in self.patterns)


def read_rules(source: Source) -> Iterator[Rule]:
    """The rules of a file, in their order, without those that say nothing of the context."""
    for line in source.text.removeprefix("\ufeff").split("\n"):
        rule = _rule(_trimmed(line.removesuffix("\r")), source)
        if rule is not None and rule.patterns:
            yield rule


@lru_cache(maxsize=4096)
def fits(pattern: str, path: str) -> bool:
    """Whether a pattern fits a path itself, and not a directory above it."""
    ignored, _ = read_patterns(pattern).step(path, 0)
    return ignored


def quoted(path: str) -> str:
    """A path as a pattern."""
    return "".join(
        "?" if letter in _SPECIAL or letter in _OPERATORS or not letter.isprintable() else letter for letter in path
    )


def _trimmed(line: str) -> str:
    """A line without the blanks at its end, but for one behind a backslash."""
    bare = line.rstrip(" ")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2
    return bare + line[len(bare) :][:escaped]


def _rule(line: str, source: Source) -> Rule | None:
    negated = line.startswith("!")
    text = line[negated:]
    directory = text.endswith("/")
    parts = text.removesuffix("/").split("/")
    if len(parts) == 1:
        parts = ["**", *parts]
    elif not parts[0]:
        parts = parts[1:]
    if line.startswith("#") or not all(parts) or {".", ".."} & set(parts):
        return None
    start = f"{quoted(source.place)}/" if source.place else ""
    found = [_line(start + _pattern(each, directory=directory)) for each in _reaching(parts, source.below)]
    names_one = len(found) == 1 and "**" not in parts and _SPECIAL.isdisjoint(text) and "?" not in found[0]
    return Rule(line, tuple(found), negated, directory, found[0] if names_one else None)


def _reaching(parts: list[str], below: Sequence[str]) -> Iterator[list[str]]:
    """What is left of a rule from above, once it has come down to the context; nothing if it does not get there."""
    for name in below:
        if parts[0] == "**":
            break
        if len(parts) == 1 or not fits(_segment(parts[0]), name):
            return
        parts = parts[1:]
    yield parts


def _pattern(parts: Sequence[str], *, directory: bool) -> str:
    """Parts of a path as a pattern; for every directory it is what they hold, since it would fit every file, too."""
    every = directory and parts[-1] != "**" and not parts[-1].strip("*")
    return "/".join([*map(_segment, parts), *(["**"] if every else [])])


def _line(pattern: str) -> str:
    """A pattern as a line of an ignore file, where blanks at the ends, a comment's mark and a negation's are others."""
    start = "?" if pattern[0] in _NO_START else pattern[0]
    return f"{start}{pattern[1:-1]}{pattern[-1:].replace(' ', '?')}" if len(pattern) > 1 else start


def _segment(part: str) -> str:
    if part == "**":
        return part
    found, at = "", 0
    while at < len(part):
        bracket = _BRACKET.match(part, at)
        if bracket:
            known = _PLAIN.fullmatch(bracket[2])
            found += f"[{bracket[1] and '^'}{bracket[2]}]" if known else "?"
            at = bracket.end()
            continue
        if part[at] == "\\" and at + 1 < len(part):
            at += 1
            found += quoted(part[at])
        elif part[at] in "*?":
            found += "" if part[at] == "*" and found.endswith("*") else part[at]
        else:
            found += quoted(part[at])
        at += 1
    return found
