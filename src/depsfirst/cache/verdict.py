"""Whether two things are the same for a builder, as far as that is known."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(Enum):
    """What is known of two things."""

    SAME = "same"
    DIFFERENT = "different"
    MAYBE = "maybe"


SAME, DIFFERENT, MAYBE = Verdict


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a whole, from those on its parts."""
    result = SAME
    for verdict in verdicts:
        if verdict is DIFFERENT:
            return DIFFERENT
        if verdict is MAYBE:
            result = MAYBE
    return result
