"""What the sources of a COPY, an ADD or a bind mount read of a build context, and which edits they notice."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.context import Context, context_path
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, LinkLoopError, Node, follow, node_digest, same_node
from depsfirst.dockerfile.filetree import walk as walk_tree
from depsfirst.dockerfile.gopath import clean, has_wildcards
from depsfirst.dockerfile.ignore import Patterns, patterns_of
from depsfirst.dockerfile.inclusion import Item, NotIncludedError, Wanted, find_path, included, literal_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depsfirst.dockerfile.buildkit import Version

_REQUIRED_PARENTS: Version = (0, 26)  # before, ``COPY --parents`` of nothing copies nothing
_UNKNOWN = "\0"  # the digest of a content, and a symlink's target, that nobody knows
_OTHER_MODE = -1


class ChangeKind(Enum):
    """What happens to a path; its new content is not known."""

    EDITED = "edited"
    ADDED = "added"
    REMOVED = "removed"
    MODE = "mode"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a context.

    Attributes:
        sources: paths or patterns, with variables expanded and quotes gone; no URLs and no heredocs.
        exclude: patterns of ``--exclude``.
        parents: whether ``--parents`` is on.
        literal: whether sources are no patterns, as that of a bind mount.
    """

    sources: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    parents: bool = False
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What one source reads.

    Attributes:
        source: as it was written.
        path: the same, absolute and cleaned, with the context's root for the root; of ``--parents`` up to its pivot.
        items: what counts, in order.
        missing: why the step fails if it runs; None if nothing here makes it. A pattern that nothing fits does not,
            unless it starts from a directory that is not sent; that directory itself is sent for other steps alone.
        keyed: whether there is a key to look for in the cache; without one the build fails at once.
        whole: whether all of a path counts, and no pattern tells which part.
    """

    source: str
    path: str
    items: tuple[Item, ...]
    missing: str | None
    keyed: bool
    whole: bool

    @property
    def clipped(self) -> bool:
        """Whether the source would leave the context; a builder cuts its ``..`` off at the context's root."""
        relative = clean(self.source.lstrip("/"))
        return relative == ".." or relative.startswith("../")


@dataclass(frozen=True)
class Selection:
    """What a list of sources reads of a context.

    Attributes:
        context: the context.
        request: what was asked of it.
        reads: what each source reads, in the order of the sources.
    """

    context: Context
    request: Request
    reads: tuple[Read, ...]

    @property
    def missing(self) -> tuple[Read, ...]:
        """The sources that fail the build."""
        return tuple(read for read in self.reads if read.missing is not None)

    @property
    def counted(self) -> tuple[Read, ...]:
        """The reads whose content is part of the key, in the order in which it is."""
        whole = {read.path for read in self.reads if read.whole}
        kept = {read.path: read for read in self.reads if read.whole and not _below_any(read.path, whole)}
        rest = [read for read in self.reads if not read.whole]
        return tuple(sorted([*kept.values(), *rest], key=lambda read: read.path))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that counts of the context; sources of the same names with the same one are a cache hit.

        Raises:
            DepsfirstError: a directory cannot be read.
            ValueError: the context was read without contents.
        """
        reads = [[f"{item.name}\0{node_digest(item.node)}" for item in read.items] for read in self.counted]
        text = "\0\0".join(
            "\0".join([str(read.keyed), *items]) for read, items in zip(self.counted, reads, strict=True)
        )
        return digests.sha256(text.encode(errors="surrogateescape")).hexdigest()

    def paths(self) -> Iterator[str]:
        """Every path of the context that counts, those that are read twice twice."""
        for read in self.reads:
            for item in read.items:
                if item.path:
                    yield item.path
                if isinstance(item.node, Directory):
                    yield from (path for path, _ in walk_tree(item.node, item.path))


def select(
    context: Context, sources: Iterable[str], *, exclude: Iterable[str] = (), parents: bool = False
) -> Selection:
    """What a ``COPY`` or ``ADD`` of these sources reads; URLs, git repositories and heredocs are not for this.

    Raises:
        DepsfirstError: a bad pattern of ``--exclude`` or ``--parents``, or an unreadable directory.
    """
    return selected(context, Request(tuple(sources), tuple(exclude), parents))


def select_mount(context: Context, source: str = "") -> Selection:
    """What ``RUN --mount=type=bind,source=…`` reads; without a source it is all of the context.

    Raises:
        DepsfirstError: an unreadable directory.
    """
    return selected(context, Request((source,), literal=True))


def selected(context: Context, request: Request) -> Selection:
    """What a request reads; that of several mounts of one context has all of their sources.

    Raises:
        DepsfirstError: a bad pattern of ``--exclude`` or ``--parents``, or an unreadable directory.
    """
    exclude = patterns_of(request.exclude, "--exclude", context.version) if request.exclude else None
    return Selection(context, request, tuple(_read(context, source, request, exclude) for source in request.sources))


def same_content(before: Selection, after: Selection) -> bool:
    """Whether two selections are a cache hit for each other, by what they read; their definitions count besides.

    Contexts that were read without contents can be compared if one was made from the other by changes.

    Raises:
        DepsfirstError: a directory cannot be read.
    """
    return len(before.counted) == len(after.counted) and all(
        one.keyed == other.keyed
        and [item.name for item in one.items] == [item.name for item in other.items]
        and all(same_node(a.node, b.node) for a, b in zip(one.items, other.items, strict=True))
        for one, other in zip(before.counted, after.counted, strict=True)
    )


def affects(selection: Selection, path: str, kind: ChangeKind = ChangeKind.EDITED) -> bool:
    """Whether what happens to a path of the context makes the builder read its sources anew.

    An edit of a path that does not exist adds it; an edit of a directory is one of all that is in it. The patterns
    of the ignore file stay what they are.

    Args:
        selection: what is read before.
        path: below the context's root.
        kind: what happens to it. That a builder overlooks a directory's new mode in the snapshot it still has of a
            context is not taken into account.

    Raises:
        DepsfirstError: the path is outside of the context, or a directory cannot be read.
    """
    context = selection.context
    path, node = _located(context, context_path(path))
    if not path:
        return kind is not ChangeKind.MODE and any(read.items for read in selection.reads)
    if isinstance(node, Directory) and kind in {ChangeKind.EDITED, ChangeKind.ADDED}:
        return any(read == path or read.startswith(path + "/") for read in selection.paths())
    after = context.changed({path: _changed_entry(node, kind)})
    return not same_content(selection, selected(after, selection.request))


def _located(context: Context, path: str) -> tuple[str, Node | None]:
    """A path with the symlinks above it followed, and what is there, sent or not."""
    try:
        return follow(context.tree, path, trailing=False)
    except LinkLoopError:
        return path, None


def _changed_entry(node: Node | None, kind: ChangeKind) -> Entry | None:
    if kind is ChangeKind.REMOVED:
        return None
    if node is None:
        return Entry(Kind.FILE, mode=0o644, digest=_UNKNOWN)
    if isinstance(node, Directory):
        return Entry(Kind.DIRECTORY, mode=_OTHER_MODE, digest=node.digest)
    if kind is ChangeKind.MODE:
        return replace(node, mode=_OTHER_MODE)
    return replace(node, digest=_UNKNOWN, link=node.link and _UNKNOWN)


def _read(context: Context, source: str, request: Request, exclude: Patterns | None) -> Read:
    path, include, required = clean("/" + source), None, None
    if request.parents:
        path, include, required = _divided(source, context.version)
    wild = has_wildcards(path) and not request.literal
    whole = not wild and include is None and exclude is None
    try:
        items = _items(context, Wanted(path, include, exclude), whole=whole)
    except NotIncludedError as error:
        return Read(source, path, (), _left_out(context, path) or str(error), keyed=False, whole=whole)
    if required is not None and not any((path.rstrip("/") + item.name).startswith(required) for item in items):
        return Read(source, path, (), f'there is no "{required[1:]}"', keyed=False, whole=whole)
    missing = None if request.parents or items else _absence(context, path, wild=wild)
    return Read(source, path, items, missing, keyed=True, whole=whole)


def _items(context: Context, wanted: Wanted, *, whole: bool) -> tuple[Item, ...]:
    if whole:
        return (find_path(context.sent, wanted.path, context.version),)
    return included(context.sent, wanted, context.version)


def _divided(source: str, version: Version) -> tuple[str, Patterns, str | None]:
    """Of a source of ``--parents``: where it starts, what is wanted from there, and which path has to be there."""
    start, pivot, below = source.partition("/./")
    if not pivot:
        start, below = "/", source
    below = below.removeprefix("/") if below.startswith("/") else clean("/" + below)[1:]
    include = patterns_of([below], "--parents", version)
    required = None
    if version >= _REQUIRED_PARENTS and not has_wildcards(start) and not has_wildcards(below):
        required = clean(f"/{start}/{below}")
    return clean("/" + start), include, required


def _absence(context: Context, path: str, *, wild: bool) -> str | None:
    """Why nothing is copied of a path, or of a pattern for want of the directory that it starts from."""
    needed = literal_part(path) if wild else path
    try:
        found = find_path(context.sent, needed, context.version)
    except NotIncludedError as error:
        return _left_out(context, needed) or str(error)
    return f'"{needed[1:]}" is no directory' if wild and not isinstance(found.node, Directory) else None


def _left_out(context: Context, path: str) -> str | None:
    """Why a path that is there is not sent."""
    found, node = _located(context, path[1:])
    pattern = context.patterns.deciding(found) if node is not None and found else None
    if pattern is None:
        return None
    return f'{context.patterns.where}:{pattern.line} leaves it out: "{pattern.written}"'


def _below_any(path: str, others: set[str]) -> bool:
    return any(path != other and path.startswith(other.rstrip("/") + "/") for other in others)
