"""What a build is given: Dockerfile, contexts, arguments, platform, and who knows the images it starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.cache.filters import Filter
    from depsfirst.cache.keys import Place
    from depsfirst.cache.packed import Packing
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.shell import Command
    from depsfirst.dockerfile.stages import Outline


_COMMON = Platform()


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image's configuration says.

    Attributes:
        environment: its variables, each as ``NAME=value``; None where nobody knows them.
        cwd: its working directory; empty for none.
        user: its user; empty for none.
        shell: its shell; empty for the usual one.
        onbuild: its triggers, as instructions.
        layers: digests of its layers, which alone make two images the same; None where nobody knows them, and then
            images of one name are the same, and of others it is not known. So it is for Docker's own image store; a
            builder that keeps its images in containerd tells images with the same layers apart, by its history.
    """

    environment: tuple[str, ...] | None = None
    cwd: str = ""
    user: str = ""
    shell: tuple[str, ...] = ()
    onbuild: tuple[str, ...] = ()
    layers: tuple[str, ...] | None = None


def unreadable(path: str) -> bytes | None:
    """The files of a context that nobody reads."""
    del path
    return None


def nothing_known(name: str) -> ImageFacts | None:
    """The images where nobody knows any."""
    del name
    return None


@dataclass(frozen=True)
class Build:
    """One build: everything that a builder decides from.

    Attributes:
        outline: the stages.
        context: the main build context.
        target: the stage to build; None for the last.
        arguments: ``--build-arg``.
        contexts: ``--build-context``, those that are directories.
        platform: what the image runs on.
        builder: what the builder runs on.
        network: ``--network``; None for the default.
        add_hosts: ``--add-host``, each as ``name`` or ``name:address``.
        ulimits: ``--ulimit``.
        shm_size: ``--shm-size`` in bytes; 0 for the default.
        cgroup_parent: ``--cgroup-parent``.
        no_cache: ``--no-cache``.
        no_cache_stages: ``--no-cache-filter``.
        version: the BuildKit that builds.
        images: what is known of an image, by its name; None for nothing.
        filters: who knows what commands make of files.
        packers: who knows what decides on the wheels that commands build.
        read: bytes of a file of the main context, for the filters; None if it cannot be read.
        file: the Dockerfile's name, for errors.
    """

    outline: Outline
    context: Context
    target: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Context] = field(default_factory=dict)
    platform: Platform = _COMMON
    builder: Platform = _COMMON
    network: str | None = None
    add_hosts: tuple[str, ...] = ()
    ulimits: tuple[str, ...] = ()
    shm_size: int = 0
    cgroup_parent: str = ""
    no_cache: bool = False
    no_cache_stages: frozenset[str] = frozenset()
    version: Version = CURRENT
    images: Callable[[str], ImageFacts | None] = nothing_known
    filters: tuple[Filter, ...] = ()
    packers: tuple[Callable[[Command, Place], Packing | None], ...] = ()
    read: Callable[[str], bytes | None] = unreadable
    file: str = "Dockerfile"


def familiar_name(image: str) -> str:
    """An image's name without what is understood: the usual registry, and the tag ``latest``."""
    name = image.removeprefix("docker.io/").removeprefix("library/")
    return name.removesuffix(":latest")
