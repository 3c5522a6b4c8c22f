"""Another setting of a tool in pyproject.toml installs all dependencies again.

## Why

`pyproject.toml` holds the settings of linters, type checkers and test runners besides the requirements. An install that
reads the file, or stands behind a `COPY` of it, runs again when one of these changes.

## Example

```dockerfile
COPY pyproject.toml requirements.txt ./
RUN pip install -r requirements.txt
```

## Fix

Copy it behind the install if that does not read it:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY pyproject.toml ./
```

If it does, the third-party packages of the lock are exported in a stage of its own, as
[version-bump-reinstalls](version-bump-reinstalls.md) shows.

## When to ignore

Where the settings stand in files of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.model import Rule, Severity
from depsfirst.checks.waiting import finding, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Each step that brings pyproject.toml to an install."""
    for blame in waiting(subject, "settings", ("version-bump", "readme")):
        yield finding(RULE, subject, blame, "another setting of a tool in it", "settings")


RULE = Rule("settings-reinstall", "order", Severity.WARNING, find, __doc__)
