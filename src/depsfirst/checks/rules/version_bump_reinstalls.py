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
FROM python:3.13-slim AS tools
COPY --from=registry.example/astral-sh/uv:0.9.7 /uv /bin/
WORKDIR /app

FROM tools AS recipe
COPY pyproject.toml uv.lock ./
RUN uv export --quiet --locked --no-emit-project --no-header --no-annotate --output-file /tmp/requirements.txt

FROM tools
COPY --from=recipe /tmp/requirements.txt /tmp/requirements.txt
RUN uv venv && uv pip install --python .venv --no-deps --require-hashes -r /tmp/requirements.txt
COPY . .
RUN uv sync --locked
```

That is done for uv, Poetry (with its plugin `poetry-plugin-export`), PDM and Pipenv. For uv it is safe where the base
image and the version of uv are known: the environment is the same, file by file. pip installs what Poetry and PDM
exported, so another name stands in `INSTALLER`, and the bytecode is compiled; look at that before you keep it. It is
refused where a setting would get lost: an index or a build option of `[tool.uv]`, a source of Poetry's or PDM's, an
option that an install from a list does not have, packages of the repository in the lock, an environment beside the
interpreter, stages named by their numbers. `depsfirst init` writes a whole Dockerfile like that.

Where the install does not read the file at all, as with `pip install -r requirements.txt`, it is enough to copy it
later, and that is what is done.

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
