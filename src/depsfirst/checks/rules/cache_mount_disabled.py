"""An installer is told not to use its cache, although a cache mount is there to keep it.

## Why

A cache mount keeps downloads from one build to the next and is never part of the image. `--no-cache-dir` (pip),
`--no-cache` (uv, poetry) or a variable such as `PIP_NO_CACHE_DIR` makes the installer pass it by: when one package
changes, all others are downloaded again. The option was of use before there were mounts, when the cache went into the
layer.

## Example

```dockerfile
RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir -r requirements.txt
```

## Fix

Leave the option away; the mount keeps the cache out of the image:

```dockerfile
RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
```

## When to ignore

Where the cache on the builder is known to be bad, as on a disk that is shared by machines of several architectures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.cache_mounts import CacheMount, cache_mounts, serving
from depsfirst.checks.edits import without_word
from depsfirst.checks.model import Fix, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.shell import Word

_OPTIONS = frozenset({"--no-cache-dir", "--no-cache", "-n"})
_VARIABLES = {
    "pip": "PIP_NO_CACHE_DIR",
    "pip-sync": "PIP_NO_CACHE_DIR",
    "uv": "UV_NO_CACHE",
    "uvx": "UV_NO_CACHE",
    "poetry": "POETRY_NO_CACHE",
}


def find(subject: Subject) -> Iterator[Finding]:
    """Each command that passes a mount by."""
    for step in subject.runs:
        mounts = cache_mounts(step)
        if not mounts:
            continue
        for installation in subject.commands.installations(step):
            idle = serving(mounts, installation)
            if installation.cache.used is False and idle and installation.tool in _VARIABLES:
                yield _finding(subject, step, installation, idle[0])


def _finding(subject: Subject, step: Step, installation: Installation, mount: CacheMount) -> Finding:
    words = _options(installation)
    cost = subject.project.cost(step) if installation in subject.commands.dependencies(step) else ""
    if not words:
        return RULE.finding(
            subject,
            mount.span,
            f'"{_VARIABLES[installation.tool]}" makes {installation.tool} pass by the cache that is mounted here',
            cost=cost,
            no_fix=f'the variable "{_VARIABLES[installation.tool]}" may be meant for other commands: remove it',
        )
    span = subject.commands.span(step, words[0])
    fixes, reason = [], "the command is followed through a script"
    if not installation.via and not installation.command.nested and span != step.instruction.syntax.span:
        edits = tuple(without_word(subject, subject.commands.span(step, word)) for word in words)
        fixes, reason = [Fix(f'Leave "{words[0].text}" away', safe=True, edits=edits)], ""
    message = f'"{words[0].text}" makes {installation.tool} pass by the cache that is mounted at "{mount.target}"'
    return RULE.finding(subject, span, message, cost=cost, fixes=fixes, no_fix=reason)


def _options(installation: Installation) -> list[Word]:
    known = _OPTIONS if installation.tool in ("uv", "uvx") else _OPTIONS - {"-n"}
    return [word for word in installation.command.words if word.text in known]


RULE = Rule("cache-mount-disabled", "installer", Severity.WARNING, find, __doc__)
