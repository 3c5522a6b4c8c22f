"""Builds the base: from a suite's name to one layer, out of the cache where that is possible."""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst.debian.mirror import find_mirror
from depsfirst.debian.model import DebianBase, InstalledPackage, Package, Request, Resolution, Tools
from depsfirst.debian.version import upstream_release
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import UnreachableError
from depsfirst.oci.image import LAYER, Blob, Descriptor, Layer
from depsfirst.oci.pieces import FileSlice
from depsfirst.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.progress import Progress

FORMAT = 1
"""Raise it when the same packages are to become another layer, or the facts beside it others: then no layer of the
cache fits any more."""
FRESH = 24 * 3600
"""Seconds for which the mirror is not asked again."""
LAYERS = "bases"
"""The kind of the layers in the store."""

_LATER = 600
"""Seconds until a mirror that did not answer is asked again."""
_RESOLUTIONS = "debian-closures"
_BASES = "debian-layers"
_ARCHITECTURES = {"linux/amd64": "amd64", "linux/arm64": "arm64", "linux/arm64/v8": "arm64"}


def build_base(  # noqa: PLR0913 - all but the suite by name
    suite: str,
    *,
    platform: str,
    store: ContentStore,
    fetcher: Fetcher,
    packages: tuple[str, ...] = (),
    mirror: str | None = None,
    keyring: Path | None = None,
    progress: Progress | None = None,
    refresh: bool = False,
) -> DebianBase:
    """The base image of a Debian suite.

    Args:
        suite: ``trixie``, ``bookworm``…
        platform: ``linux/amd64`` or ``linux/arm64``; nothing is executed, so any machine can build it.
        store: keeps indexes, packages and the layer.
        fetcher: the network; not used when everything is at hand and fresh.
        packages: Debian packages to add.
        mirror: the user's setting, see :func:`find_mirror`.
        keyring: certificates that releases must be signed with; None for Debian's own.
        progress: is told of what takes long.
        refresh: ask the mirror, even if it was asked a moment ago.

    Raises:
        DepsfirstError: the suite, the platform or a package does not exist, something is not signed or has
            been tampered with, or the mirror does not answer and the cache does not hold everything.
    """
    if not re.fullmatch(r"[a-z][a-z0-9.-]*", suite):
        raise DepsfirstError(f'"{suite}" is no name of a Debian suite', hint='write "deb:trixie", for example')
    asked = tuple(sorted(set(packages)))
    request = Request(suite, _architecture(platform), asked, find_mirror(suite, mirror), keyring)
    tools = Tools(store, fetcher, progress or Silent())
    resolution = _resolution(request, tools, refresh=refresh)
    key = _layer_key(resolution, request.architecture)
    return _kept(resolution, key, store, reused=True) or _assembled(resolution, key, request, tools)


def _architecture(platform: str) -> str:
    if platform not in _ARCHITECTURES:
        raise DepsfirstError(
            f'Debian has no architecture for the platform "{platform}"',
            hint=f"platforms are {', '.join(_ARCHITECTURES)}",
        )
    return _ARCHITECTURES[platform]


def _resolution(request: Request, tools: Tools, *, refresh: bool) -> Resolution:
    """The packages: as remembered while that is fresh, else as the mirror has them now."""
    key = _request_key(request)
    known = _remembered(tools.store.recall(_RESOLUTIONS, key))
    if known is not None and not refresh and 0 < known.until - time.time() <= FRESH:
        return known
    from depsfirst.debian.resolve import resolve

    try:
        found = replace(resolve(request, tools), until=time.time() + FRESH)
    except UnreachableError as error:
        if known is None or refresh:
            raise
        found = replace(known, until=time.time() + _LATER, stale=error.message)
    tools.store.remember(_RESOLUTIONS, key, asdict(found))
    return found


def _remembered(fact: Any) -> Resolution | None:
    if not isinstance(fact, dict):
        return None
    return Resolution(
        codename=fact["codename"],
        packages=tuple(Package(*package) for package in fact["packages"]),
        left_out=tuple((name, reason) for name, reason in fact["left_out"]),
        notes=tuple(fact["notes"]),
        until=fact["until"],
        stale=fact["stale"],
    )


def _request_key(request: Request) -> str:
    """Names all that a resolution depends on, but for time."""
    mirror, keyring = request.mirror, request.keyring
    archives = [mirror.main, mirror.security, mirror.check_valid_until]
    try:
        keys = hashlib.sha256(keyring.read_bytes()).hexdigest() if keyring else ""
    except OSError:
        keys = "unreadable"  # which will be said where it is read
    return _digest([FORMAT, request.suite, request.architecture, request.packages, archives, keys])


def _layer_key(resolution: Resolution, architecture: str) -> str:
    """Names the bytes of the layer that the packages become."""
    packages = [(each.name, each.version, each.sha256) for each in resolution.packages]
    return _digest([FORMAT, architecture, packages])


def _digest(facts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _kept(resolution: Resolution, key: str, store: ContentStore, *, reused: bool) -> DebianBase | None:
    """The base out of the cache, if its layer is there."""
    fact, path = store.recall(_BASES, key), store.find(LAYERS, key)
    if fact is None or path is None:
        return None
    packages = tuple(InstalledPackage(*package) for package in fact["packages"])
    descriptor = Descriptor(LAYER, fact["diff_id"], fact["size"])
    blob = Blob(descriptor, (FileSlice(path, 0, descriptor.size),))
    title = f"deb:{resolution.codename}"
    return DebianBase(
        suite=resolution.codename,
        layer=Layer(descriptor.digest, blob, kind="base", title=title, reused=reused),
        packages=packages,
        left_out=resolution.left_out,
        python=_python(resolution),
        libc=_libc(resolution),
        notes=(*resolution.notes, *_staleness(resolution), *_undone(packages)),
        until=resolution.until,
    )


def _assembled(resolution: Resolution, key: str, request: Request, tools: Tools) -> DebianBase:
    from depsfirst.debian.assemble import assemble

    with tools.store.scratch_file() as file:
        fact = assemble(resolution.packages, _python(resolution)[:2], request, tools, file)
        file.flush()
        tools.store.adopt(Path(file.name), LAYERS, key)
    tools.store.remember(_BASES, key, fact)
    made = _kept(resolution, key, tools.store, reused=False)
    if made is None:
        raise DepsfirstError("the cache lost what was just written", where=str(tools.store.root))
    return made


def _python(resolution: Resolution) -> tuple[int, int, int]:
    """The version of the default interpreter."""
    major, minor = _release(resolution, "python3-minimal")[:2]
    return (major, minor, _release(resolution, f"python{major}.{minor}-minimal")[2])


def _libc(resolution: Resolution) -> tuple[int, int]:
    major, minor = _release(resolution, "libc6")[:2]
    return major, minor


def _release(resolution: Resolution, name: str) -> tuple[int, ...]:
    for package in resolution.packages:
        if package.name == name:
            return upstream_release(package.version)
    raise DepsfirstError(f'the suite "{resolution.codename}" has no package "{name}"', hint="choose another suite")


def _staleness(resolution: Resolution) -> tuple[str, ...]:
    if not resolution.stale:
        return ()
    return (f"the packages are those that the mirror had when it was last asked: now {resolution.stale}",)


def _undone(packages: Sequence[InstalledPackage]) -> tuple[str, ...]:
    names = [package.name for package in packages if package.note]
    if not names:
        return ()
    return (f"no maintainer script is run, and those of these packages would have done something: {', '.join(names)}",)
