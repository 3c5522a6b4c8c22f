"""Which steps of a build run again after a change, and why: cached, reruns, or not known."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from depsfirst.cache.build import Build, ImageFacts
from depsfirst.cache.causes import Cause, CauseKind, Twins, causes_of
from depsfirst.cache.compare import Comparison
from depsfirst.cache.keys import Key, Step
from depsfirst.cache.stagewalk import StageWalk
from depsfirst.cache.verdict import Verdict
from depsfirst.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Build",
    "Cause",
    "CauseKind",
    "ImageFacts",
    "Key",
    "Outcome",
    "Status",
    "Step",
    "Verdict",
    "compare",
    "steps",
]


class Status(Enum):
    """What becomes of a step."""

    CACHED = "cached"
    RERUNS = "reruns"
    UNKNOWN = "unknown"


_STATUS = {Verdict.SAME: Status.CACHED, Verdict.DIFFERENT: Status.RERUNS, Verdict.MAYBE: Status.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a step, and why; there are no causes exactly if it is cached."""

    step: Step
    status: Status
    causes: tuple[Cause, ...] = ()


def steps(build: Build) -> tuple[Step, ...]:
    """The steps that a build needs, in file order: RUN, COPY, ADD, and WORKDIR other than ``/``.

    Raises:
        DepsfirstError: BuildKit refuses the build; says where.
    """
    return StageWalk(build).run()


def compare(before: Build, after: Build, made: Sequence[Step] = ()) -> tuple[Outcome, ...]:
    """What becomes of each step of a build on a builder that has made another one before, and nothing since.

    Args:
        before: what was made.
        after: what is to be made.
        made: the steps of ``before``, if somebody has them.

    Raises:
        DepsfirstError: BuildKit refuses one of the builds, or a context cannot be read.
    """
    made, wanted = made or steps(before), steps(after)
    comparison = Comparison(before, after)
    known: dict[object, list[Key]] = {}
    for step in made:
        known.setdefault(step.key.definition, []).append(step.key)
    twins = Twins(made, wanted)
    outcomes: list[Outcome] = []
    lines: dict[Key, int] = {}
    for step in wanted:
        verdict, closest = _best(comparison, known.get(step.key.definition, ()), step.key)
        causes: tuple[Cause, ...] = ()
        if verdict is not Verdict.SAME:
            causes = causes_of(comparison, step, twins.of(step, closest), lines)
            lines[step.key] = step.line
        outcomes.append(Outcome(step, _STATUS[verdict], causes))
    return tuple(outcomes)


def _best(comparison: Comparison, made: Iterable[Key], wanted: Key) -> tuple[Verdict, Key | None]:
    """The best verdict that any of the keys gives, and that key."""
    best: tuple[Verdict, Key | None] = (Verdict.DIFFERENT, None)
    for key in made:
        verdict = comparison.keys(key, wanted)
        if verdict is Verdict.SAME:
            return verdict, key
        if verdict is Verdict.MAYBE and best[0] is Verdict.DIFFERENT:
            best = (verdict, key)
    return best
