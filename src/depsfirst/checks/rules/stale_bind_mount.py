"""Podman takes an install from its cache although a file that is mounted into it changed, and the image is an old one.

## Why

BuildKit looks into what a bind mount brings: another lock is another step. `podman build` and `buildah` did not for
long: they key a `RUN` by its text and by the step before it. The lock changes, the step is "cached", and the image has
the packages of the lock before, without a word (tried with podman 4.3.1; releases since the middle of 2025 compare the
files that are mounted, and when they were changed). The guide of uv mounts manifest and lock in just this way.

Only files that podman builds are looked at: those called `Containerfile`, and those that a script, a Makefile or a CI
file of the repository gives to `podman build` or `buildah`.

## Example

```dockerfile
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-install-project
```

## Fix

Copy the files: every builder compares what is copied.

```dockerfile
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --no-install-project
```

The files stay in the image then, so the fix is one to look at.

## When to ignore

Where every podman that builds the file is newer than that.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from depsfirst.checks.builders import built_by_podman, context_mounts
from depsfirst.checks.edits import before, without_word
from depsfirst.checks.model import Confidence, Fix, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.filetree import Entry
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.mounts import Mount
    from depsfirst.dockerfile.source import Span

_PLAIN = re.compile(r"[\w./+@-]+\Z")
_KINDS = (Installs.DEPENDENCIES, Installs.PROJECT)
_WHY_UNSAFE = "the files that were mounted stay in the image"


def find(subject: Subject) -> Iterator[Finding]:
    """Each install with files of the context mounted into it, in a file that podman builds."""
    confidence = built_by_podman(subject)
    for step in subject.runs if confidence else ():
        run = step.instruction
        mounts = dict(context_mounts(run)) if isinstance(run, Run) else {}
        if confidence and mounts and not step.trigger and subject.commands.installations(step, *_KINDS):
            yield _finding(subject, step, mounts, confidence)


def _source(mount: Mount) -> str:
    """Where in the context a mount is from; empty for all of it."""
    return posixpath.normpath(f"/{mount.source}").lstrip("/")


def _finding(subject: Subject, step: Step, mounts: Mapping[Mount, Span], confidence: Confidence) -> Finding:
    names = ", ".join(f'"{_source(mount) or "."}"' for mount in mounts)
    reason = _why_not(subject, step, mounts)
    return RULE.finding(
        subject,
        span_of(step),
        f"podman can take this install from its cache although {names} changed: older ones do not look into mounts",
        hint="copy what the install reads" if reason else "",
        fixes=() if reason else [_fix(subject, step, mounts)],
        no_fix=reason,
        confidence=confidence,
    )


def _why_not(subject: Subject, step: Step, mounts: Mapping[Mount, Span]) -> str:
    for mount in mounts:
        source = _source(mount)
        if not isinstance(subject.context.find(source), Entry):
            return f'"{source or "."}" is a directory, and to copy it puts all that is in it before the install'
        if not step.cwd.startswith("/") or not _PLAIN.match(source) or not _PLAIN.match(mount.target):
            return f"where line {step.line} mounts it is not known"
    return ""


def _fix(subject: Subject, step: Step, mounts: Mapping[Mount, Span]) -> Fix:
    folders: dict[str, list[str]] = {}
    lines = []
    for source, target in sorted((_source(mount), mount.target) for mount in mounts):
        place = posixpath.normpath(posixpath.join(step.cwd, target))
        if posixpath.basename(place) == posixpath.basename(source):
            folders.setdefault(posixpath.dirname(place), []).append(source)
        else:
            lines.append(f"COPY {source} {place}")
    lines += [f"COPY {' '.join(sources)} {_named(step, folder)}" for folder, sources in folders.items()]
    edits = [before(subject, step.instruction, "\n".join(lines))]
    edits += [without_word(subject, span) for span in mounts.values()]
    return Fix("Copy the files before it", safe=False, edits=tuple(edits), why_unsafe=_WHY_UNSAFE)


def _named(step: Step, folder: str) -> str:
    return "./" if folder == posixpath.normpath(step.cwd) else f"{folder.rstrip('/')}/"


RULE = Rule("stale-bind-mount", "installer", Severity.WARNING, find, __doc__, Confidence.MEDIUM)
