"""What stands at the paths of a file system that nobody has run, as far as its making tells: nodes as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.filetree import Directory, Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from depsfirst.cache.filters import Filtered
    from depsfirst.cache.keys import Content, Key
    from depsfirst.cache.packed import Packing
    from depsfirst.dockerfile.context import Context

_MOST_LINKS = 40


class Owner(NamedTuple):
    """Whose a file is.

    Attributes:
        identity: user and group, as numbers or as somebody named them.
        lists: the files that names are looked up in.
    """

    identity: tuple[Hashable, ...] = (0, 0)
    lists: tuple[Node | None, ...] = ()


ROOT = Owner()


class File(NamedTuple):
    """A file, a symlink or a device that is known.

    Attributes:
        entry: its kind, mode and content.
        owner: whose it is.
        text: its bytes, where they are known.
        place: the build context and the path there that it was copied from.
        origin: the entry there, whatever mode the copy has; None where it is that of the copy.
    """

    entry: Entry
    owner: Owner = ROOT
    text: bytes | None = None
    place: tuple[Context, str] | None = None
    origin: Entry | None = None

    def with_mode(self, mode: int | None) -> File:
        """The same with another mode, which a symlink does not get."""
        entry = self.entry
        if entry.kind is Kind.SYMLINK or entry.mode == mode:
            return self
        changed = Entry(entry.kind, mode, entry.size, entry.digest, entry.link)
        return self._replace(entry=changed, origin=self.origin or entry)


class Own(NamedTuple):
    """Mode and owner of a directory.

    Attributes:
        mode: its permission bits; None where what is below says them.
        owner: whose it is, or was if nothing was below.
        usual: the mode that it was given if nothing was below.
    """

    mode: int | None = 0o755
    owner: Owner = ROOT
    usual: int = 0o755


USUAL = Own()


class Tree:
    """A directory.

    Attributes:
        given: mode and owner, as far as they were given.
        below: where everything is that ``children`` do not name; None for nothing.
        source: what ``children`` were made of, and how; two trees with the same one have the same there.
    """

    __slots__ = ("_children", "_list", "below", "given", "source")

    def __init__(
        self,
        children: dict[str, Node | None] | Callable[[], dict[str, Node | None]],
        given: Own = USUAL,
        *,
        below: Node | None = None,
        source: tuple[Directory, Hashable] | None = None,
    ) -> None:
        self._list = None if isinstance(children, dict) else children
        self._children = children if isinstance(children, dict) else {}
        self.given = given
        self.below = below
        self.source = source

    @property
    def children(self) -> Mapping[str, Node | None]:
        """What is known to be in it, by name; None for what is known not to be."""
        if self._list is not None:
            self._children, self._list = self._list(), None
        return self._children

    def child(self, name: str) -> Node | None:
        """What stands at a name."""
        if name in self.children:
            return self.children[name]
        return None if self.below is None else child_of(self.below, name)

    @property
    def bottom(self) -> Node | None:
        """What is below all that is known to be in it; None for nothing."""
        return self.below.bottom if isinstance(self.below, Tree) else self.below

    @property
    def names(self) -> frozenset[str]:
        """The names of which something is known."""
        return frozenset(self.children) | (self.below.names if isinstance(self.below, Tree) else frozenset())

    @property
    def own(self) -> Own:
        """Mode and owner, as far as they are known."""
        if self.given.mode is None and isinstance(self.below, Tree):
            return self.below.own
        return self.given

    def having(self, name: str, node: Node | None) -> Tree:
        """The same directory with something else at a name."""
        return Tree({**self.children, name: node}, self.given, below=self.below)

    def owned(self, given: Own) -> Tree:
        """The same directory with another mode and owner."""
        return Tree({name: self.child(name) for name in self.names}, given, below=self.bottom)


class Hidden(NamedTuple):
    """Whatever a step left at a path, or an image has there; perhaps nothing."""

    key: Key
    path: str


class Fresh(NamedTuple):
    """A file that is another one whenever its step runs."""

    key: Key
    path: str


class Placed(NamedTuple):
    """A node put where nobody knows what was: over it, or into it if it was a directory.

    Attributes:
        node: what was put.
        name: its name in a directory.
        before: what was there.
        keeps: a file that was there keeps its mode and its owner.
    """

    node: Node | None
    name: str
    before: Node | None
    keeps: bool = False


class Derived(NamedTuple):
    """What a known operation makes of known inputs, which are all that it depends on.

    Attributes:
        operation: what was done.
        inputs: to what.
        faithful: other bytes in the first input are other bytes in the result.
        inner: it is done to everything that is in a directory as well.
        owner: whose the result is, if the operation says so.
    """

    operation: Hashable
    inputs: tuple[Node | None, ...]
    faithful: bool = False
    inner: bool = False
    owner: Owner | None = None


class Chosen(NamedTuple):
    """What patterns take of something, with the names that they have there."""

    content: Content


class Exported(NamedTuple):
    """A file that a command writes of which somebody knows what it depends on.

    Attributes:
        filtered: who knows it.
        inputs: what is at its inputs.
        setting: what else has to be the same: variables, user, directory.
        tools: the files that the command itself comes from.
        read: bytes of a file that was copied from a context; None if they are not known.
    """

    filtered: Filtered
    inputs: tuple[Node | None, ...]
    setting: Hashable
    tools: Node | None
    read: Callable[[Context, str], bytes | None]


class Packed(NamedTuple):
    """A directory that a build of a wheel fills.

    Attributes:
        packing: who knows which files decide on the wheel.
        source: the directory of the project.
        setting: what else has to be the same: variables, user, directory.
        tools: the files that the command itself comes from.
        read: bytes of a file that was copied from a context; None if they are not known.
    """

    packing: Packing
    source: Node | None
    setting: Hashable
    tools: Node | None
    read: Callable[[Context, str], bytes | None]


Node = File | Tree | Hidden | Fresh | Placed | Derived | Chosen | Exported | Packed


def child_of(node: Node | None, name: str) -> Node | None:
    """What stands at a name in a node; None for nothing."""
    if isinstance(node, Tree):
        return node.child(name)
    if isinstance(node, Hidden):
        return Hidden(node.key, f"{node.path}/{name}")
    if node is None or isinstance(node, File | Fresh | Exported):
        return None
    if isinstance(node, Derived) and node.inner:
        return node._replace(inputs=(child_of(node.inputs[0], name), *node.inputs[1:]))
    return Derived(("in", name), (node,))


class LostError(Exception):
    """A path that leads through something of which nobody knows what it is."""


def locate(root: Node, path: str, *, trailing: bool = True) -> tuple[tuple[str, ...], Node | None]:
    """Where a path leads when the symlinks that are known are followed, and what stands there.

    Args:
        root: of the file system.
        path: absolute.
        trailing: whether a link at the very end is followed.

    Raises:
        LostError: too many links.
    """
    trail: list[tuple[str, Node | None]] = []
    ahead = path.split("/")[::-1]
    links = 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del trail[-1:]
            continue
        node = child_of(trail[-1][1] if trail else root, part)
        if trailing or ahead:
            node = _perhaps_followed(root, [name for name, _ in trail], node)
        if not (isinstance(node, File) and node.entry.kind is Kind.SYMLINK) or not (trailing or ahead):
            trail.append((part, node))
            continue
        links += 1
        if links > _MOST_LINKS:
            raise LostError(path)
        if node.entry.link.startswith("/"):
            trail = []
        ahead.extend(node.entry.link.split("/")[::-1])
    return tuple(name for name, _ in trail), trail[-1][1] if trail else root


def _perhaps_followed(root: Node, above: list[str], node: Node | None) -> Node | None:
    """What is at a node that may be a link: what it is, and what it leads to, both count."""
    if isinstance(node, Placed) and isinstance(node.node, File) and node.node.entry.kind is Kind.SYMLINK:
        link = node.node.entry.link
        target = link if link.startswith("/") else "/".join([*above, link])
        return Derived(("followed",), (node, locate(root, target)[1]))
    return node


def find_node(root: Node, path: str) -> Node | None:
    """What stands at an absolute path, links followed; None for nothing."""
    return locate(root, path)[1]


def put(root: Node, path: str, node: Node | None, *, trailing: bool = False, made: Own = USUAL) -> Node:
    """The file system with a node at a path, None for nothing; directories above are made where there are none.

    Args:
        root: of the file system.
        path: absolute; links on the way are followed.
        node: what is put there.
        trailing: whether a link at the path itself is followed.
        made: mode and owner of new directories.

    Raises:
        LostError: something on the way may be no directory.
    """
    parts, _ = locate(root, path, trailing=trailing)
    return _put(root, parts, node, made)


def _put(here: Node | None, parts: tuple[str, ...], node: Node | None, made: Own) -> Node:
    if not parts:
        if node is None:
            raise LostError("/")
        return node
    tree = as_tree(here, made)
    if len(parts) == 1:
        return tree.having(parts[0], node)
    if node is None and tree.child(parts[0]) is None:
        return tree
    return tree.having(parts[0], _put(tree.child(parts[0]), parts[1:], node, made))


def as_tree(node: Node | None, made: Own = USUAL) -> Tree:
    """The directory that is at a node, or is made there.

    Raises:
        LostError: it may be no directory.
    """
    if isinstance(node, Tree):
        return node
    if node is None:
        return Tree({}, made)
    if isinstance(node, Hidden) or (isinstance(node, Derived) and node.inner):
        return Tree({}, Own(None, made.owner, made.usual), below=node)
    raise LostError("no directory")


def tree_of_directory(directory: Directory, place: tuple[Context, str]) -> Tree:
    """A directory of a build context as it is sent, and the place where it is."""

    def children() -> dict[str, Node | None]:
        context, path = place
        prefix = path and path + "/"
        return {name: node_of(node, (context, prefix + name)) for name, node in directory.children.items()}

    return Tree(children, Own(directory.mode), source=(directory, None))


def node_of(node: Entry | Directory, place: tuple[Context, str]) -> Node:
    """What is at a path of a build context, and that path."""
    if isinstance(node, Directory):
        return tree_of_directory(node, place)
    return File(node, place=place)


class Change(NamedTuple):
    """What becomes of mode and owner of what is copied; None for nothing."""

    mode: int | None = None
    owner: Owner | None = None


def copied(node: Node | None, below: Node | None, change: Change, *, keeps: bool = False) -> Node | None:
    """What is there after a node was copied over another one.

    Args:
        node: what is copied; None for nothing.
        below: what was there.
        change: of mode and owner.
        keeps: a directory that was there keeps its own.
    """
    if node is None:
        return below
    if isinstance(node, File):
        file = node if change.mode is None else node.with_mode(change.mode)
        return file if change.owner is None else file._replace(owner=change.owner)
    if isinstance(node, Tree):
        return _copied_tree(node, below, change, keeps=keeps)
    given: Node = node
    if change != Change():
        given = Derived(("given", change.mode), (node,), faithful=True, inner=True, owner=change.owner)
    return given if below is None else Derived(("over",), (given, below))


def _copied_tree(node: Tree, below: Node | None, change: Change, *, keeps: bool) -> Tree:
    if isinstance(below, File | Fresh | Exported):
        raise LostError("no directory")

    def children() -> dict[str, Node | None]:
        return {name: copied(node.child(name), child_of(below, name), change) for name in node.names}

    bottom = None if node.bottom is None else copied(node.bottom, below, change)
    own = node.own
    own = Own(own.mode if change.mode is None else change.mode, change.owner or own.owner, own.usual)
    if keeps and below is not None:
        own = below.own if isinstance(below, Tree) else Own(None)
    plain = node.source is not None and not isinstance(node.below, Tree)
    source = (node.source[0], (node.source[1], change)) if plain and node.source else None
    return Tree(children, own, below=bottom or below, source=source)
