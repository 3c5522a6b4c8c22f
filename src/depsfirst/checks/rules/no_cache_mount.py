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
from itertools import takewhile
from typing import TYPE_CHECKING

from depsfirst.checks.accounts import owner_options
from depsfirst.checks.cache_mounts import cache_mounts
from depsfirst.checks.edits import with_flag, without_word
from depsfirst.checks.images import is_familiar
from depsfirst.checks.model import Fix, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.shell import Command

_TOOLS = frozenset({"pip", "uv", "poetry", "pdm", "pipenv", "pixi"})
_LOCAL = ("--no-index", "--offline")
_NO_CACHE = frozenset({"--no-cache-dir", "--no-cache"})
_KNOWS_MOUNTS = re.compile(r"--mount=|^#\s*syntax\s*=|^\s*(?:RUN|COPY)\b.*<<", re.IGNORECASE | re.MULTILINE)
_OFF = frozenset({"", "0", "false", "no", "off"})
_SWITCHES = ("PIP_NO_CACHE_DIR", "UV_NO_CACHE", "POETRY_NO_CACHE", "PDM_NO_CACHE")
_WHY_UNSAFE_FOR_USERS = "builders of before 2023 leave the directories above the cache to root"
_WHY_UNSAFE_ON_OTHERS = "which user this base image runs as, and where that keeps the cache, is not known"
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
        f"whenever this step runs again, {installation.tool} downloads everything anew: no cache is mounted",
        cost=subject.project.cost(step),
        fixes=() if reason else [_fix(subject, step, installation)],
        no_fix=reason,
    )


def _why_not(subject: Subject, step: Step, installation: Installation) -> str:
    """Why no mount can be added by rote; empty if it can."""
    if step.trigger:
        return "the step comes from ONBUILD of another image"
    if not installation.cache.directories:
        return f"where {installation.tool} keeps its cache is not known"
    if owner_options(subject, step) is None:
        name = step.user.partition(":")[0]
        return f'the number of the user "{name}" is not known, who would have to own the cache'
    return _why_kept_out(subject, step, installation)


def _why_kept_out(subject: Subject, step: Step, installation: Installation) -> str:
    """What a RUN does to the cache that a mount does not go with; empty for nothing."""
    if installation.link_mode == "symlink":
        return "uv is told to link to its cache, which the image would not have then"
    switch = _switch(step, installation)
    if switch or (installation.cache.used is not True and (installation.via or not _options(installation))):
        return f"{switch or 'a variable or a script'} turns the cache off: where that is gone, one can be mounted"
    if remover := _remover(subject.commands.script(step).commands, installation):
        return f'"{remover}" removes the cache: where that is gone, one can be mounted'
    return ""


def _switch(step: Step, installation: Installation) -> str:
    """The variable that turns the cache of an installer off, in quotes; empty for none."""
    given = {**step.scope.variables, **installation.command.variables}
    own = (name for name in _SWITCHES if name.startswith(installation.tool.upper()))
    return next((f'"{name}"' for name in own if (given.get(name, "") or "").lower() not in _OFF), "")


def _remover(commands: Sequence[Command], installation: Installation) -> str:
    """The program that removes the cache, or what holds it; empty for none."""
    for index, command in enumerate(commands):
        texts = command.texts[1:]
        if command.program == "rm":
            found_by = index > 0 and commands[index - 1].program == "find"
            named = [text for text in texts if text is not None or not found_by]
        elif command.program == "find" and "-delete" in texts and "-name" not in texts:
            named = list(takewhile(lambda text: not (text or "").startswith("-"), texts))
        else:
            continue
        if any(_meets(text, installation) for text in named):
            return command.program
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
    owner = owner_options(subject, step) or ""
    flags = [f"--mount=type=cache,target={place}{owner}" for place in places]
    edits: list[Edit] = [with_flag(subject, step.instruction, *flags)]
    for each in subject.commands.dependencies(step):
        if not each.via and not each.command.nested:
            words = [each.command.words[index] for index in _options(each)]
            edits += [without_word(subject, subject.commands.span(step, word)) for word in words]
    why = "" if _KNOWS_MOUNTS.search(subject.text) else _WHY_UNSAFE
    if not step.user and not is_familiar(subject, step.stage):
        why = _WHY_UNSAFE_ON_OTHERS
    why = why or (_WHY_UNSAFE_FOR_USERS if owner else "")
    return Fix(_title(places), not why, tuple(edits), why_unsafe=why)


def _title(places: Sequence[str]) -> str:
    if len(places) == 1:
        return f'Mount a cache at "{places[0]}"'
    return "Mount caches at " + " and ".join(f'"{place}"' for place in places)


RULE = Rule("no-cache-mount", "installer", Severity.NOTE, find, __doc__)
