"""A model, a browser or data is downloaded behind the code, so every edit of the code downloads it again.

## Why

Weights of a model or a browser are often larger than all Python packages together. A step behind a `COPY` of the code
runs with every edit, and nothing of the code decides what it downloads.

## Example

```dockerfile
COPY . .
RUN python -m spacy download en_core_web_lg
```

## Fix

Download behind the install of the dependencies, before the code:

```dockerfile
COPY requirements.txt .
RUN pip install -r requirements.txt
RUN python -m spacy download en_core_web_lg
COPY . .
```

## When to ignore

Where the code says what is downloaded. Better is to write that into one file, and to copy that alone before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.late import between, late_steps
from depsfirst.checks.model import Related, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Download

_LARGE = {"model": "the model", "browser": "the browsers", "data": "the data"}


def find(subject: Subject) -> Iterator[Finding]:
    """Each such step, unless the dependencies that it runs with are installed again as well."""

    def downloads(step: Step) -> bool:
        return bool(_downloads(subject, step)) and not subject.commands.installs_dependencies(step)

    for late in late_steps(subject, downloads):
        steps = [each for each in between(subject, late) if isinstance(each.instruction, Run)]
        if any(subject.commands.installs_dependencies(each) for each in steps):
            continue  # with the dependencies before the code this one is, too
        found = _downloads(subject, late.step)[0]
        yield RULE.finding(
            subject,
            subject.commands.span(late.step, found.command),
            f"an edit of the code downloads {_LARGE[found.what]} again",
            related=[Related(span_of(late.culprit), "this one runs again with each edit of the code")],
            no_fix="whether it needs the code cannot be told: move it by hand, if it does not",
            hint=f"download before line {late.culprit.line}, behind the install of the dependencies",
        )


def _downloads(subject: Subject, step: Step) -> list[Download]:
    return [each for each in subject.commands.reading(step).downloads if each.what in _LARGE]


RULE = Rule("download-after-code", "order", Severity.ERROR, find, __doc__)
