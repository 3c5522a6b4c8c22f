"""One COPY takes the installed dependencies and the code, so every edit of the code pushes and pulls both.

## Why

A layer is pushed and pulled whole. Where `COPY --from=builder /app /app` takes the environment together with the code,
the layer is another one after each edit, and every registry, every node and every laptop gets all packages again,
though none of them changed. The build itself may be quick: this is about what comes after it.

## Example

```dockerfile
FROM registry.example/uv:python3.13 AS builder
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-install-project
COPY . .

FROM python:3.13-slim
COPY --from=builder /app /app
```

## Fix

Two layers, the environment first:

```dockerfile
COPY --from=builder /app/.venv /app/.venv
COPY . /app
```

The project must not be inside of the environment then, or every edit changes that layer again: install it as editable
with Poetry or PDM, or into a directory of its own, or leave it out and run the code where it stands. `uv sync` does not
serve here, though its install is editable: beside it stands in `uv_cache.json` when it was made.

## When to ignore

Where all the packages come to a few megabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.causes import CauseKind
from depsfirst.cache.model import Status
from depsfirst.checks.edits import replaced
from depsfirst.checks.environments import environments, is_within, shipped_stages
from depsfirst.checks.model import Confidence, Fix, Related, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.dockerfile.gopath import clean
from depsfirst.dockerfile.instructions import Copy, Run
from depsfirst.dockerfile.stages import references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Outcome, Step
    from depsfirst.checks.environments import Environment
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.stages import Stage

_UNSAFE = "what the builder makes beside the environment is not copied any more, only the files of the build context"
_EDITABLE = frozenset({"poetry", "pdm"})
"""Whose editable installs are the same for other code; uv notes when it installed the project."""


def find(subject: Subject) -> Iterator[Finding]:
    """Each COPY of an environment into the image that an edit of the code changes."""
    if "--from" not in subject.text or not subject.installing:
        return
    shipped = shipped_stages(subject)
    for step in subject.transfers:
        copy = step.instruction
        if not isinstance(copy, Copy) or not copy.from_ or step.stage.index not in shipped:
            continue
        stage = _stage(subject, copy)
        environment = _taken(subject, copy, stage) if stage else None
        if stage and environment:
            yield from _finding(subject, step, stage, environment)


def _stage(subject: Subject, copy: Copy) -> Stage | None:
    index = references(subject.outline.stages, copy)[0].stage
    return None if index is None else subject.outline.stages[index]


def _taken(subject: Subject, copy: Copy, stage: Stage) -> Environment | None:
    """The environment that is in what a COPY takes."""
    for each in environments(subject, stage):
        if any(is_within(each.directory, source.rstrip("/") or "/") for source in copy.sources):
            return each
    return None


def _finding(subject: Subject, step: Step, stage: Stage, environment: Environment) -> Iterator[Finding]:
    outcome = subject.reruns("code").of(step)
    source = _code_copy(subject, step, stage)
    status = _content_status(outcome) if outcome else Status.CACHED
    if status is Status.CACHED or _is_reinstalled(subject, environment):
        return  # where the install runs again itself, that is what is to be mended first
    inside = _is_project_inside(subject, stage, environment)
    if status is Status.UNKNOWN and not inside and not _takes_code(subject, step, stage):
        return
    reason = _why_not(subject, step, stage, environment, source)
    yield RULE.finding(
        subject,
        span_of(step),
        f'the layer holds the packages of "{environment.directory}" and the code: each edit pushes and pulls both',
        related=[Related(span_of(environment.step), "the dependencies are installed here")],
        cost=subject.project.cost(environment.step),
        fixes=() if reason or not source else [_fix(subject, step, environment, source)],
        no_fix=reason,
        hint="" if not reason else _hint(inside=inside),
        confidence=Confidence.HIGH if status is Status.RERUNS else Confidence.MEDIUM,
    )


def _content_status(outcome: Outcome) -> Status:
    """What becomes of what a step copies; the step itself also runs again behind others that do."""
    causes = [cause for cause in outcome.causes if cause.kind is CauseKind.STAGE_CONTENT]
    if not causes:
        return Status.CACHED
    return Status.RERUNS if any(cause.certain for cause in causes) else Status.UNKNOWN


def _hint(*, inside: bool) -> str:
    if inside:
        return (
            "install the project into a directory of its own, or leave it out, and copy the code behind the environment"
        )
    return "copy the environment first, and the code in a COPY of its own"


def _sources(step: Step) -> tuple[str, ...]:
    return step.instruction.sources if isinstance(step.instruction, Copy) else ()


def _is_reinstalled(subject: Subject, environment: Environment) -> bool:
    return environment.step in subject.reinstalled("code")


def _is_project_inside(subject: Subject, stage: Stage, environment: Environment) -> bool:
    """Whether the project itself is installed into the environment, as files that an edit changes."""
    for step in subject.runs:
        if step.stage.index == stage.index and step is not environment.step:
            for each in subject.commands.installations(step):
                if each.with_project and (each.target or "") in ("", environment.directory):
                    return each.tool not in _EDITABLE or "--no-editable" in each.selection
    return False


def _code_copies(subject: Subject, stage: Stage) -> list[Step]:
    """The steps of a stage that copy code from the build context."""
    change = subject.project.change("code")
    readers = [step for path in (change.paths if change else ()) for step in subject.readers(path)]
    return [step for step in readers if step.stage.index == stage.index and isinstance(step.instruction, Copy)]


def _takes_code(subject: Subject, step: Step, stage: Stage) -> bool:
    """Whether some of the code stands below what a COPY takes."""
    places = [_place(each) for each in _code_copies(subject, stage)]
    return any(is_within(place, _clean(source)) for place in places for source in _sources(step))


def _code_copy(subject: Subject, step: Step, stage: Stage) -> Step | None:
    """The COPY that brings all the context to where the image takes it from, if it is the only one that has code."""
    found = _code_copies(subject, stage)
    if len(found) != 1 or len(_sources(step)) != 1:
        return None
    copy = found[0].instruction
    whole = isinstance(copy, Copy) and not copy.documents and copy.sources == (".",)
    return found[0] if whole and _place(found[0]) == _clean(_sources(step)[0]) else None


def _place(step: Step) -> str:
    """Where a COPY puts its files."""
    copy = step.instruction
    place = copy.destination if isinstance(copy, Copy) else ""
    return _clean(place if place.startswith("/") else f"{step.cwd}/{place}")


def _clean(path: str) -> str:
    """The absolute path in an image; BuildKit takes a relative one from the root."""
    return clean(f"/{path}")


def _why_not(subject: Subject, step: Step, stage: Stage, environment: Environment, source: Step | None) -> str:
    copy = step.instruction
    if _is_project_inside(subject, stage, environment):
        return "the project is installed into the environment itself"
    if not isinstance(copy, Copy) or source is None or environment.directory == _clean(copy.sources[0]):
        return "what of it is code cannot be told"
    if copy.exclude or copy.parents or copy.link or not copy.destination.startswith("/"):
        return f"line {step.line} has options that are not divided by rote"
    for each in subject.runs:
        if each.stage.index == stage.index and each.line > source.line and not _installs_only(subject, each):
            return f"line {each.line} may make files among the code"
    return ""


def _installs_only(subject: Subject, step: Step) -> bool:
    reading = subject.commands.reading(step)
    known = [each.command for each in reading.installations]
    return isinstance(step.instruction, Run) and all(each in known for each in reading.script.commands)


def _fix(subject: Subject, step: Step, environment: Environment, source: Step) -> Fix:
    copy, code = step.instruction, source.instruction
    if not isinstance(copy, Copy) or not isinstance(code, Copy):
        raise TypeError(copy.name)
    owner = f"--chown={copy.chown} " if copy.chown else ""
    below = environment.directory.removeprefix(_clean(copy.sources[0]))
    place = f"{_clean(copy.destination)}{below}"
    lines = f"COPY {owner}--from={copy.from_} {environment.directory} {place}\nCOPY {owner}. {copy.destination}"
    title = "Copy the environment first, and the code from the build context"
    edit = replaced(subject, copy.syntax.span, lines)
    return Fix(title, safe=False, edits=(edit,), why_unsafe=_UNSAFE)


RULE = Rule("environment-with-code", "image", Severity.WARNING, find, __doc__)
