"""Findings in the format of static analysis, SARIF 2.1.0, which GitHub, GitLab and editors read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from depsfirst import __version__
from depsfirst.checks.edits import position
from depsfirst.checks.rules import RULES, every
from depsfirst.reports.check import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from depsfirst.checks.model import Diagnosis, Finding, Fix, Ignored, Rule
    from depsfirst.checks.run import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PRECISION = {"high": "high", "medium": "medium", "low": "low"}


def as_sarif(report: Report, texts: Mapping[Path, str]) -> str:
    """A log of one run."""
    results = [_result(finding, texts) for finding in report.findings]
    results += [_suppressed(each, texts) for diagnosis in report.diagnoses for each in diagnosis.ignored]
    failed = [_notification(each) for each in report.diagnoses if each.failure]
    run = {
        "tool": {"driver": _driver()},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not failed, "toolExecutionNotifications": failed}],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _driver() -> dict[str, Any]:
    return {"name": "depsfirst", "semanticVersion": __version__, "rules": [_rule(rule) for rule in every()]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": [rule.family], "precision": _PRECISION[rule.confidence.value]},
    }


def _result(finding: Finding, texts: Mapping[Path, str]) -> dict[str, Any]:
    notes = [f"Cost: {finding.cost}."] if finding.cost else []
    notes += [f"{finding.hint}."] if finding.hint else []
    notes += [f"No fix: {finding.no_fix}."] if finding.no_fix else []
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": next(index for index, rule in enumerate(RULES) if rule.name == finding.rule),
        "level": finding.severity.value,
        "message": {"text": " ".join([f"{finding.message}.", *notes])},
        "locations": [{"physicalLocation": _location(finding.path, finding.span.offset, finding.span.end, texts)}],
        "properties": {"confidence": finding.confidence.value},
    }
    if finding.related:
        result["relatedLocations"] = [
            {
                "id": index,
                "message": {"text": each.text},
                "physicalLocation": _location(finding.path, each.span.offset, each.span.end, texts),
            }
            for index, each in enumerate(finding.related)
        ]
    if finding.fixes:
        result["fixes"] = [_fix(fix, texts) for fix in finding.fixes]
    return result


def _suppressed(ignored: Ignored, texts: Mapping[Path, str]) -> dict[str, Any]:
    suppression = {"kind": "inSource", "status": "accepted", "justification": ignored.reason}
    return {**_result(ignored.finding, texts), "suppressions": [suppression]}


def _location(path: Path, start: int, end: int, texts: Mapping[Path, str]) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(path)}, "region": _region(texts.get(path, ""), start, end)}


def _uri(path: Path) -> str:
    name = shown(path)
    return f"file://{quote(name)}" if name.startswith("/") else quote(name)


def _region(text: str, start: int, end: int) -> dict[str, int]:
    (line, column), (end_line, end_column) = position(text, start), position(text, end)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
        "charOffset": start,
        "charLength": end - start,
    }


def _fix(fix: Fix, texts: Mapping[Path, str]) -> dict[str, Any]:
    changes: dict[Path, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        region = _region(texts.get(edit.path, ""), edit.start, edit.end)
        replacement = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.path, []).append(replacement)
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": {"uri": _uri(path)}, "replacements": some} for path, some in changes.items()
        ],
        "properties": {"safe": fix.safe},
    }


def _notification(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "level": "error" if diagnosis.named else "warning",
        "message": {"text": f"{diagnosis.failure}."},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(diagnosis.path)}}}],
    }
