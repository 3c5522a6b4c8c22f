"""Packages of the system are installed behind the code, so every edit of the code installs them again.

## Why

A step runs again when one before it does. Packages of the system hardly ever change and take long: the index is
downloaded, then the packages, then each is configured. Behind a `COPY` of the code all that happens with every edit.

## Example

```dockerfile
COPY . .
RUN apt-get update && apt-get install -y --no-install-recommends libpq5
```

## Fix

```dockerfile
RUN apt-get update && apt-get install -y --no-install-recommends libpq5
COPY . .
```

## When to ignore

Where the list of packages is itself read from the code. Better is to copy that one file first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.late import Late, late_steps, moved_before, runs_between, why_not_movable
from depsfirst.checks.model import Fix, Related, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.commands import Installs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

_UNSAFE = "what runs between the two places finds these packages installed, and may be built otherwise for it"


def find(subject: Subject) -> Iterator[Finding]:
    """The first such step of each stage; when it has moved the next one is found."""
    seen: set[int] = set()

    def installs_packages(step: Step) -> bool:
        found = subject.commands.installations(step, Installs.SYSTEM)
        return any(each.packages for each in found) and not subject.commands.installs_dependencies(step)

    for late in late_steps(subject, installs_packages):
        if late.step.stage.index not in seen:
            seen.add(late.step.stage.index)
            yield _finding(subject, late)


def _finding(subject: Subject, late: Late) -> Finding:
    reason = why_not_movable(subject, late)
    return RULE.finding(
        subject,
        span_of(late.step),
        "an edit of the code installs these packages of the system again",
        related=[Related(span_of(late.culprit), "this one runs again with each edit of the code")],
        fixes=() if reason else [_fix(subject, late)],
        no_fix=reason,
        hint=f"install them before line {late.culprit.line}" if reason else "",
    )


def _fix(subject: Subject, late: Late) -> Fix:
    safe = not runs_between(subject, late)
    title = f"Install them before line {late.culprit.line}"
    return Fix(title, safe=safe, edits=moved_before(subject, late), why_unsafe="" if safe else _UNSAFE)


RULE = Rule("system-packages-after-code", "order", Severity.ERROR, find, __doc__)
