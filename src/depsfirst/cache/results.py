"""The files that the result of a stage has, as far as they are known without running anything."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from depsfirst.cache.definitions import is_remote, owner_of
from depsfirst.cache.keys import ContextContent, Key, RemoteContent, ResultContent
from depsfirst.cache.nodes import (
    ROOT,
    Change,
    Chosen,
    Hidden,
    LostError,
    Node,
    Own,
    Tree,
    as_tree,
    copied,
    find_node,
    node_of,
    put,
    tree_of_directory,
)
from depsfirst.cache.patterns import matches
from depsfirst.cache.placing import literal_file, named_owner, placed
from depsfirst.dockerfile.buildkit import CURRENT
from depsfirst.dockerfile.gopath import clean, has_wildcards
from depsfirst.dockerfile.inclusion import NotIncludedError, Wanted, find_path, included
from depsfirst.dockerfile.instructions import Add, Copy, Run, Transfer, Workdir
from depsfirst.dockerfile.selection import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.build import Build

_ARCHIVES = (".tar", ".tgz", ".gz", ".tbz", ".tbz2", ".bz2", ".xz", ".txz", ".zst", ".lzma")


class Results:
    """The files of the keys of one build."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._roots: dict[Key, Node] = {}

    def root(self, key: Key) -> Node:
        """The root of the files that a key stands for."""
        for each in reversed(list(key.chain())):
            if each not in self._roots:
                self._roots[each] = self._made(each)
        return self._roots[key]

    def _made(self, key: Key) -> Node:
        if key.definition.kind == "scratch":
            return Tree({})
        if key.context is not None:
            return tree_of_directory(key.context.sent, (key.context, ""))
        if key.parent is None:
            return Hidden(key, "")
        try:
            return self._changed(key, self._roots[key.parent])
        except LostError:
            return Hidden(key, "")

    def _changed(self, key: Key, below: Node) -> Node:
        match key.instruction:
            case Workdir():
                return _with_directory(key, below)
            case Copy() | Add() as transfer:
                return self._with_files(key, transfer, below)
            case Run() as run:
                from depsfirst.cache.effects import after_run

                return after_run(key, run, below, self._build, self.root)
        if key.others:
            return copied(self.root(key.others[0]), below, Change()) or below
        return Hidden(key, "")

    def _with_files(self, key: Key, transfer: Transfer, below: Node) -> Node:
        """The files below with what COPY or ADD puts there."""
        change, symbolic = _change_of(key, transfer, below)
        root = below
        for source in transfer.sources:
            for name, node in self._sources(key, transfer, source, symbolic=symbolic):
                root = placed(root, str(key.definition.value("destination")), name, node, change)
        for document in transfer.documents:
            file = literal_file(document.text.encode(errors="surrogateescape"))
            root = placed(root, str(key.definition.value("destination")), document.name, file, change)
        return root

    def _sources(self, key: Key, transfer: Transfer, source: str, *, symbolic: bool) -> Iterator[tuple[str, Node]]:
        """What a source stands for, each with its name; of a pattern all that fits."""
        path, name = clean("/" + source), basename(clean("/" + source))
        if isinstance(transfer, Add) and is_remote(source):
            yield name, Chosen(RemoteContent(source, transfer.checksum))
            return
        parents = isinstance(transfer, Copy) and transfer.parents
        content = self._content(key, Request((source,), transfer.exclude, parents))
        unpacks = isinstance(transfer, Add) and transfer.unpack is not False and path.endswith(_ARCHIVES)
        found: list[tuple[str, Node]] | None = None
        if not (transfer.exclude or parents or symbolic or unpacks):
            found = (
                _in_context(content, path) if isinstance(content, ContextContent) else self._in_result(content, path)
            )
        yield from [(name, Chosen(content))] if found is None else found

    def _content(self, key: Key, request: Request) -> ContextContent | ResultContent:
        """What one source reads."""
        for content in key.contents:
            if isinstance(content, ContextContent):
                return ContextContent(content.context, request, content.name)
            if isinstance(content, ResultContent):
                return ResultContent(content.key, request, content.name)
        if key.parent is None:
            raise LostError(request.sources[0])
        return ResultContent(key.parent, request, "")

    def _in_result(self, content: ResultContent, path: str) -> list[tuple[str, Node]] | None:
        root = self.root(content.key)
        if has_wildcards(path):
            return matches(root, path)
        node = find_node(root, path)
        return [] if node is None else [(basename(path), node)]


def _in_context(content: ContextContent, path: str) -> list[tuple[str, Node]] | None:
    """What a path or a pattern names in a context; None where nobody can tell, nothing where nothing is there."""
    context = content.context
    try:
        if not has_wildcards(path):
            item = find_path(context.sent, path, context.version)
            return [(basename(path), node_of(item.node, (context, item.path)))]
        items = included(context.sent, Wanted(path), CURRENT)
    except NotIncludedError:
        return []
    names = [basename(item.name) or basename(path) for item in items]
    return [(name, node_of(item.node, (context, item.path))) for name, item in zip(names, items, strict=True)]


def _change_of(key: Key, transfer: Transfer, below: Node) -> tuple[Change, bool]:
    """What --chmod and --chown do, and whether the mode is a symbolic one."""
    mode = key.definition.value("--chmod")
    owner = named_owner(owner_of(transfer.chown), below) if transfer.chown else None
    return Change(mode if isinstance(mode, int) else None, owner), isinstance(mode, str)


def _with_directory(key: Key, below: Node) -> Node:
    """The files below with a WORKDIR's directory."""
    path = str(key.definition.value("path"))
    owner = named_owner(owner_of(key.place.user), below) if key.place else ROOT
    made = Own(owner=owner)
    return put(below, path, as_tree(find_node(below, path), made), trailing=True, made=made)
