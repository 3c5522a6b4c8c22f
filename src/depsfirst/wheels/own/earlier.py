"""What is remembered of a project's last build by its backend, so that the next one may do without."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.wheels.own.tree import Hashes, Tree

_TOPIC = "project-wheel"
_STATS = "project-stats"
_FORMAT = 2


class Entry(NamedTuple):
    """An entry of the built wheel.

    Attributes:
        path: in the wheel.
        sha256: of the bytes that the backend packed.
        executable: whether it is.
        sources: the files it may be a copy of; none for what the backend wrote itself.
    """

    path: str
    sha256: str
    executable: bool
    sources: tuple[str, ...] = ()


class Earlier(NamedTuple):
    """The last build by the backend.

    Attributes:
        always: why the backend must be called again in any case; then nothing below counts.
        python: the interpreter it ran in.
        settings: what of the manifest it could read.
        kinds: the source tree, as in ``Tree``.
        left_out: directories of it that were not entered.
        repository: where version control is rooted.
        reads: sha256 of the files that go into metadata or select others; None for one that is not there.
        packages: directories whose files are packed.
        sources: executable bits and sha256 of the files that were packed.
        name: of the distribution, as its ``.dist-info`` directory spells it.
        version: likewise.
        tags: what the wheel runs on.
        key: of the unpacked wheel in the cache.
        entries: of the wheel, sorted by path.
    """

    always: str | None = None
    python: str = ""
    settings: Mapping[str, str] = {}
    kinds: Mapping[str, str] = {}
    left_out: frozenset[str] = frozenset()
    repository: str | None = None
    reads: Mapping[str, str | None] = {}
    packages: tuple[str, ...] = ()
    sources: Mapping[str, tuple[int, str]] = {}
    name: str = ""
    version: str = ""
    tags: frozenset[str] = frozenset()
    key: str = ""
    entries: tuple[Entry, ...] = ()

    @property
    def dist_info(self) -> str:
        """The directory of the wheel's metadata."""
        return f"{self.name}-{self.version}.dist-info/"

    @property
    def data(self) -> str:
        """The directory of the wheel's data for other schemes."""
        return f"{self.name}-{self.version}.data/"


def this_python() -> str:
    """The interpreter that backends run in, as far as it can matter to a pure wheel."""
    return f"{sys.version} {os.uname().machine}"


def memo_key(root: Path) -> str:
    """The key under which the builds of a project are remembered on this machine; never a key of content."""
    return digests.sha256(os.fsencode(root.absolute())).hexdigest()


def is_known(store: ContentStore, root: Path) -> bool:
    """Whether anything is remembered of the project at ``root``."""
    return store.path(f"memo/{_TOPIC}", memo_key(root)).exists()


def recall(store: ContentStore, root: Path) -> Earlier | None:
    """What is remembered of the project at ``root``; None where that is nothing, or cannot be understood."""
    memo = store.recall(_TOPIC, memo_key(root))
    if not isinstance(memo, dict) or memo.pop("format", None) != _FORMAT:
        return None
    try:
        return Earlier(**memo) if memo.get("always") is not None else _described(memo)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _described(memo: dict[str, Any]) -> Earlier:
    memo["entries"] = tuple(Entry(path, sha, flag, tuple(found)) for path, sha, flag, found in memo["entries"])
    memo["sources"] = {path: (mode, sha) for path, (mode, sha) in memo["sources"].items()}
    memo |= {"left_out": frozenset(memo["left_out"]), "tags": frozenset(memo["tags"])}
    return Earlier(**memo)


def remember(store: ContentStore, root: Path, earlier: Earlier) -> None:
    """Keep what was learnt of a build."""
    if earlier.always is not None:
        store.remember(_TOPIC, memo_key(root), {"format": _FORMAT, "always": earlier.always})
        return
    memo = {name: getattr(earlier, name) for name in Earlier._fields}
    memo["entries"] = [(each.path, each.sha256, each.executable, each.sources) for each in earlier.entries]
    memo |= {"left_out": sorted(earlier.left_out), "tags": sorted(earlier.tags), "format": _FORMAT}
    store.remember(_TOPIC, memo_key(root), memo)


def recall_signatures(store: ContentStore, root: Path) -> Any:
    """What ``Hashes`` remembered of the project's files."""
    return store.recall(_STATS, memo_key(root))


def remember_signatures(store: ContentStore, root: Path, hashes: Hashes) -> None:
    """Keep what ``Hashes`` learnt, if it learnt anything."""
    if hashes.changed:
        store.remember(_STATS, memo_key(root), hashes.remembered())


def moved(earlier: Earlier, tree: Tree) -> str | None:
    """How the tree differs from that of the last build in what stands where; None if it does not."""
    if tree.kinds != earlier.kinds:
        paths = sorted(tree.kinds.keys() | earlier.kinds.keys())
        path = next(each for each in paths if tree.kinds.get(each) != earlier.kinds.get(each))
        if path not in earlier.kinds:
            return f'"{path}" is new'
        return f'"{path}" is gone' if path not in tree.kinds else f'"{path}" is now a {tree.kinds[path]}'
    appeared = sorted(tree.left_out - earlier.left_out)
    return next((f'"{path}" is new in a package' for path in appeared if within(path, earlier.packages)), None)


def within(path: str, packages: Iterable[str]) -> bool:
    """Whether a path is one of ``packages``, or lies in one."""
    return any(path == package or path.startswith(f"{package}/") for package in packages)
