"""The base of a Dockerfile where nobody names one: an official image of Python that the project allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.generate.locked import lock_of
from depsfirst.generate.scheme import PYTHONS
from depsfirst.oci.reference import parse_reference
from depsfirst.project.markers import admits
from depsfirst.project.target import tagged_python

if TYPE_CHECKING:
    from depsfirst.project.model import Lock, Project
    from depsfirst.settings import Settings

_ANY = 99
_OTHER = ("deb:", "oci:", "docker-archive:", "docker-daemon:")
"""How bases begin that are no images of a registry."""


def base_image(given: str | None, settings: Settings, project: Project) -> str:
    """The name of the image that a Dockerfile begins from.

    Raises:
        DepsfirstError: what was asked for is no such name, or no Python fits.
    """
    if given is None and settings.base and not settings.base.startswith(_OTHER):
        given = settings.base
    if given is None:
        return default_image(project)
    if given.startswith(_OTHER):
        raise DepsfirstError(
            f'"{given}" is no image of a registry, and a Dockerfile begins from one',
            hint=f"name an image, as --base python:{PYTHONS[0]}-slim",
        )
    parse_reference(given)
    return given


def default_image(project: Project) -> str:
    """The official image of a Python that the project and its lock allow.

    Raises:
        DepsfirstError: there is none, or the lock is broken.
    """
    lock, _ = lock_of(project)
    python = _allowed(project, lock)
    if python is not None:
        return f"python:{python}-slim"
    raise DepsfirstError(
        f"no official image of Python fits (requires-python {project.requires_python or 'not set'},"
        f" .python-version {project.python_version or 'not set'})",
        where=str(project.manifest or project.root),
        hint=f"name a base: --base python:{PYTHONS[0]}-slim",
    )


def python_of(image: str, project: Project, lock: Lock | None) -> tuple[int, int, int]:
    """The version of Python in an image, as far as its name tells, else one that the project and its lock allow.

    The last number is that of no release: a Dockerfile is for all of them.
    """
    major, minor = (tagged_python(image) or _allowed(project, lock) or PYTHONS[0]).split(".")
    return int(major), int(minor), _ANY


def _allowed(project: Project, lock: Lock | None) -> str | None:
    wanted, limits = project.python_version, {project.requires_python, lock.requires_python if lock else None}
    for python in PYTHONS:
        named = wanted is None or wanted == python or wanted.startswith(f"{python}.")
        if named and all(admits(limit, f"{python}.{_ANY}") for limit in limits):
            return python
    return None
