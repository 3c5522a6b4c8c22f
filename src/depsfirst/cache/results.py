"""What stands at a path in the result of a stage, as far as that is known without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.cache.keys import Key
    from depsfirst.dockerfile.selection import Request


class Results:
    """The files that keys stand for."""

    def __init__(self, keys: Callable[[Key, Key], Verdict]) -> None:
        self._keys = keys

    def compared(self, before: Key, asked: Request, after: Key, wanted: Request) -> Verdict:
        """Whether what two requests select of two results is the same."""
        if asked == wanted and self._keys(before, after) is Verdict.SAME:
            return Verdict.SAME
        return Verdict.MAYBE

    def culprit(self, before: Key, after: Key) -> tuple[int | None, str]:
        """The first line of a chain that differs, and what it does."""
        del before
        line = after.instruction.line if after.instruction else None
        return line, f"line {line} runs again"
