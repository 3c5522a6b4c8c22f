"""Words of the command line that several verbs share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from argparse import Namespace, _ActionsContainer
    from pathlib import Path


def pairs(given: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options; a name alone has its value from the environment, as for Docker.

    Raises:
        DepsfirstError: a name is missing, or has no value.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not (equals or name in os.environ):
            raise DepsfirstError(f'"{text}" is no {option}', hint=f"write {option} NAME=VALUE")
        found[name] = value if equals else os.environ[name]
    return found


def words(given: list[str]) -> tuple[str, ...]:
    """The words of an option that can stand several times and take several words, with commas between."""
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())


def add_system(group: _ActionsContainer) -> None:
    """Give a verb the option ``--system-package``."""
    text = "add this Debian package, as a program or a library that the code needs"
    group.add_argument("--system-package", action="append", default=[], metavar="NAME", help=text)


def add_package(group: _ActionsContainer) -> None:
    """Give a verb the option that names a member of a workspace."""
    text = "the member of this name of the workspace, monorepo or repository that DIR is, or is in"
    group.add_argument("--package", metavar="NAME", help=text)


def project_directory(options: Namespace) -> Path:
    """The directory of the project that a person means.

    Raises:
        DepsfirstError: there is no project of the name that was given, or more than one.
    """
    from pathlib import Path

    from depsfirst.project.workspace import find_member

    return find_member(Path(options.directory), options.package)
