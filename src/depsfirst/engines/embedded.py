"""The embedded engine: an order becomes an image without a daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from depsfirst.engines.destinations import prepared

if TYPE_CHECKING:
    from depsfirst.content import ContentStore
    from depsfirst.oci.preamble import Begun
    from depsfirst.plan import Built, Order
    from depsfirst.progress import Progress


def build(order: Order, store: ContentStore, progress: Progress, begun: Begun | None = None) -> Built:
    """Build the image of a project and put it where the order wants it.

    Args:
        order: what is wanted.
        store: the cache.
        progress: the watcher.
        begun: a load into the local Docker that was begun already.

    Raises:
        DepsfirstError: it cannot be built; the destination has what it had before.
    """
    started = time.perf_counter()
    with prepared(order, begun) as ready:
        # Imported while the destination gets ready: the import takes half of the time of a rebuild.
        from depsfirst.engines import assembly

        return assembly.build(order, ready, store, progress, started)
