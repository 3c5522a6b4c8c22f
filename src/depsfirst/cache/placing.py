"""Puts what COPY and ADD take where their destination says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst import digests
from depsfirst.cache.nodes import ROOT, Change, File, Node, Own, Owner, Placed, Tree, as_tree, copied, find_node, put
from depsfirst.dockerfile.filetree import Entry, Kind
from depsfirst.dockerfile.gopath import clean

if TYPE_CHECKING:
    from collections.abc import Hashable


def named_owner(identity: tuple[Hashable, ...], root: Node) -> Owner:
    """The owner that a user and a group are, which may have to be looked up."""
    if not identity:
        return ROOT
    if all(isinstance(part, int) for part in identity):
        return Owner(identity)
    return Owner(identity, (find_node(root, "/etc/passwd"), find_node(root, "/etc/group")))


def literal_file(data: bytes, mode: int = 0o644, owner: Owner = ROOT) -> File:
    """A file of which the bytes are known."""
    digest = digests.sha256(data).hexdigest()
    return File(Entry(Kind.FILE, mode, len(data), digest), owner, data)


def placed(root: Node, destination: str, name: str, node: Node, change: Change) -> Node:
    """The files with a source of COPY at its destination, or in it.

    Raises:
        LostError: nobody knows where it goes.
    """
    path = clean(destination)
    mode = 0o755 if change.mode is None else change.mode
    made = Own(mode, change.owner or ROOT, mode)
    if destination.endswith(("/", "/.")):
        root = put(root, path, as_tree(find_node(root, path), made), trailing=True, made=made)
    before = find_node(root, path)
    target, over = path, before
    if not isinstance(node, Tree) and isinstance(before, Tree):
        target = f"{path.rstrip('/')}/{name}"
        over = before.child(name)
    if isinstance(node, File):
        over = None if isinstance(over, File) or target != path else over
        new = copied(node, None, change)
        new = new if over is None else Placed(new, name, over)
    elif isinstance(node, Tree):
        new = copied(node, as_tree(over, made), change, keeps=True)
    else:
        new = Placed(copied(node, None, change), name, over)
    return put(root, target, new, trailing=target == path, made=made)
