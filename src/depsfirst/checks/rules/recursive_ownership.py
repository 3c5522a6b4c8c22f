"""A "chown -R" or "chmod -R" of its own goes over the installed packages, and the image holds them twice.

## Why

A layer that changes the owner or the mode of a file holds the whole file again. `RUN chown -R app /app` behind the
install of the packages below `/app` makes the image larger by all of them, and pushes and pulls them a second time,
after each edit that makes the step run again.

## Example

```dockerfile
COPY --from=builder /app /app
RUN chown -R app:app /app
```

## Fix

Give the owner where the files come from:

```dockerfile
COPY --from=builder --chown=app:app /app /app
```

or install as that user, or leave the packages to root: reading them is enough to run.

## When to ignore

In a stage that is no part of the image, where the time does not matter.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.edits import removed, with_flag, without_word
from depsfirst.checks.environments import is_within, shipped_stages
from depsfirst.checks.model import Fix, Related, Rule, Severity
from depsfirst.checks.places import below, span_of
from depsfirst.dockerfile.instructions import Copy, Transfer, Workdir
from depsfirst.dockerfile.stages import references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Ownership
    from depsfirst.dockerfile.stages import Stage


def find(subject: Subject) -> Iterator[Finding]:
    """Each such command in the stages that make the image."""
    if " -R" not in subject.text and "--recursive" not in subject.text:
        return
    shipped = shipped_stages(subject)
    for step in subject.runs:
        if step.stage.index in shipped:
            yield from _findings(subject, step)


def _findings(subject: Subject, step: Step) -> Iterator[Finding]:
    for each in subject.commands.reading(step).ownership:
        source = next((origin for path in each.paths if (origin := _origin(subject, step, path))), None)
        if each.recursive and source:
            reason = _why_not(subject, step, each, source)
            yield RULE.finding(
                subject,
                subject.commands.span(step, each.command),
                f'"{each.tool} -R" writes the installed packages once more, into a layer of its own',
                related=[Related(span_of(source), "this step made them")],
                cost=subject.project.cost(*_installs(subject, source)),
                fixes=() if reason else [_fix(subject, step, each, source)],
                no_fix=reason,
                hint=_hint(source) if reason else "",
            )
            return


def _origin(subject: Subject, step: Step, path: str) -> Step | None:
    """The earlier step that brought an environment below a path."""
    for other in reversed(below(subject, step)):
        if any(is_within(directory, posixpath.normpath(path)) for directory in _brought(subject, other)):
            return other
    return None


def _brought(subject: Subject, step: Step) -> Iterator[str]:
    """The environments that a step installs, or copies from another stage."""
    if step in subject.installing:
        yield from (each.target for each in subject.commands.dependencies(step) if each.target)
    copy = step.instruction
    if not isinstance(copy, Copy) or not copy.from_:
        return
    index = references(subject.outline.stages, copy)[0].stage
    for other in subject.installing:
        for each in subject.commands.dependencies(other) if other.stage.index == index else ():
            for source in copy.sources:
                if each.target and is_within(each.target, source.rstrip("/") or "/"):
                    place = posixpath.join(step.cwd, copy.destination)
                    yield posixpath.normpath(place + each.target.removeprefix(source.rstrip("/")))


def _installs(subject: Subject, source: Step) -> list[Step]:
    """The installs of what a step made or copied."""
    if source in subject.installing:
        return [source]
    return [step for step in subject.installing if step.stage in _origins(subject, source)]


def _origins(subject: Subject, copy: Step) -> list[Stage]:
    stages = subject.outline.stages
    named = [each.stage for each in references(stages, copy.instruction)]
    return [stages[index] for index in named if index is not None and index < len(stages)]


def _hint(source: Step) -> str:
    if isinstance(source.instruction, Transfer):
        return f"give line {source.line} --chown or --chmod instead"
    return "install as the user who runs it, or leave the packages to root: reading them is enough"


def _why_not(subject: Subject, step: Step, ownership: Ownership, source: Step) -> str:
    copy = source.instruction
    if not isinstance(copy, Copy):
        return "the packages are installed by a RUN, which would have to run as another user"
    if ownership.tool != "chown" or len(subject.commands.script(step).commands) != 1 or step.trigger:
        return f"line {step.line} does more than to give an owner"
    if _owner(ownership) is None or source.stage is not step.stage or len(ownership.paths) != 1:
        return "the owner cannot be given to the COPY by rote"
    copies = _copies(subject, step, ownership)
    stray = next((each for each in copies if _is_owned(each) or not isinstance(each.instruction, Transfer)), None)
    return f"line {stray.line} may bring other files, or the user" if stray else ""


def _copies(subject: Subject, step: Step, ownership: Ownership) -> list[Step]:
    """The steps of the stage that may bring what is below the directory, from the first COPY that does so."""
    directory = posixpath.normpath(ownership.paths[0])
    found: list[Step] = []
    for other in subject.steps:
        if other.stage is not step.stage or other.line >= step.line or isinstance(other.instruction, Workdir):
            continue
        if isinstance(other.instruction, Transfer):
            place = posixpath.normpath(posixpath.join(other.cwd, other.instruction.destination))
            if is_within(place, directory):
                found.append(other)
        elif found or is_within(other.cwd, directory) or directory in other.instruction.syntax.text:
            found.append(other)
    return found


def _is_owned(step: Step) -> bool:
    """Whether a COPY gives an owner, or makes a layer for itself, for which nobody is known by name."""
    transfer = step.instruction
    return isinstance(transfer, Transfer) and bool(transfer.chown or transfer.link)


def _owner(ownership: Ownership) -> str | None:
    words = [text for text in ownership.command.texts[1:] if text is None or not text.startswith("-")]
    return words[0] if words else None


def _fix(subject: Subject, step: Step, ownership: Ownership, source: Step) -> Fix:
    copies, owner = _copies(subject, step, ownership), _owner(ownership)
    flags = [with_flag(subject, each.instruction, f"--chown={owner}") for each in copies]
    transfer = source.instruction
    whole = isinstance(transfer, Transfer) and [posixpath.normpath(transfer.destination)] == [
        posixpath.normpath(path) for path in ownership.paths
    ]
    if whole and len(copies) == 1:
        edits = (*flags, removed(subject, step.instruction))
        return Fix(f"Give the owner in line {source.line}", safe=True, edits=edits)
    lines = " and ".join(str(each.line) for each in copies)
    return Fix(
        f"Give the owner in line{'s' if len(copies) > 1 else ''} {lines}, and here to the directory alone",
        safe=False,
        edits=(*flags, *_alone(subject, step, ownership)),
        why_unsafe="what the base image has below the directory keeps its owner",
    )


def _alone(subject: Subject, step: Step, ownership: Ownership) -> Iterator[Edit]:
    """The command without its option to go on below."""
    for word in ownership.command.words[1:]:
        if word.text in ("-R", "--recursive"):
            yield without_word(subject, subject.commands.span(step, word))


RULE = Rule("recursive-ownership", "image", Severity.WARNING, find, __doc__)
