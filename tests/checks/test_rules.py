"""Every rule finds what it must, is silent about look-alikes, and its fixes give what is expected.

The fixtures of a rule are folders, ``rules/NAME/found|clean|fixed/CASE``: a build context each, judged by that rule
alone. Beside a case of ``found`` stands what is said about it. ``fixed`` holds the files that its fixes change; a case
that is not there has no fix. ``UPDATE_EXPECTATIONS=1`` writes both anew, to be read before they are committed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker, laid_out

from depsfirst.checks import rules
from depsfirst.checks.ignores import FAMILY
from depsfirst.checks.rules import FAMILIES, RULES, every
from depsfirst.checks.writing import changes, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Rule
    from depsfirst.checks.run import Report

FIXTURES = Path(__file__).parent / "rules"
UPDATE = bool(os.environ.get("UPDATE_EXPECTATIONS"))
RULES_WITH_FIXTURES = [rule for rule in every() if rule.family != FAMILY]
SECTIONS = ("Why", "Example", "Fix", "When to ignore")
FEWEST = 3


def cases(kind: str) -> list[Path]:
    return [case for rule in RULES_WITH_FIXTURES for case in folders(rule, kind)]


def folders(rule: Rule, kind: str) -> list[Path]:
    return sorted(path for path in (FIXTURES / rule.name / kind).glob("*") if path.is_dir())


def name_of(case: Path) -> str:
    return case.relative_to(FIXTURES).as_posix()


def rule_of(case: Path) -> str:
    return case.relative_to(FIXTURES).parts[0]


def test_the_table_has_every_module_under_its_own_name() -> None:
    modules = {path.stem.replace("_", "-") for path in Path(rules.__file__).parent.glob("[a-z]*.py")}
    assert {row.name for row in RULES if row.family != FAMILY} == modules
    assert [(row.name, row.family) for row in RULES] == [(rule.name, rule.family) for rule in every()]


@pytest.mark.parametrize("rule", every(), ids=lambda rule: rule.name)
def test_the_page_of_a_rule_has_all_its_sections(rule: Rule) -> None:
    found = [line.removeprefix("## ") for line in rule.page.splitlines() if line.startswith("## ")]
    assert tuple(found) == SECTIONS
    assert rule.summary.endswith(".")
    assert rule.family in FAMILIES


@pytest.mark.parametrize("rule", RULES_WITH_FIXTURES, ids=lambda rule: rule.name)
def test_a_rule_has_enough_fixtures(rule: Rule) -> None:
    assert len(folders(rule, "found")) >= FEWEST
    assert len(folders(rule, "clean")) >= FEWEST
    stray = {path.name for path in folders(rule, "fixed")} - {path.name for path in folders(rule, "found")}
    assert not stray


@pytest.mark.parametrize("case", cases("clean"), ids=name_of)
def test_look_alikes_are_left_alone(case: Path, tmp_path: Path) -> None:
    report = checker(laid_out(case, tmp_path / "case"), select=(rule_of(case),)).report()
    assert [each.failure for each in report.diagnoses] == [None] * len(report.diagnoses)
    assert report.diagnoses
    assert "".join(said(report, tmp_path / "case")) == ""


@pytest.mark.parametrize("case", cases("found"), ids=name_of)
def test_what_must_be_found_is_found(case: Path, tmp_path: Path) -> None:
    report = checker(laid_out(case, tmp_path / "case"), select=(rule_of(case),)).report()
    assert [each.failure for each in report.diagnoses] == [None] * len(report.diagnoses)
    expected = case.with_suffix(".txt")
    text = "".join(said(report, tmp_path / "case"))
    if UPDATE:
        expected.write_text(text)
    assert text == expected.read_text()
    assert text


def said(report: Report, root: Path) -> Iterator[str]:
    """What a report says, a paragraph for each finding."""
    for finding in report.findings:
        place = f"{finding.path.relative_to(root)}:{finding.span.line}:{finding.span.column}"
        yield f"{place} {finding.severity.value}: {finding.message}\n"
        for related in finding.related:
            yield f"  line {related.span.line}: {related.text}\n"
        yield f"  cost: {finding.cost}\n" if finding.cost else ""
        yield f"  hint: {finding.hint}\n" if finding.hint else ""
        for fix in finding.fixes:
            yield f"  {'safe' if fix.safe else 'unsafe'} fix: {fix.title}\n"
            yield f"    {fix.why_unsafe}\n" if fix.why_unsafe else ""
        yield f"  no fix: {finding.no_fix}\n" if finding.no_fix else ""


@pytest.mark.parametrize("case", cases("found"), ids=name_of)
def test_fixes_give_what_is_expected(case: Path, tmp_path: Path) -> None:
    root = laid_out(case, tmp_path / "case")
    run = checker(root, select=(rule_of(case),))
    had_fixes = any(finding.fixes for finding in run.report().findings)
    mended, report = run.mended(unsafe=True)
    texts = {path.relative_to(root).as_posix(): text for path, _, text in changes(run.files, mended.files)}
    assert not mended.refused, mended.refused
    assert bool(texts) == had_fixes
    expected = FIXTURES / rule_of(case) / "fixed" / case.name
    if UPDATE:
        replace(expected, texts)
    assert texts == read(expected)
    assert not any(finding.fixes for finding in report.findings)


@pytest.mark.parametrize("case", cases("fixed"), ids=name_of)
def test_a_second_run_of_fixes_changes_nothing(case: Path, tmp_path: Path) -> None:
    root = laid_out(FIXTURES / rule_of(case) / "found" / case.name, tmp_path / "case")
    once = checker(root, select=(rule_of(case),))
    write(once.files, once.mended(unsafe=True)[0].files)
    again = checker(root, select=(rule_of(case),))
    assert list(changes(again.files, again.mended(unsafe=True)[0].files)) == []


@pytest.mark.parametrize("case", cases("fixed"), ids=name_of)
def test_buildkit_accepts_what_fixes_give(case: Path) -> None:
    buildkit = pytest.importorskip("dockerfile")
    for path in case.rglob("*"):
        if "ockerfile" in path.name:
            assert buildkit.parse_string(path.read_text())


def read(expected: Path) -> dict[str, str]:
    files = [path for path in expected.rglob("*") if path.is_file()]
    return {path.relative_to(expected).as_posix(): path.read_bytes().decode() for path in files}


def replace(expected: Path, texts: dict[str, str]) -> None:
    shutil.rmtree(expected, ignore_errors=True)
    for name, text in texts.items():
        path = expected / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
