"""Imports run one way only, and the pillars never import one another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.conftest import LONGEST, TESTS

PACKAGE = Path(__file__).parents[1] / "src/depsfirst"

FLOORS = (
    {"errors", "progress", "values", "dataclass", "digests", "__init__"},
    {"content", "fetch"},
    {"dockerfile", "project", "oci"},
    {"debian", "settings", "options"},
    {"cache", "plan"},
    {"wheels", "imports"},
    {"bases"},
    {"trials"},
    {"checks", "generate", "engines"},
    {"reports"},
    {"cli"},
    {"__main__"},
)
ROOMS = sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    return next(floor for floor, rooms in enumerate(FLOORS) if room in rooms)


def imported(path: Path) -> set[str]:
    """The rooms a file imports, those for types included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [
                f"{node.module}.{alias.name}" if node.module == "depsfirst" else node.module or ""
                for alias in node.names
            ]
        found |= {room_of(tuple(name.split(".")[1:])) for name in names if name.startswith("depsfirst.")}
    return found


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    room = room_of(path.relative_to(PACKAGE).parts)
    for other in imported(path) - {room, "__version__"}:
        assert floor_of(other) < floor_of(room), f"{room} imports {other}, which is not below it"


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_says_its_duty_and_stays_small(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module begins with its duty"
    assert len(path.read_text().splitlines()) <= 450, "a room that outgrows its duty is redesigned"


@pytest.mark.parametrize("name", LONGEST)
def test_what_is_begun_first_is_there(name: str) -> None:
    assert (TESTS / name).is_file()
