from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.generate.cases import CASES, UV, Case

from depsfirst.dockerfile.context import read_context
from depsfirst.dockerfile.instructions import Copy
from depsfirst.dockerfile.selection import select
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from tests.generate.conftest import Make, Write

EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    return request.param, CASES[request.param]


def test_whole_text(case: tuple[str, Case], write: Write, make: Make) -> None:
    name, given = case
    made = make(write(given.files, given.like) / given.directory, **given.options)
    assert made.files[made.dockerfile] == (EXPECTED / f"{name}.Dockerfile").read_text()


def test_every_source_is_there(case: tuple[str, Case], write: Write, make: Make) -> None:
    """What is copied is in the context and not ignored, or an earlier stage; BuildKit would fail on anything else."""
    _, given = case
    made = make(write(given.files, given.like) / given.directory, **given.options)
    dockerfile = parse(made.files[made.dockerfile])
    for path, text in made.files.items():
        path.write_text(text)
    found = outline(dockerfile)
    assert not dockerfile.problems
    assert not found.problems
    context = read_context(made.context, made.dockerfile)
    stages = {stage.name for stage in found.stages}
    copies = [each for stage in found.stages for each in stage.instructions if isinstance(each, Copy)]
    assert any(not copy.from_ for copy in copies)
    for copy in copies:
        if not copy.from_:
            assert all(select(context, [source]).paths() for source in copy.sources), copy
        else:
            assert copy.from_ in stages


def test_bumped_version_leaves_the_text_alone(write: Write, make: Make) -> None:
    root = write(UV)
    before = make(root).files
    for file in ("pyproject.toml", "uv.lock"):
        text = (root / file).read_text()
        assert "1.2.3" in text
        (root / file).write_text(text.replace("1.2.3", "1.3.0"))
    assert make(root).files == before
