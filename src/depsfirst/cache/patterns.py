"""Which nodes of a file system a pattern fits."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from depsfirst.cache.nodes import ROOT, File, LostError, Node, Owner, Tree, find_node
from depsfirst.dockerfile.filetree import Directory, Entry, Kind
from depsfirst.dockerfile.gopath import BadPatternError, compile_glob
from depsfirst.dockerfile.inclusion import literal_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.dockerfile.gopath import Glob


def matches(root: Node, pattern: str) -> list[tuple[str, Node]] | None:
    """What fits an absolute pattern, by name; None if that is not known."""
    start = literal_part(pattern)
    here = find_node(root, start)
    try:
        globs = [compile_glob(part) for part in pattern[len(start.rstrip("/")) + 1 :].split("/")]
    except BadPatternError:
        return None
    if any(glob.crosses for glob in globs):
        return None
    try:
        return [(basename(path), node) for path, node in _fitting(here, "", globs)]
    except LostError:
        return None


def _fitting(here: Node | None, path: str, globs: list[Glob]) -> Iterator[tuple[str, Node]]:
    if here is None or isinstance(here, File):
        return
    if not isinstance(here, Tree) or here.bottom is not None:
        raise LostError(path)
    for name in sorted(here.names):
        child = here.child(name)
        if child is None or not globs[0].matches(name):
            continue
        if len(globs) == 1:
            if isinstance(child, File) and child.entry.kind is Kind.SYMLINK:
                raise LostError(name)
            yield f"{path}/{name}", child
        else:
            yield from _fitting(child, f"{path}/{name}", globs[1:])


def grafted(tree: Directory, path: str, node: Entry | Directory) -> Directory:
    """The tree with a node at an absolute path."""
    name, _, rest = path.strip("/").partition("/")
    if not name:
        return node if isinstance(node, Directory) else tree
    inner = tree.children.get(name)
    below = grafted(inner if isinstance(inner, Directory) else Directory({}), rest, node) if rest else node
    return tree.having({**tree.children, name: below})


def concrete(node: Node | None, *, owners: bool) -> Entry | Directory | None:
    """The same node for a selection; None if not all of it is known.

    Args:
        node: what is to be told.
        owners: whether owners count; what is not root's is told apart then.
    """
    if isinstance(node, File):
        return _concrete_file(node, owners=owners)
    if not isinstance(node, Tree) or node.bottom is not None:
        return None
    if node.source is not None and node.source[1] is None and node.below is None:
        return node.source[0]
    own = node.own
    if own.owner.lists and owners:
        return None
    told = {name: concrete(child, owners=owners) for name in node.names if (child := node.child(name)) is not None}
    children = {name: child for name, child in told.items() if child is not None}
    if len(children) < len(told):
        return None
    return Directory(children, mode=own.mode, digest=_mark(own.owner, owners=owners) or None)


def _concrete_file(file: File, *, owners: bool) -> Entry | None:
    if file.owner.lists and owners:
        return None
    entry = file.entry
    if mark := _mark(file.owner, owners=owners):
        return Entry(entry.kind, entry.mode, entry.size, f"{entry.digest} {mark}", entry.link)
    return entry


def _mark(owner: Owner, *, owners: bool) -> str:
    """What tells the files of an owner from root's."""
    return "" if not owners or owner.identity == ROOT.identity else f"of {owner.identity!r}"
