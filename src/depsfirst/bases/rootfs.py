"""The file system that layers make together, seen without unpacking them: names, links and facts about contents."""

from __future__ import annotations

import posixpath
from typing import IO, TYPE_CHECKING, Any, Literal

from depsfirst.errors import DepsfirstError
from depsfirst.oci.tarread import TarMember, TarReader, TarReadError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[str], Callable[[TarReader], Any] | None]
    """For the path of a file, the function that makes a fact of its content, or None."""

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"

_MOST_LINKS = 40


class Node(NamedTuple):
    """One entry: its kind, the text of a symlink, whether a file is executable, and what a reader found in it."""

    kind: Literal["file", "directory", "symlink", "other"]
    link: str = ""
    executable: bool = False
    fact: Any = None


class RootFs:
    """Layers one upon the other, lowest first. Paths are absolute, ``/`` is the root of the image."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def add(self, layer: IO[bytes], reader: Read) -> None:
        """Put a layer on top, read from its tar in one pass.

        Args:
            layer: the uncompressed tar.
            reader: for the path of a file, the function that makes a fact of its content, or None.

        Raises:
            DepsfirstError: it is no tar, or it ends too early.
        """
        try:
            upper, hidden = self._read(layer, reader)
        except (TarReadError, EOFError, OSError) as error:
            raise DepsfirstError(f"a layer of the base cannot be read: {error}") from error
        for path in hidden:
            self._remove(path)
        for path, node in upper.items():
            below = self._nodes.get(path)
            if below and below.kind == "directory" and node.kind != "directory":
                self._remove(path)
            self._nodes[path] = node
            self._add_parents(path)

    def resolve(self, path: str) -> str | None:
        """The path with all symlinks followed, inside the image; None if it ends nowhere."""
        done, todo, links = "/", [part for part in path.split("/") if part], 0
        while todo:
            step = posixpath.normpath(posixpath.join(done, todo.pop(0)))
            node = self._nodes.get(step)
            if node is None and step != "/":
                return None
            if node is None or node.kind != "symlink":
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            todo = [part for part in node.link.split("/") if part] + todo
            done = "/" if node.link.startswith("/") else done
        return done

    def find(self, path: str) -> Node | None:
        """What is at a path, symlinks followed; None if there is nothing."""
        return self._nodes.get(self.resolve(path) or "")

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""
        return sorted(path for path in self.below(folder) if "/" not in path)

    def below(self, folder: str) -> Iterator[str]:
        """All paths below a folder, relative to it."""
        real = self.resolve(folder)
        if real is not None:
            start = real.rstrip("/") + "/"
            yield from (path[len(start) :] for path in self._nodes if path.startswith(start))

    def facts(self) -> Iterator[tuple[str, Any]]:
        """Path and fact of every file that a reader made something of, sorted by path."""
        for path in sorted(self._nodes):
            fact = self._nodes[path].fact
            if fact is not None:
                yield path, fact

    def _read(self, layer: IO[bytes], reader: Read) -> tuple[dict[str, Node], list[str]]:
        upper: dict[str, Node] = {}
        hidden: list[str] = []
        tar = TarReader(layer)
        for member in tar:
            folder, name = posixpath.split(normal(member.name))
            if name.startswith(WHITEOUT):
                hidden.append(folder + "/" if name == OPAQUE else posixpath.join(folder, name[len(WHITEOUT) :]))
            elif name:
                path = posixpath.join(folder, name)
                upper[path] = self._node(path, member, tar, reader, upper)
        return upper, hidden

    def _node(self, path: str, member: TarMember, tar: TarReader, reader: Read, upper: dict[str, Node]) -> Node:
        if member.kind == "symlink":
            return Node("symlink", member.link)
        if member.kind == "hardlink":
            target = normal(member.link)
            return upper.get(target) or self._nodes.get(target) or Node("other")
        if member.kind != "file":
            return Node(member.kind)
        read = reader(path)
        return Node("file", "", bool(member.mode & 0o111), read(tar) if read else None)

    def _add_parents(self, path: str) -> None:
        """A tar need not have entries for folders."""
        folder = posixpath.dirname(path)
        while folder != "/" and folder not in self._nodes:
            self._nodes[folder] = Node("directory")
            folder = posixpath.dirname(folder)

    def _remove(self, path: str) -> None:
        """Remove a path and all below it; only what is below it if it ends with a slash."""
        start = path.rstrip("/") + "/"
        for gone in [name for name in self._nodes if name.startswith(start)]:
            del self._nodes[gone]
        self._nodes.pop(path, None)


def normal(name: str) -> str:
    """The absolute path that an entry of a layer means; it cannot lead out of the image."""
    return posixpath.normpath("/" + name.lstrip("/"))
