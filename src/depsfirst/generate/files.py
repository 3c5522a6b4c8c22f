"""The files that are generated for a plan, and where they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.generate.base import base_image
from depsfirst.generate.dockerfile import dockerfile, ignore_file
from depsfirst.generate.repository import ignored_by_git
from depsfirst.generate.survey import survey
from depsfirst.settings import read_settings
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from depsfirst.generate.scheme import Scheme
    from depsfirst.plan import Plan
    from depsfirst.project.model import Project


class Generated(NamedTuple):
    """What was made.

    Attributes:
        files: text by path.
        context: directory to build in.
        dockerfile: path of the Dockerfile.
        reference: name and tag of the image.
        notes: what a person should know.
        name: of the project.
        libraries: directories of the first-party projects that it needs.
        starts: whether it has a program of its own to start.
        secret: whether an index may want a password.
    """

    files: Mapping[Path, str]
    context: Path
    dockerfile: Path
    reference: str
    notes: tuple[str, ...]
    name: str
    libraries: tuple[Path, ...] = ()
    starts: bool = False
    secret: bool = False


def image_for(project: Project, given: str | None) -> str:
    """The image that the project's Dockerfile begins from: the given one, that of the settings, or an official one.

    Raises:
        DepsfirstError: there is none, or what was given is no name of an image.
    """
    return base_image(given, read_settings(project.settings, "pyproject.toml"), project)


def generate(plan: Plan) -> Generated:
    """Dockerfile and ignore file of a plan, whose base is the name of an image.

    Raises:
        DepsfirstError: the plan cannot be written as a Dockerfile.
    """
    found = survey(plan)
    place = plan.project.root / "Dockerfile"
    alone = found.context == plan.project.root
    ignore = found.context / ".dockerignore" if alone else place.with_name("Dockerfile.dockerignore")
    scheme = found.scheme
    ignored = ignored_by_git(found.context, _needed(scheme), ignore_file(scheme))
    files = {place: dockerfile(scheme), ignore: ignore_file(scheme, ignored.lines)}
    return Generated(
        files,
        found.context,
        place,
        plan.reference,
        (*found.notes, *(_contradicted(rule, count, ignore.name) for rule, count in ignored.contradicted)),
        name=scheme.own.name,
        libraries=tuple(found.context / each.directory for each in scheme.libraries),
        starts=bool(scheme.runtime.entrypoint),
        secret=scheme.secret,
    )


def _needed(scheme: Scheme) -> tuple[str, ...]:
    """Files that the Dockerfile copies by their names, and the manifests of what it builds."""
    manifests = (own.manifest for own in (scheme.own, *scheme.libraries))
    return (*scheme.export.files, *scheme.export.archives, *(path for path in manifests if path))


def _contradicted(rule: str, count: int, ignore: str) -> str:
    return f'git ignores "{rule}" and tracks {count} files that this fits, so that the rule is not in {ignore}'
