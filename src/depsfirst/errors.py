"""The error every room raises, and the exit codes of every verb."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    CLEAN = 0
    FINDINGS = 1
    FAILURE = 2
    NOTHING = 3


class DepsfirstError(Exception):
    """A failure a person can act on.

    Args:
        message: what happened: a sentence, objects in quotes, no full stop.
        where: the file, line or key it happened at, as ``poetry.lock: package[3].files[0]``.
        hint: what to do about it: a sentence.
    """

    exit_code = ExitCode.FAILURE

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message
