"""Progress as plain lines on the error stream, and warnings alone for those who want to hear no more."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NEXT_LINE = 10.0


class Warnings(Silent):
    """Shows warnings only."""

    def warn(self, text: str) -> None:
        """Print a warning."""
        print(f"warning: {text}", file=sys.stderr)


class Lines(Warnings):
    """A line when a task begins, and one now and then while it lasts."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose

    def note(self, text: str) -> None:
        """Print a remark for the curious; programs that said nothing have nothing printed."""
        if self._verbose and text:
            print(text, file=sys.stderr)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Print the title, and how far it is every ten seconds."""
        print(f"{title}{f' ({amount_of(total, unit)})' if total else ''}", file=sys.stderr)
        state = [0, time.monotonic() + _NEXT_LINE]

        def advance(amount: int) -> None:
            state[0] += amount
            if time.monotonic() > state[1]:
                state[1] = time.monotonic() + _NEXT_LINE
                print(f"  {share_of(int(state[0]), total, unit)}", file=sys.stderr)

        yield advance


def amount_of(count: int, unit: str) -> str:
    """A number of units for people."""
    if unit == "bytes":
        return f"{count / 1e6:.1f} MB"
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def share_of(count: int, total: int | None, unit: str) -> str:
    """How many of how many units, for people: ``3 of 61 packages``."""
    if not total:
        return amount_of(count, unit)
    done = f"{count / 1e6:.1f}" if unit == "bytes" else str(count)
    return f"{done} of {amount_of(total, unit)}"
