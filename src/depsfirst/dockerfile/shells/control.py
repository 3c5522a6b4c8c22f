"""Branches and loops of a shell: which of their commands run, as far as words tell."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tree_sitter import Node

    from depsfirst.dockerfile.shell import Word
    from depsfirst.dockerfile.shells.execution import Execution

_MOST_ROUNDS = 64


class Walk(Protocol):
    """What runs the commands inside."""

    @property
    def shell(self) -> Execution:
        """The shell that they run in."""

    def sequence(self, nodes: Sequence[Node]) -> bool | None:
        """Run statements; whether the last one succeeds, if that is known."""

    def words(self, nodes: Sequence[Node]) -> list[Word]:
        """The words of nodes."""

    def source(self, node: Node) -> str:
        """What is written there."""


def condition(walk: Walk, node: Node) -> bool | None:
    """``if … then … elif … else … fi``; only the branch that is taken, if that is known."""
    test, body, others = _parts_of_if(node)
    with walk.shell.guard():
        result = walk.sequence(test)
    if result:
        return walk.sequence(body)
    if result is None:
        with walk.shell.perhaps():
            walk.sequence(body)
    if not others:
        return None if result is None else True
    if result is None:
        with walk.shell.perhaps():
            _else(walk, others)
        return None
    return _else(walk, others)


def _else(walk: Walk, others: list[Node]) -> bool | None:
    first, *rest = others
    if first.type == "else_clause":
        return walk.sequence(first.children[1:])
    test, body, _ = _parts_of_if(first)
    with walk.shell.guard():
        result = walk.sequence(test)
    if result:
        return walk.sequence(body)
    if result is None:
        with walk.shell.perhaps():
            walk.sequence(body)
            if rest:
                _else(walk, rest)
        return None
    return _else(walk, rest) if rest else True


def loop(walk: Walk, node: Node) -> bool | None:
    """``while`` and ``until``."""
    *test, body = node.children[1:]
    _forget_changes(walk, node)
    with walk.shell.guard():
        walk.sequence(test)
    with walk.shell.perhaps():
        walk.sequence(body.children)
    _forget_changes(walk, node)
    return None


def each(walk: Walk, node: Node) -> bool | None:
    """``for x in …``: round by round over known words."""
    body = node.children[-1]
    words = _loop_words(walk, node)
    name = next((walk.source(child) for child in node.children if child.type == "variable_name"), "")
    leaves = re.search(r"\b(?:break|continue)\b", walk.source(body))
    unknown = any(word.text is None or word.pattern for word in words)
    if words and not unknown and not leaves and len(words) <= _MOST_ROUNDS and node.children[0].type == "for":
        for word in words:
            if walk.shell.is_full():
                break
            walk.shell.set(name, word.text)
            walk.sequence(body.children)
        return None
    _forget_changes(walk, node)
    with walk.shell.perhaps():
        walk.shell.set(name, None)
        walk.sequence(body.children)
    return None


def _loop_words(walk: Walk, node: Node) -> list[Word]:
    types = [child.type for child in node.children]
    if "in" not in types:
        return []
    ends = [index for index, kind in enumerate(types) if kind in (";", "\n", "do_group", "comment")]
    return walk.words(node.children[types.index("in") + 1 : ends[0]])


def counted(walk: Walk, node: Node) -> bool | None:
    """``for ((…))``."""
    _forget_changes(walk, node)
    with walk.shell.perhaps():
        walk.sequence(node.children[-1].children)
    return None


def _forget_changes(walk: Walk, node: Node) -> None:
    """In a second round of a loop its variables can have the values of the first."""
    source = walk.source(node)
    for name in re.findall(r"([A-Za-z_]\w*)\+?=", source) + re.findall(r"\bread\s+(?:-\w+\s+)*(\w+)", source):
        walk.shell.set(name, None)
    if re.search(r"\b(?:cd|pushd|popd)\b", source):
        walk.shell.cwd = None


def choice(walk: Walk, node: Node) -> bool | None:
    """``case … in … esac``; only the item that fits, if that is known."""
    subject = walk.words(node.children[1:2])
    text = subject[0].text if len(subject) == 1 else None
    for item in node.children:
        if item.type != "case_item":
            continue
        patterns, body = _item(walk, item)
        fits = _fits(text, patterns)
        if fits:
            return walk.sequence(body)
        if fits is None:
            text = None
            with walk.shell.perhaps():
                walk.sequence(body)
    return None


def _item(walk: Walk, item: Node) -> tuple[list[str], list[Node]]:
    """Patterns of an item of ``case`` as they are written, and its commands."""
    types = [child.type for child in item.children]
    end = types.index(")") if ")" in types else 0
    patterns = [walk.source(child) for child in item.children[:end] if child.type not in ("|", "(")]
    return patterns, item.children[end + 1 :]


def _parts_of_if(node: Node) -> tuple[list[Node], list[Node], list[Node]]:
    """Test, commands and other branches of ``if`` or ``elif``."""
    children = node.children[1:]
    then = next((index for index, child in enumerate(children) if child.type == "then"), len(children))
    behind = children[then + 1 :]
    others = [child for child in behind if child.type in ("elif_clause", "else_clause")]
    return children[:then], [child for child in behind if child not in others and child.type != "fi"], others


def _fits(text: str | None, patterns: list[str]) -> bool | None:
    """Whether a text fits one of the patterns of ``case``; None if that cannot be told."""
    if patterns == ["*"]:
        return True if text is not None else None
    plain = [pattern.strip("\"'") if pattern[:1] in "\"'" else pattern for pattern in patterns]
    if text is None or any(re.search(r"[\\$`'\"]", pattern) for pattern in plain):
        return None
    return any(fnmatchcase(text, pattern) for pattern in plain)


CONTROL: Mapping[str, Callable[[Walk, Node], bool | None]] = {
    "c_style_for_statement": counted,
    "case_statement": choice,
    "for_statement": each,
    "if_statement": condition,
    "while_statement": loop,
}
"""What runs each kind of node; whether it succeeds, if that is known."""
