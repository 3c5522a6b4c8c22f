"""Which commands are known to write the locked packages alone, and what is told of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.cache.build import Build
from depsfirst.cache.filters import UNSEEN, Exported, export_filter
from depsfirst.cache.model import steps
from depsfirst.dockerfile.context import Context
from depsfirst.dockerfile.filetree import Directory
from depsfirst.dockerfile.shell import read_script
from depsfirst.dockerfile.stages import require_outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from depsfirst.cache.keys import Place

MANIFEST = '[project]\nname = "shop"\nversion = "1.0"\ndependencies = []\n'
LOCK = '{"_meta": {"hash": {"sha256": "aa"}}, "default": {}}'
DIRECTORY = "/src"


@pytest.fixture
def place() -> Place:
    outline = require_outline(parse("FROM x\nENV UV_NO_CACHE=1\nRUN true\n"))
    return steps(Build(outline, Context(Directory({}))))[-1].place


def known(text: str, place: Place) -> Exported | None:
    commands = read_script(text, {}, DIRECTORY).commands
    return export_filter(commands[-1], place)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("uv export --frozen -o r.txt", Exported("uv", "/src/pyproject.toml", "/src/uv.lock", "/src/r.txt")),
        ("/bin/uv export --frozen > /tmp/r.txt", Exported("uv", "/src/pyproject.toml", "/src/uv.lock", "/tmp/r.txt")),
        (
            "uv export --no-dev --format requirements-txt --locked --output-file=../r.txt",
            Exported("uv", "/src/pyproject.toml", "/src/uv.lock", "/r.txt", ("--no-dev",)),
        ),
        ("uv export -o r.txt", Exported("uv", "/src/pyproject.toml", "/src/uv.lock", "/src/r.txt", frozen=False)),
        (
            "poetry export --without-hashes --with dev,docs -f requirements.txt --output r.txt",
            Exported("poetry", "/src/pyproject.toml", "/src/poetry.lock", "/src/r.txt", ("--with=dev,docs",)),
        ),
        (
            "pdm export --prod -o r.txt",
            Exported("pdm", "/src/pyproject.toml", "/src/pdm.lock", "/src/r.txt", ("--prod",)),
        ),
        (
            "cd app && pipenv requirements --dev > r.txt",
            Exported("pipenv", "/src/app/Pipfile", "/src/app/Pipfile.lock", "/src/app/r.txt", ("--dev",)),
        ),
    ],
)
def test_exporters_are_known(place: Place, command: str, expected: Exported) -> None:
    assert known(command, place) == expected


@pytest.mark.parametrize(
    "command",
    [
        "uv export --frozen",
        "uv export --frozen --format cyclonedx1.5 -o sbom.json",
        "uv export --frozen -o $WHERE",
        "uv export --frozen $OPTIONS -o r.txt",
        "uv export --frozen --strange -o r.txt",
        "uv lock",
        "uv pip compile pyproject.toml -o r.txt",
        "uv sync --frozen > r.txt",
        "poetry lock",
        "pipenv lock -r > r.txt",
        "pip freeze > r.txt",
        "cat pyproject.toml > r.txt",
        "$TOOL export --frozen -o r.txt",
    ],
)
def test_all_else_is_not(place: Place, command: str) -> None:
    assert known(command, place) is None


EXPORTED = Exported("pipenv", "/src/Pipfile", "/src/Pipfile.lock", "/src/r.txt")
UV = Exported("uv", "/src/pyproject.toml", "/src/uv.lock", "/src/r.txt")


def test_a_lock_that_differs_in_the_hash_of_its_manifest_is_the_same() -> None:
    before = {"/src/Pipfile": "", "/src/Pipfile.lock": LOCK}
    after = {"/src/Pipfile": "# new\n", "/src/Pipfile.lock": LOCK.replace("aa", "bb")}
    assert EXPORTED.same(before, after) is True


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({"/src/pyproject.toml": MANIFEST}, {"/src/pyproject.toml": MANIFEST.replace("1.0", "1.1")}, True),
        ({"/src/pyproject.toml": MANIFEST}, {"/src/pyproject.toml": UNSEEN}, None),
        ({"/src/pyproject.toml": MANIFEST}, {"/src/pyproject.toml": None}, None),
        ({"/src/uv.toml": UNSEEN}, {"/src/uv.toml": UNSEEN}, True),
        ({"/src/uv.toml": None}, {"/src/uv.toml": 'index-url = "x"\n'}, None),
    ],
)
def test_settings_count_and_what_nobody_has_seen_is_not_guessed(
    before: dict[str, str | None], after: dict[str, str | None], *, same: bool | None
) -> None:
    usual = {"/src/pyproject.toml": MANIFEST, "/src/uv.lock": "version = 1\n", "/src/uv.toml": None}
    assert UV.same({**usual, **before}, {**usual, **after}) is same


def test_a_text_that_is_not_given_is_not_known() -> None:
    texts = {"/src/pyproject.toml": MANIFEST, "/src/uv.lock": ""}
    assert UV.same(texts, texts) is None
