"""Where an image goes: the local Docker, an archive, an OCI layout; and how to run it from there."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.oci.reference import parse_reference
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.content import ContentStore
    from depsfirst.oci.connection import Connection
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.image import Layer
    from depsfirst.oci.load import Load
    from depsfirst.oci.preamble import Begun
    from depsfirst.oci.store import Target
    from depsfirst.plan import Order

_LAYOUT = "oci:"
_SMALL = 4 << 20
"""Bytes that cost less to send in vain than to wait with."""


class Destination(NamedTuple):
    """A target, what kind of place it is, and whether layers go there compressed.

    Attributes:
        target: takes the image.
        kind: ``docker``, ``archive`` or ``layout``.
        compress: an image that is loaded stays on this machine, so there compression would cost and save nothing.
        run: a command that runs the image from there.
        endpoint: of the Docker that takes it.
    """

    target: Target
    kind: str
    compress: bool
    run: str
    endpoint: Endpoint | None = None


class Prepared(NamedTuple):
    """Where an image that goes into Docker will go; None where it goes elsewhere.

    Attributes:
        endpoint: the Docker that will get it.
        connection: to it.
        load: into it, which was begun.
        key: of what the next load of this kind is foretold by, if that is possible.
    """

    endpoint: Endpoint | None = None
    connection: Connection | None = None
    load: Load | None = None
    key: str | None = None

    def announce(self, reference: str, layer: Layer) -> None:
        """Let Docker look up what has this name, and take a small new layer, while it is still checked.

        If that fails, the load is taken back with all that was sent.
        """
        if self.connection is None or self.load is None:
            return
        from depsfirst.oci.stores.daemon import foresee

        foresee(self.connection, reference)
        if self.load.foretold is None and not layer.reused and layer.blob.descriptor.size <= _SMALL:
            with suppress(OSError):  # it will be said when the image is sent
                self.load.send_blob(layer.blob)
                self.load.flush()


def destination_for(order: Order, reference: str, ready: Prepared, store: ContentStore) -> Destination:
    """Where the order wants its image; by default the local Docker if one answers, else an archive here.

    Args:
        order: says where, or leaves it open.
        reference: the image's name and tag.
        ready: the Docker that will get it, if one will.
        store: remembers what daemons have.

    Raises:
        DepsfirstError: the destination cannot be used.
    """
    docker = _docker(reference, ready, store)
    if docker is not None:
        return docker
    output = order.output or f"{reference.rpartition('/')[2].partition(':')[0]}.tar"
    return _layout(output) if output.startswith(_LAYOUT) else _archive(output, reference)


@contextmanager
def prepared(order: Order, begun: Begun | None = None) -> Iterator[Prepared]:
    """Begin to load into the local Docker, if that is where the image may go: it takes a while to get ready.

    Args:
        order: says where it goes.
        begun: a load into some Docker whose first bytes were sent; taken back if it is not the one that is meant.
    """
    try:
        with _prepared(order, begun) as ready:
            yield ready
    finally:
        if begun is not None:
            begun.connection.close()


@contextmanager
def _prepared(order: Order, begun: Begun | None) -> Iterator[Prepared]:
    if order.output is not None:
        yield Prepared()
        return
    from depsfirst.oci.connection import CONNECT_SECONDS, Connection
    from depsfirst.oci.endpoint import find_endpoint
    from depsfirst.oci.load import Load
    from depsfirst.oci.stores.daemon import answers, take_back

    endpoint = find_endpoint()
    if not order.load and not answers(endpoint):
        yield Prepared()
        return
    ours = begun if begun and begun.path == endpoint.socket else None
    with Load(endpoint, ours) as load, Connection(endpoint, seconds=CONNECT_SECONDS) as connection:
        with suppress(OSError):  # it will be said when the image is sent
            load.begin()
        try:
            yield Prepared(endpoint, connection, load, ours.key if ours else None)
        finally:
            if load.foretold is not None and not load.foretold.taken:
                take_back(endpoint, load)


def _docker(reference: str, ready: Prepared, store: ContentStore) -> Destination | None:
    if ready.endpoint is None or ready.connection is None or ready.load is None:
        return None
    from depsfirst.oci.stores.daemon import Daemon

    daemon = Daemon(ready.endpoint, parse_reference(reference), store, opened=(ready.connection, ready.load))
    return Destination(daemon, "docker", compress=False, run=f"docker run --rm {reference}", endpoint=ready.endpoint)


def _layout(output: str) -> Destination:
    from depsfirst.oci.stores.layout import Layout

    layout = Layout.parse(output.removeprefix(_LAYOUT))
    return Destination(layout, "layout", compress=True, run=f"podman run --rm {layout}")


def _archive(output: str, reference: str) -> Destination:
    from depsfirst.oci.stores.archive import Archive

    path = Path(output)
    if path.is_dir() or not path.name:
        raise DepsfirstError(
            f'"{output}" is a directory', hint=f"write {_LAYOUT}{output} for an OCI layout, or name a file in it"
        )
    archive = Archive(path, parse_reference(reference))
    run = f"docker load -i {output} && docker run --rm {reference}"
    return Destination(archive, "archive", compress=True, run=run)
