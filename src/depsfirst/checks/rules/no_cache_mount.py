"""Dependencies are installed without a cache mount, so one changed package downloads all of them again.

## Why

When the lock changes, the step runs from nothing: all packages are downloaded, and those without a wheel are built,
though all but one are what they were. A cache mount keeps downloads and built wheels between builds and is no part of
the image.

## Example

```dockerfile
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
```

## Fix

```dockerfile
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
```

## When to ignore

Where images are only built on machines that are thrown away after each build, and where the builder has no mounts
(kaniko, Docker before 18.09).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.cache_mounts import cache_mounts, owner_options
from depsfirst.checks.edits import with_flag, without_word
from depsfirst.checks.model import Fix, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

_TOOLS = frozenset({"pip", "uv", "poetry", "pdm", "pipenv"})
_LOCAL = ("--no-index", "--offline")
_NO_CACHE = frozenset({"--no-cache-dir", "--no-cache"})
_KNOWS_MOUNTS = re.compile(r"--mount=|^#\s*syntax\s*=|^\s*(?:RUN|COPY)\b.*<<", re.IGNORECASE | re.MULTILINE)
_WHY_UNSAFE = "builders without mounts, such as kaniko, refuse the file then"


def find(subject: Subject) -> Iterator[Finding]:
    """Each RUN that downloads dependencies and mounts no cache at all."""
    for step in subject.runs:
        if cache_mounts(step):
            continue
        found = [each for each in subject.commands.dependencies(step) if _downloads(each)]
        if found:
            yield _finding(subject, step, found[0])


def _downloads(installation: Installation) -> bool:
    """Whether an installer fetches packages, and knows a cache; wheels that are there already need none."""
    texts = installation.command.texts
    if installation.tool not in _TOOLS or any(text in _LOCAL for text in texts):
        return False
    wheels = bool(installation.inputs) and all(path.endswith((".whl", "*")) for path in installation.inputs)
    return not (wheels and not installation.packages)


def _finding(subject: Subject, step: Step, installation: Installation) -> Finding:
    reason = _why_not(subject, step, installation)
    return RULE.finding(
        subject,
        step.instruction.syntax.span if installation.via else subject.commands.span(step, installation.command),
        f"when one package changes, {installation.tool} downloads all of them again: no cache is mounted",
        cost=subject.project.cost,
        fixes=() if reason else [_fix(subject, step, installation)],
        no_fix=reason,
    )


def _why_not(subject: Subject, step: Step, installation: Installation) -> str:
    """Why no mount can be added by rote; empty if it can."""
    if step.trigger:
        return "the step comes from ONBUILD of another image"
    if not installation.cache.directories:
        return f"where {installation.tool} keeps its cache is not known"
    if owner_options(step.user) is None:
        return f'the number of the user "{step.user}" is not known, who would have to own the cache'
    if installation.cache.used is not True and (installation.via or not _options(installation)):
        return "a variable or a script turns the cache off"
    for command in subject.commands.script(step).commands:
        if command.program in ("rm", "find") and any(_meets(text, installation) for text in command.texts[1:]):
            return f'"{command.program}" removes the cache at the end, which fails where it is mounted'
    return ""


def _meets(text: str | None, installation: Installation) -> bool:
    """Whether a path may be a part of the cache, or hold it."""
    if text is None:
        return True
    path = text.rstrip("/*")
    directories = installation.cache.directories
    return path.startswith(("/", "~")) and any(each.startswith(path) or path.startswith(each) for each in directories)


def _options(installation: Installation) -> list[int]:
    return [index for index, text in enumerate(installation.command.texts) if text in _NO_CACHE]


def _fix(subject: Subject, step: Step, installation: Installation) -> Fix:
    places = installation.cache.directories
    flags = [f"--mount=type=cache,target={place}{owner_options(step.user)}" for place in places]
    edits: list[Edit] = [with_flag(subject, step.instruction, " ".join(flags))]
    for each in subject.commands.dependencies(step):
        if not each.via and not each.command.nested:
            words = [each.command.words[index] for index in _options(each)]
            edits += [without_word(subject, subject.commands.span(step, word)) for word in words]
    safe = bool(_KNOWS_MOUNTS.search(subject.text))
    return Fix(f'Mount a cache at "{places[0]}"', safe, tuple(edits), why_unsafe="" if safe else _WHY_UNSAFE)


RULE = Rule("no-cache-mount", "installer", Severity.NOTE, find, __doc__)
