"""The model against a real BuildKit: pairs of builds that together have nearly all that can be drawn."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from scripts.built_pairs import AbsentError, engine
from scripts.predict import Run, hold
from scripts.prediction_figures import kinds, shapes
from tests.cache.drawn import draw
from tests.conftest import absent

REPOSITORY = Path(__file__).parents[2]
SEED = 0
DRAWN = 200
SAMPLE = 20
"""Pairs built on each engine; hundreds more with ``python3 -m scripts.predict``."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("docker_classic", marks=pytest.mark.docker),
        pytest.param("docker_containerd", marks=pytest.mark.containerd),
    ],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    url = str(request.getfixturevalue(request.param))
    work = tmp_path_factory.mktemp("pairs")
    try:
        found = engine(url, work / "engine", REPOSITORY / ".work/engines")
        found.prepare()
    except AbsentError as error:
        absent(str(error))
    return Run(found, work)


@cache
def features(version: tuple[int, int]) -> dict[int, set[str]]:
    """What each pair has, by its number."""
    pairs = {index: draw(SEED, index, version) for index in range(DRAWN)}
    return {index: shapes(pair) | kinds(pair) for index, pair in pairs.items()}


def sample(version: tuple[int, int]) -> list[int]:
    """Numbers of pairs, each chosen for what those before it do not have."""
    rest = features(version)
    chosen: list[int] = []
    while len(chosen) < SAMPLE:
        best = max(rest, key=lambda index: len(rest[index]))
        had = rest[best]
        rest = {index: others - had for index, others in rest.items() if index != best}
        chosen.append(best)
    return sorted(chosen)


@pytest.mark.slow
def test_the_model_says_what_buildkit_does(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    figures = hold(run, SEED, sample(run.engine.version))
    assert not figures.wrong_pairs, capsys.readouterr().out
    assert figures.endings["compared"] > SAMPLE * 0.7
    assert figures.total > SAMPLE * 4


@pytest.mark.parametrize("version", [(0, 8), (0, 13)])
def test_the_sample_has_nearly_all_that_can_be_drawn(version: tuple[int, int]) -> None:
    every = features(version)
    wanted, found = set().union(*every.values()), set().union(*(every[index] for index in sample(version)))
    assert len(found) > len(wanted) * 0.85, sorted(wanted - found)


def test_a_pair_depends_on_its_numbers_alone() -> None:
    assert draw(5, 7, (0, 13)) == draw(5, 7, (0, 13))
    assert len({repr(draw(seed, index, (0, 13))) for seed in (1, 2) for index in range(20)}) == 40
    assert draw(5, 7, (0, 13)) != draw(5, 7, (0, 8))
