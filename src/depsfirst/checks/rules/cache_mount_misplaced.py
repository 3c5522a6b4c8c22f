"""A cache mount is in a place where the installer keeps no downloads.

## Why

Installers keep downloads in the home directory of the user who runs them, or where a variable or an option says. A
cache mount anywhere else stays empty: when one package changes, all others are downloaded again, and the real cache
goes into the layer. This happens when a command is copied from another installer's documentation, when `USER` or
`HOME` changes, and when a variable such as `UV_CACHE_DIR` or `PIP_CACHE_DIR` leads the cache elsewhere.

## Example

```dockerfile
ENV UV_CACHE_DIR=/opt/uv-cache
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-install-project
```

## Fix

Mount the directory that the installer uses; for a user who is not root, give it to that user:

```dockerfile
ENV UV_CACHE_DIR=/opt/uv-cache
RUN --mount=type=cache,target=/opt/uv-cache uv sync --locked --no-install-project
```

## When to ignore

Where something else in the same command uses the directory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.accounts import ROOT_USERS, owner_options
from depsfirst.checks.cache_mounts import CacheMount, cache_mounts
from depsfirst.checks.edits import replaced
from depsfirst.checks.environments import is_within
from depsfirst.checks.model import Fix, Rule, Severity
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.mounts import csv_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

_LOOKS_LIKE_ONE = re.compile(r"(?:^|/)\.cache(?:/|$)|(?:^|[/_.-])(?:pip|uv|pypoetry|poetry|pdm|pipenv)(?:[/_.-]|$)")
_KINDS = (Installs.DEPENDENCIES, Installs.PROJECT, Installs.INSTALLER)


def find(subject: Subject) -> Iterator[Finding]:
    """Each mount that no command of its RUN uses, where an installer runs that could."""
    for step in subject.runs:
        mounts = cache_mounts(step)
        reading = subject.commands.reading(step) if mounts else None
        if reading is None or reading.unknown or not reading.script.whole:
            continue
        if any(each.cache.directories == () and not _is_elsewhere(step, each) for each in reading.installations):
            continue
        idle = [mount for mount in mounts if not any(mount.serves(each) for each in reading.installations)]
        wanting = [
            each
            for each in subject.commands.installations(step, *_KINDS)
            if each.cache.used and not any(mount.serves(each) for mount in mounts)
        ]
        for mount in idle:
            if (
                wanting
                and not _may_be_home(step, mount, wanting[0])
                and _LOOKS_LIKE_ONE.search(mount.target)
                and not _is_named(subject, step, mount)
            ):
                yield _finding(subject, step, mount, wanting[0])


def _is_elsewhere(step: Step, installation: Installation) -> bool:
    """Whether a cache of unknown place is surely not in root's home: it is that of another user."""
    return installation.kind in _KINDS and step.user not in ROOT_USERS


def _may_be_home(step: Step, mount: CacheMount, installation: Installation) -> bool:
    """Whether a mount may stand in the home, which nobody knows, of the user whose installer keeps its cache there."""
    unknown = not installation.cache.directories and step.user not in ROOT_USERS
    return unknown and not is_within(mount.target, "/root")


def _is_named(subject: Subject, step: Step, mount: CacheMount) -> bool:
    """Whether another command names the directory."""
    commands = subject.commands.script(step).commands
    return any(mount.target in (text or "") for command in commands for text in command.texts)


def _finding(subject: Subject, step: Step, mount: CacheMount, installation: Installation) -> Finding:
    there = next(iter(installation.cache.directories), "")
    where = f'"{there}"' if there else f'the home of "{step.user}"'
    fix = _fix(subject, step, mount, there)
    reason = f'the home or the number of "{step.user}" is not known: name them, as in target=/home/{step.user}/…,uid=…'
    return RULE.finding(
        subject,
        mount.span,
        f'{installation.tool} keeps its cache in {where}, so what is mounted at "{mount.target}" stays empty',
        cost=subject.project.cost(step) if installation.kind is Installs.DEPENDENCIES else "",
        fixes=[fix] if fix else (),
        no_fix="" if fix else reason,
    )


def _fix(subject: Subject, step: Step, mount: CacheMount, there: str) -> Fix | None:
    owner = owner_options(subject, step)
    fields = csv_fields(subject.text[mount.span.offset : mount.span.end].partition("=")[2])
    if not there or owner is None or not isinstance(fields, tuple):
        return None
    kept = [field for field in fields if field.partition("=")[0] not in _TARGETS]
    if mount.mount.uid is not None:
        owner = ""
    given = [field for field in (*kept[:1], f"target={there}", *kept[1:]) if field]
    text = f"--mount={','.join(given)}{owner}"
    return Fix(f'Mount the cache at "{there}"', safe=True, edits=(replaced(subject, mount.span, text),))


_TARGETS = frozenset({"target", "dst", "destination"})

RULE = Rule("cache-mount-misplaced", "installer", Severity.WARNING, find, __doc__)
