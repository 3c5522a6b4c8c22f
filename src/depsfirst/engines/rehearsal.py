"""Runs an image before it goes where it is wanted, so that one that does not import never gets there."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst.oci.connection import Connection
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy
from depsfirst.trials.runners.chroot import Chroot, check_machine
from depsfirst.trials.runners.docker import Docker
from depsfirst.trials.runners.podman import Podman
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.content import ContentStore
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.trials.runners import Outcome, Runner, Trial

_SECONDS = 300


class Stage(NamedTuple):
    """What can run an image, in the order to be tried; and the diff ids of layers that went to where it is wanted."""

    runners: list[Runner]
    sent: list[str]


@contextmanager
def stage(endpoint: Endpoint | None, store: ContentStore) -> Iterator[Stage]:
    """What can run an image that is not yet where it is wanted; what that leaves behind is gone after the block.

    Args:
        endpoint: of the Docker that will get the image; its layers are sent only once if the block copies it there.
        store: gives room to unpack an image that no Docker gets.
    """
    if endpoint is None:
        yield Stage([Chroot(store), _InPodman(store)], [])
        return
    docker = _InDocker(endpoint, store)
    try:
        yield Stage([docker], docker.sent)
    finally:
        docker.leave()


class _InDocker:
    """Loads the image into the daemon under a name of its own; ``sent`` are the diff ids of what went there."""

    name = "docker"

    def __init__(self, endpoint: Endpoint, store: ContentStore) -> None:
        self._endpoint = endpoint
        self._store = store
        self._reference: str | None = None
        self.sent: list[str] = []

    def run(self, trial: Trial) -> Outcome:
        from depsfirst.oci.stores.daemon import Daemon

        # another build of the same image at this moment takes its own name away when it is done
        reference = f"depsfirst-trial:{trial.image.id.partition(':')[2][:12]}-{os.urandom(4).hex()}"
        self.sent += copy(trial.image, Daemon(self._endpoint, parse_reference(reference), self._store)).layers
        self._reference = reference
        with Connection(self._endpoint, seconds=_SECONDS) as connection:
            return Docker(connection.ask, reference).run(trial)

    def leave(self) -> None:
        """Take the name away again; layers that nothing else holds go with it."""
        if self._reference is not None:
            from depsfirst.oci.stores.daemon import untag

            untag(self._endpoint, (self._reference,))


class _InPodman:
    """Writes the image into a layout for podman."""

    name = "podman"

    def __init__(self, store: ContentStore) -> None:
        self._store = store

    def run(self, trial: Trial) -> Outcome:
        from depsfirst.oci.stores.layout import Layout

        check_machine(trial.platform)
        with self._store.scratch_directory() as scratch:
            layout = Layout(scratch / "layout")
            copy(trial.image, layout)
            return Podman(str(layout)).run(trial)
