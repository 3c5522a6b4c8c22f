"""Lock formats: one file each, of one shape, imported when such a lock is there; and the table of them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

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


MANAGERS: Mapping[str, str] = {
    "poetry.lock": "poetry",
    "uv.lock": "uv",
    "pdm.lock": "pdm",
    "Pipfile.lock": "pipenv",
    "pixi.lock": "pixi",
}
"""Files that a manager keeps for itself, and the module that reads each."""

EXPORTS: Mapping[str, str] = {
    "pylock.toml": "pylock",
    "requirements.txt": "requirements",
}
"""Files that people also write beside a manager's own, so that they count only where there is none; best first."""

UNLOCKED: Mapping[str, str] = {
    "requirements.in": "unlocked",
    "pyproject.toml": "unlocked",
    "setup.py": "unlocked",
    "setup.cfg": "unlocked",
    "environment.yml": "conda",
    "environment.yaml": "conda",
}
"""Files that stand in for a lock where there is none; best first."""

_NAMED_PYLOCK = re.compile(r"pylock\.[^.]+\.toml")


def format_of(name: str) -> Format | None:
    """The format of a lock, by its file name; any other ``.txt`` is a requirements file."""
    module = MANAGERS.get(name) or EXPORTS.get(name) or UNLOCKED.get(name)
    if module is None and _NAMED_PYLOCK.fullmatch(name):
        module = "pylock"
    if module is None and PurePath(name).suffix == ".txt":
        module = "requirements"
    return cast("Format", import_module(f"{__name__}.{module}")) if module else None
