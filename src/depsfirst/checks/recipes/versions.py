"""Which version of a tool a step runs, as far as the Dockerfile says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.images import base_of, parse_image
from depsfirst.checks.places import below
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.instructions import Copy, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation

Numbers = tuple[int, ...]
_LEADING = re.compile(r"(\d+(?:\.\d+)*)(?![\w.])")
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*==\s*(\d+(?:\.\d+)*)\s*\Z")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SCRIPT = re.compile(r"/uv/(\d+(?:\.\d+)+)/install|/uv/releases/download/(\d+(?:\.\d+)+)/")


class Provided(NamedTuple):
    """A tool that a Dockerfile brings.

    Attributes:
        version: its version as written; empty for the newest there is, or for one that only a range tells.
        line: where it is brought.
        program: the installer that put it beside the image's own packages, as ``pip``; empty for any other way.
        environment: the environment that it is in: that of the program's path, or the active one.
    """

    version: str
    line: int
    program: str = ""
    environment: str | None = None

    @property
    def numbers(self) -> Numbers:
        """Its version, to be compared; none for the newest."""
        return tuple(int(part) for part in self.version.split(".")) if self.version else ()

    def is_at_least(self, *wanted: int) -> bool:
        """Whether it is a version or a newer one, as the newest is; ``1.2`` is some release of 1.2."""
        return not self.version or self.numbers >= wanted[: len(self.numbers)]


def provided(subject: Subject, step: Step, tool: str) -> Provided | None:
    """Where a tool comes from that a step runs; None if no step below it is seen to bring it."""
    found: Provided | None = None
    for each in (*reversed(below(subject, step)), step):
        found = next(_brought(subject, each, tool), found)
    return found or _of_base(subject, step, tool)


def _brought(subject: Subject, step: Step, tool: str) -> Iterator[Provided]:
    instruction = step.instruction
    if isinstance(instruction, Copy) and instruction.from_:
        image = parse_image(instruction.from_)
        if image.base == tool:
            yield Provided(_version(image.tag), step.line)
    elif isinstance(instruction, Run):
        reading = subject.commands.reading(step)
        for each in reading.installations:
            if each.kind is Installs.INSTALLER:
                yield from _of_packages(each, tool, step)
        for download in reading.downloads:
            if any(f"/{tool}/" in source or f"-{tool}." in source for source in download.sources):
                sources = " ".join(download.sources)
                numbers = next((one or other for one, other in _SCRIPT.findall(sources)), "")
                yield Provided(numbers, step.line)


def _of_packages(installation: Installation, tool: str, step: Step) -> Iterator[Provided]:
    for package in installation.packages:
        name = _NAME.match(package)
        if name and name[0].lower().replace("_", "-") == tool:
            pinned = _PINNED.match(package.strip())
            yield Provided(pinned[2] if pinned else "", step.line, installation.tool, installation.target)


def _of_base(subject: Subject, step: Step, tool: str) -> Provided | None:
    image = parse_image(base_of(subject, step.stage))
    return Provided(_version(image.tag), step.stage.origin.line) if image.base == tool else None


def _version(tag: str) -> str:
    found = _LEADING.match(tag)
    return found[1] if found else ""


_PYTHON = re.compile(r"python(\d+\.\d+)")


def python_of(subject: Subject, step: Step) -> str | None:
    """The version of Python that a base image is known to have, as ``3.13``; None if it is not known."""
    image = parse_image(base_of(subject, step.stage))
    if image.base == "python":
        found = re.match(r"\d+\.\d+", image.tag)
        return found[0] if found else None
    found = _PYTHON.match(image.tag.partition("-")[0]) or _PYTHON.search(image.tag) if image.base == "uv" else None
    return found[1] if found else None
