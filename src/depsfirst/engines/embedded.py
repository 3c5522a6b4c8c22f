"""The embedded engine: an order becomes an image without a daemon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from depsfirst.engines.destinations import prepared

if TYPE_CHECKING:
    from depsfirst.content import ContentStore
    from depsfirst.plan import Built, Order
    from depsfirst.progress import Progress


def build(order: Order, store: ContentStore, progress: Progress) -> Built:
    """Build the image of a project and put it where the order wants it.

    Raises:
        DepsfirstError: it cannot be built; the destination has what it had before.
    """
    started = time.perf_counter()
    with prepared(order) as ready:
        # Imported while the destination gets ready: the import takes half of the time of a rebuild.
        from depsfirst.engines import assembly

        return assembly.build(order, ready, store, progress, started)
