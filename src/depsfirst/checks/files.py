"""The files of one run: texts, trees and contexts are read once, and edits that are tried lie over them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from depsfirst.dockerfile.context import IGNORE_FILE, Context, read_context
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, find, read_tree
from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.dockerfile.stages import Outline, outline
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Value = TypeVar("Value")

_EDITED = "edited"
"""Stands for the content of a file that is not written yet."""


class Files:
    """What the disk holds, or would hold after some edits; whatever was read stays as it was."""

    def __init__(self) -> None:
        self._edits: dict[Path, str] = {}
        self._texts: dict[Path, str] = {}
        self._outlines: dict[str, Outline] = {}
        self._trees: dict[str, Directory] = {}
        self._roots: dict[Path, str] = {}
        self._contexts: dict[tuple[Path, Path | None], Context] = {}
        self._remembered: dict[tuple[str, Path], Any] = {}
        self.contexts: set[Path] = set()
        """Every directory that is known to be some build's context."""

    def edited(self, texts: Mapping[Path, str]) -> Files:
        """The same files with other texts, by absolute path; what is not edited is shared."""
        files = Files()
        files._edits = {**self._edits, **texts}
        files._texts, files._outlines, files._trees = self._texts, self._outlines, self._trees
        files._roots = self._roots
        files._remembered, files.contexts = self._remembered, self.contexts
        files._contexts = {key: each for key, each in self._contexts.items() if not _touches(key, files._edits)}
        return files

    def remember(self, key: tuple[str, Path], find: Callable[[], Value]) -> Value:
        """What ``find`` says; asked once for each key. Only for what no edit of a fix changes."""
        if key not in self._remembered:
            self._remembered[key] = find()
        found: Value = self._remembered[key]
        return found

    def directory(self, reference: str) -> Path | None:
        """The directory that a named context is; None for an image, a URL or a target of a bake file."""
        path = Path(reference)
        return path if path.is_absolute() and path.is_dir() else None

    @property
    def edits(self) -> Mapping[Path, str]:
        """The texts that lie over the disk."""
        return self._edits

    def text(self, path: Path) -> str:
        """The text of a file; bytes that are no UTF-8 come as surrogates, line ends as they are.

        Raises:
            DepsfirstError: it cannot be read.
        """
        if path in self._edits:
            return self._edits[path]
        if path not in self._texts:
            try:
                self._texts[path] = path.read_bytes().decode(errors="surrogateescape")
            except OSError as error:
                raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(path)) from error
        return self._texts[path]

    def exists(self, path: Path) -> bool:
        """Whether a file is there."""
        return path in self._edits or os.path.isfile(path)  # noqa: PTH113 - it is asked of twenty paths a Dockerfile

    def outline(self, path: Path) -> Outline:
        """The stages of a Dockerfile; equal texts are parsed once.

        Raises:
            DepsfirstError: it cannot be read.
        """
        text = self.text(path)
        if text not in self._outlines:
            self._outlines[text] = outline(parse(text))
        return self._outlines[text]

    def tree(self, directory: Path) -> Directory:
        """The tree below a directory, listed when it is looked at; trees inside of one another are shared."""
        if directory not in self._roots:
            self._roots[directory] = os.path.realpath(directory)
        root = self._roots[directory]
        if root not in self._trees:
            self._trees[root] = self._part(root) or read_tree(Path(root))
        return self._trees[root]

    def _part(self, root: str) -> Directory | None:
        """The directory as a part of a tree that is known already."""
        for known, tree in self._trees.items():
            if root.startswith(f"{known}/"):
                node = find(tree, root[len(known) + 1 :])
                return node if isinstance(node, Directory) else None
        return None

    def context(self, directory: Path, dockerfile: Path) -> Context:
        """The context that a build of the Dockerfile in this directory would send.

        Raises:
            DepsfirstError: as ``read_context`` does.
        """
        own = dockerfile.parent / (dockerfile.name + IGNORE_FILE)
        ignore_file = own if self.exists(own) else None
        key = (directory, ignore_file)
        if key not in self._contexts:
            self._contexts[key] = self._read_context(directory, dockerfile, ignore_file or directory / IGNORE_FILE)
        return self._contexts[key]

    def _read_context(self, directory: Path, dockerfile: Path, ignore_file: Path) -> Context:
        if ignore_file in self._edits:
            below = _below(ignore_file, directory)
            patterns = read_patterns(self._edits[ignore_file], below or str(ignore_file))
            context = Context(self.tree(directory), patterns, below)
        else:
            read = read_context(directory, dockerfile)
            context = Context(self.tree(directory), read.patterns, read.ignore_file, read.version)
        written = {path: below for path in self._edits if (below := _below(path, directory))}
        return context.changed({below: _entry(context, below) for below in written.values()})


def _entry(context: Context, path: str) -> Entry:
    node = find(context.tree, path)
    mode = node.mode if isinstance(node, Entry) else 0o644
    return Entry(Kind.FILE, mode=mode, digest=_EDITED)


def _below(path: Path, directory: Path) -> str | None:
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else None


def _touches(key: tuple[Path, Path | None], edits: Mapping[Path, str]) -> bool:
    directory, ignore_file = key
    return any(path.is_relative_to(directory) or path == ignore_file for path in edits)
