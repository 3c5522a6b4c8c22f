"""An edit of the README installs all dependencies again.

## Why

The README is copied because the build of the project wants it (`readme = "README.md"`), but the install of the
dependencies does not. A corrected slip in it then costs a whole install.

## Example

```dockerfile
COPY requirements.txt README.md ./
RUN pip install -r requirements.txt
```

## Fix

Copy it behind the install, with the code:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY README.md ./
```

## When to ignore

Where the README is never edited without the dependencies.
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
    """Each step that brings the README to an install."""
    for blame in waiting(subject, "readme", ("version-bump",)):
        yield finding(RULE, subject, blame, "an edit of it", "readme")


RULE = Rule("readme-reinstalls", "order", Severity.WARNING, find, __doc__)
