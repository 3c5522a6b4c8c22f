"""Comments that ignore findings, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker

from depsfirst.checks.model import Severity
from depsfirst.checks.writing import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Project = Callable[[Mapping[str, str]], Path]

FOUND = "RUN apt-get update\n"
HEAD = "FROM python:3.12-slim\n"
RULE = "apt-update-alone"
COMMENTS = ("apt-update-alone", "bad-ignore", "unused-ignore")


def said(root: Path, select: tuple[str, ...] = COMMENTS) -> list[tuple[str, int, str]]:
    report = checker(root / "Dockerfile", select=select).report()
    return [(each.rule, each.span.line, each.message) for each in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        f"# depsfirst: ignore[{RULE}] the mirror is frozen\n{FOUND}",
        f"# depsfirst:ignore[{RULE}]: the mirror is frozen\n{FOUND}",
        f"#depsfirst: IGNORE[other-rule, {RULE}] - the mirror is frozen\n{FOUND}".replace("other-rule, ", ""),
        f"# depsfirst: ignore[{RULE}] the mirror is frozen\n# and more\n\n{FOUND}",
        f"RUN true \\\n  # depsfirst: ignore[{RULE}] the mirror is frozen\n  && apt-get update\n",
        f"# depsfirst: ignore[{RULE}] the mirror is frozen\nRUN true \\\n  && apt-get update\n",
    ],
)
def test_a_comment_ignores_the_instruction_below_or_around_it(project: Project, text: str) -> None:
    root = project({"Dockerfile": HEAD + text})
    assert said(root) == []
    (ignored,) = checker(root / "Dockerfile", select=COMMENTS).report().diagnoses[0].ignored
    assert (ignored.finding.rule, ignored.reason) == (RULE, "the mirror is frozen")


def test_a_comment_ignores_no_other_instruction(project: Project) -> None:
    root = project({"Dockerfile": f"{HEAD}# depsfirst: ignore[{RULE}] frozen\nRUN true\n{FOUND}"})
    assert [(rule, line) for rule, line, _ in said(root)] == [("unused-ignore", 2), (RULE, 4)]


def test_a_comment_ignores_no_other_rule(project: Project) -> None:
    root = project({"Dockerfile": f"{HEAD}# depsfirst: ignore[git-in-context] frozen\n{FOUND}"})
    assert [rule for rule, _, _ in said(root)] == [RULE]  # the rule that it names was not asked


@pytest.mark.parametrize(
    ("comment", "message", "column"),
    [
        ("# depsfirst: ignore", "the comment names no rule, so it ignores nothing", 1),
        ("# depsfirst: ignore everything", "the comment names no rule, so it ignores nothing", 1),
        ("# depsfirst: ignore[] why", "the comment names no rule, so it ignores nothing", 1),
        ("# depsfirst: ignore[apt-update-alon] why", 'there is no rule "apt-update-alon"', 21),
        ("# depsfirst: ignore[apt-update-alone]", "the comment says no reason", 1),
    ],
)
def test_a_comment_that_is_wrong(project: Project, comment: str, message: str, column: int) -> None:
    root = project({"Dockerfile": f"{HEAD}{comment}\n{FOUND}"})
    report = checker(root / "Dockerfile", select=COMMENTS).report()
    (finding,) = [each for each in report.findings if each.rule == "bad-ignore"]
    assert (finding.message, finding.span.line, finding.span.column) == (message, 2, column)
    assert finding.no_fix


def test_a_slip_gets_a_proposal(project: Project) -> None:
    root = project({"Dockerfile": f"{HEAD}# depsfirst: ignore[apt-update-alon] why\n{FOUND}"})
    (finding, _) = checker(root / "Dockerfile", select=COMMENTS).report().findings
    assert finding.no_fix == 'perhaps "apt-update-alone" is meant'


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (f"# depsfirst: ignore[{RULE}] why\n", ""),
        ("# depsfirst: ignore[git-in-context, uv-link-mode] why\n", ""),
        (f"# kept\n# depsfirst: ignore[git-in-context,{RULE}] why\n", "# kept\n"),
    ],
)
def test_what_ignores_nothing_is_removed(project: Project, comment: str, expected: str) -> None:
    root = project({"Dockerfile": f"{HEAD}{comment}RUN true\n"})
    run = checker(root / "Dockerfile")
    ((_, _, text),) = changes(run.files, run.mended(unsafe=False)[0].files)
    assert text == f"{HEAD}{expected}RUN true\n"


def test_the_name_that_ignores_nothing_is_removed_alone(project: Project) -> None:
    root = project({"Dockerfile": f"{HEAD}# depsfirst: ignore[uv-link-mode, {RULE}] why\n{FOUND}"})
    run = checker(root / "Dockerfile")
    ((_, _, text),) = changes(run.files, run.mended(unsafe=False)[0].files)
    assert text == f"{HEAD}# depsfirst: ignore[{RULE}] why\n{FOUND}"


def test_no_comment_is_called_idle_below_a_severity(project: Project) -> None:
    root = project({"Dockerfile": f"{HEAD}# depsfirst: ignore[{RULE}] frozen\n{FOUND}"})
    report = checker(root / "Dockerfile", severity=Severity.ERROR).report()
    assert report.findings == ()
    assert len(report.diagnoses[0].ignored) == 1
