"""What a build works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.progress import Progress


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with: the cache, the network, the index's URL when it is needed, and a watcher."""

    store: ContentStore
    fetcher: Fetcher
    index: Callable[[], str]
    progress: Progress
