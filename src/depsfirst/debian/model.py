"""What a Debian base is made of: values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from depsfirst.dataclass import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.oci.image import Layer
    from depsfirst.progress import Progress

Archive = Literal["main", "security"]


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where packages come from.

    Attributes:
        main: URL of the archive, the folder that holds ``dists`` and ``pool``; no slash at its end.
        security: URL of the archive of security updates; None: there is none.
        check_valid_until: whether an index that has expired is refused.
        origin: the setting or file that said so, for messages.
    """

    main: str
    security: str | None
    check_valid_until: bool
    origin: str

    def url(self, package: Package) -> str:
        """Where the ``.deb`` of a package is."""
        return f"{self.main if package.archive == 'main' else self.security}/{package.path}"


class Package(NamedTuple):
    """A package of a signed index: what is needed to choose, fetch and check it.

    Attributes:
        archive: of the mirror.
        path: of its ``.deb`` below the archive.
        size: of the ``.deb`` in bytes.
        sha256: of the ``.deb`` in hex.
        priority: ``required``, ``important``, ``standard``, ``optional`` or ``extra``.
        depends: ``Pre-Depends`` and ``Depends``.
        conflicts: ``Conflicts`` and ``Breaks``.
    """

    name: str
    version: str
    archive: Archive
    path: str
    size: int
    sha256: str
    priority: str = "optional"
    depends: str = ""
    provides: str = ""
    conflicts: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """Which base is wanted, and from where; ``packages``, those to add, are sorted."""

    suite: str
    architecture: str
    packages: tuple[str, ...]
    mirror: Mirror
    keyring: Path | None


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with: the cache, the network, and a watcher."""

    store: ContentStore
    fetcher: Fetcher
    progress: Progress


@dataclass(frozen=True, slots=True)
class Resolution:
    """The packages that a request came to.

    Attributes:
        codename: of the suite.
        packages: what to install, by name.
        left_out: see :class:`DebianBase`.
        notes: see :class:`DebianBase`.
        until: when the mirror is to be asked again, in seconds since 1970.
        stale: why it could not be asked when that was due; empty when it was.
    """

    codename: str
    packages: tuple[Package, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    until: float = 0.0
    stale: str = ""


class InstalledPackage(NamedTuple):
    """A package in the base.

    Attributes:
        size: of its files, in bytes.
        note: what a user should know of it: what its maintainer scripts would have done; as a rule empty.
    """

    name: str
    version: str
    size: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class DebianBase:
    """A base image made of Debian packages.

    Attributes:
        suite: the suite's code name, as ``trixie``.
        layer: the one layer.
        packages: what is in it, by name.
        left_out: names of dependencies that were not followed, each with the reason.
        python: version of ``/usr/bin/python3``.
        libc: version of the C library (glibc), for the tags of wheels.
        notes: sentences a user should know: updates that could not be had, an index that is not fresh.
        until: seconds since 1970 until which the mirror need not be asked again.
    """

    suite: str
    layer: Layer
    packages: tuple[InstalledPackage, ...]
    left_out: tuple[tuple[str, str], ...]
    python: tuple[int, int, int]
    libc: tuple[int, int]
    notes: tuple[str, ...]
    until: float
