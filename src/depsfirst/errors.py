"""The error every room raises, and the exit codes of every verb."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    CLEAN = 0
    FINDINGS = 1
    FAILURE = 2
    NOTHING = 3


def _without_passwords(text: str) -> str:
    """A text without the name and password of any URL in it; ``${NAME}`` stays."""
    if "@" not in text or "://" not in text:
        return text
    import re  # many a build ends without an error

    return re.sub(r"(https?://)(?!\$\{)[^/\s@\"']+@", r"\1", text)


class DepsfirstError(Exception):
    """A failure a person can act on. A password that stands in a URL is not shown.

    Args:
        message: what happened: a sentence, objects in quotes, no full stop.
        where: the file, line or key it happened at, as ``poetry.lock: package[3].files[0]``.
        hint: what to do about it: a sentence.
    """

    exit_code = ExitCode.FAILURE

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        message = _without_passwords(message)
        super().__init__(message)
        self.message = message
        self.where = None if where is None else _without_passwords(where)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message
