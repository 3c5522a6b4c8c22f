from __future__ import annotations

from pathlib import Path

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import Environment, Project
from depsfirst.project.target import environment_of


def project(requires: str | None = None, named: str | None = None) -> Project:
    root = Path("/srv/shop")
    return Project(root, None, root / "uv.lock", "shop", requires_python=requires, python_version=named)


@pytest.mark.parametrize(
    ("requires", "named", "asked", "python"),
    [
        (None, None, None, (3, 13, 30)),
        (">=3.14", None, None, (3, 14, 30)),
        (">=3.9,<3.13", None, None, (3, 12, 30)),
        ("<3.11.5", None, None, (3, 11, 4)),
        (">=3.9", "3.11", None, (3, 11, 30)),
        (">=3.9", "3.11.4", None, (3, 11, 4)),
        (">=3.9", "cpython@3.11", None, (3, 11, 30)),
        (">=3.9", "3.11", "3.10", (3, 10, 30)),
        ("<3.10.8", None, "3.10", (3, 10, 7)),
        (">=3.12", None, "3.10.2", (3, 10, 2)),
        (">=3.12", None, "3.10", (3, 10, 0)),
    ],
)
def test_the_python_that_is_selected_for(
    requires: str | None, named: str | None, asked: str | None, python: tuple[int, int, int]
) -> None:
    found = environment_of(project(requires, named), "linux/arm64", asked)
    assert found == Environment(python, "linux/arm64")


def test_what_is_no_python() -> None:
    with pytest.raises(DepsfirstError, match=r'"pypy3\.10" is no version') as caught:
        environment_of(project(named="pypy3.10"), "linux/amd64")
    assert caught.value.where == ".python-version"
    with pytest.raises(DepsfirstError, match='"latest" is no version'):
        environment_of(project(), "linux/amd64", "latest")
