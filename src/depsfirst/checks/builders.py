"""Which builders a Dockerfile is seen to be built by, where they differ from BuildKit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.instructions import Run
    from depsfirst.dockerfile.mounts import Mount
    from depsfirst.dockerfile.source import Span

_CONTAINERFILE = re.compile(r"(?i)containerfile(?:\..+)?|.+\.containerfile")


def built_by_podman(subject: Subject) -> Confidence | None:
    """How sure it is that podman or buildah build a file; None where nothing says so."""
    if subject.invocation.engine:
        return Confidence.HIGH
    return Confidence.MEDIUM if _CONTAINERFILE.fullmatch(subject.path.name) else None


def context_mounts(run: Run) -> Iterator[tuple[Mount, Span]]:
    """What a RUN mounts of the context, and where the flags stand."""
    from depsfirst.dockerfile.mounts import Mount

    flags = [flag for flag in run.syntax.flags if flag.name == "mount"]
    for mount, flag in zip(run.mounts, flags, strict=True):
        if isinstance(mount, Mount) and mount.type == "bind" and not mount.from_:
            yield mount, run.syntax.place_of(flag)
