"""No lock: requirements that have to be resolved before anything can be selected from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from depsfirst.project.model import UnlockedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("requirements.in", "pyproject.toml", "setup.py", "setup.cfg")
COMMAND = "uv lock"

_COMPILE = "uv pip compile requirements.in --generate-hashes -o requirements.txt"
_MANAGERS = ("poetry", "pdm")
_COMPUTED = frozenset({"dependencies", "optional-dependencies"})
_SETUP = frozenset({"setup.py", "setup.cfg"})


def is_computed(project: Project) -> bool:
    """Whether nobody but the project's build backend can say what it depends on: only its wheel states it."""
    return project.lock.name in _SETUP or (project.lock.name == "pyproject.toml" and computes(project.pyproject))


def computes(pyproject: Mapping[str, Any]) -> bool:
    """Whether a manifest leaves its dependencies, or those of extras, to the build backend."""
    table = pyproject.get("project")
    dynamic = table.get("dynamic") if isinstance(table, dict) else None
    return isinstance(dynamic, list) and any(each in _COMPUTED for each in dynamic if isinstance(each, str))


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
