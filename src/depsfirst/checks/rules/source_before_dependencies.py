"""A directory of code is copied before the dependencies are installed, so edits in it install them all again.

## Why

It is enough that one `COPY` before the install takes a part of the code: `COPY src ./src`, the members of a workspace
copied whole for the sake of their manifests, a wildcard such as `COPY *.py ./`, or a directory of requirements that
holds modules besides. An edit in there runs the step again, and with it the install.

## Example

```dockerfile
COPY requirements.txt ./
COPY src ./src
RUN pip install -r requirements.txt
```

## Fix

Copy the code behind the install:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY src ./src
```

Of the members of a workspace, copy the manifests alone, each to its directory
(`COPY --parents packages/*/pyproject.toml ./`), or mount them into the install.

## When to ignore

Where the install runs that code, as it does a script that chooses what to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.blame import is_whole, of_code, with_project
from depsfirst.checks.model import Rule, Severity
from depsfirst.checks.rules.code_before_dependencies import finding
from depsfirst.dockerfile.instructions import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Each COPY of some of the code that an install stands on."""
    for blame in of_code(subject):
        if not blame.binds and not is_whole(subject, blame) and not with_project(subject, blame.installs[0]):
            yield finding(RULE, subject, blame, _what(blame))


def _what(blame: Blame) -> str:
    transfer, path = blame.reader.instruction, blame.paths[0]
    sources = transfer.sources if isinstance(transfer, Transfer) else ()
    alone = any(each.strip("./") == path for each in sources)
    return f'takes "{path}"' if alone else f'takes "{path}" with the code around it'


RULE = Rule("source-before-dependencies", "order", Severity.ERROR, find, __doc__)
