"""The edits that are asked about: of code, version, readme or given paths; and the context after them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, LinkLoopError, Node, follow
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from depsfirst.dockerfile.context import Context

ChangeKind = Literal["code", "version-bump", "readme", "paths"]
KINDS: tuple[ChangeKind, ...] = ("code", "version-bump", "readme")
"""The edits that need no path."""

_EDITED = "\0edited"
"""The digest of a content that is not known and not the one before; no hash of a file reads so."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of one file of a context.

    Attributes:
        path: below the context's root; the file may be new.
        before: its text; None where nobody read it, or there is none.
        after: its text after the edit; None where nobody knows it.
        context: name of the build context; empty for the main one.
    """

    path: str
    before: str | None = None
    after: str | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that are made together.

    Attributes:
        kind: what was asked for.
        edits: the files; there can be none, as where the version comes from git and the context has no ``.git``.
        origin: how they were found: what the project says, or the fallback that was taken.
    """

    kind: ChangeKind
    edits: tuple[Edit, ...]
    origin: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """What is edited; in a named context with its name before it."""
        return tuple(f"{edit.context}:{edit.path}" if edit.context else edit.path for edit in self.edits)

    def apply(self, context: Context, name: str = "") -> Context:
        """A context after the edits; the same object where none is of it.

        Args:
            context: before.
            name: of a named context; empty for the main one.

        Raises:
            DepsfirstError: a directory cannot be read.
        """
        changes: dict[str, Entry | None] = {}
        for edit in self.edits:
            if edit.context != name:
                continue
            found, node = _located(context, edit.path)
            if isinstance(node, Directory):
                context = replace(context, tree=_all_edited(context.tree, found.split("/") if found else []))
            else:
                changes[found] = _edited(node)
        return context.changed(changes) if changes else context

    def texts(self, name: str = "") -> Mapping[str, str]:
        """The texts after the edits that are known, by path."""
        return {edit.path: edit.after for edit in self.edits if edit.context == name and edit.after is not None}


def given(paths: Sequence[str], directories: Mapping[str, str]) -> Change:
    """The edit of files that the user names.

    Args:
        paths: relative to the main context; they need not exist. What leads out of it may be in another context.
        directories: of the contexts, absolute, by name; the main one is the empty name.

    Raises:
        DepsfirstError: a path is in no context.
    """
    edits: dict[Edit, None] = {}
    for path in paths:
        if not path:
            raise DepsfirstError("a path is empty", hint='name a file; "." is all of the build context')
        edits.update(dict.fromkeys(_places(path, directories)))
    return Change("paths", tuple(edits))


def _places(path: str, directories: Mapping[str, str]) -> Iterator[Edit]:
    """An edit for each context that a path is in; an absolute path is one of the disk."""
    full = os.path.normpath(os.path.join(directories[""], path))  # noqa: PTH118 (paths are strings in a context)
    found = False
    for name, directory in directories.items():
        below = os.path.relpath(full, directory)
        if below != ".." and not below.startswith("../"):
            found = True
            yield Edit("" if below == "." else below, context=name)
    if not found:
        raise DepsfirstError(
            f'"{path}" is outside the build context', hint="name it relative to the context's directory"
        )


def _all_edited(tree: Directory, parts: list[str]) -> Directory:
    """A tree in which everything below a directory is edited, as that is what an edit of a directory means."""
    children = tree.children
    if parts:
        inner = children[parts[0]]
        return (
            tree.having({**children, parts[0]: _all_edited(inner, parts[1:])}) if isinstance(inner, Directory) else tree
        )
    if not children:
        return Directory({}, mode=tree.mode, implied=tree.implied, digest=_EDITED)
    return tree.having(
        {
            name: _all_edited(node, []) if isinstance(node, Directory) else _edited(node)
            for name, node in children.items()
        }
    )


def _located(context: Context, path: str) -> tuple[str, Node | None]:
    """Where an editor that follows symlinks writes, and what is there; a link to nowhere is edited itself."""
    if not path:
        return "", context.tree
    try:
        found, node = follow(context.tree, path)
        return (found, node) if node is not None else follow(context.tree, path, trailing=False)
    except LinkLoopError:
        return path, None


def _edited(node: Entry | None) -> Entry:
    if node is None:
        return Entry(Kind.FILE, mode=0o644, digest=_EDITED)
    if node.kind is Kind.SYMLINK:
        return replace(node, link=_EDITED)
    return replace(node, digest=_EDITED, size=None)
