"""Which rules are asked, and what settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker

from depsfirst.checks.choice import chosen, rule_named
from depsfirst.checks.model import Severity
from depsfirst.checks.rules import RULES
from depsfirst.checks.run import Checker, Order
from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Project = Callable[[Mapping[str, str]], Path]

FOUND = "FROM python\nRUN apt-get update\n"
BOTH = ["floating-base-tag", "apt-update-alone"]


def names(select: tuple[str, ...] | None, ignore: tuple[str, ...] = ()) -> list[str]:
    return [rule.name for rule in chosen(RULES, select, ignore)]


def test_all_rules_are_asked_by_default() -> None:
    everything = [rule.name for rule in RULES]
    assert names(None) == names(("all",)) == everything
    assert len(set(everything)) == len(everything)


def test_rules_are_chosen_by_name_family_and_pattern() -> None:
    assert names(("git-in-context",)) == ["git-in-context"]
    assert names(("context", "uv-link-mode"), ("git-*",)) == [
        "uv-link-mode",
        *(rule.name for rule in RULES if rule.family == "context" and rule.name != "git-in-context"),
    ]
    assert names(("cache-mount-*",)) == ["cache-mount-disabled", "cache-mount-misplaced"]
    assert names(("installer",), ("all",)) == []


@pytest.mark.parametrize(("word", "hint"), [("git-in-contxt", 'did you mean "git-in-context"?'), ("zzz", "`depsfirst")])
def test_an_unknown_word_is_refused(word: str, hint: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        chosen(RULES, None, (word,))
    assert (caught.value.hint or "").startswith(hint)
    with pytest.raises(DepsfirstError, match=f'no rule and no family is called "{word}"'):
        rule_named(RULES, word)


def found(root: Path, order: Order | None = None) -> list[str]:
    report = Checker(order or Order((root,))).report()
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", BOTH),
        ('select = ["image"]', BOTH[:1]),
        ('ignore = ["floating-*"]', BOTH[1:]),
        ('severity = "warning"', BOTH[1:]),
        ('per-file-ignores = { "docker/*" = ["apt-update-alone"] }', BOTH[:1]),
        ('per-file-ignores = { "docker" = ["all"] }', []),
        ('per-file-ignores = { "Dockerfile" = ["image"] }', BOTH[1:]),
        ('per-file-ignores = { "other/*" = ["all"] }', BOTH),
    ],
)
def test_settings_choose(project: Project, settings: str, expected: list[str]) -> None:
    root = project({"docker/Dockerfile": FOUND, "pyproject.toml": f"[tool.depsfirst]\n{settings}\n"})
    assert found(root) == expected


def test_the_command_line_selects_over_settings_and_ignores_besides(project: Project) -> None:
    root = project({"Dockerfile": FOUND, "pyproject.toml": '[tool.depsfirst]\nselect = ["image"]\nseverity="error"\n'})
    assert found(root, Order((root,), select=("all",), severity=Severity.NOTE)) == BOTH
    assert found(root, Order((root,), severity=Severity.NOTE)) == BOTH[:1]
    assert found(root, Order((root,), ignore=("floating-base-tag",), severity=Severity.NOTE)) == []


def test_the_nearest_settings_hold(project: Project) -> None:
    root = project(
        {
            "Dockerfile": FOUND,
            "sub/Dockerfile": FOUND,
            "sub/pyproject.toml": '[tool.depsfirst]\nignore = ["all"]\n',
            "sub/deep/Dockerfile": FOUND,
            "sub/deep/pyproject.toml": "[project]\nname = 'depsfirst-user'\n",
        }
    )
    report = checker(root).report()
    assert [len(each.findings) for each in report.diagnoses] == [2, 0, 0]


def test_excluded_files_are_left_out_of_trees_alone(project: Project) -> None:
    root = project(
        {"a/Dockerfile": FOUND, "b/Dockerfile": FOUND, "pyproject.toml": '[tool.depsfirst]\nexclude = ["b"]'}
    )
    assert len(checker(root).candidates) == 1
    assert len(checker(root, root / "b/Dockerfile").candidates) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('select = ["nothing"]', 'no rule and no family is called "nothing"'),
        ('severity = "bad"', '"bad" is no severity'),
        ("build-args = 3", "this must be a table of strings"),
        ("per-file-ignores = { a = 1 }", "this must be a list of strings"),
        ("dockerfiles = { a = 1 }", "this must be a table of tables, one for each Dockerfile"),
        ('dockerfiles = { a = { contxt = "." } }', 'unknown key "contxt"'),
        ('context = "nowhere"', "is no directory"),
    ],
)
def test_a_mistake_in_settings_fails_that_file(project: Project, settings: str, message: str) -> None:
    root = project({"Dockerfile": FOUND, "pyproject.toml": f"[tool.depsfirst]\n{settings}\n"})
    report = checker(root / "Dockerfile").report()
    assert message in str(report.diagnoses[0].failure)
    assert "pyproject.toml: tool.depsfirst" in str(report.diagnoses[0].failure)
    assert report.exit_code is ExitCode.FAILURE


def test_settings_say_how_a_dockerfile_is_built(project: Project) -> None:
    dockerfile = "ARG TAG\nFROM python:$TAG AS one\nCOPY a /\nFROM one AS two\nCOPY --from=own b /\nFROM one\n"
    settings = """
[tool.depsfirst]
target = "one"
build-args = { TAG = "3.12", OTHER = "1" }

[tool.depsfirst.dockerfiles."docker/Dockerfile"]
context = "src"
target = "two"
build-args = { OTHER = "2" }
contexts = { own = "shared" }
"""
    root = project({"docker/Dockerfile": dockerfile, "pyproject.toml": settings, "src/a": "", "shared/b": ""})
    (subject,) = checker(root).subjects()
    assert subject.directory == root / "src"
    assert subject.targets == ("two",)
    assert subject.invocation.arguments == (("OTHER", "2"), ("TAG", "3.12"))
    assert subject.invocation.contexts == (("own", str(root / "shared")),)
    assert [step.line for step in subject.steps] == [3, 5]
    assert checker(root).report().diagnoses[0].failure is None
