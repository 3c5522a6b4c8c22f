"""A ".dockerignore" stands beside the Dockerfile, but the context is another directory, where it is never read.

## Why

Docker reads `.dockerignore` in the root of the context, or a file beside the Dockerfile that has its name, as
`Dockerfile.dockerignore`. A `.dockerignore` anywhere else has no effect: all that it names is sent and copied.

## Example

```
docker/Dockerfile
docker/.dockerignore      # never read by: docker build -f docker/Dockerfile .
```

## Fix

Move it to the root of the context, or call it `docker/Dockerfile.dockerignore`. Its patterns are relative to the root
of the context in either place, so look at them once more.

## When to ignore

Where another build takes that directory for its context.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.checks.model import Confidence, Rule, Severity
from depsfirst.dockerfile.context import IGNORE_FILE
from depsfirst.dockerfile.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """The ignore file beside the Dockerfile, if another one counts."""
    beside = subject.path.parent / IGNORE_FILE
    if subject.path.parent in subject.files.contexts or not subject.files.exists(beside):
        return
    text = subject.files.text(beside)
    first = text.partition("\n")[0].rstrip("\r")
    counts = subject.ignore_file
    name = counts.relative_to(subject.directory) if counts.is_relative_to(subject.directory) else counts.name
    yield RULE.finding(
        subject,
        Source(text).span(0, len(first)),
        f'this file is never read: the build takes "{_relative(subject)}" for its context, where "{name}" counts',
        path=beside,
        confidence=Confidence.MEDIUM if subject.invocation.guessed else None,
        no_fix="its patterns are made for another directory: move them, and look at them once more",
    )


def _relative(subject: Subject) -> str:
    """The context's directory, seen from the one of the Dockerfile."""
    return Path(os.path.relpath(subject.directory, subject.path.parent)).as_posix()


RULE = Rule("dead-dockerignore", "context", Severity.WARNING, find, __doc__)
