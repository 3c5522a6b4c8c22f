"""The texts that a RUN finds in the image: manifests, requirements, scripts and Makefiles that were copied there."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.cache.effects import files_before
from depsfirst.cache.nodes import Exported, File, Hidden, LostError, Node, Placed, find_node
from depsfirst.cache.results import Results
from depsfirst.dockerfile.commands import installations
from depsfirst.dockerfile.filetree import Kind
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.cache.build import Build
    from depsfirst.cache.filters import Filtered
    from depsfirst.cache.keys import Key
    from depsfirst.dockerfile.context import Context

    Reader = Callable[[Context, str], bytes | None]

_EDITORS = frozenset({"sed", "tee", "perl", "ed", "patch"})
_MOVERS = frozenset({"cp", "mv", "install", "ln", "rsync"})
_LARGEST = 1_000_000
"""Bytes of the largest script or manifest that is read."""


class Finds:
    """What the RUNs of a build find, as far as it was copied from somewhere.

    A RUN that nobody can follow is taken to leave alone what it is not seen to write. That is good enough to read what
    a script says, and nothing that decides whether a step is cached.
    """

    def __init__(self, build: Build, read: Reader) -> None:
        self._build = build
        self._read = read
        self._results = Results(build)
        self._roots: dict[Key, Node] = {}
        self._written: dict[Key, frozenset[str]] = {}

    def text(self, key: Key, path: str) -> str | None:
        """The text at an absolute path, as a RUN finds it; None if there is none, or if it is not known."""
        node = self._node(key, path)
        if not isinstance(node, File) or node.entry.kind is not Kind.FILE:
            return None
        data = node.text
        if data is None and node.place is not None:
            data = self._read(*node.place)
        return None if data is None or len(data) > _LARGEST else data.decode(errors="surrogateescape")

    def origin(self, key: Key, path: str) -> str:
        """A name that files have in common that were copied from one file of a context; else the path."""
        return _origin(self._node(key, path)) or path

    def export(self, key: Key, path: str) -> tuple[Filtered, tuple[str, ...]] | None:
        """The exporter that has written a file, and the origins of what it read; None if none has."""
        node = self._node(key, path)
        if not isinstance(node, Exported):
            return None
        return node.filtered, tuple(_origin(each) for each in node.inputs)

    def _node(self, key: Key, path: str) -> Node | None:
        """What stands at a path, RUNs that may have changed it and are not seen to do so left aside."""
        try:
            node = find_node(self._root(key), path) if path.startswith("/") else None
            while True:
                if isinstance(node, Placed):  # of what a base image has, nothing is known to be a directory
                    node = node.node
                elif isinstance(node, Hidden) and self._is_left_alone(node.key, node.path) and node.key.parent:
                    node = find_node(self._results.root(node.key.parent), node.path)
                else:
                    break
        except LostError:
            return None
        return node

    def _is_left_alone(self, key: Key, path: str) -> bool:
        if not isinstance(key.instruction, Run):
            return False
        if key not in self._written:
            self._written[key] = frozenset(_written(key.instruction, key))
        return not any(f"{path}/".startswith(f"{each}/") for each in self._written[key])

    def _root(self, key: Key) -> Node:
        """The files that a RUN finds, its mounts included."""
        if key not in self._roots:
            self._roots[key] = self._found(key)
        return self._roots[key]

    def _found(self, key: Key) -> Node:
        below = self._results.root(key.parent) if key.parent is not None else Hidden(key, "")
        if not isinstance(key.instruction, Run):
            return below
        try:
            return files_before(key, key.instruction, below, self._build, self._results.root)
        except LostError:
            return below


def _origin(node: Node | None) -> str:
    """A name that files have in common that were copied from one file of a context; empty for all else."""
    if isinstance(node, File) and node.place is not None:
        return f"{id(node.place[0].tree)}:{node.place[1]}"
    return ""


def _written(run: Run, key: Key) -> Iterator[str]:
    """The paths that a RUN is seen to write: those of redirects and exports, and what moves or edits files."""
    place = key.place
    if place is None:
        return
    reading = installations(run, shell=place.shell, variables=place.scope.variables, cwd=place.cwd, user=place.user)
    yield from (export.output for export in reading.exports if export.output)
    for command in reading.script.commands:
        words = [redirect.target for redirect in command.redirects if ">" in redirect.operator]
        operands = [word for word in command.words[1:] if not (word.text or "").startswith("-")]
        if command.program in _EDITORS:
            words += operands
        elif command.program in _MOVERS:
            words += operands[-1:]
        for word in words:
            if word.text and (word.text.startswith("/") or command.cwd):
                yield posixpath.normpath(posixpath.join("/", command.cwd or "/", word.text))
