"""The two matchers of moby: which paths a list of ignore patterns fits, whatever list it comes from.

moby turns a pattern into an expression of Go, character by character, and what the characters mean there is what
it does. Neighbouring patterns of one polarity are one run here: any of them settles what all of them together do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NoReturn

from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.gopath import BadPatternError
from depsfirst.dockerfile.goregexp import translate
from depsfirst.errors import DepsfirstError

_Search = Callable[[str], object]
_Fits = Callable[[str], bool]

_MARK = "\ufeff"
_ESCAPED = frozenset(".+()$")  # those of "{|}" are meant to be, but their places in moby's table overflow
_ESCAPED_BY_FILEUTILS = frozenset(".$")  # all others are operators there
_OPERATORS = frozenset("[]^\\{|}()+")  # of an expression, besides those that a pattern has too


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of an ignore file.

    Attributes:
        text: the pattern, cleaned, without the ``!``.
        negated: whether it takes back in what earlier ones left out.
        line: its line, from 1; 0 where it comes from no file.
        written: the line as it was written, without the blanks around it.
    """

    text: str
    negated: bool
    line: int
    written: str

    def refuse(self, reason: str, where: str) -> NoReturn:
        """Raise the DepsfirstError that this is no pattern, with its place in the file ``where``."""
        raise DepsfirstError(
            f'"{self.written}" is no pattern: {reason}',
            where=f"{where}:{self.line}" if self.line else where,
            hint="docker build refuses it too; put a backslash before a character that is meant as it is",
        )


class PatternMatcher:
    """``MatchesUsingParentResults`` of moby/patternmatcher.

    The parent's results are a bit for each run: whether a pattern of it fitted the parent or a directory above.
    """

    def __init__(self, patterns: Iterable[Pattern], where: str) -> None:
        self._where = where
        runs: list[_Run] = []
        for pattern in patterns:
            if not runs or runs[-1].negated != pattern.negated:
                runs.append(_Run(pattern.negated, 1 << len(runs)))
            runs[-1].add(pattern)
        self._runs = [run.asked() for run in runs]

    def step(self, path: str, state: int) -> tuple[bool, int]:
        """Whether ``path`` is left out, and the results that its children are asked with; ``state``: the parent's."""
        ignored, found = False, 0
        for negated, bit, exact, prefixes, suffixes, fits, bad in self._runs:
            if not state & bit:
                if negated != ignored:
                    continue  # moby asks only the patterns that would change the answer so far
                if not (
                    path in exact
                    or path.endswith(suffixes)
                    or path.startswith(prefixes)
                    or (fits is not None and fits(path))
                ):
                    if bad is not None:
                        bad[0].refuse(bad[1], self._where)
                    continue
            found |= bit
            ignored = not negated
        return ignored, found


class FileUtils:
    """``Matches`` of moby's fileutils: a pattern of n parts is held against the path and its ancestor of n parts.

    The state is a bit for each run: whether a pattern of it fitted the ancestor that it is held against.
    """

    def __init__(self, patterns: Iterable[Pattern], where: str) -> None:
        self._where = where
        self._bad: tuple[Pattern, str] | None = None
        self._runs: list[tuple[bool, _Expressions, dict[int, _Expressions]]] = []
        for pattern in patterns:
            if not self._runs or self._runs[-1][0] != pattern.negated:
                self._runs.append((pattern.negated, _Expressions(), {}))
            _, whole, by_parts = self._runs[-1]
            try:
                whole.add(pattern.text, _ESCAPED_BY_FILEUTILS)
            except BadPatternError as error:
                self._bad = self._bad or (pattern, str(error))
                continue
            same = by_parts.setdefault(pattern.text.count("/") + 1, _Expressions())
            same.add(pattern.text, _ESCAPED_BY_FILEUTILS)

    def step(self, path: str, state: int) -> tuple[bool, int]:
        """Whether ``path`` is left out, and the state of its children; ``state``: what its parent was given."""
        if self._bad is not None:
            self._bad[0].refuse(self._bad[1], self._where)
        ignored, found = False, state
        parts = path.count("/") + 1
        for place, (negated, whole, by_parts) in enumerate(self._runs):
            if state >> place & 1 or whole.fits(path):
                ignored = not negated
            same = by_parts.get(parts)
            if same is not None and same.fits(path):
                found |= 1 << place
        return ignored, found


class _Expressions:
    """Expressions that a path is held against, each only if the path has the literal text it cannot do without."""

    __slots__ = ("_by_head", "_by_tail", "_heads", "_others", "_tails")

    def __init__(self) -> None:
        self._tails: tuple[str, ...] = ()
        self._heads: tuple[str, ...] = ()
        self._by_tail: list[tuple[str, _Search]] = []
        self._by_head: list[tuple[str, _Search]] = []
        self._others: list[tuple[str, _Search]] = []

    def add(self, text: str, escaped: frozenset[str]) -> None:
        """Take in a pattern; raises BadPatternError where Go does not compile its expression."""
        search = _compiled(_expression(text, escaped)[1])
        head, inner, tail = _literals(text, escaped)
        if tail:
            self._tails += (tail,)
            self._by_tail.append((tail, search))
        elif head:
            self._heads += (head,)
            self._by_head.append((head, search))
        else:
            self._others.append((inner, search))

    @property
    def some(self) -> bool:
        """Whether there are any."""
        return bool(self._by_tail or self._by_head or self._others)

    def fits(self, path: str) -> bool:
        """Whether one of them matches."""
        if path.endswith(self._tails):
            for tail, search in self._by_tail:
                if path.endswith(tail) and search(path):
                    return True
        if path.startswith(self._heads):
            for head, search in self._by_head:
                if path.startswith(head) and search(path):
                    return True
        for inner, search in self._others:  # noqa: SIM110 (a generator for each path would double the time)
            if inner in path and search(path):
                return True
        return False


_Asked = tuple[bool, int, frozenset[str], tuple[str, ...], tuple[str, ...], _Fits | None, tuple[Pattern, str] | None]


@dataclass(slots=True)
class _Run:
    negated: bool
    bit: int
    exact: set[str] = field(default_factory=set)
    prefixes: list[str] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    expressions: _Expressions = field(default_factory=_Expressions)
    bad: tuple[Pattern, str] | None = None

    def add(self, pattern: Pattern) -> None:
        """Take in one more pattern; nothing behind a bad one is ever reached."""
        if self.bad is not None:
            return
        text = pattern.text
        kind, _ = _expression(text, _ESCAPED)
        if kind == "exact":
            self.exact.add(text)
        elif kind == "prefix":
            self.prefixes.append(text[:-2])
        elif kind == "suffix":
            self.suffixes.append(text[2:])
            if text.startswith("/", 2):
                self.exact.add(text[3:])
        else:
            try:
                self.expressions.add(text, _ESCAPED)
            except BadPatternError as error:
                self.bad = (pattern, str(error))

    def asked(self) -> _Asked:
        """What is held against a path."""
        exact, prefixes, suffixes = frozenset(self.exact), tuple(self.prefixes), tuple(self.suffixes)
        fits = self.expressions.fits if self.expressions.some else None
        return self.negated, self.bit, exact, prefixes, suffixes, fits, self.bad


def _compiled(expression: str) -> _Search:
    """What finds something exactly where a Go expression matches."""
    try:
        return re.compile(translate(expression), re.ASCII).search
    except (re.error, RecursionError, OverflowError) as error:
        raise BadPatternError(f"its expression cannot be compiled: {error}") from error


def _literals(text: str, escaped: frozenset[str]) -> tuple[str, str, str]:
    """Texts that every path has that a pattern fits: at its start, anywhere, at its end; empty where there is none."""
    if not (_OPERATORS - escaped).isdisjoint(text):
        return "", "", ""
    parts = re.split(r"\*\*/?|[*?]", text.removeprefix(_MARK))
    return parts[0], max(parts, key=len), parts[-1]


def _expression(text: str, escaped: frozenset[str]) -> tuple[str, str]:
    """How moby holds a pattern against a path (exact, prefix, suffix or expression), and its Go expression."""
    text = text.removeprefix(_MARK)  # Go's scanner drops it, if the pattern becomes an expression at all
    kind, parts, at = "exact", ["^"], 0
    while at < len(text):
        character, start = text[at], at
        at += 1
        if character == "*" and text.startswith("*", at):
            at += 2 if text.startswith("/", at + 1) else 1
            ends = at == len(text)
            parts.append(".*" if ends else "(.*/)?")
            kind = "prefix" if ends and kind == "exact" else "expression"
            kind = kind if start else "suffix"
        elif character in "*?[]":
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(character, character))
            kind = "expression"
        elif character == "\\" and at < len(text):
            parts.append(character + text[at])
            at += 1
            kind = "expression"
        else:
            parts.append("\\" * (character in escaped) + character)
    return kind, "".join([*parts, "$"])
