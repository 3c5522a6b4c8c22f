"""A Docker daemon as a target: what it has is asked, what it lacks is sent, what it says is checked.

It is sent one tar without the layers that it has. The classic image store finds a layer by the chain of diff ids up
to it, the containerd store by the digest of its blob; each reads in the tar what it understands.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.oci.bundle import closing
from depsfirst.oci.compress import plain
from depsfirst.oci.connection import CONNECT_SECONDS, Connection
from depsfirst.oci.docker_api import PING, DockerApi, image_path, ping
from depsfirst.oci.holdings import Held, Inventory
from depsfirst.oci.image import LAYER_ZSTD
from depsfirst.oci.load import Load
from depsfirst.oci.store import RefusedError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.image import Image, Layer
    from depsfirst.oci.reference import Reference

LABEL = "dev.depsfirst.recipe"
"""The label that tells our images from others in a daemon."""

_LOST = "not found"
_PROBE_SECONDS = 5
"""A daemon that is busy may need a second or two; one that was passed over for that would not get the image."""
_UNTAG_SECONDS = 120


def answers(endpoint: Endpoint) -> bool:
    """Whether a Docker answers there. An absent one is known at once, a hanging one in five seconds."""
    try:
        with Connection(endpoint, seconds=_PROBE_SECONDS) as connection:
            ping(connection, str(endpoint))
    except DepsfirstError:
        return False
    return True


def foresee(connection: Connection, reference: str) -> None:
    """Ask already what has this name, on the connection that a ``Daemon`` will ask it on."""
    connection.foresee(PING, image_path(reference))


def take_back(endpoint: Endpoint, load: Load) -> None:
    """Remove an image that was foretold and is not wanted, unless it has a name: somebody may have built it before.

    That a daemon does not do it is said when it is next asked for something.
    """
    try:
        with Connection(endpoint, seconds=_UNTAG_SECONDS) as connection:
            api = DockerApi(connection, str(endpoint))
            for image_id in api.loaded(load.end()):
                if not (api.inspect(image_id) or {}).get("RepoTags"):
                    connection.ask("DELETE", f"/images/{image_id}", None)
    except (DepsfirstError, OSError):
        return


def untag(endpoint: Endpoint, names: Iterable[str]) -> None:
    """Take names of images away again; layers that nothing else holds go with them.

    For names that were a means to an end: that a daemon does not do it is said when it is next asked for something.
    """
    try:
        with Connection(endpoint, seconds=_UNTAG_SECONDS) as connection:
            for name in names:
                connection.ask("DELETE", f"/images/{name}", None)
    except DepsfirstError:
        return


class Daemon(NamedTuple):
    """A Docker daemon, and the name that an image gets there.

    Attributes:
        endpoint: where it is.
        reference: the name.
        store: remembers what images in daemons consist of.
        others: names or ids of images there that are likely to share layers: the base's, say.
        opened: a connection and a load that were begun already, for the first image; whoever began them closes them.
    """

    endpoint: Endpoint
    reference: Reference
    store: ContentStore
    others: tuple[str, ...] = ()
    opened: tuple[Connection, Load] | None = None

    def __str__(self) -> str:
        return f"docker-daemon:{self.reference}"

    @contextmanager
    def receive(self, image: Image, *, everything: bool = False) -> Iterator[DaemonUpload]:
        """Take an image; nothing is sent before it is known what lacks, and nothing at all if the image is there."""
        image = image._replace(layers=tuple(_readable(layer, self.store) for layer in image.layers))
        if self.opened is not None and not everything:
            upload = self._upload(image, *self.opened, everything=False)
            if upload.fits_what_was_foretold():
                yield upload
                return
        with Connection(self.endpoint, seconds=CONNECT_SECONDS) as connection, Load(self.endpoint) as load:
            yield self._upload(image, connection, load, everything=everything)

    def _upload(self, image: Image, connection: Connection, load: Load, *, everything: bool) -> DaemonUpload:
        inventory = Inventory(DockerApi(connection, str(self.endpoint)), LABEL, self.store)
        held = Held() if everything else inventory.held(image, str(self.reference), self.others)
        return DaemonUpload(self, image, inventory, held, load)


class DaemonUpload:
    """An image on its way into a daemon: one tar in one request."""

    def __init__(self, daemon: Daemon, image: Image, inventory: Inventory, held: Held, load: Load) -> None:
        self._daemon = daemon
        self.image = image
        self._inventory = inventory
        self._held = held
        self._load = load

    def lacking(self) -> Sequence[Layer]:
        """The layers that the daemon is not known to have."""
        return [layer for at, layer in enumerate(self.image.layers) if at not in self._held.layers]

    def fits_what_was_foretold(self) -> bool:
        """Whether nothing was foretold, or this very image, of which the daemon lacks no more than the last layer."""
        told, last = self._load.foretold, len(self.image.layers) - 1
        if told is None or self._held.current:
            return True
        same = (told.image_id, told.manifest) == (self.image.id, self.image.manifest_blob.descriptor.digest)
        return same and self._held.layers >= frozenset(range(last))

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        """Send a layer's blob, unless it was sent before anybody asked."""
        if self._load.foretold is not None:
            return
        self._sending(lambda: self._load.send_blob(layer.blob, sent))

    def finish(self) -> str:
        """Send what the image is, and name it when the daemon says that it has it.

        The name comes last: until the image is whole, the one before keeps its name, and with it the layers that
        were not sent again. (containerd's garbage collector may run between taking an image and unpacking it.)

        Raises:
            RefusedError: it does not have it, and was not sent all layers.
            DepsfirstError: it does not have it.
        """
        if not self._held.current:
            if self._load.foretold is None:
                self._sending(lambda: self._load.send((closing(self.image, None),), _nobody))
            image_id = self._loaded()
            self._name(image_id)
            self._inventory.remember(self.image, image_id)
        return str(self._daemon.reference)

    def _name(self, image_id: str) -> None:
        try:
            self._inventory.api.tag(image_id, self._daemon.reference)
        except DepsfirstError as error:
            if self._load.foretold is None:
                raise
            raise self._judged(error) from error  # another build may have taken back what it foretold, too

    def _sending(self, send: Callable[[], None]) -> None:
        try:
            send()
        except OSError as error:
            raise self._judged(self._inventory.api.broken(self._load, error)) from error

    def _loaded(self) -> str:
        """End the request; the id that the image got, which depends on the kind of store."""
        api = self._inventory.api
        try:
            loaded = api.loaded(self._load.end())
        except OSError as error:
            raise self._judged(api.broken(self._load, error)) from error
        except DepsfirstError as error:
            raise self._judged(error) from error
        for image_id in (self.image.id, self.image.manifest_blob.descriptor.digest):
            if image_id in loaded:
                return image_id
        raise self._judged(
            DepsfirstError(
                f'Docker took the image "{self.image.id}" and calls it {", ".join(loaded) or "nothing"}',
                where=str(self._daemon.endpoint),
                hint="the log of the Docker daemon may say more; an archive (-o FILE.tar) needs no daemon",
            )
        )

    def _judged(self, error: DepsfirstError) -> DepsfirstError:
        """The error as it is; or, if layers were left out or got lost, that sending all of them may help.

        containerd's garbage collector can take a blob away that was there when the load began.
        """
        if not self._held.layers and _LOST not in error.message:
            return error
        return RefusedError(error.message, where=error.where, hint=error.hint)


def _readable(layer: Layer, store: ContentStore) -> Layer:
    """Docker before 23 cannot read zstd."""
    return plain(layer, store) if layer.blob.descriptor.media_type == LAYER_ZSTD else layer


def _nobody(_: int) -> None:
    """Who is told of bytes that are no layer's."""
