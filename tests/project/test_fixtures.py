"""Real locks: what is selected is what their own manager exports or installs.

Each folder below ``fixtures`` has a manifest, the lock its manager made of it (files cut to two a package, hosts
replaced), and what `uv export`, `poetry export`, `pdm export`, the resolver of PDM, `pipenv requirements`, the
select of packaging or, for lock-version 1.0, the installer of Poetry 1.8 said.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.project.discover import discover, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parent / "fixtures"


def cases() -> list[Any]:
    found = []
    for expected in sorted(FIXTURES.glob("*/expected.json")):
        for case in json.loads(expected.read_text()):
            folder = expected.parent / case.get("member", "")
            title = "-".join(
                [
                    str(folder.relative_to(FIXTURES)),
                    ".".join(map(str, case["python"])),
                    case["platform"].rpartition("/")[2],
                    *case["groups"],
                    *case["extras"],
                ]
            )
            found.append(pytest.param(folder, case, id=title))
    return found


@pytest.mark.parametrize(("folder", "case"), cases())
def test_selects_what_the_manager_does(folder: Path, case: dict[str, Any], chosen: Callable[..., list[str]]) -> None:
    python = tuple(case["python"])
    assert (
        chosen(folder, python, case["platform"], groups=tuple(case["groups"]), extras=tuple(case["extras"]))
        == case["packages"]
    )


@pytest.mark.parametrize("folder", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_every_locked_file_can_be_checked(folder: Path) -> None:
    lock = read_lock(discover(folder))
    for package in lock.packages:
        assert package.where.startswith(f"{lock.name}: "), package.where
        assert package.files or package.hashes or package.source.kind != "index" or package.version is None
        for file in package.files:
            assert len(file.sha256 or "") == 64, package.where
            assert file.name.endswith((".whl", ".tar.gz", ".zip"))
