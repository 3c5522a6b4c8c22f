"""Whether what stands at two paths is the same for a builder, and what makes the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.cache.filters import UNSEEN
from depsfirst.cache.nodes import (
    Chosen,
    Derived,
    Exported,
    File,
    Fresh,
    Hidden,
    LostError,
    Node,
    Owner,
    Packed,
    Placed,
    Tree,
    find_node,
)
from depsfirst.cache.verdict import DIFFERENT, MAYBE, SAME, Verdict, all_of
from depsfirst.dockerfile.filetree import is_known, same_children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.cache.keys import Content, Key

_SHA256_DIGITS = 64
_USER_AND_GROUP = 2


class Likeness:
    """Compares nodes of the result of one build with those of another."""

    def __init__(
        self,
        keys: Callable[[Key, Key], Verdict],
        contents: Callable[[Content, Content], Verdict],
        *,
        owners: bool,
    ) -> None:
        self._keys = keys
        self._contents = contents
        self._owners = owners
        self._known: dict[tuple[int, int], tuple[Tree, Tree, Verdict]] = {}

    def nodes(self, one: Node | None, other: Node | None) -> Verdict:
        """Whether two nodes are the same: kind, mode, owner, content, link, and everything that is in them."""
        if one is other:
            return SAME
        if isinstance(one, File) and isinstance(other, File):
            return all_of([_files(one, other), self._owner(one.owner, other.owner)])
        if isinstance(one, Tree) and isinstance(other, Tree):
            return self._tree(one, other)
        sure = (File, Tree, type(None))
        if isinstance(one, sure) and isinstance(other, sure):
            return DIFFERENT
        return self._uncertain(one, other)

    def _uncertain(self, one: Node | None, other: Node | None) -> Verdict:
        match one, other:
            case Hidden(), Hidden():
                same = one.path == other.path and self._keys(one.key, other.key) is SAME
            case Fresh(), Fresh() if one.path == other.path:
                return self._keys(one.key, other.key)
            case Placed(), Placed():
                return self._placed(one, other)
            case Derived(), Derived():
                return self._derived(one, other)
            case Exported(), Exported():
                return self._exported(one, other)
            case Packed(), Packed():
                return self._packed(one, other)
            case Chosen(), Chosen():
                same = self._contents(one.content, other.content) is SAME
            case _:
                same = False
        return SAME if same else MAYBE

    def _owner(self, one: Owner, other: Owner) -> Verdict:
        if not self._owners:
            return SAME
        if one.identity != other.identity:
            told = [len(each.identity) for each in (one, other) if not each.lists]
            return DIFFERENT if told == [_USER_AND_GROUP] * 2 else MAYBE
        pairs = zip(one.lists, other.lists, strict=False)
        return SAME if all(self.nodes(mine, others) is SAME for mine, others in pairs) else MAYBE

    def _tree(self, one: Tree, other: Tree) -> Verdict:
        """The verdict on two directories, each pair once."""
        known = self._known.get((id(one), id(other)))
        if known is None:
            known = (one, other, all_of(self._trees(one, other)))
            self._known[id(one), id(other)] = known
        return known[2]

    def _trees(self, one: Tree, other: Tree) -> Iterator[Verdict]:
        yield self._own(one, other)
        below = self.nodes(one.bottom, other.bottom)
        if below is not SAME:
            yield MAYBE
        layered = isinstance(one.below, Tree) or isinstance(other.below, Tree)
        if not layered and _same_source(one, other):
            return
        for name in sorted(one.names | other.names):
            yield self.nodes(one.child(name), other.child(name))

    def _own(self, one: Tree, other: Tree) -> Verdict:
        """Mode and owner of two directories."""
        mine, others = one.own, other.own
        owner = self._owner(mine.owner, others.owner)
        hidden = [each.own.mode is None and each.bottom is not None for each in (one, other)]
        if all(hidden):
            same = mine.usual == others.usual and owner is SAME and self.nodes(one.bottom, other.bottom) is SAME
            return SAME if same else MAYBE
        if any(hidden):
            return MAYBE
        return DIFFERENT if mine.mode != others.mode else owner

    def _placed(self, one: Placed, other: Placed) -> Verdict:
        if (one.name, one.keeps) != (other.name, other.keeps):
            return MAYBE
        verdict = all_of([self.nodes(one.node, other.node), self.nodes(one.before, other.before)])
        if verdict is SAME or self.surely_differ(one.node, other.node):
            return SAME if verdict is SAME else DIFFERENT
        sure = isinstance(one.node, File) and isinstance(other.node, File) and not one.keeps
        return DIFFERENT if sure and self.nodes(one.node, other.node) is DIFFERENT else MAYBE

    def _derived(self, one: Derived, other: Derived) -> Verdict:
        if len(one.inputs) != len(other.inputs) or one.operation != other.operation:
            return MAYBE
        same = [self.nodes(mine, others) is SAME for mine, others in zip(one.inputs, other.inputs, strict=True)]
        if all(same) and self._given_owner(one.owner, other.owner) is SAME:
            return SAME
        return DIFFERENT if self.surely_differ(one, other) else MAYBE

    def _given_owner(self, one: Owner | None, other: Owner | None) -> Verdict:
        if one is None or other is None:
            return SAME if one is other else MAYBE
        return self._owner(one, other)

    def surely_differ(self, one: Node | None, other: Node | None) -> bool:
        """Whether two nodes have other files or other bytes in them, whatever modes and owners are."""
        match one, other:
            case File(), File():
                return _bytes(one, other) is DIFFERENT
            case Tree(), Tree():
                return self._trees_surely_differ(one, other)
            case Placed(), Placed():
                return one.name == other.name and self.surely_differ(one.node, other.node)
            case Derived(), Derived():
                alike = one.operation == other.operation and one.faithful and other.faithful
                rest = zip(one.inputs[1:], other.inputs[1:], strict=False)
                same = all(self.nodes(mine, others) is SAME for mine, others in rest)
                return alike and same and self.surely_differ(one.inputs[0], other.inputs[0])
            case Fresh(), Fresh():
                return self._keys(one.key, other.key) is DIFFERENT
        return False

    def _trees_surely_differ(self, one: Tree, other: Tree) -> bool:
        if self._tree(one, other) is SAME:
            return False
        for name in one.names | other.names:
            mine, others = one.child(name), other.child(name)
            if (mine is None) is not (others is None) and isinstance(mine or others, File | Tree):
                return True
            if self.surely_differ(mine, others):
                return True
        return False

    def _packed(self, one: Packed, other: Packed) -> Verdict:
        alike = one.packing == other.packing and one.setting == other.setting
        if alike and all(self.nodes(*pair) is SAME for pair in ((one.source, other.source), (one.tools, other.tools))):
            return SAME
        paths = tuple(self.differing_files(one.source, other.source, ""))
        return DIFFERENT if alike and paths and other.packing.differs(paths, _reader(one), _reader(other)) else MAYBE

    def differing_files(self, one: Node | None, other: Node | None, path: str) -> Iterator[str]:
        """The paths of files that surely have other bytes."""
        if isinstance(one, Tree) and isinstance(other, Tree):
            for name in sorted(one.names & other.names):
                below = f"{path}/{name}" if path else name
                if self.nodes(one.child(name), other.child(name)) is not SAME:
                    yield from self.differing_files(one.child(name), other.child(name), below)
        elif self.surely_differ(one, other):
            yield path

    def _exported(self, one: Exported, other: Exported) -> Verdict:
        names = [(each.filtered, each.setting) for each in (one, other)]
        if names[0] != names[1] or self.nodes(one.tools, other.tools) is not SAME:
            return MAYBE
        alike = [self.nodes(mine, others) is SAME for mine, others in zip(one.inputs, other.inputs, strict=True)]
        if all(alike):
            return SAME
        verdict = one.filtered.same(_texts(one, alike), _texts(other, alike))
        return MAYBE if verdict is None else SAME if verdict else DIFFERENT


def _same_source(one: Tree, other: Tree) -> bool:
    if one.source is None or other.source is None or one.source[1] != other.source[1]:
        return False
    directory, same = one.source[0], other.source[0]
    return directory is same or same_children(directory, same)


def _files(one: File, other: File) -> Verdict:
    mine, others = one.entry, other.entry
    if (mine.kind, mine.mode, mine.link) != (others.kind, others.mode, others.link):
        return DIFFERENT
    return _bytes(one, other)


def _bytes(one: File, other: File) -> Verdict:
    mine, others = one.origin or one.entry, other.origin or other.entry
    if (mine.kind, mine.link) != (others.kind, others.link):
        return DIFFERENT
    if mine is others or (mine.digest == others.digest and mine.size == others.size and is_known(mine)):
        return SAME
    if mine.digest is None or others.digest is None:
        return DIFFERENT if one.place is not None and other.place is not None else MAYBE
    if one.text is None and other.text is None:
        return DIFFERENT
    sized = mine.size is not None and others.size is not None and mine.size != others.size
    hashed = len(mine.digest) == len(others.digest) == _SHA256_DIGITS
    return DIFFERENT if sized or hashed else MAYBE


def _texts(exported: Exported, alike: list[bool]) -> dict[str, str | None]:
    """The texts of its inputs, as far as they are known, or known to be the same."""
    texts: dict[str, str | None] = {}
    for path, node, same in zip(exported.filtered.inputs, exported.inputs, alike, strict=True):
        if node is None:
            texts[path] = None
        elif isinstance(node, File) and (data := _data(node, exported)) is not None:
            texts[path] = data.decode(errors="surrogateescape")
        elif same:
            texts[path] = UNSEEN
    return texts


def _reader(packed: Packed) -> Callable[[str], str | None]:
    """Gives the texts of files below what is packed; None if one is not there or not known."""

    def read(path: str) -> str | None:
        try:
            node = None if packed.source is None else find_node(packed.source, path)
        except LostError:
            return None
        data = node.text if isinstance(node, File) else None
        if isinstance(node, File) and data is None and node.place is not None:
            data = packed.read(*node.place)
        return None if data is None else data.decode(errors="surrogateescape")

    return read


def _data(file: File, exported: Exported) -> bytes | None:
    return file.text if file.text is not None or file.place is None else exported.read(*file.place)
