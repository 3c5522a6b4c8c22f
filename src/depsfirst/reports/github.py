"""Findings as workflow commands, of which GitHub makes annotations in the files of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.edits import position
from depsfirst.checks.model import Severity
from depsfirst.reports.check import failures, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.checks.model import Finding
    from depsfirst.checks.run import Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_github(report: Report, texts: Mapping[Path, str]) -> str:
    """A line for each finding."""
    return "\n".join([*_failed(report), *(_annotation(each, texts[each.path]) for each in report.findings)])


def _failed(report: Report) -> Iterator[str]:
    for diagnosis, message in failures(report):
        command = "error" if diagnosis.named else "warning"
        yield f"::{command} file={_property(shown(diagnosis.path))},title=depsfirst::{_message(message)}"


def _annotation(finding: Finding, text: str) -> str:
    end_line, end_column = position(text, finding.span.end)
    properties = {
        "file": shown(finding.path),
        "line": str(finding.span.line),
        "endLine": str(end_line),
        "title": f"depsfirst: {finding.rule}",
    }
    if end_line == finding.span.line:  # columns of several lines are refused
        properties |= {"col": str(finding.span.column), "endColumn": str(end_column)}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {given}::{_message(_told(finding))}"


def _told(finding: Finding) -> str:
    lines = [finding.message]
    lines += [f"Cost: {finding.cost}"] if finding.cost else []
    lines += [f"Hint: {finding.hint}"] if finding.hint else []
    lines += [f"Fix: {finding.fixes[0].title}"] if finding.fixes else [f"No fix: {finding.no_fix}"]
    return "\n".join(lines)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
