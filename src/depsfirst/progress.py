"""How a long step tells its watcher how far it is; the watcher decides what is shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Progress(Protocol):
    """A watcher. Its methods may be called from several threads at once."""

    def task(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a task of ``total`` units (``bytes`` or a plural noun); what is yielded advances it."""

    def note(self, text: str) -> None:
        """Say something that only a curious person wants to know."""

    def warn(self, text: str) -> None:
        """Say something that everybody should know."""


class Silent:
    """A watcher who shows nothing."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Count nothing."""
        del title, total, unit
        yield lambda _: None

    def note(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""
