"""The cache mounts of a RUN, and which installers they serve."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.mounts import Mount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depsfirst.cache.model import Step
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.source import Span


class CacheMount(NamedTuple):
    """A cache mount, the directory that it is mounted at, and where its flag stands."""

    mount: Mount
    target: str
    span: Span

    def covers(self, directory: str) -> bool:
        """Whether a directory, or a part of it, is kept."""
        return _inside(directory, self.target) or _inside(self.target, directory)

    def serves(self, installation: Installation) -> bool:
        """Whether an installer keeps its downloads here."""
        return any(self.covers(directory) for directory in installation.cache.directories)


def _inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def cache_mounts(step: Step) -> tuple[CacheMount, ...]:
    """The cache mounts of a RUN, in their order."""
    run = step.instruction
    if not isinstance(run, Run):
        return ()
    flags = [flag for flag in run.syntax.flags if flag.name == "mount"]
    pairs = zip(run.mounts, flags, strict=True)
    return tuple(
        CacheMount(mount, posixpath.normpath(posixpath.join(step.cwd, mount.target)), run.syntax.place_of(flag))
        for mount, flag in pairs
        if isinstance(mount, Mount) and mount.type == "cache" and mount.target
    )


def serving(mounts: Iterable[CacheMount], installation: Installation) -> tuple[CacheMount, ...]:
    """The mounts that an installer keeps its downloads in."""
    return tuple(mount for mount in mounts if mount.serves(installation))
