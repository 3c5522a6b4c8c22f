"""What tells the steps of a Dockerfile apart, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span


def place_of(step: Step) -> tuple[int, str]:
    """Tells steps apart, and is the same for a step of another walk; a trigger's line is that of its ONBUILD."""
    return step.line, f"{step.stage.index} {step.instruction.name}"


def span_of(step: Step) -> Span:
    """Where a step's instruction stands."""
    return step.instruction.syntax.span


def below(subject: Subject, step: Step) -> list[Step]:
    """The steps that a step stands on, the nearest first, those of stages that its own starts from included.

    Each target has keys of its own for one instruction, so they are told apart by where they stand.
    """
    by_place = subject.once("steps by place", lambda: _by_place(subject))
    chain = [key.instruction for key in step.key.chain() if key is not step.key and key.instruction]
    places = [(instruction.line, instruction.name) for instruction in chain]
    return [by_place[place] for place in places if place in by_place]


def _by_place(subject: Subject) -> dict[tuple[int, str], Step]:
    return {(each.line, each.instruction.name): each for each in reversed(subject.steps)}
