"""Files that tools make are copied into the image, so a run of the tests makes the next build start over.

## Why

`__pycache__`, `.pytest_cache`, `.coverage` or `.venv` change when the project is run, tested or checked, also if no
file of it was edited. A `COPY` that takes them is not cached then, and all after it runs again. A `.venv` of this
machine in the image can even take the place of the one that the build made.

## Example

```dockerfile
COPY . .
```

with a `.dockerignore` that says nothing of `__pycache__`, or only `__pycache__`, which means that in the root alone.

## Fix

Leave them out, at any depth:

```
**/__pycache__
**/.pytest_cache
**/.venv
```

## When to ignore

Where the image is only built from a fresh checkout, as in CI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.edits import ignoring
from depsfirst.checks.leftovers import Leftover, likely, whole_readers
from depsfirst.checks.model import Confidence, Fix, Related, Rule, Severity
from depsfirst.checks.places import place_of, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """The first step that takes some of them; one finding for all of them."""
    if not subject.files.exists(subject.ignore_file):
        return  # then the whole file is missing, which another rule says
    taken = [(each, readers) for each in likely(subject) if (readers := _readers(subject, each))]
    if not taken:
        return
    first = min((readers[0] for _, readers in taken), key=lambda step: step.line)
    paths = [each.path for each, _ in taken]
    installs = subject.reinstalled(subject.edited(*paths))
    there = any(each.is_there(subject) for each, _ in taken)
    patterns = [each.pattern for each, _ in taken]
    names = ", ".join(f'"{pattern.removeprefix("**/")}"' for pattern in patterns)
    yield RULE.finding(
        subject,
        span_of(first),
        f"{first.instruction.name} takes {names}, so running or testing the project makes this step run again",
        cost=subject.project.cost(*installs) if installs else "",
        related=[
            Related(span_of(step), "this one installs the dependencies") for step in installs[:1] if step != first
        ],
        severity=Severity.WARNING if installs else None,
        confidence=Confidence.HIGH if there else None,
        fixes=[Fix(f"Leave {names} out of the context", safe=True, edits=(ignoring(subject, *patterns),))],
    )


def _readers(subject: Subject, leftover: Leftover) -> Sequence[Step]:
    """The steps that take something; what is not there yet counts where the whole directory is taken.

    A line of the ignore file that is meant for it, but does not fit it, is for another rule to say.
    """
    if leftover.name in _written(subject):
        return ()
    readers = subject.readers(leftover.path)
    if leftover.is_there(subject):
        return readers
    whole = {place_of(step) for step in whole_readers(subject)}
    return [step for step in readers if place_of(step) in whole]


def _written(subject: Subject) -> frozenset[str]:
    text = subject.files.text(subject.ignore_file)
    return frozenset(line.strip().strip("/") for line in text.splitlines())


RULE = Rule("generated-in-context", "context", Severity.NOTE, find, __doc__, Confidence.MEDIUM)
