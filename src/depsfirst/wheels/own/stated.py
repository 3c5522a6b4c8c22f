"""What the wheel of a project says that it requires, where nobody but its build backend can tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import normalize
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

    from depsfirst.project.model import Environment
    from depsfirst.wheels.own.wheel import WheelEntry

_METADATA = ".dist-info/METADATA"


class Stated(NamedTuple):
    """What a wheel says.

    Attributes:
        name: of the distribution, normalized.
        requires: its requirements as they are written, sorted.
        extras: those that it provides, normalized.
        requires_python: the versions of Python it is for.
        where: the manifest that its backend made them of, for messages.
    """

    name: str
    requires: tuple[str, ...] = ()
    extras: frozenset[str] = frozenset()
    requires_python: str | None = None
    where: str = ""


def stated(name: str, entries: Iterable[WheelEntry], where: str) -> Stated:
    """What a wheel with these entries requires."""
    from packaging.metadata import parse_email

    content = next((entry.content for entry in entries if entry.path.endswith(_METADATA)), b"")
    raw, _ = parse_email(content.read_bytes() if isinstance(content, Path) else content)
    extras = frozenset(normalize(each) for each in raw.get("provides_extra", ()))
    requires = tuple(sorted({*raw.get("requires_dist", ())}))
    return Stated(normalize(name), requires, extras, raw.get("requires_python"), where)


def wanted(says: Stated, environment: Environment, extras: frozenset[str]) -> tuple[str, ...]:
    """What has to be had for some extras in an environment: requirements without markers, sorted.

    Raises:
        DepsfirstError: there is no such extra, the environment's Python is none that fits, or a requirement is none.
    """
    _check(says, environment, extras)
    chosen, found = extras, set[str]()
    while True:
        for requirement in _holding(says, environment, chosen):
            if normalize(requirement.name) == says.name:
                chosen |= {normalize(each) for each in requirement.extras}
            else:
                requirement.marker = None
                found.add(str(requirement))
        if chosen == extras:
            return tuple(sorted(found))
        extras = chosen


def _check(says: Stated, environment: Environment, extras: frozenset[str]) -> None:
    from depsfirst.project.markers import admits

    if not admits(says.requires_python, environment.version):
        raise DepsfirstError(
            f'the project is for Python "{says.requires_python}", not for {environment.version}',
            where=says.where,
            hint="choose a base with such a Python",
        )
    if unknown := sorted(extras - says.extras):
        there = ", ".join(sorted(says.extras))
        raise DepsfirstError(
            f'there is no extra "{unknown[0]}"',
            where=says.where,
            hint=f"the extras there are: {there}" if there else "the project has no extras",
        )


def _holding(says: Stated, environment: Environment, extras: frozenset[str]) -> Iterator[Requirement]:
    from depsfirst.project.markers import Evaluator
    from depsfirst.project.requirement import parse_requirement

    evaluator = Evaluator(environment.markers())
    for text in says.requires:
        requirement = parse_requirement(text, says.where)
        if evaluator.holds(str(requirement.marker) if requirement.marker else None, extras):
            yield requirement
