"""Where the packages of a lock come from, as far as an install of an exported list has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.needs import UnprovenError

if TYPE_CHECKING:
    from collections.abc import Collection

    from depsfirst.checks.recipes.model import Question
    from depsfirst.project.model import Lock


def refuse_local(question: Question, members: Collection[str] = ()) -> None:
    """See that all packages but the project, and members that are left out, come from somewhere else.

    Raises:
        UnprovenError: one is a directory or a file of the repository.
    """
    for package in question.lock.packages:
        if package.source.kind in ("directory", "file") and package.name not in members:
            raise UnprovenError(f'the lock names "{package.name}", which comes with the code')


def are_hashed(lock: Lock) -> bool:
    """Whether each package that is installed has hashes."""
    local = ("project", "directory")  # a directory that is not refused is left out of the list
    return all(each.is_hashed for each in lock.packages if each.source.kind not in local)


def indexes(lock: Lock) -> list[str]:
    """The package indexes besides the public one, sorted."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    public = str(PYPI_SIMPLE_ENDPOINT).rstrip("/")
    found = {each.source.location for each in lock.packages if each.source.kind == "index"}
    return sorted(url for url in found if url and url.rstrip("/") != public)
