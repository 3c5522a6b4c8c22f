"""Finds what the text of a Dockerfile needs to know: of the plan, of the lock, and of the files that are there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.generate.base import python_of
from depsfirst.generate.locked import export_of, indexes_of, is_commit_of_server, is_source, lock_of, recipe_of
from depsfirst.generate.proof import import_statements
from depsfirst.generate.scheme import Own, Scheme
from depsfirst.generate.start import PYTHON, started, unsaid
from depsfirst.plan import runtime, undecided
from depsfirst.project.discover import discover_library
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.plan import Plan, Runtime
    from depsfirst.project.model import Project, Recipe

_VERSION_VARIABLES = {
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
}
"""How what takes a version from git is told one, by the requirement of the build."""
_CHANGING = frozenset({"org.opencontainers.image.version"})
"""Labels that would be wrong soon: a Dockerfile stays as it is when the version is bumped."""


class Surveyed(NamedTuple):
    """What was found.

    Attributes:
        scheme: what the text is made of.
        context: directory of the build context.
        notes: what a person should know.
    """

    scheme: Scheme
    context: Path
    notes: tuple[str, ...]


def survey(plan: Plan) -> Surveyed:
    """What the Dockerfile of a plan is made of.

    Args:
        plan: its base is the name of an image.

    Raises:
        DepsfirstError: the lock is broken, or something cannot be written as a Dockerfile.
    """
    project = plan.project
    if project.holder:
        raise DepsfirstError(
            f'the lock is that of "{project.holder.name}", and its manager exports all of it or nothing',
            where=str(project.lock),
            hint="lock the project in its own directory; `depsfirst build` with its own engine needs no such lock",
        )
    lock, why_not = lock_of(project)
    python = python_of(plan.base, project, lock)
    recipe = recipe_of(lock, plan, python)
    libraries = _libraries(recipe, project)
    context = _context(project, libraries)
    own = _own(project, context)
    packages = recipe.third_party if recipe else ()
    indexes = indexes_of(packages, plan.index_url)
    found = _runtime(plan)
    scheme = Scheme(
        image=plan.base,
        python=python[:2],
        own=own,
        libraries=tuple(_own(each, context) for each in libraries),
        export=export_of(plan, lock, packages, context, python[:2]),
        indexes=indexes,
        secret=bool(indexes.named) or any(is_commit_of_server(each) for each in packages),
        system=plan.settings.packages,
        build_system=("git",) if any(each.source.kind == "git" for each in packages) else (),
        sources=tuple(each.name for each in packages if is_source(each)),
        imports=import_statements(plan),
        started=started(project, found),
        unsaid=unsaid(plan, found),
        runtime=found,
        tag=plan.reference.removesuffix(":latest"),
        dockerfile=os.path.normpath(f"{own.directory}/Dockerfile"),
        readme=project.readme or "",
    )
    notes = (why_not, _other_base(plan), *_unknown(scheme, plan))
    return Surveyed(scheme, context, tuple(note for note in notes if note))


def _other_base(plan: Plan) -> str | None:
    chosen = plan.settings.base
    if not chosen or chosen == plan.base:
        return None
    return f'the base "{chosen}" is no image of a registry: the Dockerfile begins from {plan.base}'


def _unknown(scheme: Scheme, plan: Plan) -> Iterator[str]:
    """What could not be found out, and where a person says it."""
    if scheme.sources:
        named = ", ".join(scheme.sources)
        yield f'there is no wheel of {named}: what is not pure Python of it needs a compiler, in the stage "installed"'
    if scheme.own.package and not scheme.imports:
        yield "nothing was found whose import would prove that the image works: name it in [tool.depsfirst] imports"
    unknown = undecided(plan.project, plan.settings)
    if unknown:
        yield unknown
    elif not scheme.runtime.entrypoint and scheme.runtime.cmd == (PYTHON,):
        yield "what a container is to run was not found: it starts Python, until you change CMD"


def _libraries(recipe: Recipe | None, project: Project) -> list[Project]:
    """First-party projects that the project needs, sorted by directory."""
    places = sorted({each.source.location or "." for each in recipe.first_party} if recipe else ())
    found = [discover_library(Path(os.path.normpath(project.lock.parent / place)), project.lock) for place in places]
    return [each for each in found if each.root != project.root]


def _context(project: Project, libraries: Sequence[Project]) -> Path:
    """The smallest directory that has the project, its lock and its libraries."""
    lock = project.lock.parent
    own = project.root if lock.is_relative_to(project.root) else Path(os.path.commonpath([project.root, lock]))
    packed = [path for each in (project, *libraries) for path in _packed_from(each)]
    return Path(os.path.commonpath([own, *(each.root for each in libraries), *packed]))


def _packed_from(project: Project) -> Iterator[Path]:
    """Directories that Poetry takes packages from, which may lie above the project's."""
    for each in ((project.pyproject.get("tool") or {}).get("poetry") or {}).get("packages") or ():
        origin = each.get("from") if isinstance(each, dict) else None
        yield Path(os.path.normpath(project.root / str(origin or ".")))


def _own(project: Project, context: Path) -> Own:
    system = project.build_system
    return Own(
        name=project.name,
        directory=project.root.relative_to(context).as_posix(),
        manifest=project.manifest.relative_to(context).as_posix() if project.manifest else None,
        requires=system.requires if system else (),
        package=system is not None,
        version_variable=_version_variable(project),
    )


def _version_variable(project: Project) -> str | None:
    """What tells the backend a version that it would ask git for."""
    system, tool = project.build_system, project.pyproject.get("tool") or {}
    if system is None:
        return None
    if ((tool.get("pdm") or {}).get("version") or {}).get("source") == "scm" and "pdm" in system.backend:
        return "PDM_BUILD_SCM_VERSION"
    names = [re.split(r"[\s\[<>=!~;@]", each.lower().replace("_", "-"), maxsplit=1)[0] for each in system.requires]
    return next((variable for name, variable in _VERSION_VARIABLES.items() if name in names), None)


def _runtime(plan: Plan) -> Runtime:
    run = runtime(plan.project, plan.settings, "", None)
    labels = {name: value for name, value in run.labels.items() if name not in _CHANGING and value}
    return run._replace(labels=labels)
