"""Findings for programs: the documented object of ``depsfirst check --format json``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from depsfirst.checks.edits import position
from depsfirst.reports.check import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from depsfirst.checks.model import Diagnosis, Edit, Finding, Fix, Invocation
    from depsfirst.checks.run import Report
    from depsfirst.dockerfile.source import Span
    from depsfirst.errors import DepsfirstError


def as_json(report: Report, texts: Mapping[Path, str], applied: Sequence[tuple[Finding, Fix]] = ()) -> str:
    """The object, ``"version": 1``; ``applied`` are the fixes that were made."""
    value = {
        "version": 1,
        "dockerfiles": [_dockerfile(each) for each in report.diagnoses],
        "findings": [_finding(each, texts) for each in report.findings],
        "ignored": [
            {**_finding(each.finding, texts), "reason": each.reason}
            for diagnosis in report.diagnoses
            for each in diagnosis.ignored
        ],
        "fixed": [
            {"rule": finding.rule, "file": shown(finding.path), "title": fix.title, "safe": fix.safe}
            for finding, fix in applied
        ],
        "misunderstood": [{"origin": each.origin, "message": each.text} for each in report.misunderstood],
    }
    return json.dumps(value, indent=2, ensure_ascii=True)


def _dockerfile(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "file": shown(diagnosis.path),
        "builds": [_build(each) for each in diagnosis.invocations],
        "failure": _failure(diagnosis.failure) if diagnosis.failure else None,
    }


def _build(invocation: Invocation) -> dict[str, Any]:
    return {
        "context": shown(invocation.context) if invocation.context else None,
        "target": invocation.target,
        "build_args": dict(invocation.arguments),
        "contexts": dict(invocation.contexts),
        "origin": invocation.origin,
        "guessed": invocation.guessed,
    }


def _failure(error: DepsfirstError) -> dict[str, Any]:
    return {"message": error.message, "where": error.where, "hint": error.hint}


def _finding(finding: Finding, texts: Mapping[Path, str]) -> dict[str, Any]:
    text = texts[finding.path]
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "file": shown(finding.path),
        "span": _span(finding.span, text),
        "message": finding.message,
        "hint": finding.hint or None,
        "cost": finding.cost or None,
        "related": [{"span": _span(each.span, text), "message": each.text} for each in finding.related],
        "fixes": [_fix(fix, texts) for fix in finding.fixes],
        "no_fix": finding.no_fix or None,
    }


def _span(span: Span, text: str) -> dict[str, int]:
    end_line, end_column = position(text, span.end)
    return {
        "offset": span.offset,
        "end": span.end,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _fix(fix: Fix, texts: Mapping[Path, str]) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safe": fix.safe,
        "why_unsafe": fix.why_unsafe or None,
        "edits": [_edit(edit, texts.get(edit.path, "")) for edit in fix.edits],
    }


def _edit(edit: Edit, text: str) -> dict[str, Any]:
    line, column = position(text, edit.start)
    end_line, end_column = position(text, edit.end)
    return {
        "file": shown(edit.path),
        "creates": edit.creates,
        "start": edit.start,
        "end": edit.end,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "text": edit.text,
    }
