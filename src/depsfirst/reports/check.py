"""Findings for people: the place in the file, what happens, what it costs and what mends it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.checks.files import Files
    from depsfirst.checks.fix import Mended
    from depsfirst.checks.model import Diagnosis, Finding, Fix, Invocation
    from depsfirst.checks.run import Report
    from depsfirst.dockerfile.source import Span

_MOST_LINES = 3
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_TAB = 4


class Style(NamedTuple):
    """Whether colours are used, and whether everything that is known is said."""

    colour: bool = False
    verbose: bool = False

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, as the number of an ANSI sequence."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def shown(path: Path) -> str:
    """A path as people write it: relative to where they are, if it is below that."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def as_text(report: Report, texts: Mapping[Path, str], style: Style) -> str:
    """All findings with their code, then what they come to."""
    parts = [_finding(finding, texts[finding.path], style) for finding in report.findings]
    if style.verbose:
        parts += ["\n".join(_how_built(report))]
    return "\n\n".join(part for part in [*parts, summary(report)] if part)


def failures(report: Report) -> Iterator[tuple[Diagnosis, str]]:
    """The Dockerfiles that could not be judged, and why."""
    for diagnosis in report.diagnoses:
        if diagnosis.failure:
            hint = f" ({diagnosis.failure.hint})" if diagnosis.failure.hint else ""
            where = "" if diagnosis.failure.where else f"{shown(diagnosis.path)}: "
            yield diagnosis, f"{where}{diagnosis.failure}{hint}"


def summary(report: Report) -> str:
    """One line: how many findings of which kind, in how many files, and what mends them."""
    judged = [each for each in report.diagnoses if each.failure is None]
    findings = report.findings
    checked = f"{len(judged)} Dockerfile{'s' * (len(judged) != 1)}"
    if not findings:
        return f"{checked} checked: nothing found{_ignored(report)}"
    counts = [(severity, sum(each.severity is severity for each in findings)) for severity in Severity]
    kinds = ", ".join(f"{count} {severity.value}{'s' * (count != 1)}" for severity, count in counts if count)
    return f"{checked} checked: {kinds}{_ignored(report)}{_mendable(findings)}"


def _ignored(report: Report) -> str:
    count = sum(len(each.ignored) for each in report.diagnoses)
    return f" ({count} ignored by comments)" if count else ""


def _mendable(findings: tuple[Finding, ...]) -> str:
    safe = sum(any(fix.safe for fix in each.fixes) for each in findings)
    unsafe = sum(bool(each.fixes) and not any(fix.safe for fix in each.fixes) for each in findings)
    parts = [f"--fix mends {safe}"] if safe else []
    parts += [f"--unsafe-fixes mends {unsafe}{' more' * bool(safe)}"] if unsafe else []
    return f"; {', '.join(parts)}" if parts else ""


def _finding(finding: Finding, text: str, style: Style) -> str:
    head = style.paint(f"{finding.severity.value}[{finding.rule}]", f"1;{_COLOURS[finding.severity]}")
    place = f"{shown(finding.path)}:{finding.span.line}:{finding.span.column}"
    lines = [f"{head}: {finding.message}", f"  {style.paint('-->', '34')} {place}"]
    lines += _frame(text, finding, style)
    notes = dict(_notes(finding))
    lines += [f"   {style.paint('=', '34')} {style.paint(name, '1')}: {note}" for name, note in notes.items()]
    return "\n".join(lines)


def _notes(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.cost:
        yield "cost", finding.cost
    if finding.hint:
        yield "hint", finding.hint
    if finding.fixes:
        yield "fix", _offer(finding.fixes[0])
    else:
        yield "no fix", finding.no_fix
    yield "more", f"depsfirst rules {finding.rule}"


def _offer(fix: Fix) -> str:
    if fix.safe:
        return f"{fix.title} (--fix)"
    return f"{fix.title} (--unsafe-fixes{f'; {fix.why_unsafe}' if fix.why_unsafe else ''})"


def _frame(text: str, finding: Finding, style: Style) -> list[str]:
    """The lines of the file that the finding speaks of, in their order, marked below: with carets where it stands."""
    lines = text.split("\n")
    spans = sorted([(finding.span, ""), *((each.span, each.text) for each in finding.related)], key=_by_place)
    width = max(len(str(_last(span, text))) for span, _ in spans)
    edge = style.paint("|", "34")
    rows = [f" {' ' * width} {edge}"]
    above = None
    for span, label in spans:
        end = min(_last(span, text), span.line + _MOST_LINES - 1)
        if above is not None and span.line > above + 1:
            rows.append(style.paint("...", "34"))
        for number in range(span.line, end + 1):
            line = lines[number - 1].rstrip("\r") if number <= len(lines) else ""
            rows.append(f" {style.paint(f'{number:>{width}}', '34')} {edge} {line.expandtabs(_TAB)}".rstrip())
        if _last(span, text) > end:
            rows.append(f" {' ' * width} {edge} ...")
        if _last(span, text) == span.line or label:
            code = "34" if label else _COLOURS[finding.severity]
            marks = _marks(span, lines, "-" if label else "^")
            rows.append(f" {' ' * width} {edge} {style.paint(marks, code)} {label}".rstrip())
        above = end
    return rows


def _by_place(marked: tuple[Span, str]) -> tuple[int, bool]:
    return marked[0].line, bool(marked[1])


def _last(span: Span, text: str) -> int:
    """The last line that a span reaches into."""
    return span.line + text.count("\n", span.offset, max(span.end - 1, span.offset))


def _marks(span: Span, lines: list[str], mark: str) -> str:
    """Marks below the part of the first line that a span covers."""
    line = lines[span.line - 1].rstrip("\r") if span.line <= len(lines) else ""
    before = len(line[: span.column - 1].expandtabs(_TAB))
    covered = line[span.column - 1 : span.column - 1 + max(span.end - span.offset, 1)]
    return " " * before + mark * max(len(covered.expandtabs(_TAB)), 1)


def _how_built(report: Report) -> Iterator[str]:
    for diagnosis in report.diagnoses:
        for each in diagnosis.invocations:
            yield f"{shown(diagnosis.path)}: {_told(each)}"
    for misunderstood in report.misunderstood:
        yield f"not understood: {misunderstood.origin}: {misunderstood.text}"


def _told(each: Invocation) -> str:
    context = shown(each.context) if each.context else "no directory"
    target = f', target "{each.target}"' if each.target else ""
    return f'context "{context}"{target} ({"guessed: " * each.guessed}{each.origin})'


def shown_as(form: str, report: Report, mended: Mended | None, files: Files, style: Style) -> str:
    """The report in one of the forms: ``text``, ``json``, ``sarif`` or ``github``."""
    after = mended.files if mended else files
    texts = {path: after.text(path) for path in _paths(report) if after.exists(path)}
    if form == "text":
        return "\n".join([*_made(mended), as_text(report, texts, style)])
    if form == "json":
        from depsfirst.reports.check_json import as_json

        return as_json(report, texts, mended.made if mended else ())
    if form == "sarif":
        from depsfirst.reports.sarif import as_sarif

        return as_sarif(report, texts)
    from depsfirst.reports.github import as_github

    return as_github(report, texts)


def _paths(report: Report) -> set[Path]:
    findings = [*report.findings, *(each.finding for some in report.diagnoses for each in some.ignored)]
    edited = {edit.path for finding in findings for fix in finding.fixes for edit in fix.edits}
    return {finding.path for finding in findings} | edited


def _made(mended: Mended | None) -> Iterator[str]:
    for finding, fix in mended.made if mended else ():
        yield f"fixed {shown(finding.path)}:{finding.span.line}: {fix.title} ({finding.rule})"


def as_diff(changes: Iterator[tuple[Path, str | None, str]]) -> str:
    """What the fixes change, as a unified diff that ``patch`` and ``git apply`` take."""
    return "".join(_diff(shown(path), old, new) for path, old, new in changes)


def _diff(name: str, old: str | None, new: str) -> str:
    from difflib import unified_diff

    name = name.lstrip("/")
    before = "/dev/null" if old is None else f"a/{name}"
    lines = unified_diff(_lines(old or ""), _lines(new), before, f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """The lines with their ends, which are line feeds alone."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.rpartition("\n")[2]) else [])
