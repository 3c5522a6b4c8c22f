"""All of the directory is copied into the image, and no ".dockerignore" says what is no part of it.

## Why

Without the file everything counts: the virtual environment of this machine, caches of tests and linters, bytecode.
Each of them is sent to the builder, ends in the image, and makes the step run again when it changes, which it does at
every run of the tests.

## Example

```dockerfile
COPY . .
```

in a directory without `.dockerignore`.

## Fix

Begin with what no image needs:

```
.git
**/__pycache__
**/*.py[cod]
**/.venv
**/.*_cache
```

## When to ignore

Where the directory is made for the build alone and holds nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.edits import ignoring
from depsfirst.checks.git_readers import why_needed
from depsfirst.checks.leftovers import first_patterns, whole_readers
from depsfirst.checks.model import Fix, Rule, Severity
from depsfirst.checks.places import span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """The first step that reads the whole context."""
    if subject.files.exists(subject.ignore_file):
        return
    readers = whole_readers(subject)
    if not readers:
        return
    patterns = first_patterns(subject, git=not why_needed(subject))
    first = readers[0]
    yield RULE.finding(
        subject,
        span_of(first),
        f'{first.instruction.name} takes all of the directory, and no ".dockerignore" leaves anything out',
        fixes=[Fix('Write a ".dockerignore"', safe=True, edits=(ignoring(subject, *patterns),))],
    )


RULE = Rule("missing-dockerignore", "context", Severity.NOTE, find, __doc__)
