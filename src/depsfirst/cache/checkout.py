"""The files of a project, from the disk or from a commit: its build contexts, and the texts in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.context import Context, ignore_files, read_context
from depsfirst.dockerfile.filetree import Directory, LinkLoopError, follow
from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from depsfirst.cache.gittree import Revision
    from depsfirst.dockerfile.buildkit import Version


class Checkout(Protocol):
    """What a builder would find; all paths are absolute, as on the disk."""

    def read(self, path: str) -> bytes | None:
        """The content of a file, symlinks followed; None where there is no file.

        Raises:
            DepsfirstError: it cannot be read.
        """

    def context(self, directory: str, dockerfile: str | None, version: Version) -> Context:
        """The context that a build in a directory would send.

        Args:
            directory: the build context.
            dockerfile: the Dockerfile, for the ignore file beside it; None for a context that has none.
            version: the BuildKit that builds.

        Raises:
            DepsfirstError: it is no directory, or its ignore file has a bad pattern.
        """


class Disk:
    """The files as they are now."""

    def read(self, path: str) -> bytes | None:
        """The content of a file."""
        try:
            with open(path, "rb") as file:  # noqa: PTH123 (a string, as in a listing of git's)
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise DepsfirstError(f"this cannot be read: {reason}", where=path, hint="make it readable") from None

    def context(self, directory: str, dockerfile: str | None, version: Version) -> Context:
        """The context that a build in a directory would send."""
        return read_context(Path(directory), Path(dockerfile) if dockerfile else None, version=version)


@dataclass(frozen=True)
class Committed:
    """The files as they are in a commit."""

    revision: Revision

    def read(self, path: str) -> bytes | None:
        """The content of a file."""
        below = self.revision.below(path)
        return None if below is None else self.revision.read(below)

    def context(self, directory: str, dockerfile: str | None, version: Version) -> Context:
        """The context that a build in a checkout of the commit would send."""
        tree = self._directory(directory)
        within = dockerfile and os.path.relpath(dockerfile, directory)
        inside = within if within and not within.startswith("../") else None
        beside = [] if dockerfile is None or inside else [dockerfile + ignore_files(None)[0]]
        for path in [*beside, *(os.path.join(directory, name) for name in ignore_files(inside))]:  # noqa: PTH118
            content = self.read(path)
            if content is not None:
                name = os.path.relpath(path, directory)
                patterns = read_patterns(content.decode(errors="surrogateescape"), name, version)
                return Context(tree, patterns, None if path in beside else name, version)
        return Context(tree, version=version)

    def _directory(self, directory: str) -> Directory:
        below = self.revision.below(directory)
        if below is None:
            raise DepsfirstError(
                f'the build context "{directory}" is outside of the repository',
                where=self.revision.root,
                hint="a build at a revision can use the directories of one repository",
            )
        try:
            node = follow(self.revision.tree, below)[1] if below else self.revision.tree
        except LinkLoopError:
            node = None
        if not isinstance(node, Directory):
            problem = "is not there" if node is None else "is no directory"
            raise DepsfirstError(
                f'the build context "{directory}" {problem} at revision "{self.revision.name}"',
                hint="name a directory that the commit has",
            )
        return node
