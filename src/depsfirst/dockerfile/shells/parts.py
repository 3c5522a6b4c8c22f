"""The parts of a command in a shell's syntax tree: its words, assignments and redirects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.shell import Assignment, Redirect, Word
from depsfirst.dockerfile.shells.words import Hole, document, hole_value, is_plain, quoted_word, read_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tree_sitter import Node

    from depsfirst.dockerfile.shells.execution import Execution

_HOLES = frozenset(
    {"simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion"}
)


_ALL_PARAMETERS = re.compile(r'"\$[@*]"\Z|"\$\{@\}"\Z|\$[@*]\Z|"\$\{@:?-[^}]*\}"\Z')


class Parts:
    """Reads the parts of commands of one text; ``substitute`` runs the commands that stand in them."""

    def __init__(self, shell: Execution, text: str, substitute: Callable[[Node], None]) -> None:
        self._shell = shell
        self._text = text
        self._substitute = substitute

    def assignment(self, node: Node) -> Assignment:
        """``name=value``; the value of a list is not known."""
        value = node.children[-1]
        target = node.children[0]
        appends = any(child.type == "+=" for child in node.children)
        if target.type != "variable_name" or value.type == "array":
            self._holes(value)
            return Assignment(self._source(target).partition("[")[0], Word(None, self._source(value), value.start_byte))
        if value.type in ("=", "+="):
            return Assignment(self._source(target), Word("", "", value.end_byte), appends)
        start = next(child.end_byte for child in node.children if child.type in ("=", "+="))
        return Assignment(self._source(target), self.quoted(start, node.end_byte, [value]), appends)

    def redirects(self, node: Node) -> Iterator[Redirect]:
        """A redirect, and those that stand behind the opener of a heredoc."""
        if node.type == "heredoc_redirect":
            yield self._heredoc(node)
            for child in node.children:
                if child.type in ("file_redirect", "herestring_redirect"):
                    yield from self.redirects(child)
            return
        number = next((self._source(child) for child in node.children if child.type == "file_descriptor"), None)
        operator = next((child for child in node.children if not child.is_named), None)
        behind = [child for child in node.children if operator and child.start_byte >= operator.end_byte]
        if operator and behind:
            target = self.quoted(behind[0].start_byte, node.end_byte, behind)
            yield Redirect(operator.type, target, int(number) if number and number.isdecimal() else None)
        elif operator:
            yield Redirect(operator.type, Word("", ""), int(number) if number and number.isdecimal() else None)

    def _heredoc(self, node: Node) -> Redirect:
        children = {child.type: child for child in node.children}
        operator = "<<-" if "<<-" in children else "<<"
        start, body = children.get("heredoc_start"), children.get("heredoc_body")
        if not start or not body:
            return Redirect(operator, Word("", ""))
        source = self._source(body)
        if operator == "<<-":
            source = re.sub("(?m)^\t+", "", source)
        if re.search(r"[\\'\"]", self._source(start)):
            return Redirect(operator, Word(source, source, body.start_byte, source, source))
        holes = self._holes(body)
        if re.search(r"(?<!\\)`", source):  # which the tree takes for text
            self._shell.fail("the commands between backticks in a heredoc are not read")
            return Redirect(operator, Word(None, source, body.start_byte))
        text = source if not holes and "\\" not in source else None
        if text is None and operator == "<<":
            text = document(source, body.start_byte, holes)
        return Redirect(operator, Word(text, source, body.start_byte, text or "", text or ""))

    def words(self, nodes: Sequence[Node]) -> list[Word]:
        """The words of nodes; those without space between them are parts of one word."""
        words: list[Word] = []
        group: list[Node] = []
        end = -1
        for node in nodes:
            start = node.start_byte
            if group and start != end and not self._joins(end, start):
                words += self._word(group, end)
                group = []
            group.append(node)
            end = node.end_byte
        return words + self._word(group, end) if group else words

    def _joins(self, end: int, start: int) -> bool:
        """Whether nothing stands between two places but an end of line that is escaped."""
        between = self._text[end:start]
        return between == "\\\n" * (len(between) // 2)

    def _word(self, nodes: Sequence[Node], end: int) -> list[Word]:
        start = nodes[0].start_byte
        source = self._text[start:end]
        if is_plain(source):
            return [Word(source, source, start, source, source)]
        if self._shell.parameters is not None and _ALL_PARAMETERS.match(source):
            found = [word._replace(source=source, start=start) for word in self._shell.parameters]
            return found if found or "-" not in source else [Word(None, source, start, splits=True)]
        if "$" not in source and "`" not in source and "(" not in source:
            return read_word(source, start, (), self._home(source))
        return read_word(source, start, self.all_holes(nodes), self._home(source))

    def quoted(self, start: int, end: int, nodes: Sequence[Node]) -> Word:
        """The word that fills a stretch of the text, undivided."""
        source = self._text[start:end]
        return quoted_word(source, start, self.all_holes(nodes), home=self._home(source))

    def _home(self, source: str) -> str | None:
        return self._shell.home if source[:1] == "~" else None

    def all_holes(self, nodes: Sequence[Node]) -> list[Hole]:
        """What is expanded in nodes; the commands in it are run."""
        return [hole for node in nodes for hole in self._holes(node)]

    def _holes(self, node: Node) -> list[Hole]:
        """What is expanded in a node; the commands in it are run."""
        if node.type not in _HOLES:
            return self.all_holes(node.children) if node.child_count else []
        source = self._source(node)
        begin = node.start_byte + len(source) - len(source.lstrip(" \t\n"))
        source = source[begin - node.start_byte :]
        if node.type in ("command_substitution", "process_substitution"):
            self._substitute(node)
            return [Hole(begin, node.end_byte, None)]
        if node.type != "simple_expansion":
            with self._shell.apart(always=False):
                self.all_holes(node.children)
        value = hole_value(source, self._shell.variables) if node.type != "arithmetic_expansion" else None
        return [Hole(begin, node.end_byte, value, many="@" in source)]

    def _source(self, node: Node) -> str:
        return self._text[node.start_byte : node.end_byte]
