"""Says which step, file or image makes two nodes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.nodes import Chosen, Derived, Exported, File, Fresh, Hidden, Node, Packed, Placed, Tree
from depsfirst.cache.verdict import DIFFERENT, SAME, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depsfirst.cache.keys import Key

    Pair = tuple[Node | None, Node | None]


class Reason(NamedTuple):
    """What makes nodes differ.

    Attributes:
        line: that it comes from; None if there is none.
        text: a sentence without a full stop.
        path: of a build context, if a file there differs.
    """

    line: int | None
    text: str
    path: str | None = None


class Reasons:
    """Looks for what makes nodes differ, or perhaps differ."""

    def __init__(
        self, nodes: Callable[[Node | None, Node | None], Verdict], keys: Callable[[Key, Key], Verdict]
    ) -> None:
        self._nodes = nodes
        self._keys = keys

    def first(self, pairs: Iterable[Pair]) -> Reason | None:
        """Why the first of these pairs differs; what surely differs goes first."""
        verdicts = [(pair, self._nodes(*pair)) for pair in pairs]
        differing = [pair for pair, verdict in verdicts if verdict is DIFFERENT]
        differing += [pair for pair, verdict in verdicts if verdict is not SAME]
        return self._of(*differing[0]) if differing else None

    def _of(self, one: Node | None, other: Node | None) -> Reason:
        if isinstance(one, Tree) and isinstance(other, Tree):
            names = sorted(one.names | other.names)
            inside: list[Pair] = [(one.child(name), other.child(name)) for name in names]
            return self.first([*inside, (one.bottom, other.bottom)]) or Reason(None, "the mode of a directory differs")
        if isinstance(one, Placed) and isinstance(other, Placed):
            return self.first([(one.node, other.node), (one.before, other.before)]) or _unlike(one, other)
        if isinstance(one, Derived | Exported) and isinstance(other, Derived | Exported):
            return self.first(zip(one.inputs, other.inputs, strict=False)) or _unlike(one, other)
        if isinstance(one, Packed) and isinstance(other, Packed):
            return self.first([(one.source, other.source), (one.tools, other.tools)]) or _unlike(one, other)
        if isinstance(one, Hidden | Fresh) and isinstance(other, Hidden | Fresh):
            return self._by_step(one, other)
        return _unlike(one, other)

    def _by_step(self, one: Hidden | Fresh, other: Hidden | Fresh) -> Reason:
        instruction = other.key.instruction
        path = other.path or "/"
        if instruction is None:
            name = dict(other.key.definition.fields).get("name", other.key.definition.kind)
            return Reason(None, f'"{name}" may have another {path}')
        again = "runs again" if self._keys(one.key, other.key) is DIFFERENT else "may run again"
        writes = "writes another" if isinstance(other, Fresh) else "may write another"
        return Reason(instruction.line, f"line {instruction.line} {again} and {writes} {path}")


def _unlike(one: Node | None, other: Node | None) -> Reason:
    """What to say of two nodes that are not of one kind, or have nothing inside that differs."""
    for node in (other, one):
        if isinstance(node, File) and node.place is not None:
            return Reason(None, f"{node.place[1]} differs", node.place[1])
        if isinstance(node, Hidden | Fresh) and node.key.instruction is not None:
            line = node.key.instruction.line
            return Reason(line, f"line {line} may write another {node.path or '/'}")
        if isinstance(node, Placed) and node.node is not None:
            return _unlike(None, node.node)
        if isinstance(node, Exported):
            return Reason(None, node.filtered.reason)
        if isinstance(node, Chosen | Derived):
            return Reason(None, "they are made of other files")
    return Reason(None, "they are written anew" if one and other else "they are not there in both")
