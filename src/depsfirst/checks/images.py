"""The images that a Dockerfile starts from, copies from and mounts, and whether their names mean one image for long."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.build import familiar_name
from depsfirst.checks.stand_ins import rests_on
from depsfirst.dockerfile.instructions import Copy, Run
from depsfirst.dockerfile.mounts import mount_origin
from depsfirst.dockerfile.stages import base_stage, references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.source import Span
    from depsfirst.dockerfile.stages import Stage


class ImageName(NamedTuple):
    """An image's name in parts; the tag is empty where none is written, the digest likewise."""

    repository: str
    tag: str
    digest: str

    @property
    def base(self) -> str:
        """The last word of the repository."""
        return self.repository.rpartition("/")[2]


class ImageReference(NamedTuple):
    """An image that a step copies from or mounts, and where its name stands."""

    step: Step
    image: str
    span: Span


class BaseImage(NamedTuple):
    """An image that a stage starts from, its variables expanded, and where it is written."""

    stage: Stage
    image: str
    span: Span

    @property
    def literal(self) -> bool:
        """Whether it is written without variables."""
        return self.image == self.stage.origin.image


_DIGITS = re.compile(r"\d")
_NEWEST = frozenset({"", "latest", "stable", "edge", "nightly", "main", "master", "dev", "rolling"})
_FAMILIAR = re.compile(
    r"(?:[^/]*[.:][^/]*/)?(?:(?:[\w.-]+/)*library/)?"
    r"(?:python|debian|ubuntu|alpine|buildpack-deps|node|fedora|rockylinux|almalinux|amazonlinux"
    r"|astral(?:-sh)?/uv|nvidia/cuda)"
)
"""Images that are built in the open, by whichever registry they come: an ``acme/python`` is none of them."""
_INSTALLERS = frozenset({"uv", "pixi", "poetry", "pdm", "micromamba"})


def parse_image(image: str) -> ImageName:
    """The parts of an image's name."""
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return ImageName(f"{head}{slash}{last}", tag, digest)


def base_of(subject: Subject, stage: Stage) -> str:
    """The image that a stage starts from, stages between them passed by."""
    from depsfirst.checks.environments import lineage

    return subject.origin(lineage(subject, stage)[-1])


def is_familiar(subject: Subject, stage: Stage) -> bool:
    """Whether a base image is known to run as root, and to set nothing that tells an installer what to do."""
    return bool(_FAMILIAR.fullmatch(parse_image(base_of(subject, stage)).repository))


def is_moving(image: str) -> bool:
    """Whether a name means the newest image: no tag, ``latest`` or its kin, or of an installer one without a number."""
    name = parse_image(image)
    if name.digest:
        return False
    return name.tag in _NEWEST or (name.base in _INSTALLERS and not _DIGITS.search(name.tag))


def image_references(subject: Subject) -> Iterator[ImageReference]:
    """The images of ``COPY --from`` and of bind mounts; stages and named contexts are none."""
    named = {familiar_name(name) for name, _ in subject.invocation.contexts}
    for step in subject.steps:
        if not isinstance(step.instruction, Copy | Run) or step.trigger:
            continue
        for reference in references(subject.outline.stages, step.instruction):
            unknown = reference.stage is None and familiar_name(reference.name) not in named
            if unknown and _is_image(reference.name):
                yield ImageReference(step, reference.name, _flag(step, reference.name))


def _is_image(name: str) -> bool:
    """Whether a name is surely no named context that only the command line knows."""
    return "/" in name or ":" in name


def _flag(step: Step, name: str) -> Span:
    """The flag that names an image."""
    syntax = step.instruction.syntax
    for flag in syntax.flags:
        value = mount_origin(flag.value or "") if flag.name == "mount" else flag.value
        if value == name:
            return syntax.place_of(flag)
    return syntax.span


def base_images(subject: Subject) -> Iterator[BaseImage]:
    """The images that stages of the targets start from; stages, named contexts and ``scratch`` are none.

    Neither are those that only whoever builds knows.
    """
    named = {familiar_name(name) for name, _ in subject.invocation.contexts}
    for stage in subject.stages:
        image = subject.origin(stage)
        is_stage = base_stage(subject.outline.stages, stage.index, image) is not None
        if is_stage or image == "scratch" or rests_on(stage, subject.stand_ins):
            continue
        if familiar_name(image) not in named and stage.name not in named:
            syntax = stage.origin.syntax
            yield BaseImage(stage, image, syntax.place_of(syntax.tokens[0]))
