"""The base of a Dockerfile where nobody names one: an official image of Python that the project allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.generate.scheme import PYTHONS
from depsfirst.oci.reference import parse_reference
from depsfirst.project.markers import admits

if TYPE_CHECKING:
    from depsfirst.project.model import Project
    from depsfirst.settings import Settings

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
    """The official image of a Python that the project allows.

    Raises:
        DepsfirstError: there is none.
    """
    wanted = project.python_version
    for python in PYTHONS:
        named = wanted is None or wanted == python or wanted.startswith(f"{python}.")
        if named and admits(project.requires_python, f"{python}.99"):
            return f"python:{python}-slim"
    raise DepsfirstError(
        f"no official image of Python fits (requires-python {project.requires_python or 'not set'},"
        f" .python-version {wanted or 'not set'})",
        where=str(project.manifest or project.root),
        hint=f"name a base: --base python:{PYTHONS[0]}-slim",
    )
