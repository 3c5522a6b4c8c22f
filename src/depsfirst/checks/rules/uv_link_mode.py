"""uv cannot link from a cache mount into the image, tries it for each package and warns.

## Why

uv links files from its cache into the environment. A cache mount is a file system of its own, where that cannot work:
uv tries, copies instead, and says so in each build. `UV_LINK_MODE=copy` tells it to copy at once, which is quicker
and silent.

## Example

```dockerfile
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-install-project
```

## Fix

```dockerfile
ENV UV_LINK_MODE=copy
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-install-project
```

## When to ignore

Where the warning is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.cache_mounts import cache_mounts, serving
from depsfirst.checks.edits import before
from depsfirst.checks.images import is_familiar
from depsfirst.checks.model import Fix, Related, Rule, Severity
from depsfirst.dockerfile.commands import Installs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

_KINDS = (Installs.DEPENDENCIES, Installs.PROJECT)
_LINKING = frozenset({"sync", "pip install", "pip sync", "add", "run", "install", "pip"})


def find(subject: Subject) -> Iterator[Finding]:
    """The first such command of each stage, and the others as well."""
    stages: dict[int, list[tuple[Step, Installation]]] = {}
    for step in subject.runs:
        if (found := _copying(subject, step)) and is_familiar(subject, step.stage):
            stages.setdefault(step.stage.index, []).append((step, found))
    for found_there in stages.values():
        yield _finding(subject, found_there)


def _copying(subject: Subject, step: Step) -> Installation | None:
    """The first command of a RUN that wants to link from a mounted cache."""
    mounts = cache_mounts(step)
    for each in subject.commands.installations(step, *_KINDS) if mounts else ():
        tries = each.tool == "uv" and each.verb in _LINKING and each.link_mode is None
        if tries and each.cache.used and serving(mounts, each):
            return each
    return None


def _finding(subject: Subject, found: list[tuple[Step, Installation]]) -> Finding:
    (step, first), *others = found
    edit = before(subject, step.instruction, "ENV UV_LINK_MODE=copy")
    fix = Fix('Set "UV_LINK_MODE" to copy before it', safe=True, edits=(edit,))
    span = step.instruction.syntax.span if first.via else subject.commands.span(step, first.command)
    return RULE.finding(
        subject,
        span,
        "uv cannot link files out of the cache that is mounted here, so it tries, warns and copies",
        related=[Related(other.instruction.syntax.span, "so does this one") for other, _ in others],
        fixes=() if step.trigger else [fix],
        no_fix="the step comes from ONBUILD of another image" if step.trigger else "",
    )


RULE = Rule("uv-link-mode", "installer", Severity.NOTE, find, __doc__)
