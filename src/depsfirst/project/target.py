"""The environment to select for where no base image says which Python it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import Environment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depsfirst.project.model import Project

MINORS = (13, 14, *range(12, 5, -1))
"""Minor versions of Python 3: first that of the newest Debian, which images are built on, then newest first."""
_PATCHES = range(30, -1, -1)
_TAGGED = re.compile(r"(?:^|/)python:(\d+\.\d+)")
_VERSION = re.compile(r"(?:cpython[@-]|python-?)?3\.(?P<minor>\d{1,2})(?:\.(?P<patch>\d{1,2}))?")


def tagged_python(image: str) -> str | None:
    """The Python that the name of an official image tells, as ``3.12``; None for other images."""
    found = _TAGGED.search(image)
    return found[1] if found else None


def environment_of(project: Project, platform: str, python: str | None = None) -> Environment:
    """An environment that a project allows.

    Args:
        project: gives ``.python-version`` and ``requires-python``.
        platform: as ``linux/amd64``.
        python: a version the user asks for, as ``3.12`` or ``3.12.4``; ``.python-version`` by default, else the
            first of ``MINORS`` that the project allows.

    Raises:
        DepsfirstError: the version is none.
    """
    text = python or project.python_version
    if text is None:
        return Environment(_allowed(project, MINORS) or (3, MINORS[0], 0), platform)
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise DepsfirstError(
            f'"{text}" is no version of Python that can be selected for',
            where=None if python else ".python-version",
            hint="name one as --python 3.12 or 3.12.4",
        )
    minor = int(found["minor"])
    if found["patch"]:
        return Environment((3, minor, int(found["patch"])), platform)
    return Environment(_allowed(project, range(minor, minor + 1)) or (3, minor, 0), platform)


def _allowed(project: Project, minors: Iterable[int]) -> tuple[int, int, int] | None:
    """The newest version of the first minor version that the project allows."""
    from depsfirst.project.markers import admits

    for minor in minors:
        for patch in _PATCHES:
            if admits(project.requires_python, f"3.{minor}.{patch}"):
                return (3, minor, patch)
    return None
