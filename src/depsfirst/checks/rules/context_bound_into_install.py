"""The code is mounted into the install of the dependencies, so every edit of it installs them all again.

## Why

A bind mount leaves no file in the image, but its content counts for the cache as that of a `COPY` does. With the whole
context mounted, or a directory that holds code, an edit of one line runs the install again.

## Example

```dockerfile
RUN --mount=type=bind,target=/src pip install -r /src/requirements.txt
```

## Fix

Mount the files that the installer reads, each by its name:

```dockerfile
RUN --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt pip install -r /tmp/requirements.txt
```

## When to ignore

Where the command needs all of the code, as a build of extension modules does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.blame import of_code, with_project
from depsfirst.checks.model import Rule, Severity
from depsfirst.checks.places import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Each install of dependencies alone that mounts code."""
    for blame in of_code(subject):
        if blame.binds and not with_project(subject, blame.installs[0]):
            yield RULE.finding(
                subject,
                span_of(blame.reader),
                f'"{blame.paths[0]}" is mounted into the install, so every edit of the code installs the'
                " dependencies again",
                cost=subject.project.cost,
                hint="mount the manifest and the lock alone, each by its name",
                no_fix="which of the mounted files the command reads is not proven",
            )


RULE = Rule("context-bound-into-install", "order", Severity.ERROR, find, __doc__)
