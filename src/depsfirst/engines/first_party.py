"""The layers of the project's own code: path dependencies in one layer, the project itself in the last."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from depsfirst.engines.manifests import remembering
from depsfirst.oci.layer import make_layer
from depsfirst.project.discover import discover_library
from depsfirst.values import NamedTuple
from depsfirst.wheels import earlier
from depsfirst.wheels.own import install_project
from depsfirst.wheels.parts import layer_parts
from depsfirst.wheels.project import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

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


@contextmanager
def wheel_ahead(plan: Plan, tools: Tools) -> Iterator[Callable[[], ProjectWheel]]:
    """The project's wheel: built beside what the block does if no earlier build is remembered, else when asked for."""
    build = partial(project_wheel, plan.project, tools.store, index_url=plan.index_url, progress=tools.progress)
    if earlier.is_known(tools.store, plan.project.root):
        yield build
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(build).result


def own(project: Project, wheel: ProjectWheel, base: Base, tools: Tools) -> Own:
    """A first-party project as an installed part.

    Raises:
        DepsfirstError: its wheel does not fit the target.
    """
    tools.progress.note(f'the wheel of "{project.name}" was {wheel.how}: {wheel.reason}')
    if "py3-none-any" not in wheel.tags:
        _check_fit(wheel, project, base)
    return Own(project, wheel, install_project(wheel, base.venv, tools.store))


def libraries(directories: Sequence[str], plan: Plan, base: Base, tools: Tools) -> list[Own]:
    """The path dependencies in these directories, relative to the lock's own."""
    root = plan.project.lock.parent
    return [_library(root / directory, plan, base, tools) for directory in sorted(directories)]


def _library(directory: Path, plan: Plan, base: Base, tools: Tools) -> Own:
    project = discover_library(directory, plan.project.lock, remembering(tools.store))
    wheel = project_wheel(project, tools.store, index_url=plan.index_url, progress=tools.progress)
    return own(project, wheel, base, tools)


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
