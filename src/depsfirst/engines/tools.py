"""What a build works with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.progress import Progress
    from depsfirst.project.model import Lock, Project
    from depsfirst.wheels.indexes.search import Search


class Tools:
    """What a build works with.

    Attributes:
        store: the cache.
        index_url: simple URL of the package index, if the order or the settings name one.
        progress: the watcher.
    """

    def __init__(self, store: ContentStore, index_url: str | None, progress: Progress) -> None:
        self.store = store
        self.index_url = index_url
        self.progress = progress

    @cached_property
    def fetcher(self) -> Fetcher:
        """The network; most builds do not need it."""
        from depsfirst.fetch import Fetcher

        return Fetcher()

    def search(self, project: Project, lock: Lock | None = None) -> Search:
        """Where what no lock ties to an index is looked for, as the backends of a project and of its packages are."""
        from depsfirst.wheels.indexes.search import search_of

        return search_of(project, self.store, self.index_url, lock=lock)
