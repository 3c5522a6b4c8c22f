"""Makes the layer: fetches packages many at once, unpacks them, and writes what they come to."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, TYPE_CHECKING, Any

from depsfirst.debian.deb import open_deb
from depsfirst.debian.model import InstalledPackage
from depsfirst.debian.settle import settle
from depsfirst.debian.tree import Tree, write_nodes
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import NotFoundError
from depsfirst.oci.pieces import FileSlice, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depsfirst.debian.deb import Deb
    from depsfirst.debian.model import Mirror, Package, Request, Tools

DEBS = "debs"
"""The kind of the packages in the store; keys are their sha256."""

_CONNECTIONS = 8
_FIRST = "base-files"
"""The package whose directories count, where several have the same."""


def assemble(
    packages: Sequence[Package], python: tuple[int, int], request: Request, tools: Tools, file: IO[bytes]
) -> dict[str, Any]:
    """Write the layer of some packages.

    Args:
        packages: sorted by name.
        python: major and minor version of the interpreter among them.
        request: says for which architecture, and where they are, unless the store has them.
        tools: the store keeps the packages.
        file: gets the uncompressed tar; it has a name.

    Returns:
        Facts of the layer: ``diff_id``, ``size`` in bytes, and ``packages``, of :class:`InstalledPackage`.

    Raises:
        UnreachableError: the mirror does not answer.
        DepsfirstError: a package is not what the index says, is damaged, or does not fit the others.
    """
    with tools.store.scratch_directory() as scratch:
        debs = _opened(packages, request.mirror, tools, scratch)
        tree = Tree()
        sizes = {name: tree.add(name, debs[name]) for name in sorted(debs, key=lambda name: (name != _FIRST, name))}
        notes = settle(tree, debs, python, request.architecture)
        if not tree.get("usr/bin/python3"):
            raise DepsfirstError('the packages have no "/usr/bin/python3"')
        size = write_nodes(tree.nodes(), file)
        file.flush()
    installed = [
        InstalledPackage(each.name, each.version, sizes[each.name], notes.get(each.name, "")) for each in packages
    ]
    return {"diff_id": sha256((FileSlice(Path(file.name), 0, size),)), "size": size, "packages": installed}


def _opened(packages: Sequence[Package], mirror: Mirror, tools: Tools, scratch: Path) -> dict[str, Deb]:
    """Every package by name, unpacked below ``scratch``; the first failure ends it all."""
    unpacking = BoundedSemaphore(min(4, os.cpu_count() or 1))  # each takes 10 to 70 MB of memory
    missing = [package for package in packages if tools.store.find(DEBS, package.sha256) is None]
    with (
        tools.progress.task("Debian packages", sum(package.size for package in missing), "bytes") as advance,
        ThreadPoolExecutor(_CONNECTIONS) as pool,
    ):

        def opened(package: Package) -> Deb:
            path = _fetched(package, mirror, tools, advance)
            with unpacking:
                return open_deb(path, scratch / f"{package.name}.tar", f"{package.name} {package.version}")

        try:
            return dict(zip((package.name for package in packages), pool.map(opened, packages), strict=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetched(package: Package, mirror: Mirror, tools: Tools, advance: Callable[[int], None]) -> Path:
    found = tools.store.find(DEBS, package.sha256)
    if found is not None:
        return found
    with tools.store.write(DEBS, package.sha256) as file:
        try:
            tools.fetcher.download(
                mirror.url(package), file, sha256=package.sha256, size=package.size, received=advance
            )
        except NotFoundError as error:
            raise DepsfirstError(
                f'the mirror lacks "{package.name}" {package.version}, which its index has: {error.message}',
                where=mirror.origin,
                hint="it may be in the middle of an update: try again later",
            ) from error
    return tools.store.path(DEBS, package.sha256)
