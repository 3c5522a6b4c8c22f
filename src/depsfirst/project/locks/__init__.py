"""Lock formats: one file each, of one shape, and the table of them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol

from depsfirst.project.locks import poetry, requirements, uv

if TYPE_CHECKING:
    from depsfirst.project.model import Lock, LockText, Project


class Format(Protocol):
    """A module that knows one lock format.

    Attributes:
        NAMES: file names by which such a lock is found.
        COMMAND: what a person runs to make or renew it.
    """

    NAMES: tuple[str, ...]
    COMMAND: str

    def read(self, lock: LockText, project: Project) -> Lock:
        """The lock, if it fits the manifest; else a DepsfirstError."""

    def stable_text(self, text: str, project: Project) -> str:
        """The text without what a new version of the project changes; cheap, without parsing."""


MANAGERS: tuple[Format, ...] = (poetry, uv)
"""Formats whose files serve no other purpose than to be a lock."""

FORMATS: tuple[Format, ...] = (*MANAGERS, requirements)

OTHERS = {
    "pdm.lock": "export it with `pdm export -o requirements.txt`",
    "Pipfile.lock": "export it with `pipenv requirements --hash > requirements.txt`",
    "pylock.toml": "lock with uv, Poetry or pip-compile",
}
"""Locks that are known and not read, with the way out."""


def format_of(name: str) -> Format | None:
    """The format of a lock, by its file name; any other ``.txt`` is a requirements file."""
    for each in FORMATS:
        if name in each.NAMES:
            return each
    return requirements if PurePath(name).suffix == ".txt" else None
