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

That is done where all that the command reads is known. It is refused for a mount that can be written to, and where the
command runs something else that may read the code.

## When to ignore

Where the command needs all of the code, as a build of extension modules does.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.blame import of_code, with_project
from depsfirst.checks.edits import replaced
from depsfirst.checks.model import Fix, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.selection import affects, select_mount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span

_LONGEST = 80


def find(subject: Subject) -> Iterator[Finding]:
    """Each install of dependencies alone that mounts code."""
    for blame in of_code(subject):
        if blame.binds and not with_project(subject, blame.installs[0]):
            yield _finding(subject, blame)


def _finding(subject: Subject, blame: Blame) -> Finding:
    from depsfirst.checks.needs import UnprovenError

    reason = ""
    fixes: list[Fix] = []
    try:
        fixes = [_fix(subject, blame)]
    except UnprovenError as error:
        reason = str(error)
    return RULE.finding(
        subject,
        span_of(blame.reader),
        f'"{blame.paths[0]}" is mounted into the install, so every edit of the code installs the dependencies again',
        cost=subject.project.cost(*blame.installs),
        hint="" if fixes else "mount the manifest and the lock alone, each by its name",
        fixes=fixes,
        no_fix=reason,
    )


def _fix(subject: Subject, blame: Blame) -> Fix:
    """Mounts of the files that the install reads, in place of those that hold code."""
    edits = tuple(_named(subject, blame.reader, mount, span) for mount, span in _wide(subject, blame))
    return Fix("Mount the files that the install reads, each by its name", safe=True, edits=edits, lowers=blame.lowers)


def _wide(subject: Subject, blame: Blame) -> Iterator[tuple[Mount, Span]]:
    """The bind mounts that hold the code, and where their flags stand."""
    run = blame.reader.instruction
    flags = [flag for flag in run.syntax.flags if flag.name == "mount"]
    for mount, flag in zip(run.mounts if isinstance(run, Run) else (), flags, strict=True):
        if isinstance(mount, Mount) and mount.type == "bind" and not mount.from_:
            selection = select_mount(subject.context, mount.source)
            if any(affects(selection, path) for path in blame.paths):
                yield mount, run.syntax.place_of(flag)


def _named(subject: Subject, step: Step, mount: Mount, span: Span) -> Edit:
    from depsfirst.checks.needs import Mounted, Needs, UnprovenError

    if not mount.readonly:
        raise UnprovenError(f"what line {step.line} writes into the mount is not known")
    if "$" in span.of(subject.text):
        raise UnprovenError(f"the mount of line {step.line} has variables")
    needs = Needs(subject, Mounted(subject, step, mount))
    needs.add(step)
    flags = [_flag(step, mount, path, source) for path, source in sorted(needs.paths.items())]
    if not flags:
        raise UnprovenError(f"which of the mounted files line {step.line} reads is not known")
    syntax = step.instruction.syntax
    gap = f" {syntax.escape}\n    " if syntax.end_line > syntax.line or len(" ".join(flags)) > _LONGEST else " "
    return replaced(subject, span, gap.join(flags))


def _flag(step: Step, mount: Mount, path: str, source: str) -> str:
    """The mount of one file, its place written as the directory's was."""
    target = path if mount.target.startswith("/") else posixpath.relpath(path, step.cwd)
    return f"--mount=type=bind,source={source},target={target}"


RULE = Rule("context-bound-into-install", "order", Severity.ERROR, find, __doc__)
