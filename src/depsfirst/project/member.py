"""What the lock of another project says of one that it has as a path dependency: its closure, and no more. Pure."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Source, normalize
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.project.model import Lock, LockedPackage, Project

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def lock_of_member(lock: Lock, project: Project) -> Lock:
    """A lock as its member sees it: what the member needs hangs on the roots, and its extras are the extras.

    Args:
        lock: as a graph, of ``project.holder``.
        project: the member.

    Raises:
        DepsfirstError: the lock does not have it, or not as its manifest says now.
    """
    place = os.path.relpath(project.root, project.lock.parent)
    index = next((index for index, each in enumerate(lock.packages) if _is_at(each, place)), None)
    if index is None:
        raise DepsfirstError(
            f'the lock has no entry for the directory "{place}"',
            where=lock.name,
            hint=f"lock again in {_above(project)}",
        )
    own = lock.packages[index]
    _check_fit(own, project, lock)
    packages = (*lock.packages[:index], own._replace(source=Source("project")), *lock.packages[index + 1 :])
    return lock._replace(
        project=own.name, packages=packages, roots={MAIN: own.dependencies}, extras=own.extras, demands=()
    )


def _is_at(package: LockedPackage, place: str) -> bool:
    source = package.source
    return source.kind == "directory" and os.path.normpath(source.location or "") == place


def _check_fit(own: LockedPackage, project: Project, lock: Lock) -> None:
    """The lock notes what the member needed when it was made; by name that is what its manifest says."""
    if "dependencies" in Table(project.pyproject, "").table("project").texts("dynamic"):
        return
    locked = {edge.name for edges in (own.dependencies, *own.extras.values()) for edge in edges}
    wanted = set(_wanted(project))
    for name in sorted(wanted ^ locked):
        said = "lacks" if name in wanted else "still has"
        raise DepsfirstError(
            f'the lock {said} "{name}" for "{project.name}", whose manifest has changed since',
            where=own.where or lock.name,
            hint=f"lock again in {_above(project)}",
        )


def _wanted(project: Project) -> Iterator[str]:
    table = Table(project.pyproject, str(project.manifest))
    own = table.table("project")
    optional = own.table("optional-dependencies")
    for line in (*own.texts("dependencies"), *(line for name in optional.values for line in optional.texts(name))):
        if found := _NAME.match(line):
            yield normalize(found[1])
    poetry = table.table("tool").table("poetry").table("dependencies")
    yield from (normalize(name) for name in poetry.values if name != "python")


def _above(project: Project) -> str:
    return os.path.relpath(project.lock.parent, project.root)
