"""How the third-party packages of a lock are exported and installed in place of a manager's own install, by manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.recipes import pdm, pipenv, poetry, uv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.checks.recipes.model import Question, Recipe

_WAYS: Mapping[str, Callable[[Question], Recipe]] = {
    "pdm": pdm.recipe,
    "pipenv": pipenv.recipe,
    "poetry": poetry.recipe,
    "uv": uv.recipe,
}


def recipe_of(question: Question) -> Recipe:
    """What exports and installs the packages that an install asks for.

    Raises:
        UnprovenError: it is not proven that the same is installed.
    """
    way = _WAYS.get(question.installation.tool)
    if way is None:
        raise UnprovenError(f"{question.installation.tool} has no exporter for what it installs")
    return way(question)
