"""Which paths of a tree one source includes in a cache key, and under which names: BuildKit's ``contenthash``."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, LinkLoopError, Node, follow, follow_lexically, is_link
from depsfirst.dockerfile.gopath import BadPatternError, Glob, compile_glob, has_wildcards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.dockerfile.buildkit import Version
    from depsfirst.dockerfile.ignore import Patterns

_ROOT_MODE = -1

_FLAT: Version = (0, 9)  # before, each match counts by its basename, with all that is in it
_LINKED_PREFIXES: Version = (0, 10)  # before, a pattern finds nothing behind a symlink
_RESOLVED_LINKS: Version = (0, 14)  # before, ".." in a link is taken from the path as it was written
_OUTER_LINKS_ONLY: Version = (0, 25)  # before, links inside of matched directories are followed too
_RELATIVE_NAMES: Version = (0, 26)  # before, basenames count


class NotIncludedError(ValueError):
    """A source that fails the build; the message says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """A path that counts.

    Attributes:
        name: what of its path counts; empty where only the content does.
        path: where it is in the context, links followed.
        node: what is there, with all that is in it; for a directory of which only a part counts, its mode alone.
    """

    name: str
    path: str
    node: Node


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a tree.

    Attributes:
        path: absolute and cleaned; the context's root is the root.
        include: patterns that paths have to fit, relative to ``path``.
        exclude: patterns that paths must not fit, relative to ``path`` or to what fits it.
    """

    path: str
    include: Patterns | None = None
    exclude: Patterns | None = None


def find_path(tree: Directory, path: str, version: Version) -> Item:
    """The item of an absolute path, links followed to the end.

    Raises:
        NotIncludedError: nothing is there.
    """
    try:
        found, node = _following(version)(tree, path[1:])
    except LinkLoopError as error:
        raise NotIncludedError("its symlinks lead in a circle") from error
    if node is None:
        raise NotIncludedError(f'there is no "{path[1:]}"')
    return Item("", found, _rooted(found, node))


def included(tree: Directory, wanted: Wanted, version: Version) -> tuple[Item, ...]:
    """The items of a pattern, or of a path of which only a part is wanted; none where nothing fits.

    Raises:
        NotIncludedError: the pattern is none, or what fits it is a symlink that leads nowhere.
    """
    path = wanted.path
    prefix, roots = _matches(tree, path, version) if has_wildcards(path) else _base(tree, path, version)
    partial = wanted.include is not None or wanted.exclude is not None
    if version < _FLAT:
        found = [root.followed(tree, version) for root in roots]
        alone = len(found) == 1
    elif not partial and version >= _RELATIVE_NAMES:
        found = [root.followed(tree, version) for root in roots]
        alone = len(found) == 1 and not (isinstance(roots[0].node, Directory) and roots[0].node.children)
    else:
        flat = _Flat(tree, wanted, version)
        for root in roots:
            flat.visit(root, "", (0, 0), outer=True)
        found = flat.found
        alone = len(found) == 1
    if alone and path and basename(path) == basename(found[0].typed):
        return (Item("", found[0].path, found[0].node),)
    named = (root.typed.removeprefix(prefix) if version >= _RELATIVE_NAMES else basename(root.typed) for root in found)
    return tuple(Item(name or "/", root.path, root.node) for name, root in zip(named, found, strict=True))


class _Found(NamedTuple):
    """A node, and the path to it as the source has it and as it is."""

    typed: str
    path: str
    node: Node

    def followed(self, tree: Directory, version: Version) -> _Found:
        if not is_link(self.node):
            return self
        item = find_path(tree, self.typed, version)
        return _Found(self.typed, item.path, item.node)

    def children(self, fitting: Glob | None = None) -> Iterator[_Found]:
        if isinstance(self.node, Directory):
            path = self.path and self.path + "/"
            children = self.node.children
            for name in sorted(children if fitting is None else filter(fitting.matches, children)):
                yield _Found(f"{self.typed}/{name}", path + name, children[name])


class _Flat:
    """The paths of a tree that patterns include and do not exclude, with the directories that lead to them."""

    def __init__(self, tree: Directory, wanted: Wanted, version: Version) -> None:
        self._tree = tree
        self._wanted = wanted
        self._version = version
        self._partial = wanted.include is not None or wanted.exclude is not None
        self._leading: list[_Found] = []
        self.found: list[_Found] = []

    def visit(self, here: _Found, path: str, states: tuple[int, int], *, outer: bool) -> None:
        """Take in what is at and below ``here``.

        Args:
            here: a node of the tree.
            path: of it, as the patterns see it.
            states: of the two lists of patterns, for it.
            outer: whether it is no child of another one visited.
        """
        fits, states = self._fits(path, states) if self._partial else (True, states)
        if not isinstance(here.node, Directory):
            if fits:
                follows = outer or self._version < _OUTER_LINKS_ONLY
                self._include(here.followed(self._tree, self._version) if follows else here)
            return
        # A directory of which only a part counts, counts by its mode; that of the context's root does not at all.
        mode = here.node.mode if here.path else _ROOT_MODE
        header = _Found(here.typed, here.path, Entry(Kind.DIRECTORY, mode, digest=here.node.digest))
        if fits:
            self._include(header)
        else:
            self._leading.append(header)
        for child in here.children():
            below = child.typed.rpartition("/")[2]
            self.visit(child, f"{path}/{below}" if path else below, states, outer=False)
        if self._leading and self._leading[-1] is header:
            self._leading.pop()

    def _fits(self, path: str, states: tuple[int, int]) -> tuple[bool, tuple[int, int]]:
        include, exclude = states
        fits = True
        if self._wanted.include is not None:
            fits, include = self._wanted.include.step(path, include)
        if self._wanted.exclude is not None:
            excluded, exclude = self._wanted.exclude.step(path, exclude)
            fits = fits and not excluded
        return fits, (include, exclude)

    def _include(self, found: _Found) -> None:
        self.found += self._leading
        self.found.append(found)
        self._leading.clear()


def literal_part(pattern: str) -> str:
    """The directory that an absolute pattern starts from: all before its first part with a wildcard."""
    parts = pattern.split("/")
    literal = next(place for place, part in enumerate(parts) if has_wildcards(part))
    return "/".join(parts[:literal]) or "/"


def _base(tree: Directory, path: str, version: Version) -> tuple[str, list[_Found]]:
    """The part of a path that names count from, all of it, and what is there; a symlink at its end is not followed."""
    try:
        found, node = _following(version)(tree, path[1:], trailing=False)
    except LinkLoopError as error:
        raise NotIncludedError("its symlinks lead in a circle") from error
    typed = path.rstrip("/")
    return typed, [] if node is None else [_Found(typed, found, node)]


def _matches(tree: Directory, pattern: str, version: Version) -> tuple[str, list[_Found]]:
    """The part of a pattern that names paths count from, and what fits it; nothing inside of what fits is asked."""
    try:
        whole = compile_glob(pattern)
    except BadPatternError as error:
        raise NotIncludedError(f"it is no pattern: {error}") from error
    prefix = "" if version < _LINKED_PREFIXES else literal_part(pattern).rstrip("/")
    if "\\" in prefix:
        return prefix, []  # BuildKit looks for a directory with a backslash in its name, and then for one without
    start = _directory(tree, prefix, version)
    if start is None:
        return prefix, []
    if whole.crosses:
        return prefix, list(_fitting_anywhere(start, whole))
    return prefix, list(_fitting(start, [compile_glob(part) for part in pattern[len(prefix) + 1 :].split("/")]))


def _directory(tree: Directory, path: str, version: Version) -> _Found | None:
    """The directory of an absolute path, links followed; None where there is none."""
    try:
        item = find_path(tree, path or "/", version)
    except NotIncludedError:
        return None
    return _Found(path, item.path, item.node) if isinstance(item.node, Directory) else None


def _fitting(here: _Found, globs: list[Glob]) -> Iterator[_Found]:
    for child in here.children(globs[0]):
        if len(globs) == 1:
            yield child
        else:
            yield from _fitting(child, globs[1:])


def _fitting_anywhere(here: _Found, glob: Glob) -> Iterator[_Found]:
    for child in here.children():
        if glob.matches(child.typed):
            yield child
        else:
            yield from _fitting_anywhere(child, glob)


def _following(version: Version) -> Callable[..., tuple[str, Node | None]]:
    return follow_lexically if version < _RESOLVED_LINKS else follow


def _rooted(path: str, node: Node) -> Node:
    if path or not isinstance(node, Directory):
        return node
    return node.having(lambda: dict(node.children), mode=_ROOT_MODE)
