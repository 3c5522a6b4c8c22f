"""Loads layers into Docker while the packages of further layers are still being installed.

A daemon unpacks one layer after the other, on one processor, which takes longer than fetching and installing. So what
is ready goes there at once, as an image of its own that grows, and that is gone when the whole one is there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import Image
from depsfirst.plan import RECIPE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from depsfirst.content import ContentStore
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.image import Layer


class Ahead:
    """The lower layers of an image on their way into a daemon.

    Args:
        endpoint: the daemon; None where the image goes elsewhere, and nothing is loaded ahead.
        below: the base's image with the layers of ours that all others stand on.
        store: remembers what the daemon has.

    Attributes:
        sent: diff ids of the layers that went there.
        made: diff ids of those that were offered and had not been at hand before.
    """

    def __init__(self, endpoint: Endpoint | None, below: Image, store: ContentStore) -> None:
        self._endpoint = endpoint
        self._below = below
        self._store = store
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None
        self._loaded: list[str] = []
        self.sent: list[str] = []
        self.made: set[str] = set()

    def offer(self, layers: Sequence[Layer]) -> None:
        """Load the lowest layers that are ready, unless some are being loaded at this moment."""
        self.made |= {layer.diff_id for layer in layers if not layer.reused}
        if self._endpoint is None or (self._running is not None and not self._running.done()):
            return
        from concurrent.futures import ThreadPoolExecutor

        self._pool = self._pool or ThreadPoolExecutor(1)
        self._running = self._pool.submit(self._load, self._endpoint, tuple(layers))

    def settle(self) -> None:
        """Wait until what was begun is there."""
        if self._pool is not None:
            self._pool.shutdown()

    def leave(self) -> None:
        """Take the names away; layers that the whole image holds stay."""
        self.settle()
        if self._endpoint is not None and self._loaded:
            from depsfirst.oci.stores.daemon import untag

            untag(self._endpoint, reversed(self._loaded))

    def _load(self, endpoint: Endpoint, layers: tuple[Layer, ...]) -> None:
        from depsfirst.oci.reference import parse_reference
        from depsfirst.oci.store import copy
        from depsfirst.oci.stores.daemon import Daemon

        config = {**self._below.config, "config": {"Labels": {RECIPE_LABEL: "ahead"}}}
        image = Image(config, (*self._below.layers, *layers), history=self._below.history)
        reference = f"depsfirst-ahead:{image.id.partition(':')[2][:12]}"
        try:
            self.sent += copy(image, Daemon(endpoint, parse_reference(reference), self._store)).layers
        except DepsfirstError:  # it will be said when the whole image is loaded
            return
        self._loaded.append(reference)


@contextmanager
def loading_ahead(endpoint: Endpoint | None, below: Image, store: ContentStore) -> Iterator[Ahead]:
    """What loads layers ahead, and leaves nothing behind."""
    ahead = Ahead(endpoint, below, store)
    try:
        yield ahead
    finally:
        ahead.leave()
