"""The packages of a front end are installed behind the Python code, so every edit of it installs them again.

## Why

`npm ci` and its like need `package.json` and its lock, and nothing of the Python code. Behind a `COPY` of both they
run with every edit of a view or a model.

## Example

```dockerfile
COPY . .
RUN cd web && npm ci && npm run build
```

## Fix

A stage of its own, which the Python code does not reach:

```dockerfile
FROM node:22-slim AS web
WORKDIR /web
COPY web/package.json web/package-lock.json ./
RUN npm ci
COPY web ./
RUN npm run build

FROM python:3.13-slim
COPY --from=web /web/dist /app/static
```

## When to ignore

Where the front end is generated from the Python code, and there is next to nothing to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.late import late_steps
from depsfirst.checks.model import Related, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.commands import Installs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

_WORDS = ("npm", "yarn", "pnpm", "bun", "make", ".sh")
_HINT = "copy package.json and its lock, install, and copy the rest then; best in a stage of its own"


def find(subject: Subject) -> Iterator[Finding]:
    """The first such step of each stage."""
    if not any(word in subject.text for word in _WORDS):
        return
    seen: set[int] = set()

    def installs_packages(step: Step) -> bool:
        return any(each.verb in ("install", "ci") for each in subject.commands.installations(step, Installs.FRONTEND))

    for late in late_steps(subject, installs_packages):
        if late.step.stage.index in seen:
            continue
        seen.add(late.step.stage.index)
        first = subject.commands.installations(late.step, Installs.FRONTEND)[0]
        yield RULE.finding(
            subject,
            span_of(late.step),
            f'an edit of the Python code runs "{first.tool}" again, and downloads the packages of the front end',
            related=[Related(span_of(late.culprit), "this one runs again with each edit of the code")],
            no_fix="which files the front end needs cannot be told from here",
            hint=_HINT,
        )


RULE = Rule("frontend-after-code", "order", Severity.ERROR, find, __doc__)
