"""A new version of the project installs all of its dependencies again, although none of them changed.

## Why

The version stands in `pyproject.toml`, and in `uv.lock` besides. An install that reads these files runs again for each
release, also where the code is copied behind it. It needs nothing of them but the third-party packages that the lock
names.

## Example

```dockerfile
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-install-project
COPY . .
RUN uv sync --locked
```

## Fix

Export what the lock says of third-party packages in a stage of its own, and install that. The stage runs again for a
new version, and writes the same file; the builder compares contents, and the install stays cached:

```dockerfile
FROM tools AS recipe
COPY pyproject.toml uv.lock ./
RUN uv export --frozen --no-emit-project --output-file /recipe/requirements.txt

FROM tools
COPY --from=recipe /recipe/requirements.txt /tmp/requirements.txt
RUN uv venv && uv pip install --no-deps --require-hashes -r /tmp/requirements.txt
COPY . .
RUN uv sync --locked
```

Poetry has its plugin `poetry-plugin-export`, PDM and Pipenv have an export of their own. `depsfirst generate` writes a
Dockerfile like that. Where the install does not read the file at all, as with `pip install -r requirements.txt`, it is
enough to copy it later, and that is done by rote.

## When to ignore

Where releases are rarer than changes of the dependencies.
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
    """Each step that brings the version to an install."""
    for blame in waiting(subject, "version-bump"):
        yield finding(RULE, subject, blame, "a new version of the project", "version-bump")


RULE = Rule("version-bump-reinstalls", "order", Severity.WARNING, find, __doc__)
