"""Walks the syntax tree of a shell's text in the order in which it runs."""

from __future__ import annotations

import re
from contextlib import nullcontext
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from depsfirst.dockerfile.shell import LONGEST, Script, literal
from depsfirst.dockerfile.shells.control import CONTROL
from depsfirst.dockerfile.shells.execution import Execution
from depsfirst.dockerfile.shells.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from tree_sitter import Node, Parser

    from depsfirst.dockerfile.shell import Assignment, Redirect, Word

_DEEPEST = 60
_NOT_ASCII = re.compile("[^\0-\x7f]")
_REDIRECTS = frozenset({"file_redirect", "herestring_redirect", "heredoc_redirect"})
_SEPARATORS = frozenset({";", "\n", "&", ";;", ";&", ";;&", "comment", "(", ")", "{", "}", "do", "done", "heredoc_end"})
_SIMPLE = frozenset({"command", "declaration_command", "unset_command", "variable_assignment", "test_command"})
_QUESTIONS = frozenset({"[", "[[", "test", "grep", "egrep", "which", "type", "getent", "id", "diff", "cmp", "false"})


def run_text(
    text: str, variables: Mapping[str, str | None], cwd: str | None, parameters: Sequence[str] | None = ()
) -> Script:
    """The commands of a text; as ``read_script``."""
    execution = Execution(variables, cwd, _read)
    execution.parameters = None if parameters is None else tuple(literal(each) for each in parameters)
    _read(execution, text)
    return execution.script


def run_words(words: tuple[Word, ...], variables: Mapping[str, str | None], cwd: str | None) -> Script:
    """The commands of an argument list."""
    execution = Execution(variables, cwd, _read)
    if words:
        execution.run(words)
    return execution.script


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _read(execution: Execution, text: str) -> bool | None:
    if len(text) > LONGEST:
        execution.fail(f"it is longer than {LONGEST} characters")
        return None
    # one byte a character, so that places in the tree are places in the text; a dot has no meaning where it stands
    plain = text if text.isascii() else _NOT_ASCII.sub(".", text)
    root = _parser().parse(plain.encode("ascii")).root_node
    if root.has_error:
        execution.fail(f'"{_near(root, text)}" cannot be read as a shell\'s text')
    return _Walk(execution, text).visit(root)


def _near(node: Node, text: str) -> str:
    """What stands where the first error is."""
    while not (node.is_error or node.is_missing):
        wrong = next((child for child in node.children if child.has_error or child.is_missing), None)
        if not wrong:
            break
        node = wrong
    return text[node.start_byte : node.start_byte + 40].partition("\n")[0].strip() or "the end"


class _Walk:
    """One text on its way through the shell."""

    def __init__(self, shell: Execution, text: str) -> None:
        self.shell = shell
        self._text = text
        self._parts = Parts(shell, text, self._substitution)
        self._depth = 0
        self._redirected: dict[int, list[Node]] = {}

    def visit(self, node: Node) -> bool | None:
        """Run a node; whether it succeeds, if that is known."""
        if self.shell.is_full():
            return None
        visitor = _VISITORS.get(node.type)
        if not visitor:
            self._unknown(node)
            return None
        if self._depth >= _DEEPEST:
            self.shell.fail("it is nested too deeply")
            return None
        self._depth += 1
        rest = self._redirected.pop(node.id, None) if self._redirected else None
        result = self._with_redirects(node, rest) if rest else visitor(self, node)
        self._depth -= 1
        return result

    def _unknown(self, node: Node) -> None:
        """What is not followed: the commands in it may run."""
        if not node.is_named:
            return
        self.shell.fail(f'"{self.source(node)[:40]}" is not understood')
        if self._depth >= _DEEPEST:
            return
        self._depth += 1
        with self.shell.apart(always=False):
            for child in node.children:
                if child.child_count:
                    self.visit(child)
        self._depth -= 1

    def sequence(self, nodes: Sequence[Node]) -> bool | None:
        """Run statements one after the other."""
        result: bool | None = None
        for index, node in enumerate(nodes):
            if node.type in _SEPARATORS:
                continue
            if index + 1 < len(nodes) and nodes[index + 1].type == "&":
                with self.shell.apart(always=False):
                    self.visit(node)
                result = True
            else:
                result = self.visit(node)
        return result

    def program(self, node: Node) -> bool | None:
        """The whole text, a group, or the body of a loop."""
        return self.sequence(node.children)

    def subshell(self, node: Node) -> bool | None:
        """``( … )``."""
        with self.shell.apart():
            return self.sequence(node.children)

    def chain(self, node: Node) -> bool | None:
        """``a && b || c``."""
        first, rest = _links(node)
        with self._guarded(rest):
            result = self.visit(first)
        return self._follow(first, rest, result=result)

    def _follow(self, before: Node, rest: list[tuple[str, Node]], *, result: bool | None) -> bool | None:
        """Run what stands behind the first command of a chain."""
        for index, (operator, node) in enumerate(rest):
            with self._guarded(rest[index + 1 :]):
                result = self._link(operator, before, node, result=result)
            before = node
        return result

    def _guarded(self, rest: list[tuple[str, Node]]) -> AbstractContextManager[None]:
        """Before ``||`` a failure does not end the build."""
        return self.shell.guard() if any(operator == "||" for operator, _ in rest) else nullcontext()

    def _link(self, operator: str, before: Node, node: Node, *, result: bool | None) -> bool | None:
        """Run what stands behind ``&&`` or ``||``, if it can come to it."""
        is_and = operator == "&&"
        if result is not None:
            return self.visit(node) if result is is_and else result
        if is_and and not self.shell.guarded and not self._is_question(before):
            return self.visit(node)
        with self.shell.perhaps():
            after = self.visit(node)
        return after if after is (not is_and) else None

    def _is_question(self, node: Node) -> bool:
        """Whether a failure is an answer, and no end of the build."""
        if node.type in ("negated_command", "test_command"):
            return True
        words = self.source(node).split(None, 2)
        return bool(words) and (words[0] in _QUESTIONS or words[:2] == ["command", "-v"])

    def pipeline(self, node: Node) -> bool | None:
        """``a | b``: each in a shell of its own."""
        nodes = [child for child in node.children if child.is_named and child.type != "comment"]
        for child in nodes[:-1]:
            with self.shell.apart(piped=True):
                self.visit(child)
        with self.shell.apart():
            return self.visit(nodes[-1]) if nodes else None

    def negated(self, node: Node) -> bool | None:
        """``! a``."""
        with self.shell.guard():
            result = self.visit(node.children[-1])
        return None if result is None else not result

    def function(self, node: Node) -> bool | None:
        """A definition runs nothing."""
        name = next((self.source(child) for child in node.children if child.type == "word"), "")
        self.shell.functions[name] = lambda: self.visit(node.children[-1])
        return True

    def redirected(self, node: Node) -> bool | None:
        """A command or a group with redirects, and what stands behind its heredoc's opener."""
        body, *rest = node.children
        return self._command(node.children, node) if body.type in _REDIRECTS else self._with_redirects(body, rest)

    def _with_redirects(self, body: Node, rest: list[Node]) -> bool | None:
        last = _last(body)
        if last is not body:  # the tree gives the redirects of a list's last command to the list
            openers = [child for child in rest if child.type == "heredoc_redirect"]
            self._redirected[last.id] = rest
            result = self.visit(body)
            if self._redirected.pop(last.id, None):
                self._lost(openers)
            return result
        if body.type not in _SIMPLE:
            return self._redirected_group(body, rest)
        behind = _behind_heredoc(rest)
        if behind and behind[0].type == "pipeline":
            with self.shell.apart(piped=True):
                self._simple(body, rest)
            result = self.visit(behind.pop(0))
        else:
            with self._guarded(_links_behind(behind)):
                result = self._simple(body, rest)
        return self._follow(body, _links_behind(behind), result=result)

    def _lost(self, nodes: list[Node]) -> None:
        """The command was not run, but others stand behind its heredoc."""
        for child in _behind_heredoc(nodes):
            if child.is_named:
                with self.shell.perhaps():
                    self.visit(child)

    def _redirected_group(self, body: Node, rest: list[Node]) -> bool | None:
        redirects = tuple(each for child in rest for each in self._parts.redirects(child))
        links = _links_behind(_behind_heredoc(rest))
        with self.shell.sharing(redirects), self._guarded(links):
            result = self.visit(body)
        return self._follow(body, links, result=result)

    def _simple(self, body: Node, rest: list[Node]) -> bool | None:
        if body.type == "test_command":
            return self.test(body)
        children = body.children if body.type != "variable_assignment" else [body]
        return self._command([*children, *rest], body)

    def command(self, node: Node) -> bool | None:
        """A program with its arguments, or nothing but assignments."""
        return self._command(node.children, node)

    def assignments(self, node: Node) -> bool | None:
        """``A=b C=$A``."""
        return self.sequence(node.children)

    def assignment(self, node: Node) -> bool | None:
        """``A=b`` as a command of its own."""
        return self._command([node], node)

    def _command(self, nodes: Sequence[Node], node: Node) -> bool | None:
        assignments: list[Assignment] = []
        redirects: list[Redirect] = []
        words: list[Node] = []
        declares = bool(nodes) and nodes[0].type in ("export", "declare", "local", "readonly", "typeset")
        for child in nodes:
            if child.type == "variable_assignment" and not declares:
                assignments.append(self._parts.assignment(child))
            elif child.type in _REDIRECTS:
                redirects += self._parts.redirects(child)
            elif child.type != "comment":
                words.append(child)
        place = (node.start_byte, max(node.end_byte, nodes[-1].end_byte))
        return self.shell.run(tuple(self.words(words)), tuple(assignments), tuple(redirects), place)

    def test(self, node: Node) -> bool | None:
        """``[ … ]`` and ``[[ … ]]``."""
        leaves = list(_leaves(node))
        place = (node.start_byte, node.end_byte)
        return self.shell.run(tuple(self.words(leaves)), (), (), place)

    def _substitution(self, node: Node) -> None:
        if self._depth >= _DEEPEST:
            self.shell.fail("it is nested too deeply")
            return
        self._depth += 1
        group, self.shell.group = self.shell.group, ()
        with self.shell.apart(piped=True):
            for child in node.children:
                if child.is_named and child.type in _REDIRECTS:
                    self._parts.all_holes(child.children)
                elif child.is_named and child.type != "comment":
                    self.visit(child)
        self.shell.group = group
        self._depth -= 1

    def words(self, nodes: Sequence[Node]) -> list[Word]:
        """The words of nodes."""
        return self._parts.words(nodes)

    def source(self, node: Node) -> str:
        """What is written there."""
        return self._text[node.start_byte : node.end_byte]


def _last(node: Node) -> Node:
    """The command that a redirect behind a list, a pipeline or a negation belongs to."""
    while node.type in ("list", "pipeline", "negated_command"):
        node = [child for child in node.children if child.is_named and child.type != "comment"][-1]
    return node


def _leaves(node: Node) -> Iterator[Node]:
    """The words of a test, in which operators stand between others."""
    for child in node.children:
        if child.type in ("binary_expression", "unary_expression", "negated_command", "parenthesized_expression"):
            yield from _leaves(child)
        else:
            yield child


def _links(node: Node) -> tuple[Node, list[tuple[str, Node]]]:
    """The first command of a chain and those behind it with their operators; the tree grows to the left."""
    rest: list[tuple[str, Node]] = []
    while node.type == "list":
        rest.append((node.children[1].type, node.children[-1]))
        node = node.children[0]
    return node, rest[::-1]


def _links_behind(nodes: list[Node]) -> list[tuple[str, Node]]:
    """The same for what stands behind a heredoc's opener, where the tree grows to the right."""
    links: list[tuple[str, Node]] = []
    for operator, node in pairwise(nodes):
        if operator.type in ("&&", "||"):
            first, rest = _links(node)
            links += [(operator.type, first), *rest]
    return links


def _behind_heredoc(nodes: list[Node]) -> list[Node]:
    for node in nodes:
        if node.type == "heredoc_redirect":
            known = _REDIRECTS | {"<<", "<<-", "heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor"}
            return [child for child in node.children if child.type not in known]
    return []


_VISITORS: Mapping[str, Callable[[_Walk, Node], bool | None]] = {
    **CONTROL,
    "command": _Walk.command,
    "compound_statement": _Walk.program,
    "declaration_command": _Walk.command,
    "do_group": _Walk.program,
    "function_definition": _Walk.function,
    "list": _Walk.chain,
    "negated_command": _Walk.negated,
    "pipeline": _Walk.pipeline,
    "program": _Walk.program,
    "redirected_statement": _Walk.redirected,
    "subshell": _Walk.subshell,
    "test_command": _Walk.test,
    "unset_command": _Walk.command,
    "variable_assignment": _Walk.assignment,
    "variable_assignments": _Walk.assignments,
}
