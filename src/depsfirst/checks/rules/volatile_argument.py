"""A build argument that has another value in each build stands before the install, so each build installs anew.

## Why

A `RUN` is cached by its text and by the variables that are in force: every `ARG` that was declared before it and has a
value, and every `ENV`. A commit, a date or a build number among them is never the same, so the install behind it is
never cached. `LABEL`, `EXPOSE` and `CMD` count for nothing; they can stand anywhere.

## Example

```dockerfile
ARG GIT_SHA
ENV GIT_SHA=$GIT_SHA
COPY requirements.txt ./
RUN pip install -r requirements.txt
```

## Fix

Declare it behind the last step that installs:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
ARG GIT_SHA
ENV GIT_SHA=$GIT_SHA
```

## When to ignore

Where the install is to run for each build, as a check that it still can.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from depsfirst.checks.edits import behind, removed
from depsfirst.checks.model import Confidence, Fix, Related, Rule, Severity
from depsfirst.checks.needs import is_plain
from depsfirst.checks.places import place_of, span_of
from depsfirst.dockerfile.instructions import Arg, Env

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.instructions import Typed

_VOLATILE = re.compile(
    r"(?:[A-Z0-9]+_)*(?:GIT|VCS|CI|SOURCE|APP|IMAGE|BUILD|SHORT)?_?"
    r"(?:SHA1?|COMMIT|COMMIT_SHA|COMMIT_HASH|COMMIT_ID|GIT_HASH|REVISION|VCS_REF|GIT_REF|GIT_DESCRIBE"
    r"|BUILD_DATE|BUILD_TIME|BUILD_TIMESTAMP|BUILDTIME|TIMESTAMP|BUILD_NUMBER|BUILD_ID|BUILD_NUM|RUN_ID|RUN_NUMBER"
    r"|PIPELINE_ID|BUILD_URL|BUILD_TAG|IMAGE_TAG)\Z"
)
_STAND_INS = frozenset(
    ["", "unknown", "dev", "development", "local", "none", "latest", "0", "n/a", "head", "undefined", "0.0.0", "unset"]
)
"""What a declaration says where the build is meant to give the value."""
_VERSION = re.compile(r"(?:(?:APP|IMAGE|RELEASE|BUILD|PROJECT|PACKAGE|SERVICE)_)?(?:VERSION|RELEASE)\Z")


def find(subject: Subject) -> Iterator[Finding]:
    """Each declaration of such a variable that an install is keyed by."""
    if not subject.installing:
        return
    for stage in subject.stages:
        for typed in stage.instructions:
            if isinstance(typed, Arg) and len(typed.pairs) == 1 and _is_volatile(subject, typed):
                installs = _keyed(subject, typed)
                if installs and not _is_used(typed, _until(stage.instructions, typed, installs)):
                    yield _finding(subject, typed, installs, stage.instructions)


def _is_volatile(subject: Subject, arg: Arg) -> bool:
    """Whether the value is another one in each build; what has a real default is not given by each build."""
    pair = arg.pairs[0]
    name = pair.name.upper()
    first = [each for declared in subject.outline.arguments for each in declared.pairs if each.name == pair.name]
    values = [each.value or "" for each in (pair, *first)]
    given = all(value.strip("\"'").lower() in _STAND_INS for value in values)
    return given and bool(_VOLATILE.match(name) or _VERSION.match(name))


def _keyed(subject: Subject, arg: Arg) -> list[Step]:
    """The installs of the same stage that run again for another value."""
    from depsfirst.cache.model import Status, compare

    name = arg.pairs[0].name
    again: set[tuple[int, str]] = set()
    for build in subject.builds:
        one, other = (replace(build, arguments={**build.arguments, name: value}) for value in ("one", "other"))
        outcomes = compare(one, other)
        again |= {place_of(each.step) for each in outcomes if each.status is Status.RERUNS}
    return [
        step
        for step in subject.installing
        if place_of(step) in again and arg in step.stage.instructions and step.line > arg.line and not step.trigger
    ]


def _until(instructions: Sequence[Typed], arg: Arg, installs: Sequence[Step]) -> list[Typed]:
    return [each for each in instructions if arg.line < each.line <= installs[-1].line]


def _mentions(typed: Typed, names: set[str]) -> bool:
    text = typed.syntax.text + "".join(heredoc.text for heredoc in typed.syntax.heredocs)
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def _is_used(arg: Arg, between: Sequence[Typed]) -> bool:
    """Whether a step up to the install uses the value, for which it has to be there."""
    names = _names(arg, between)
    return any(_mentions(each, names) for each in between if not isinstance(each, Arg | Env))


def _names(arg: Arg, between: Sequence[Typed]) -> set[str]:
    """The name, and those of the variables that are made of it."""
    names = {arg.pairs[0].name}
    for each in between:
        if isinstance(each, Arg | Env):
            names |= {pair.name for pair in each.pairs if any(_refers(pair.value or "", name) for name in names)}
    return names


def _refers(value: str, name: str) -> bool:
    return bool(re.search(rf"\$\{{?{re.escape(name)}\b", value))


def _finding(subject: Subject, arg: Arg, installs: Sequence[Step], instructions: Sequence[Typed]) -> Finding:
    between = _until(instructions, arg, installs)
    reason = _why_not(subject, arg, between)
    name = arg.pairs[0].name
    return RULE.finding(
        subject,
        arg.syntax.span,
        f'"{name}" has another value in each build, and the install behind it runs again for that',
        cost=subject.project.cost,
        related=[Related(span_of(step), "this one installs the dependencies") for step in installs],
        confidence=Confidence.HIGH if _VOLATILE.match(name.upper()) else None,
        fixes=() if reason else [_fix(subject, arg, between)],
        no_fix=reason,
    )


def _why_not(subject: Subject, arg: Arg, between: Sequence[Typed]) -> str:
    names = _names(arg, between)
    for each in between:
        if isinstance(each, Arg | Env) and any(pair.name in names for pair in each.pairs):
            if len(each.pairs) > 1:
                return f"line {each.line} sets other variables, too"
            if isinstance(each, Arg):
                return f"line {each.line} declares it once more"
    lines = {each.line for each in between}
    for step in subject.runs:
        if step.stage.instructions and step.line in lines and (name := _reader(subject, step)):
            return f'line {step.line} runs "{name}", which may read it'
    return ""


def _reader(subject: Subject, step: Step) -> str:
    """A command of a RUN that may read a variable; empty for none."""
    reading = subject.commands.reading(step)
    if reading.unknown or not reading.script.whole:
        return "what is not known"
    for each in reading.installations:
        if each.with_project is not False:
            return f"{each.tool} {each.verb}"
    installing = [each.command for each in reading.installations]
    others = (each for each in reading.script.commands if not any(each is command for command in installing))
    return next((each.program or "a command" for each in others if not is_plain(each)), "")


def _fix(subject: Subject, arg: Arg, between: Sequence[Typed]) -> Fix:
    names = _names(arg, between)
    moving = [arg, *(each for each in between if isinstance(each, Env) and each.pairs[0].name in names)]
    lines = "\n".join(each.syntax.span.of(subject.text).replace("\r\n", "\n") for each in moving)
    edits: list[Edit] = [removed(subject, each) for each in moving]
    return Fix(
        f'Declare "{arg.pairs[0].name}" behind the install',
        safe=True,
        edits=(*edits, behind(subject, between[-1], lines)),
    )


RULE = Rule("volatile-argument", "order", Severity.ERROR, find, __doc__, Confidence.MEDIUM)
