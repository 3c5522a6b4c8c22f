"""The file system of a base, put together from packages as dpkg would on a system with merged /usr."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.debian.policy import KEPT, TRIMMED
from depsfirst.debian.relations import parse_relations
from depsfirst.errors import DepsfirstError
from depsfirst.oci.layer import END, TarEntry, write_tar
from depsfirst.oci.pieces import FileSlice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

    from depsfirst.debian.deb import Deb, Member

SYMLINKS = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "sbin": "usr/sbin",
    "var/lock": "/run/lock",
    "var/run": "/run",
}
"""What is a symlink before any package comes; a package's file goes to where it leads."""
MERGED_WHEN_USED = ("lib32", "lib64", "libo32", "libx32")
"""Likewise, but only where an architecture has files there."""

_DOC = "usr/share/doc/"
_LINKS = 40
"""How many symlinks one path may go through, as in Linux."""

Content = bytes | FileSlice


class Node(NamedTuple):
    """An entry of the tree, the bytes of a file, and the package it came from (none if it was made here)."""

    entry: TarEntry
    content: Content = b""
    package: str = ""


class Tree:
    """Paths and what stands there; made for one base, filled package by package, then written in order."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._implied: set[str] = set()
        self._facts: dict[str, Deb] = {}
        self.users: dict[int, str] = {}
        self.groups: dict[int, str] = {}
        for path, target in SYMLINKS.items():
            self.symlink(path, target)

    def __contains__(self, path: str) -> bool:
        return path in self._nodes

    def get(self, path: str) -> Node | None:
        """What stands at a path; symlinks among its parents are followed, one at its end is not."""
        return self._nodes.get(self.resolve(path))

    def target(self, path: str) -> str:
        """The path with all its symlinks followed, one at its end, too."""
        return self.resolve(f"{path}/.")

    def nodes(self, folder: str = "") -> list[Node]:
        """The nodes whose paths begin with ``folder``, sorted, each directory before what is in it."""
        paths = (path for path in self._nodes if path.startswith(folder))
        return [self._nodes[path] for path in sorted(paths, key=lambda path: path.split("/"))]

    def directory(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """Make a directory, or give the one that is there this mode and owner."""
        self._put(TarEntry(self.resolve(path), "directory", mode, uid=owner, gid=owner))

    def file(self, path: str, content: Content, mode: int = 0o644) -> None:
        """Make a file, in place of what is there."""
        size = len(content) if isinstance(content, bytes) else content.size
        self._put(TarEntry(self.resolve(path), "file", mode, size), content)

    def symlink(self, path: str, target: str) -> None:
        """Make a symlink, in place of what is there."""
        self._put(TarEntry(self.resolve(path), "symlink", 0o777, link=target))

    def add(self, package: str, deb: Deb) -> int:
        """Add the files of a package.

        Returns:
            How many bytes they hold, without those that are trimmed.

        Raises:
            DepsfirstError: a file is in another package, too, and neither replaces the other's.
        """
        self._facts[package] = deb
        sizes: dict[FileSlice, int] = {}  # by content, as hard links share one
        for member in deb.members:
            if not is_trimmed(member):
                self._add(package, member)
                if member.content:
                    sizes[member.content] = member.content.size
        return sum(sizes.values())

    def resolve(self, path: str) -> str:
        """The path with the symlinks among its parents followed; like a root, ours has nothing above it."""
        done: list[str] = []
        left = path.split("/")[::-1]
        links = 0
        while left:
            name = left.pop()
            if name == "..":
                del done[-1:]
            elif name not in {"", "."}:
                done.append(name)
                node = self._nodes.get("/".join(done))
                if left and node is not None and node.entry.kind == "symlink":
                    links += 1
                    if links > _LINKS:
                        raise DepsfirstError(f'the path "/{path}" goes in circles through symlinks')
                    done = [] if node.entry.link.startswith("/") else done[:-1]
                    left += node.entry.link.split("/")[::-1]
        return "/".join(done)

    def _put(self, entry: TarEntry, content: Content = b"", package: str = "") -> None:
        parent = entry.path.rpartition("/")[0]
        if parent and parent not in self._nodes:
            self.directory(parent)
            self._implied.add(parent)
        self._implied.discard(entry.path)
        self._nodes[entry.path] = Node(entry, content, package)

    def _add(self, package: str, member: Member) -> None:
        top = member.path.partition("/")[0]
        if top in MERGED_WHEN_USED and top not in self._nodes:
            self.symlink(top, f"usr/{top}")
        path = self.resolve(member.path)
        there = self._nodes.get(path)
        if member.kind == "directory" and there is not None and there.entry.kind == "symlink":
            path = self.target(path)
            there = self._nodes.get(path)
        if there is not None and not self._gives_way(there, package, member):
            return
        size = member.content.size if member.content else 0
        entry = TarEntry(path, member.kind, member.mode, size, member.link, member.uid, member.gid)
        self._put(entry, member.content or b"", package)
        self.users.setdefault(member.uid, member.owner[0])
        self.groups.setdefault(member.gid, member.owner[1])

    def _gives_way(self, there: Node, package: str, member: Member) -> bool:
        """Whether what stands at a path gives way to a package's member; as in dpkg, a directory never does."""
        path = there.entry.path
        if there.entry.kind == "directory" and member.kind in {"directory", "symlink"}:
            return member.kind == "directory" and path in self._implied
        if there.entry.kind == member.kind == "symlink" and self.target(path) == self._led(path, member.link):
            return False
        if there.package and there.entry.kind != "directory":
            if self._replaces(package, there.package):
                return True
            if self._replaces(there.package, package):
                return False
        raise DepsfirstError(
            f'the file "/{path}" of the package "{package}" is in {_owner(there)}, too',
            hint="ask for one of them only",
        )

    def _led(self, path: str, link: str) -> str:
        """Where a symlink at a path would lead."""
        return self.target(link if link.startswith("/") else f"{path.rpartition('/')[0]}/{link}")

    def _replaces(self, package: str, other: str) -> bool:
        relations = parse_relations(self._facts[package].field("Replaces"), f"{package}: Replaces")
        version = self._facts[other].field("Version")
        return any(relation.name == other and relation.accepts(version) for (relation, *_) in relations)


def _owner(node: Node) -> str:
    return f'the package "{node.package}"' if node.package else "every base"


def is_trimmed(member: Member) -> bool:
    """Whether a file of a package stays out of the base."""
    path = f"{member.path}/"
    if path.startswith(_DOC):
        _, _, rest = member.path.removeprefix(_DOC).partition("/")
        return rest != KEPT and not (member.kind == "symlink" and not rest)
    return path.startswith(TRIMMED)


def write_nodes(nodes: Iterable[Node], file: IO[bytes]) -> int:
    """Write a layer: the entries in order, the second name of a file as a hard link; and say its size in bytes."""
    return write_tar(_entries(nodes), file) + file.write(END)


def _entries(nodes: Iterable[Node]) -> Iterator[tuple[TarEntry, Content]]:
    written: dict[FileSlice, str] = {}
    for entry, content, _ in nodes:
        if not isinstance(content, FileSlice) or (first := written.setdefault(content, entry.path)) == entry.path:
            yield entry, content
        else:
            yield entry._replace(kind="hardlink", size=0, link=first), b""
