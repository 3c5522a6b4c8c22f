"""Which paths of two selections differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.filetree import Directory, Node, same_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.dockerfile.selection import Selection

MOST = 200
"""Paths that are named at most."""


def differing_paths(before: Selection, after: Selection) -> tuple[str, ...]:
    """The paths that make two selections differ, sorted; at most ``MOST`` of them.

    A directory is named only where its own mode or everything in it differs; otherwise what is in it is.
    """
    found: dict[str, None] = {}
    for path in _differing(before, after):
        found[path or "."] = None
        if len(found) >= MOST:
            break
    return tuple(sorted(found))


def _differing(before: Selection, after: Selection) -> Iterator[str]:
    one, other = ({item.path: item.node for read in each.reads for item in read.items} for each in (before, after))
    for path in one | other:
        yield from _below(path, one.get(path), other.get(path))


def _below(path: str, one: Node | None, other: Node | None) -> Iterator[str]:
    if same_node(one, other):
        return
    if not (isinstance(one, Directory) and isinstance(other, Directory)):
        yield from _all(path, one if isinstance(one, Directory) else other)
        return
    if (one.mode, one.digest) != (other.mode, other.digest):
        yield path
    for name in sorted({**one.children, **other.children}):
        yield from _below(f"{path}/{name}" if path else name, one.children.get(name), other.children.get(name))


def _all(path: str, node: Node | None) -> Iterator[str]:
    """What is only on one side: its files, or the directory that has none."""
    if not isinstance(node, Directory) or not node.children:
        yield path
        return
    for name, child in sorted(node.children.items()):
        yield from _all(f"{path}/{name}" if path else name, child)
