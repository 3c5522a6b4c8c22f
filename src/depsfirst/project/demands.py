"""What a manifest requires, for locks that do not say from which manifest they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.project.model import Demand, normalize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.project.model import LockedPackage, Project


def demands(packages: Sequence[LockedPackage], project: Project) -> Iterator[Demand]:
    """Each requirement of ``[project]``, with the packages that meet it.

    Raises:
        DepsfirstError: one is no requirement.
    """
    from depsfirst.project.markers import admits
    from depsfirst.project.requirement import parse_requirement
    from depsfirst.project.toml import Table

    table = Table(project.pyproject, "pyproject.toml").table("project")
    for place, text in enumerate(table.texts("dependencies")):
        where = table.place(f"dependencies[{place}]")
        requirement = parse_requirement(text, where)
        name, specifier = normalize(requirement.name), str(requirement.specifier)
        if name == normalize(project.name):
            continue
        fitting = tuple(
            index
            for index, package in enumerate(packages)
            if package.name == name and (package.version is None or admits(specifier, package.version))
        )
        yield Demand(text, where, fitting, str(requirement.marker) if requirement.marker else None)
