"""Progress bars on a terminal, drawn by rich."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from depsfirst.reports.lines import Lines, share_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Drawn


class Bars(Lines):
    """Bars drawn by rich, which is imported when the first task begins; they are gone when the last one ends."""

    def __init__(self, *, verbose: bool) -> None:
        super().__init__(verbose=verbose)
        self._lock = Lock()
        self._running = 0
        self._drawn: Drawn | None = None

    def note(self, text: str) -> None:
        """Print a remark for the curious, above the bars."""
        if self._verbose and text:
            self._above(text)

    def warn(self, text: str) -> None:
        """Print a warning, above the bars."""
        self._above(f"warning: {text}")

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Draw a bar until the task ends."""
        drawn = self._begin()
        task = drawn.add_task(title, total=total, amount="")
        done = [0]

        def advance(amount: int) -> None:
            done[0] += amount
            drawn.update(task, completed=done[0], amount=share_of(done[0], total, unit))

        try:
            yield advance
        finally:
            drawn.remove_task(task)
            self._end()

    def _begin(self) -> Drawn:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Drawing

        with self._lock:
            self._running += 1
            if self._drawn is None:
                columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"))
                self._drawn = Drawing(*columns, console=Console(stderr=True), transient=True)
                self._drawn.start()
            return self._drawn

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            if not self._running and self._drawn is not None:
                self._drawn.stop()
                self._drawn = None

    def _above(self, text: str) -> None:
        if self._drawn is None:
            print(text, file=sys.stderr)
        else:
            self._drawn.console.print(text, highlight=False, markup=False)
