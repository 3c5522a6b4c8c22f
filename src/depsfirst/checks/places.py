"""What tells the steps of a Dockerfile apart, and where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depsfirst.cache.model import Step
    from depsfirst.dockerfile.source import Span


def place_of(step: Step) -> tuple[int, str]:
    """Tells steps apart, and is the same for a step of another walk; a trigger's line is that of its ONBUILD."""
    return step.line, f"{step.stage.index} {step.instruction.name}"


def span_of(step: Step) -> Span:
    """Where a step's instruction stands."""
    return step.instruction.syntax.span
