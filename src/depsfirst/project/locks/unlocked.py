"""No lock: requirements that have to be resolved before anything can be selected from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from depsfirst.project.manifest import is_computed
from depsfirst.project.model import UnlockedError

if TYPE_CHECKING:
    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("requirements.in", "pyproject.toml", "setup.py", "setup.cfg")
COMMAND = "uv lock"

_COMPILE = "uv pip compile requirements.in --generate-hashes -o requirements.txt"
_MANAGERS = ("poetry", "pdm")


def stable_text(text: str, project: Project) -> str:
    """What is asked for, as far as it does not stand in those tables of the manifest that count anyway.

    What a build backend computes is not known by a text, and has to be counted besides.
    """
    return "" if project.lock.name == "pyproject.toml" or is_computed(project) else text


def read(lock: LockText, project: Project) -> NoReturn:
    """Refuse: nothing is locked.

    Raises:
        UnlockedError: always.
    """
    raise UnlockedError(
        "there is no lock", where=str(project.root), hint=f"run `{command_for(project.pyproject, lock.name)}`"
    )


def command_for(pyproject: object, name: str) -> str:
    """What a person runs to make the lock that is missing: the manager's command that the manifest is written for."""
    if name != "pyproject.toml":
        return _COMPILE.replace("requirements.in", name)
    tool = pyproject.get("tool") if isinstance(pyproject, dict) else None
    named = next((manager for manager in _MANAGERS if isinstance(tool, dict) and manager in tool), None)
    return f"{named} lock" if named else COMMAND
