"""Real builds before and after fixes: the same packages, the app starts, and edits install no dependency again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.checks.built import Builder, Seen, installs, provide, see_all
from tests.checks.fixed_projects import CASES, NEED_AN_INDEX
from tests.checks.test_rules import RULES_WITH_FIXTURES, folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FEWEST = 2
TABLE = Path(__file__).parents[2] / "docs/fixes.md"
built = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.index] if name in NEED_AN_INDEX else []) for name in CASES]
)


def test_each_rule_with_a_fix_is_built() -> None:
    fixing = {rule.name for rule in RULES_WITH_FIXTURES if folders(rule, "fixed")}
    tried = Counter(rule for case in CASES.values() for rule in case.rules)
    assert {rule: tried[rule] for rule in fixing if tried[rule] < FEWEST} == {}


def test_the_table_names_the_projects_of_each_rule() -> None:
    rows = re.findall(r"(?m)^\| (?:\[([\w-]+)\]\S*)? *\|.*\| ([^|]+) \|$", TABLE.read_text())
    told: dict[str, set[str]] = {}
    rule = ""
    for name, projects in rows:
        rule = name or rule
        told.setdefault(rule, set()).update(projects.split(", "))
    tried: dict[str, set[str]] = {}
    for name, case in CASES.items():
        for each in case.rules:
            tried.setdefault(each, set()).add(name)
    assert told == tried


@pytest.fixture(scope="module")
def seen(
    docker_classic: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Seen | BaseException]]:
    """What came of the cases of this run; they are built side by side."""
    builder = Builder(docker_classic)
    names = [name for item in request.session.items if (name := _case_of(item))]
    try:
        provide(builder, tmp_path_factory.mktemp("bases"))
        yield see_all(builder, {name: CASES[name] for name in names}, tmp_path_factory.mktemp("projects"))
    finally:
        builder.remove()


def _case_of(item: pytest.Item) -> str:
    """The case that a test is of; empty for another test."""
    if not isinstance(item, pytest.Function) or item.originalname != test_a_fix_keeps_the_image.__name__:
        return ""
    return str(item.callspec.params["name"])


@pytest.mark.docker
@pytest.mark.slow
@built
def test_a_fix_keeps_the_image(name: str, seen: Mapping[str, Seen | BaseException]) -> None:
    """It has the same packages, and of safe fixes the same files of them; edits run what the fix promises not again."""
    case, found = CASES[name], seen[name]
    if isinstance(found, BaseException):
        raise found
    assert found.rules == set(case.rules), found.left
    assert not found.left
    assert found.after.packages == found.before.packages
    assert not found.safe or found.after == found.before
    kept = installs(found.steps, case.kept)
    assert kept
    assert [step.text for step in kept if not step.cached] == []
    assert all(step.cached for step in found.steps) == case.quiet
    assert found.cached == bool(case.cache)
    assert not case.silences or case.silences in found.said[0]
    assert not case.silences or case.silences not in found.said[1]
