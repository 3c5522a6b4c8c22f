"""Where in an image the installed packages stand: the environment that each install fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.stages import base_stage, require_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.stages import Stage

_OF_THE_INTERPRETER = ("/usr/local", "/usr")


class Environment(NamedTuple):
    """A directory with third-party packages in it, and the step that installs them there."""

    directory: str
    step: Step


def environments(subject: Subject, stage: Stage) -> Iterator[Environment]:
    """The environments that a stage, or one that it starts from, fills.

    An installer that is told none installs beside the interpreter, which stands in ``/usr/local`` or ``/usr``.
    """
    indices = {each.index for each in lineage(subject, stage)}
    for step in subject.installing:
        if step.stage.index in indices:
            for each in subject.commands.dependencies(step):
                for directory in [each.target] if each.target else _OF_THE_INTERPRETER:
                    yield Environment(directory.rstrip("/"), step)


def lineage(subject: Subject, stage: Stage) -> tuple[Stage, ...]:
    """A stage and those that it starts from: what all is in the image that it makes."""
    found = [stage]
    every = subject.outline.stages
    while base := base_stage(every, found[-1].index, subject.origin(found[-1])):
        found.append(base)
    return tuple(found)


def shipped_stages(subject: Subject) -> frozenset[int]:
    """The indices of the stages whose files are in the images that are built."""
    stages = subject.outline.stages
    ends = (require_target(stages, target, subject.name) for target in subject.targets)
    return frozenset(stage.index for end in ends for stage in lineage(subject, end))


def is_within(path: str, directory: str) -> bool:
    """Whether a path is a directory or below it."""
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")
