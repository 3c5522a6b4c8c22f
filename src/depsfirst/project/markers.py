"""Evaluates markers (PEP 508) for a target, and tells whether two of them mean the same.

``extra == "x"`` is read as every lock format means it, as membership: x is one of the extras wanted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice, product
from typing import TYPE_CHECKING

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

NEVER = "<empty>"
"""How Poetry writes a marker that never holds."""

_EXTRA = re.compile(
    r"""\bextra \s* (?P<op>==|!=) \s* (?P<quote>['"]) (?P<name>[^'"]*) (?P=quote)
      | (?P<quote2>['"]) (?P<name2>[^'"]*) (?P=quote2) \s* (?P<op2>==|!=) \s* extra\b""",
    re.VERBOSE,
)
_OPERATOR = r"===|==|!=|<=|>=|~=|<|>|not\s+in\b|in\b"
_COMPARISON = re.compile(
    rf"""(?P<name>\w+) \s* (?:{_OPERATOR}) \s* (?P<quote>['"]) (?P<value>[^'"]*) (?P=quote)
      | (?P<quote2>['"]) (?P<value2>[^'"]*) (?P=quote2) \s* (?:{_OPERATOR}) \s* (?P<name2>\w+)""",
    re.VERBOSE,
)
_PYTHONS = frozenset({"python_version", "python_full_version", "implementation_version"})
_OTHER = "other"
_MOST_SAMPLES = 4096
_LAST_PATCH = 99


@lru_cache(maxsize=8192)
def parse(text: str) -> Marker:
    """The marker of a text.

    Raises:
        ValueError: the text is no marker.
    """
    try:
        return Marker(_EXTRA.sub(_membership, text))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def all_of(*markers: str | None) -> str | None:
    """The marker that holds where all of them do; None is always."""
    if NEVER in markers:
        return NEVER
    parts = [marker for marker in markers if marker]
    return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts) or None


def _membership(found: re.Match[str]) -> str:
    operator = found["op"] or found["op2"]
    name = found["name"] if found["op"] else found["name2"]
    return f'"{name}" {"in" if operator == "==" else "not in"} extras'


def check(text: str) -> None:
    """Raise ValueError, with a sentence on what is wrong, for a text that cannot be evaluated anywhere."""
    if text != NEVER:
        try:
            Evaluator(_sample("3.12.0", {})).holds(text)
        except DepsfirstError as error:
            raise ValueError(error.message) from None


class Evaluator:
    """Evaluates markers for one environment; each text once for each set of extras.

    Args:
        variables: the variables of PEP 508 but ``extra``.
        groups: the dependency groups chosen.
    """

    def __init__(self, variables: Mapping[str, str], groups: frozenset[str] = frozenset()) -> None:
        self._variables = variables
        self._groups = groups
        self._known: dict[tuple[str, frozenset[str]], bool] = {}

    def holds(self, marker: str | None, extras: frozenset[str] = frozenset()) -> bool:
        """Whether the marker holds when these extras are wanted; None always does.

        Raises:
            DepsfirstError: the text is no marker, or compares what cannot be compared.
        """
        if marker is None:
            return True
        key = (marker, extras)
        if key not in self._known:
            self._known[key] = self._evaluate(marker, extras)
        return self._known[key]

    def _evaluate(self, marker: str, extras: frozenset[str]) -> bool:
        if marker == NEVER:
            return False
        environment: dict[str, str | AbstractSet[str]] = dict(self._variables)
        environment |= {"extras": extras, "dependency_groups": self._groups}
        try:
            return parse(marker).evaluate(environment, context="lock_file")
        except (ValueError, UndefinedComparison, UndefinedEnvironmentName, RecursionError) as error:
            raise DepsfirstError(f'the marker "{marker}" cannot be evaluated: {_first_line(error)}') from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def admits(specifier: str | None, version: str) -> bool:
    """Whether a version specifier (PEP 440) allows a version, pre-releases included; None allows any.

    Raises:
        DepsfirstError: the specifier or the version is none.
    """
    if specifier is None:
        return True
    try:
        return _specifiers(specifier).contains(Version(version), prereleases=True)
    except ValueError as error:
        raise DepsfirstError(_first_line(error)) from None


@lru_cache(maxsize=4096)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def samples(markers: Iterable[str | None], requires_python: str | None) -> Iterator[tuple[Evaluator, frozenset[str]]]:
    """Environments and wanted extras in which the markers can differ.

    Each variable takes every value it is compared with and one more; Python takes the versions at, below and
    above each one it is compared with, as far as ``requires_python`` allows them. Markers that agree on all
    of them mean the same. At most a few thousand are given.
    """
    values: dict[str, set[str]] = {}
    for marker in markers:
        for name, value in _comparisons(marker or ""):
            values.setdefault(name, set()).add(value)
    compared = {each for name in _PYTHONS for each in values.pop(name, ())}
    pythons = python_samples(compared, requires_python)
    pythons = pythons if compared else pythons[:1]
    wanted = [frozenset[str](), *(frozenset({name}) for name in sorted(values.pop("extra", ())))]
    names = sorted(values)
    choices = [[*sorted(values[name]), _OTHER] for name in names]
    for python, extras, *rest in islice(product(pythons, wanted, *choices), _MOST_SAMPLES):
        yield (
            Evaluator(_sample(str(python), dict(zip(names, map(str, rest), strict=True)))),
            frozenset(extras),
        )


def _comparisons(marker: str) -> Iterator[tuple[str, str]]:
    for found in _COMPARISON.finditer(marker):
        if found["name"]:
            yield found["name"], found["value"]
        else:
            yield found["name2"], found["value2"]


def _sample(python: str, values: Mapping[str, str]) -> dict[str, str]:
    variables = dict.fromkeys(
        (
            "implementation_name",
            "os_name",
            "platform_machine",
            "platform_python_implementation",
            "platform_release",
            "platform_system",
            "platform_version",
            "sys_platform",
        ),
        _OTHER,
    )
    return {
        **variables,
        **values,
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "implementation_version": python,
    }


def python_samples(compared: Iterable[str], requires_python: str | None) -> list[str]:
    """The versions of Python at, below and above each one in the texts, as far as they are allowed."""
    found = {(3, 12, 0)}
    for text in (*compared, requires_python or ""):
        for version in re.findall(r"\d+(?:\.\d+)*", text):
            found |= _neighbours(version)
    versions = [".".join(str(number) for number in version) for version in sorted(found)]
    return [version for version in versions if admits(requires_python, version)] or ["3.12.0"]


def _neighbours(text: str) -> set[tuple[int, int, int]]:
    numbers = [int(number[:6]) for number in text.split(".")][:3]
    major, minor, patch = (*numbers, 0, 0)[:3]
    around = {
        (major, minor, patch),
        (major, minor, patch + 1),
        (major, minor + 1, 0),
        (major, minor, _LAST_PATCH),
    }
    if minor:
        around.add((major, minor - 1, _LAST_PATCH))
    if patch:
        around.add((major, minor, patch - 1))
    return around
