"""The layers of the project's own code: path dependencies in one layer, the project itself in the last."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from depsfirst.engines.manifests import remembering
from depsfirst.imports.modules import Provided
from depsfirst.oci.layer import make_layer
from depsfirst.project.discover import discover_library
from depsfirst.values import NamedTuple
from depsfirst.wheels.entry_points import entry_points
from depsfirst.wheels.own import earlier
from depsfirst.wheels.own.installed import install_project
from depsfirst.wheels.own.wheel import project_wheel
from depsfirst.wheels.parts import layer_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from depsfirst.engines.bases import Base
    from depsfirst.engines.tools import Tools
    from depsfirst.oci.image import Layer
    from depsfirst.plan import Plan
    from depsfirst.project.model import Project
    from depsfirst.wheels.own.stated import Stated
    from depsfirst.wheels.own.wheel import ProjectWheel
    from depsfirst.wheels.parts import InstalledWheel


class Own(NamedTuple):
    """A first-party project.

    Attributes:
        project: the project.
        wheel: its wheel; for code that is no package its files, in the words of a wheel.
        installed: its files in their places.
        answers: what importing finds besides the files of the wheel.
    """

    project: Project
    wheel: ProjectWheel
    installed: InstalledWheel
    answers: Provided = Provided()


class CodeAhead(NamedTuple):
    """The project itself, of which more is known the longer one waits.

    Attributes:
        on: the project on a base.
        stated: what its wheel says that it requires; None for code that is no package.
    """

    on: Callable[[Base], Own]
    stated: Callable[[], Stated] | None = None


@contextmanager
def code_ahead(plan: Plan, tools: Tools) -> Iterator[CodeAhead]:
    """The project itself; its wheel is built beside what the block does if no earlier build is remembered."""
    if plan.project.in_place:
        yield CodeAhead(lambda _: _in_place(plan, tools))
        return
    with _wheel_ahead(plan, tools) as wheel:
        yield CodeAhead(lambda base: own(plan.project, wheel(), base, tools), lambda: _stated(plan.project, wheel()))


def _stated(project: Project, wheel: ProjectWheel) -> Stated:
    from depsfirst.wheels.own.stated import stated

    return stated(wheel.name, wheel.entries, str(project.lock))


def _in_place(plan: Plan, tools: Tools) -> Own:
    from depsfirst.engines.dependencies import working_directory
    from depsfirst.engines.in_place import code_in_place

    code = code_in_place(plan.project, working_directory(plan), tools)
    tools.progress.note(f'the code of "{plan.project.name}" was {code.wheel.how}: {code.wheel.reason}')
    return Own(plan.project, code.wheel, code.installed, code.answers)


@contextmanager
def _wheel_ahead(plan: Plan, tools: Tools) -> Iterator[Callable[[], ProjectWheel]]:
    search = partial(tools.search, plan.project)
    build = partial(project_wheel, plan.project, tools.store, search=search, progress=tools.progress)
    if earlier.is_known(tools.store, plan.project.root):
        yield cache(build)
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


def as_built(part: Own, extras: frozenset[str]) -> Project:
    """A project with what only its wheel tells for sure: its version, and its scripts with the chosen extras."""
    if part.project.in_place:
        return part.project
    declared = entry_points(part.wheel.entries, extras)
    return part.project._replace(version=part.wheel.version, scripts=declared.scripts, gui_scripts=declared.gui_scripts)


def libraries(directories: Sequence[str], plan: Plan, base: Base, tools: Tools) -> list[Own]:
    """The path dependencies in these directories, relative to the lock's own."""
    root = plan.project.lock.parent
    return [_library(root / directory, plan, base, tools) for directory in sorted(directories)]


def _library(directory: Path, plan: Plan, base: Base, tools: Tools) -> Own:
    project = discover_library(directory, plan.project.lock, remembering(tools.store))
    search = partial(tools.search, plan.project)
    wheel = project_wheel(project, tools.store, search=search, progress=tools.progress)
    return own(project, wheel, base, tools)


def library_layer(parts: Sequence[Own], tools: Tools) -> Layer:
    """The layer of all path dependencies."""
    title = ", ".join(each.wheel.name for each in parts)
    installed = layer_parts([each.installed for each in parts], tools.store, tools.progress.warn)
    return make_layer(installed, tools.store, kind="first-party", title=title)


def code_layer(part: Own, tools: Tools) -> Layer:
    """The last layer: the project itself."""
    title = f"{part.wheel.name} {part.wheel.version}".strip()
    if part.project.in_place:  # its part brings its own directories, since not all of them are root's
        return make_layer([part.installed.part], tools.store, kind="code", title=title)
    installed = layer_parts([part.installed], tools.store, tools.progress.warn)
    return make_layer(installed, tools.store, kind="code", title=title)


def _check_fit(wheel: ProjectWheel, project: Project, base: Base) -> None:
    from depsfirst.wheels.choose import Target, check_tags

    target = Target(base.tags(), base.title)
    check_tags(wheel.tags, target, wheel.name, str(project.manifest or project.root))
