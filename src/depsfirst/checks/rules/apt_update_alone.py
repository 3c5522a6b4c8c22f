"""The command "apt-get update" stands in a RUN of its own, so packages are later looked for in a stale index.

## Why

The step is cached as long as its text is the same. When a package is added to the `apt-get install` in a later `RUN`,
the index is still that of the first build: packages that have got a new version since are no longer there ("404 Not
Found"), and security fixes are not seen. The index also stays in a layer of the image, where nothing can remove it
any more.

## Example

```dockerfile
RUN apt-get update
RUN apt-get install -y libpq5
```

## Fix

Both in one `RUN`:

```dockerfile
RUN apt-get update && apt-get install -y libpq5
```

## When to ignore

Where the index is of a snapshot that never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.edits import inserted, removed
from depsfirst.checks.model import Fix, Related, Rule, Severity
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.source import Span

_TOOLS = frozenset({"apt-get", "apt", "aptitude"})
_FETCHING = frozenset({"install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "reinstall", "satisfy"})


def find(subject: Subject) -> Iterator[Finding]:
    """Each RUN that fetches the index and nothing by it."""
    for step in subject.runs:
        found = _apt(subject, step)
        if found and all(each.verb == "update" for each in found) and not found[0].via:
            yield _finding(subject, step, found[0])


def _apt(subject: Subject, step: Step) -> list[Installation]:
    return [each for each in subject.commands.installations(step) if each.tool in _TOOLS]


def _finding(subject: Subject, step: Step, update: Installation) -> Finding:
    later = [each for each in subject.runs if each.stage is step.stage and each.line > step.line]
    stale = [each for each in later if _relies(subject, each)]
    reason = _why_not(subject, step, stale)
    message = "the package index is cached here, and later installs look into a stale one"
    return RULE.finding(
        subject,
        subject.commands.span(step, update.command),
        message if stale else "the package index is fetched here, and nothing is installed by it",
        related=[Related(_first(subject, each), "this one relies on it") for each in stale[:1]],
        fixes=() if reason else [_fix(subject, step, update, stale)],
        no_fix=reason,
    )


def _relies(subject: Subject, step: Step) -> bool:
    """Whether a RUN installs by an index that it does not fetch before."""
    found = _apt(subject, step)
    return bool(found) and found[0].verb in _FETCHING


def _first(subject: Subject, step: Step) -> Span:
    return subject.commands.span(step, _apt(subject, step)[0].command)


def _why_not(subject: Subject, step: Step, stale: Sequence[Step]) -> str:
    script = subject.commands.script(step)
    if not stale:
        return "what it is for cannot be told: remove it, or install in the same RUN"
    if len(script.commands) != 1 or not script.whole or not _is_plain(step):
        return f"line {step.line} runs other commands, too"
    for each in stale:
        first = _apt(subject, each)[0]
        if first.via or first.command.nested or not first.command.always or not _is_plain(each):
            return f"line {each.line} installs in a way that is not rewritten by rote"
    return ""


def _is_plain(step: Step) -> bool:
    run = step.instruction
    return isinstance(run, Run) and not run.exec_form and not run.heredocs and not step.trigger


def _fix(subject: Subject, step: Step, update: Installation, stale: Sequence[Step]) -> Fix:
    words = subject.commands.span(step, update.command).of(subject.text)
    edits = [inserted(subject, _first(subject, each).offset, f"{words} && ") for each in stale]
    edits.append(removed(subject, step.instruction))
    return Fix("Fetch the index in the RUN that installs", safe=True, edits=tuple(edits))


RULE = Rule("apt-update-alone", "installer", Severity.WARNING, find, __doc__)
