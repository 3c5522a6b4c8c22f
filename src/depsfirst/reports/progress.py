"""Progress on the error stream: bars on a terminal, plain lines elsewhere, nothing if silence is wanted."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from depsfirst.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Drawn

_NEXT_LINE = 10.0


def progress_for(verbosity: int) -> Progress:
    """The watcher for this process: -1 quiet, 0 normal, 1 verbose."""
    if verbosity < 0:
        return Warnings()
    return Bars(verbose=verbosity > 0) if sys.stderr.isatty() else Lines(verbose=verbosity > 0)


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
        """Print a remark for the curious."""
        if self._verbose:
            print(text, file=sys.stderr)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Print the title, and how far it is every ten seconds."""
        print(f"{title}{f' ({_amount(total, unit)})' if total else ''}", file=sys.stderr)
        state = [0, time.monotonic() + _NEXT_LINE]

        def advance(amount: int) -> None:
            state[0] += amount
            if time.monotonic() > state[1]:
                state[1] = time.monotonic() + _NEXT_LINE
                print(
                    f"  {_amount(int(state[0]), unit)}{f' of {_amount(total, unit)}' if total else ''}", file=sys.stderr
                )

        yield advance


class Bars(Lines):
    """Bars drawn by rich, which is imported when the first task begins; they are gone when the last one ends."""

    def __init__(self, *, verbose: bool) -> None:
        super().__init__(verbose=verbose)
        self._lock = Lock()
        self._running = 0
        self._drawn: Drawn | None = None

    def note(self, text: str) -> None:
        """Print a remark for the curious, above the bars."""
        if self._verbose:
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
            whole = f" of {_amount(total, unit)}" if total else ""
            drawn.update(task, completed=done[0], amount=f"{_amount(done[0], unit)}{whole}")

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


def _amount(count: int, unit: str) -> str:
    return f"{count / 1e6:.1f} MB" if unit == "bytes" else f"{count} {unit}"
