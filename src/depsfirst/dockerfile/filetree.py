"""Trees of files as values: read from a disk when they are looked at, or made from a listing such as git's."""

from __future__ import annotations

import os
import stat
from enum import Enum
from typing import TYPE_CHECKING, TypeGuard

from depsfirst import digests
from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.gopath import clean
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_MOST_LINKS = 255

NEW_DIRECTORY_MODE = 0o755
"""The mode of a directory that only its entries tell of, as in a git tree."""


class LinkLoopError(ValueError):
    """A path runs through more symlinks than a builder follows."""


class Kind(Enum):
    """What stands at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree knows of one path.

    Attributes:
        kind: what it is.
        mode: its twelve permission bits; None where they were not read.
        size: of a file, in bytes; None where it was not read.
        digest: names a file's content: a hash, a git blob's id; for a submodule its commit. None where it was not read.
        link: the target of a symlink, as it is written there.
    """

    kind: Kind
    mode: int | None = None
    size: int | None = None
    digest: str | None = None
    link: str = ""


class Directory:
    """A directory of a tree, immutable; its children are listed when somebody asks for them first.

    Two trees share the directories in which they do not differ, so that the same object is the same content.

    Attributes:
        mode: its permission bits; None where they were not read.
        implied: whether it is gone when its last entry is, as in a git tree.
        digest: names what is inside where that is not listed: the commit of a submodule.
    """

    __slots__ = ("_children", "_content", "_list", "digest", "implied", "mode")

    def __init__(
        self,
        children: dict[str, Node] | Callable[[], dict[str, Node]],
        *,
        mode: int | None = None,
        implied: bool = False,
        digest: str | None = None,
    ) -> None:
        self._list = None if isinstance(children, dict) else children
        self._children = children if isinstance(children, dict) else {}
        self._content: str | None = None
        self.mode = mode
        self.implied = implied
        self.digest = digest

    @property
    def children(self) -> Mapping[str, Node]:
        """What is in it, by name, in no order.

        Raises:
            DepsfirstError: the directory cannot be read.
        """
        if self._list is not None:
            self._children, self._list = self._list(), None
        return self._children

    @property
    def content(self) -> str:
        """A hash of all that is inside, of names, kinds, modes and contents, without the directory's own mode.

        Raises:
            DepsfirstError: a directory cannot be read.
            ValueError: the tree was read without contents.
        """
        if self._content is None:
            lines = [f"{name}\0{node_digest(node)}\0" for name, node in sorted(self.children.items())]
            self._content = _hash([self.digest or "", *lines])
        return self._content

    def having(self, children: dict[str, Node] | Callable[[], dict[str, Node]], mode: int | None = None) -> Directory:
        """The same directory with other children, and with another mode if one is given."""
        mode = self.mode if mode is None else mode
        return Directory(children, mode=mode, implied=self.implied, digest=self.digest)


Node = Entry | Directory


def tree_of(entries: Mapping[str, Entry]) -> Directory:
    """A tree from a listing, path to entry; directories it does not name are there, and go with their last entry."""
    inside: dict[str, dict[str, Node]] = {"": {}}

    def directory(path: str) -> dict[str, Node]:
        if path not in inside:
            inside[path] = {}
            parent, _, name = path.rpartition("/")
            directory(parent)[name] = Directory(inside[path], mode=NEW_DIRECTORY_MODE, implied=True)
        return inside[path]

    for path, entry in entries.items():
        parent, _, name = path.rpartition("/")
        if entry.kind is Kind.DIRECTORY:
            own = inside.setdefault(path, {})
            directory(parent)[name] = Directory(own, mode=entry.mode, digest=entry.digest)
        else:
            directory(parent)[name] = entry
    return Directory(inside[""], mode=NEW_DIRECTORY_MODE)


def changed(tree: Directory, path: str, entry: Entry | None) -> Directory:
    """The tree with another entry at ``path``, or none; it is the same object where that changes nothing.

    Directories above are made where there are none; a directory that is put where one is keeps what is in it.
    """
    name, below, rest = path.partition("/")
    known = tree.children.get(name)
    node: Node | None = entry
    if below:
        inner = known if isinstance(known, Directory) else None
        if inner is None and entry is None:
            return tree
        node = changed(inner or Directory({}, mode=NEW_DIRECTORY_MODE, implied=True), rest, entry)
        if node.implied and not node.children:
            node = None
    elif entry is not None and entry.kind is Kind.DIRECTORY:
        inside = known.children if isinstance(known, Directory) else {}
        node = Directory(dict(inside), mode=entry.mode, digest=entry.digest)
    if node is known:
        return tree
    others = {other: kept for other, kept in tree.children.items() if other != name}
    return tree.having(others if node is None else {**others, name: node})


def follow(tree: Directory, path: str, *, trailing: bool = True) -> tuple[str, Node | None]:
    """Where a path leads when its symlinks are followed, with the tree's root for their root, and what stands there.

    Args:
        tree: where the links are.
        path: below the root.
        trailing: whether a link at the very end is followed.

    Raises:
        LinkLoopError: more links than a builder follows.
    """
    trail: list[tuple[str, Node | None]] = []
    ahead = path.split("/")[::-1]
    links = 0
    while ahead:
        part = ahead.pop()
        if part in {"", ".", ".."}:
            del trail[len(trail) - (part == ".." and bool(trail)) :]
            continue
        node = _child(trail[-1][1] if trail else tree, part)
        if not is_link(node) or not (trailing or ahead):
            trail.append((part, node))
            continue
        links += 1
        if links > _MOST_LINKS:
            raise LinkLoopError(path)
        if node.link.startswith("/"):
            trail = []
        ahead.extend(node.link.split("/")[::-1])
    return "/".join(name for name, _ in trail), trail[-1][1] if trail else tree


def follow_lexically(tree: Directory, path: str, *, trailing: bool = True) -> tuple[str, Node | None]:
    """As ``follow``, but a relative link is taken from the path as it is written, and not from where that led."""
    for _ in range(_MOST_LINKS + 1):
        found, node = _follow_parents(tree, path, _MOST_LINKS)
        if not (trailing and is_link(node)):
            return found, node
        path = _target(path, node.link)
    raise LinkLoopError(path)


def _follow_parents(tree: Directory, path: str, links: int) -> tuple[str, Node | None]:
    if links < 0:
        raise LinkLoopError(path)
    node = find(tree, path)
    if node is not None or not path:
        return path, node
    parent, _, name = path.rpartition("/")
    found, above = _follow_parents(tree, parent, links)
    if is_link(above):
        return _follow_parents(tree, f"{_target(parent, above.link)}/{name}".lstrip("/"), links - 1)
    path = f"{found}/{name}".lstrip("/")
    return path, find(tree, path)


def _target(path: str, link: str) -> str:
    return clean(f"/{link}" if link.startswith("/") else f"/{path.rpartition('/')[0]}/{link}")[1:]


def find(tree: Directory, path: str) -> Node | None:
    """What stands at a path, links not followed; None for nothing."""
    node: Node | None = tree
    for part in path.split("/") if path else ():
        node = _child(node, part)
    return node


def _child(node: Node | None, name: str) -> Node | None:
    return node.children.get(name) if isinstance(node, Directory) else None


def is_link(node: Node | None) -> TypeGuard[Entry]:
    """Whether it is a symlink."""
    return isinstance(node, Entry) and node.kind is Kind.SYMLINK


def walk(tree: Directory, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every path of a tree and what stands there, directories before what is in them, sorted by name."""
    prefix = path and path + "/"
    for name, node in sorted(tree.children.items()):
        yield prefix + name, node
        if isinstance(node, Directory):
            yield from walk(node, prefix + name)


def node_digest(node: Node) -> str:
    """A hash of what counts of a node for a builder's cache; equal for two nodes exactly if ``same_node`` says so.

    Raises:
        DepsfirstError: a directory cannot be read.
        ValueError: the tree was read without contents.
    """
    if isinstance(node, Directory):
        return _hash([f"{node.mode}", node.content])
    if not is_known(node):
        raise ValueError("the tree was read without contents")
    return f"{node.kind.value} {node.mode} {node.size} {node.digest} {node.link}"


def _hash(texts: list[str]) -> str:
    return digests.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()


def same_node(one: Node | None, other: Node | None) -> bool:
    """Whether two nodes are alike for a builder's cache: kind, mode, content, link, and all that is inside.

    Entries that were not read are alike only to themselves.
    """
    if one is other:
        return True
    if isinstance(one, Directory) and isinstance(other, Directory):
        return (one.mode, one.digest) == (other.mode, other.digest) and same_children(one, other)
    return isinstance(one, Entry) and one == other and is_known(one)


def same_children(one: Directory, other: Directory) -> bool:
    """Whether two directories hold the same, whatever they are themselves."""
    if one.children.keys() != other.children.keys():
        return False
    return all(same_node(node, other.children[name]) for name, node in one.children.items())


def is_known(entry: Entry) -> bool:
    """Whether an entry says what it holds, so that it can be compared with one of another tree."""
    return entry.kind in {Kind.SYMLINK, Kind.DIRECTORY} or entry.digest is not None


def read_tree(directory: Path, *, contents: bool = False) -> Directory:
    """The tree below a directory of the disk.

    Args:
        directory: the tree's root.
        contents: whether to read mode, size and sha256 of what is looked at. Without them only names, kinds and
            links are read, and only trees made from one another can be compared.

    Raises:
        DepsfirstError: the directory is none or cannot be read; those below raise when they are asked for.
    """
    return _read_directory(os.path.realpath(directory), contents=contents)


def _read_directory(path: str, *, contents: bool) -> Directory:
    mode = stat.S_IMODE(os.lstat(path).st_mode) if contents else None
    return Directory(lambda: _list(path, contents=contents), mode=mode)


def _list(path: str, *, contents: bool) -> dict[str, Node]:
    nodes = {}
    try:
        with os.scandir(path) as found:
            for entry in found:
                try:
                    nodes[entry.name] = _read_node(entry, contents=contents)
                except FileNotFoundError:
                    continue  # gone since its directory was listed
    except (FileNotFoundError, NotADirectoryError):
        return {}  # the directory itself is
    except OSError as error:
        raise DepsfirstError(
            f'"{error.filename or path}" in the build context cannot be read: {error.strerror}',
            hint="make it readable, or leave it out by a line in .dockerignore",
        ) from error
    return nodes


def _read_node(entry: os.DirEntry[str], *, contents: bool) -> Node:
    if entry.is_file(follow_symlinks=False):
        return _read_file(entry, Kind.FILE) if contents else Entry(Kind.FILE)
    if entry.is_dir(follow_symlinks=False):
        return _read_directory(entry.path, contents=contents)
    if entry.is_symlink():
        return Entry(Kind.SYMLINK, mode=0o777, link=os.readlink(entry))  # noqa: PTH115 (as below)
    return _read_file(entry, Kind.OTHER) if contents else Entry(Kind.OTHER)


def _read_file(entry: os.DirEntry[str], kind: Kind) -> Entry:
    status = entry.stat(follow_symlinks=False)
    digest = _sha256(entry.path) if kind is Kind.FILE else f"{stat.S_IFMT(status.st_mode):o} {status.st_rdev}"
    return Entry(kind, stat.S_IMODE(status.st_mode), status.st_size, digest)


def _sha256(path: str) -> str:
    from hashlib import file_digest

    with open(path, "rb") as file:  # noqa: PTH123 (a Path for each of 20,000 files takes longer than their names)
        return file_digest(file, "sha256").hexdigest()
