"""Applies fixes to texts, and judges what came of them before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from depsfirst.checks.files import Files
    from depsfirst.checks.model import Edit, Finding, Fix, Rule
    from depsfirst.checks.subject import Subject

_MOST_ROUNDS = 20


class Refused(NamedTuple):
    """A fix that was not made, and why."""

    finding: Finding
    fix: Fix
    reason: str


class Mended(NamedTuple):
    """What fixes made of some files.

    Attributes:
        files: with the new texts over the old ones.
        made: the fixes, in the order they were made in, with what they mend.
        refused: those that were not.
    """

    files: Files
    made: tuple[tuple[Finding, Fix], ...]
    refused: tuple[Refused, ...]


class Bench(Protocol):
    """What fixing needs of the engine."""

    def subjects(self, files: Files) -> Sequence[Subject]:
        """The subjects to mend, as they are with these files."""

    def neighbours(self, files: Files, path: Path) -> Sequence[Subject]:
        """Other subjects that a file which is no Dockerfile decides on, always in one order."""

    def findings(self, subjects: Sequence[Subject]) -> Sequence[Finding]:
        """What the chosen rules find in them."""

    def rule(self, name: str) -> Rule | None:
        """The rule that can be asked again whether it still finds what it found."""


def mend(files: Files, bench: Bench, *, unsafe: bool) -> Mended:
    """Make all fixes that can be made, in rounds: fixes that touch the same place wait for the next one.

    Args:
        files: the texts as they are.
        bench: the engine.
        unsafe: whether fixes that are not proven are made too.
    """
    made: list[tuple[Finding, Fix]] = []
    refused: dict[tuple[str, tuple[Edit, ...]], Refused] = {}
    for _ in range(_MOST_ROUNDS):
        subjects = bench.subjects(files)
        accepted: list[tuple[Finding, Fix]] = []
        for finding, fix in _wanted(bench.findings(subjects), unsafe=unsafe):
            if (finding.rule, fix.edits) in refused or _overlaps(fix, accepted):
                continue
            reason = _fault(files, subjects, bench, finding, fix)
            if reason is None:
                accepted.append((finding, fix))
            else:
                refused[finding.rule, fix.edits] = Refused(finding, fix, reason)
        if not accepted:
            break
        files = _settled(files, subjects, bench, accepted)
        made += accepted
    return Mended(files, tuple(made), tuple(refused.values()))


def _wanted(findings: Iterable[Finding], *, unsafe: bool) -> Iterable[tuple[Finding, Fix]]:
    """The first fix of each finding that may be made."""
    for finding in findings:
        fix = next((fix for fix in finding.fixes if fix.safe or unsafe), None)
        if fix:
            yield finding, fix


def _settled(files: Files, subjects: Sequence[Subject], bench: Bench, accepted: list[tuple[Finding, Fix]]) -> Files:
    """The files with all accepted fixes; those that do no good together are cut to the first."""
    together = applied(files, [fix for _, fix in accepted])
    if len(accepted) > 1 and _harm(subjects, bench.subjects(together)):
        del accepted[1:]
        return applied(files, [accepted[0][1]])
    return together


def _fault(files: Files, subjects: Sequence[Subject], bench: Bench, finding: Finding, fix: Fix) -> str | None:
    """Why a fix must not be made."""
    try:
        after = bench.subjects(applied(files, [fix]))
    except DepsfirstError as error:
        return str(error)
    if harm := _harm(subjects, after) or _harm_nearby(files, bench, fix):
        return harm
    if fix.lowers and not any(_lowers(subjects, after, change) for change in fix.lowers):
        return f"it would not make an edit ({', '.join(fix.lowers)}) install less"
    rule = bench.rule(finding.rule)
    if rule and _count(rule, after) >= _count(rule, subjects):
        return "it would not mend what was found"
    return None


def _harm_nearby(files: Files, bench: Bench, fix: Fix) -> str | None:
    """What an edit of an ignore file does to other Dockerfiles that are built in the same context."""
    for path in {edit.path for edit in fix.edits}:
        before, after = bench.neighbours(files, path), bench.neighbours(applied(files, [fix]), path)
        if harm := _harm(before, after):
            return f"another Dockerfile is built with the same files: {harm}"
    return None


def _count(rule: Rule, subjects: Sequence[Subject]) -> int:
    return sum(1 for subject in subjects for _ in rule.find(subject))


def _harm(before: Sequence[Subject], after: Sequence[Subject]) -> str | None:
    """What is worse after edits: BuildKit refuses the file, a source is missing, or an edit reruns more installs."""
    for old, new in zip(before, after, strict=True):
        if new.outline.problems and not old.outline.problems:
            return f"BuildKit would refuse the file: {new.outline.problems[0].message}"
        try:
            if missing := new.missing_sources - old.missing_sources:
                return f'it would read "{min(missing)}", which is not there'
            if worse := _worse(old, new):
                return worse
        except DepsfirstError as error:
            return f"the build could not be followed any more: {error}"
    return None


def _worse(old: Subject, new: Subject) -> str | None:
    for change in old.changes:
        if new.reinstalls(change) > old.reinstalls(change):
            return f"after an edit ({change}) more would be installed again than before"
    return None


def _lowers(before: Sequence[Subject], after: Sequence[Subject], change: str) -> bool:
    pairs = [(old.reinstalls(change), new.reinstalls(change)) for old, new in zip(before, after, strict=True)]
    return any(new < old for old, new in pairs)


def _overlaps(fix: Fix, accepted: Iterable[tuple[Finding, Fix]]) -> bool:
    return any(_touch(one, other) for _, known in accepted for one in fix.edits for other in known.edits)


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits meet; two insertions at one place do."""
    if one.path != other.path:
        return False
    return one.creates or other.creates or (one.start <= other.end and other.start <= one.end)


def applied(files: Files, fixes: Sequence[Fix]) -> Files:
    """The files with the edits of some fixes, which do not overlap.

    Raises:
        DepsfirstError: a file to be made is there already, or one to be edited is not.
    """
    edits: dict[Path, list[Edit]] = {}
    for edit in (edit for fix in fixes for edit in fix.edits):
        edits.setdefault(edit.path, []).append(edit)
    return files.edited({path: _edited(files, path, some) for path, some in edits.items()})


def _edited(files: Files, path: Path, edits: list[Edit]) -> str:
    if any(edit.creates for edit in edits):
        if files.exists(path):
            raise DepsfirstError("this file is there already", where=str(path))
        return "".join(edit.text for edit in edits)
    text = files.text(path)
    newline = line_end(text)
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text.replace("\r\n", "\n").replace("\n", newline) + text[edit.end :]
    return text


def line_end(text: str) -> str:
    """How most lines of a text end."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
