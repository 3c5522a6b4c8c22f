"""The layers of the project's own code: path dependencies in one layer, the project itself in the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.oci.layer import make_layer
from depsfirst.project.discover import discover_library
from depsfirst.wheels.own import install_project
from depsfirst.wheels.parts import layer_parts
from depsfirst.wheels.project import project_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.engines.bases import Base
    from depsfirst.engines.tools import Tools
    from depsfirst.oci.image import Layer
    from depsfirst.plan import Plan
    from depsfirst.project.model import Project
    from depsfirst.wheels.parts import InstalledWheel
    from depsfirst.wheels.project import ProjectWheel


class Own(NamedTuple):
    """A first-party project: its wheel, and that wheel installed."""

    project: Project
    wheel: ProjectWheel
    installed: InstalledWheel


def own(project: Project, plan: Plan, base: Base, tools: Tools) -> Own:
    """A first-party project as an installed part.

    Raises:
        DepsfirstError: it does not build, or its wheel does not fit the target.
    """
    wheel = project_wheel(project, tools.store, index_url=plan.index_url, progress=tools.progress)
    if "py3-none-any" not in wheel.tags:
        _check_fit(wheel, project, base)
    return Own(project, wheel, install_project(wheel, base.venv, tools.store))


def libraries(directories: Sequence[str], plan: Plan, base: Base, tools: Tools) -> list[Own]:
    """The path dependencies in these directories, relative to the lock's own."""
    root = plan.project.lock.parent
    return [
        own(discover_library(root / directory, plan.project.lock), plan, base, tools)
        for directory in sorted(directories)
    ]


def library_layer(parts: Sequence[Own], tools: Tools) -> Layer:
    """The layer of all path dependencies."""
    title = ", ".join(each.wheel.name for each in parts)
    installed = layer_parts([each.installed for each in parts], tools.store, tools.progress.warn)
    return make_layer(installed, tools.store, kind="first-party", title=title)


def code_layer(part: Own, tools: Tools) -> Layer:
    """The last layer: the project itself."""
    title = f"{part.wheel.name} {part.wheel.version}"
    installed = layer_parts([part.installed], tools.store, tools.progress.warn)
    return make_layer(installed, tools.store, kind="code", title=title)


def _check_fit(wheel: ProjectWheel, project: Project, base: Base) -> None:
    from depsfirst.wheels.choose import Target, check_tags

    target = Target(base.tags(), base.title)
    check_tags(wheel.tags, target, wheel.name, str(project.manifest or project.root))
