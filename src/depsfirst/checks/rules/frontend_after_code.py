"""The front end is installed or built behind the Python code, so every edit of the code does it again.

## Why

`npm ci` and its like need `package.json` and its lock, and nothing of the Python code; `npm run build` needs the
sources of the front end. Behind a `COPY` of both they run with every edit of a view or a model.

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

A tool that is installed by its name (`npm install -g`) needs no file at all: install it before the code is copied.

## When to ignore

Where the front end is made from the Python code, as style sheets are of the classes that templates name, and there is
next to nothing to install.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.late import Late, late_steps
from depsfirst.checks.model import Confidence, Related, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.commands import Installs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

_BUILDS = re.compile(
    r"(?i)\b(?:build|compile|bundle|generate|webpack|vite|rollup|esbuild|gulp|grunt|tailwindcss|prod)\b"
)
_HINT = "copy package.json and its lock, install, and copy the rest then; best in a stage of its own"
_NO_FIX = "which files the front end needs cannot be told from here"
_BUILD_HINT = "copy what the front end is made of, and build it, before the Python code; best in a stage of its own"
_BY_NAME = "install it before the code is copied: it needs none of it"


class _Work(NamedTuple):
    """What a step does for the front end."""

    late: Late
    installation: Installation

    @property
    def downloads(self) -> bool:
        """Whether packages are installed; else something is built of them."""
        return self.installation.verb != "run"

    @property
    def by_name(self) -> bool:
        """Whether a tool is installed by its name, without a manifest."""
        return self.downloads and bool(self.installation.packages) and not self.installation.inputs


def find(subject: Subject) -> Iterator[Finding]:
    """The first step of each stage that installs packages; where none does, the first that builds."""
    stages: dict[int, list[_Work]] = {}
    for late in late_steps(subject, lambda step: _work(subject, step) is not None):
        found = _work(subject, late.step)
        if found:
            stages.setdefault(late.step.stage.index, []).append(_Work(late, found))
    for works in stages.values():
        yield _finding(subject, next((each for each in works if each.downloads), works[0]))


def _work(subject: Subject, step: Step) -> Installation | None:
    """What a RUN installs for the front end, else what it builds."""
    found = subject.commands.installations(step, Installs.FRONTEND)
    installs = (each for each in found if each.verb in ("install", "ci"))
    builds = (each for each in found if each.verb == "run" and any(_BUILDS.search(name) for name in each.packages))
    return next(installs, None) or next(builds, None)


def _finding(subject: Subject, work: _Work) -> Finding:
    return RULE.finding(
        subject,
        span_of(work.late.step),
        _message(work.installation, by_name=work.by_name),
        related=[Related(span_of(work.late.culprit), "this one runs again with each edit of the code")],
        no_fix="what else the step needs is not known" if work.by_name else _NO_FIX,
        hint=_BY_NAME if work.by_name else _HINT if work.downloads else _BUILD_HINT,
        severity=None if work.downloads else Severity.WARNING,
        confidence=None if work.downloads else Confidence.MEDIUM,
    )


def _message(installation: Installation, *, by_name: bool) -> str:
    tool = installation.tool
    if by_name:
        return f'an edit of the Python code has {tool} download "{installation.packages[0]}" again'
    if installation.verb != "run":
        return f'an edit of the Python code runs "{tool}" again, and downloads the packages of the front end'
    command = " ".join(word.source for word in installation.command.words[:3])
    return f'an edit of the Python code builds the front end again ("{command}")'


RULE = Rule("frontend-after-code", "order", Severity.ERROR, find, __doc__)
