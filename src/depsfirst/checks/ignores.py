"""Comments that say which findings somebody does not want: ``# depsfirst: ignore[rule, other-rule] reason``.

A comment holds for the instruction below it, or for the one that it stands inside of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.edits import without_lines
from depsfirst.checks.model import Edit, Finding, Fix, Ignored, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span
    from depsfirst.dockerfile.syntax import Comment, Dockerfile

_COMMENT = re.compile(r"depsfirst\s*:\s*ignore\b\s*(?:\[(?P<names>[^\]]*)\](?P<reason>.*))?", re.IGNORECASE)
_NAME = re.compile(r"[^\s,]+")

FAMILY = "ignores"

BAD_IGNORE_PAGE = """A comment that ignores findings names no rule, an unknown rule or no reason.

## Why

`# depsfirst: ignore[rule] reason` hides findings from everybody who comes later. A name with a slip hides nothing, a
comment without names would hide everything, and without a reason nobody can tell whether it still holds.

## Example

```dockerfile
# depsfirst: ignore[code-before-dependancies]
COPY . .
```

## Fix

Name rules that exist (`depsfirst rules` lists them) and say why:

```dockerfile
# depsfirst: ignore[code-before-dependencies] the plugins' requirements are part of the code
COPY . .
```

## When to ignore

Never: correct the comment or remove it.
"""

UNUSED_IGNORE_PAGE = """A comment ignores a rule that finds nothing there.

## Why

What was ignored has been mended or has moved. The comment would hide the next finding of that rule, which nobody has
looked at.

## Example

```dockerfile
# depsfirst: ignore[code-before-dependencies] to be done after the release
COPY pyproject.toml uv.lock ./
```

## Fix

Remove the comment, or the rule's name where others still count; `--fix` does.

## When to ignore

Where a rule finds something in some builds of the file only, and not all of them are known here.
"""


def _elsewhere(subject: Subject) -> Iterable[Finding]:
    """These rules look at comments, findings and chosen rules together: ``judge`` does."""
    del subject
    return ()


BAD_IGNORE = Rule("bad-ignore", FAMILY, Severity.WARNING, _elsewhere, BAD_IGNORE_PAGE)
UNUSED_IGNORE = Rule("unused-ignore", FAMILY, Severity.NOTE, _elsewhere, UNUSED_IGNORE_PAGE)


class IgnoredName(NamedTuple):
    """A rule's name in a comment, and where it stands."""

    name: str
    span: Span


class Ignore(NamedTuple):
    """One such comment.

    Attributes:
        names: the rules that it names.
        reason: what it says about them.
        span: where the comment stands.
        lines: first and last line of the instruction that it holds for; both 0 if none follows.
    """

    names: tuple[IgnoredName, ...]
    reason: str
    span: Span
    lines: tuple[int, int]

    def covers(self, finding: Finding) -> bool:
        """Whether it names the finding's rule and stands at its instruction."""
        first, last = self.lines
        return first <= finding.span.line <= last and any(each.name == finding.rule for each in self.names)


def read_ignores(dockerfile: Dockerfile) -> tuple[Ignore, ...]:
    """The comments of a Dockerfile that ignore findings, in their order."""
    if "depsfirst" not in dockerfile.text:
        return ()
    return tuple(ignore for comment in dockerfile.comments if (ignore := _read(comment, dockerfile)))


def _read(comment: Comment, dockerfile: Dockerfile) -> Ignore | None:
    found = _COMMENT.match(comment.text)
    if not found:
        return None
    start = comment.span.of(dockerfile.text).index(comment.text) if comment.text else 0
    names = _names(comment, found, start) if found["names"] is not None else ()
    lines = next(
        ((each.line, each.end_line) for each in dockerfile.instructions if each.end_line >= comment.span.line), (0, 0)
    )
    return Ignore(names, (found["reason"] or "").strip(" :-\t"), comment.span, lines)


def _names(comment: Comment, found: re.Match[str], start: int) -> tuple[IgnoredName, ...]:
    first = found.start("names") + start
    return tuple(
        IgnoredName(
            name.group(),
            comment.span.__class__(
                comment.span.offset + first + name.start(),
                comment.span.offset + first + name.end(),
                comment.span.line,
                comment.span.column + first + name.start(),
            ),
        )
        for name in _NAME.finditer(found["names"])
    )


def divide(
    findings: Iterable[Finding], ignores: tuple[Ignore, ...], subject: Subject
) -> tuple[list[Finding], list[Ignored]]:
    """The findings that are shown, and those that comments ignore."""
    shown: list[Finding] = []
    hidden: list[Ignored] = []
    for finding in findings:
        ignore = None
        if finding.path == subject.path:
            ignore = next((each for each in ignores if each.covers(finding)), None)
        if ignore:
            hidden.append(Ignored(finding, ignore.reason or "no reason given"))
        else:
            shown.append(finding)
    return shown, hidden


def judge(
    subject: Subject, ignores: tuple[Ignore, ...], hidden: Iterable[Ignored], known: Mapping[str, bool]
) -> Iterator[Finding]:
    """What is wrong with the comments themselves.

    Args:
        subject: the Dockerfile.
        ignores: its comments.
        hidden: what they ignore.
        known: every rule's name, and whether the rule was asked.
    """
    used = {(ignored.finding.rule, ignored.finding.span.line) for ignored in hidden}
    for ignore in ignores:
        yield from _faults(subject, ignore, known)
        first, last = ignore.lines
        idle = [
            each
            for each in ignore.names
            if known.get(each.name) and not any((each.name, line) in used for line in range(first, last + 1))
        ]
        for each in idle:
            yield UNUSED_IGNORE.finding(
                subject,
                each.span,
                f'"{each.name}" finds nothing here',
                fixes=[_removal(subject, ignore, idle)],
            )


def _faults(subject: Subject, ignore: Ignore, known: Mapping[str, bool]) -> Iterator[Finding]:
    if not ignore.names:
        yield BAD_IGNORE.finding(subject, ignore.span, "the comment names no rule, so it ignores nothing", no_fix=_HOW)
        return
    for each in ignore.names:
        if each.name not in known:
            yield BAD_IGNORE.finding(
                subject, each.span, f'there is no rule "{each.name}"', no_fix=_near(each.name, known)
            )
    if not ignore.reason:
        yield BAD_IGNORE.finding(
            subject, ignore.span, "the comment says no reason", no_fix="only you know it: write it behind the bracket"
        )


_HOW = "write # depsfirst: ignore[RULE] REASON"


def _near(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1)
    return f'perhaps "{close[0]}" is meant' if close else "`depsfirst rules` lists those there are"


def _removal(subject: Subject, ignore: Ignore, idle: list[IgnoredName]) -> Fix:
    """Remove the whole comment, or the names that do nothing."""
    if len(idle) == len(ignore.names):
        span = without_lines(subject.text, ignore.span)
        return Fix("Remove the comment", safe=True, edits=(Edit(subject.path, *span, ""),))
    kept = ", ".join(each.name for each in ignore.names if each not in idle)
    first, last = ignore.names[0].span.offset, ignore.names[-1].span.end
    return Fix("Remove the names that do nothing", safe=True, edits=(Edit(subject.path, first, last, kept),))
