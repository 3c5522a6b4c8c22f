"""Runs over several Dockerfiles: exit codes, failures, and what is said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker

from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Project = Callable[[Mapping[str, str]], Path]

CLEAN = "FROM python:3.12-slim\nCMD python\n"
FOUND = "FROM python\nCMD python\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Dockerfile": CLEAN}, ExitCode.CLEAN),
        ({"Dockerfile": CLEAN, "b/Dockerfile": FOUND}, ExitCode.FINDINGS),
        ({"README.md": ""}, ExitCode.NOTHING),
        ({"Dockerfile": CLEAN, "Dockerfile.template": "FROM {{ base }}\n{% if x %}\n"}, ExitCode.CLEAN),
    ],
)
def test_exit_codes_of_trees(project: Project, files: dict[str, str], expected: ExitCode) -> None:
    assert checker(project(files)).report().exit_code is expected


def test_a_file_that_was_named_has_to_be_a_dockerfile(project: Project) -> None:
    root = project({"Dockerfile": "FRM x\n", "good/Dockerfile": FOUND})
    report = checker(root / "Dockerfile", root / "good").report()
    assert report.exit_code is ExitCode.FAILURE
    bad, good = report.diagnoses
    assert str(bad.failure) == f'{root}/Dockerfile:1: "FRM" is no instruction'
    assert (good.failure, len(good.findings)) == (None, 1)
    assert checker(root).report().exit_code is ExitCode.FINDINGS


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="there is no such file or directory"):
        checker(tmp_path / "Dockerfile")


def test_an_ignore_file_of_two_dockerfiles_is_said_once(project: Project) -> None:
    text = "FROM python:3.12-slim\nCOPY . .\n"
    files = {"a.Dockerfile": text, "b.Dockerfile": text, "shop/main.py": "", ".dockerignore": "*.pyc\n"}
    files |= {"pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'}
    report = checker(project(files), select=("ineffective-ignore-pattern",)).report()
    assert [len(each.findings) for each in report.diagnoses] == [1, 0]


def test_a_finding_of_two_targets_is_said_once(project: Project) -> None:
    text = "FROM python AS base\nRUN apt-get update\nFROM base AS dev\nCMD dev\nFROM base\nCMD prod\n"
    report = checker(project({"Dockerfile": text}), select=("floating-base-tag", "apt-update-alone")).report()
    assert [each.rule for each in report.findings] == ["floating-base-tag", "apt-update-alone"]


def test_all_stages_that_can_be_built_are_judged(project: Project) -> None:
    text = "FROM python:3.12 AS base\nCMD a\nFROM base AS dev\nRUN apt-get update\nFROM base\nCMD b\n"
    root = project({"Dockerfile": text})
    chosen = ("apt-update-alone",)
    assert [each.span.line for each in checker(root, select=chosen).report().findings] == [4]
    (root / "compose.yaml").write_text("services: {a: {build: .}}")  # somebody else builds the other one
    assert [each.span.line for each in checker(root, select=chosen).report().findings] == [4]


def test_findings_are_in_the_order_of_the_file(project: Project) -> None:
    text = "FROM python\nRUN pip install uv\nRUN apt-get update\nRUN curl https://astral.sh/uv/install.sh | sh\n"
    chosen = ("floating-base-tag", "unpinned-installer", "apt-update-alone")
    report = checker(project({"Dockerfile": text}), select=chosen).report()
    assert [each.span.line for each in report.findings] == [1, 2, 3, 4]
