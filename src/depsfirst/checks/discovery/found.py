"""What readers of compose, bake and CI files found: builds, and words that they did not understand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.model import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping


class Misunderstood(NamedTuple):
    """Something that says how a Dockerfile is built, in words that cannot be read without running them."""

    origin: str
    text: str


Found = Invocation | Misunderstood

_REMOTE = ("http://", "https://", "git://", "git@", "ssh://", "github.com/", "docker-image://", "oci-layout://")


def is_remote(context: str) -> bool:
    """Whether a context is no directory of this disk: a URL, standard input."""
    return context == "-" or context.startswith(_REMOTE)


def below(directory: Path, path: str) -> Path:
    """A path that is written relative to a directory, absolute and without dots; symlinks stay."""
    return Path(os.path.normpath(directory / path))


def build_of(  # noqa: PLR0913 - all that a build is given
    directory: Path,
    context: str,
    dockerfile: str | None,
    *,
    origin: str,
    beside_context: bool = True,
    target: str | None = None,
    arguments: Mapping[str, str] | None = None,
    contexts: Mapping[str, str] | None = None,
) -> Invocation | Misunderstood:
    """A build whose paths are relative to a directory.

    Args:
        directory: what paths are relative to.
        context: path or URL of the context.
        dockerfile: its path; None for ``Dockerfile`` in the context.
        origin: where this was read.
        beside_context: the Dockerfile's path is relative to the context, as compose and bake have it; else to
            ``directory``, as ``docker build`` has it.
        target: the stage.
        arguments: build arguments.
        contexts: named contexts.
    """
    if is_remote(context):
        return Misunderstood(origin, f'the context "{context}" is no directory here')
    place = below(directory, context)
    file = place / "Dockerfile" if dockerfile is None else below(place if beside_context else directory, dockerfile)
    named = {
        name: value if is_remote(value) or ":" in value else str(below(directory, value))
        for name, value in (contexts or {}).items()
    }
    return Invocation(
        file,
        place,
        target or None,
        tuple(sorted((arguments or {}).items())),
        tuple(sorted(named.items())),
        origin,
    )
