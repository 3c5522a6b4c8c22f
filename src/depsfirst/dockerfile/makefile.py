"""Which commands a target of a Makefile runs, for the plain Makefiles that are about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_DEEPEST = 100
_DEEPEST_VALUE = 40
_LONGEST_VALUE = 10_000
_RULE = re.compile(r"([^\t#:=][^#:=]*?)\s*::?(?!=)\s*([^;#=]*?)\s*(?:;\s*(.*))?(?:#.*)?\Z")
_VARIABLE = re.compile(r"(?:export\s+|override\s+)*([A-Za-z_][\w.-]*)\s*(::?:?=|\?=|\+=|=)\s*(.*?)\s*(?:\s#.*)?\Z")
_INCLUDE = re.compile(r"-?s?include\s+(.+)")

UNKNOWN = "${_unknown_to_make}"
"""What stands for something that only make can tell: a variable of the shell that nobody sets."""


class _Rule(NamedTuple):
    prerequisites: tuple[str, ...]
    recipe: tuple[str, ...]


class Makefile(NamedTuple):
    """A Makefile: its rules and variables, and whether all of what it includes could be read."""

    rules: Mapping[str, _Rule]
    variables: Mapping[str, str]
    first: str | None
    whole: bool

    def lines(self, targets: tuple[str, ...], given: Mapping[str, str | None]) -> list[str] | None:
        """What the shell gets, one text for each line of the recipes; None if there is no such target.

        Args:
            targets: those that are asked for; the first one of the file if none is.
            given: variables of the environment and of the command line.
        """
        wanted = targets or ((self.first,) if self.first else ())
        if not wanted or any(target not in self.rules for target in wanted):
            return None
        found: list[str] = []
        done: set[str] = set()
        for target in wanted:
            found += self._lines(target, given, done, 0)
        return found

    def _lines(self, target: str, given: Mapping[str, str | None], done: set[str], depth: int) -> Iterator[str]:
        rule = self.rules.get(target)
        if target in done or rule is None or depth > _DEEPEST:
            return
        done.add(target)
        for prerequisite in rule.prerequisites:
            yield from self._lines(prerequisite, given, done, depth + 1)
        for line in rule.recipe:
            text = self._expanded(line, {**given, "@": target, "MAKE": "make"}, 0).strip()
            yield text.lstrip("@-+ \t")

    def _expanded(self, text: str, values: dict[str, str | None], depth: int) -> str:
        """A line with make's variables expanded; what only make can tell becomes unknown to the shell as well."""
        parts: list[str] = []
        position = 0
        while (dollar := text.find("$", position)) >= 0:
            parts.append(text[position:dollar])
            name, position = _reference(text, dollar + 1)
            parts.append("$" if name == "$" else self._value(name, values, depth))
        return "".join((*parts, text[position:]))

    def _value(self, name: str, values: dict[str, str | None], depth: int) -> str:
        """The value of a variable, noted in ``values`` so that each is expanded once; itself it cannot contain."""
        if name not in values and name in self.variables and depth < _DEEPEST_VALUE:
            values[name] = None
            value = self._expanded(self.variables[name], values, depth + 1)
            values[name] = value if len(value) <= _LONGEST_VALUE else None
        known = values.get(name)
        return UNKNOWN if known is None else known


def _reference(text: str, start: int) -> tuple[str, int]:
    """What stands behind a dollar, in brackets or as one character, and where it ends."""
    opening = text[start : start + 1]
    closing = {"(": ")", "{": "}"}.get(opening)
    if closing is None:
        return opening, start + 1
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == opening) - (text[position] == closing)
        if depth == 0:
            return text[start + 1 : position], position + 1
    return "", len(text)


def read_makefile(text: str, include: Callable[[str], str | None]) -> Makefile:
    """The rules of a Makefile.

    Args:
        text: the file.
        include: gives the text of another file by its name; None if it cannot.
    """
    rules: dict[str, _Rule] = {}
    variables: dict[str, str] = {}
    state = _State(rules, variables, include)
    state.read(text, 0)
    return Makefile(rules, variables, state.first, state.whole)


class _State:
    """What was read so far."""

    def __init__(
        self, rules: dict[str, _Rule], variables: dict[str, str], include: Callable[[str], str | None]
    ) -> None:
        self._rules = rules
        self._variables = variables
        self._include = include
        self._targets: tuple[str, ...] = ()
        self._included: set[str] = set()
        self.first: str | None = None
        self.whole = True

    def read(self, text: str, depth: int) -> None:
        """Read a file, or one that it includes."""
        for line in _logical_lines(text):
            if line.startswith("\t"):
                self._add(self._targets, (), (line[1:],))
            elif included := _INCLUDE.match(line):
                self._read_included(included[1], depth)
            elif assigned := _VARIABLE.match(line):
                self._assign(*assigned.groups())
            elif rule := _RULE.match(line):
                self._begin(rule[1].split(), rule[2].split(), rule[3])

    def _read_included(self, names: str, depth: int) -> None:
        for name in names.split():
            if name in self._included:
                continue
            self._included.add(name)
            text = self._include(name) if depth < _DEEPEST else None
            self.whole = self.whole and text is not None
            if text is not None:
                self.read(text, depth + 1)

    def _assign(self, name: str, operator: str, value: str) -> None:
        if operator == "+=":
            value = f"{self._variables.get(name, '')} {value}".strip()
        if operator != "?=" or name not in self._variables:
            self._variables[name] = value

    def _begin(self, targets: list[str], prerequisites: list[str], recipe: str | None) -> None:
        self._targets = tuple(targets)
        if self.first is None:
            self.first = next((each for each in targets if not each.startswith(".") and "%" not in each), None)
        wanted = tuple(each for each in prerequisites if each != "|")
        self._add(self._targets, wanted, (recipe,) if recipe else ())

    def _add(self, targets: tuple[str, ...], prerequisites: tuple[str, ...], recipe: tuple[str, ...]) -> None:
        for target in targets:
            known = self._rules.get(target, _Rule((), ()))
            self._rules[target] = _Rule((*known.prerequisites, *prerequisites), (*known.recipe, *recipe))


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with those that they continue on; in a recipe the shell does that."""
    pending = ""
    for line in text.splitlines():
        pending = f"{pending}{line}"
        if line.endswith("\\"):
            pending = f"{pending}\n" if pending.startswith("\t") else f"{pending[:-1]} "
            continue
        if pending.strip() and not pending.startswith("#"):
            yield pending
        pending = ""
    if pending.strip():
        yield pending
