"""Reads the part of HCL that bake files are written in; what would have to be computed is unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Unknown(NamedTuple):
    """A value that has to be computed; its text."""

    source: str


class Block(NamedTuple):
    """``kind "label" { … }`` with its attributes; inner blocks are left out."""

    kind: str
    label: str
    attributes: dict[str, Any]


class HclError(ValueError):
    """The text is no HCL, as far as this reader knows it."""


_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<heredoc><<-?(?P<mark>\w+)\n.*?^[ \t]*(?P=mark)[ \t]*$)
    |(?P<string>"(?:[^"\\$%]|\\.|\$(?!\{)|%(?!\{)|[$%]\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|\{[^{}]*\})*\})*")
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<symbol>==|!=|<=|>=|&&|\|\||\.\.\.|=>|[][{}()=,.:?!<>+*/%-])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_OPENERS, _CLOSERS = frozenset("([{"), frozenset(")]}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_REFERENCE = re.compile(r"\$\{\s*([A-Za-z_]\w*)\s*\}")
_DEEPEST = 40


class _Token(NamedTuple):
    kind: str
    text: str


def blocks(text: str) -> list[Block]:
    """The blocks at the top of a text.

    Raises:
        HclError: it cannot be read.
    """
    return _Reader(_tokens(text)).blocks()


def resolved(value: Any, variables: Mapping[str, str]) -> str | None:
    """A string with the values of variables in place of ``${NAME}``; None where it has to be computed."""
    if isinstance(value, Unknown):
        return variables.get(value.source)
    if not isinstance(value, str):
        return None
    text = _REFERENCE.sub(lambda found: variables.get(found[1], found[0]), value)
    return None if re.search(r"[$%]\{", text) else text


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found or not found.lastgroup:
            raise HclError(f"line {text.count(chr(10), 0, position) + 1}")
        kind = "heredoc" if found["heredoc"] else found.lastgroup
        if kind != "blank":
            tokens.append(_Token(kind, found.group()))
        position = found.end()
    return tokens


class _Reader:
    """Goes through the tokens once."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def _peek(self) -> _Token:
        return self._tokens[self._position] if self._position < len(self._tokens) else _Token("end", "")

    def _next(self) -> _Token:
        token = self._peek()
        self._position += 1
        return token

    def _skip_newlines(self) -> None:
        while self._peek().kind == "newline":
            self._position += 1

    def _expect(self, text: str) -> None:
        if self._next().text != text:
            raise HclError(f'"{text}" is missing')

    def blocks(self) -> list[Block]:
        """All up to the end."""
        found = []
        self._skip_newlines()
        while self._peek().kind != "end":
            name = self._next()
            if name.kind != "name":
                raise HclError(f'"{name.text}" begins no block')
            if self._peek().text == "=":
                self._next()
                self._value(0)
            else:
                found.append(self._block(name.text))
            self._skip_newlines()
        return found

    def _block(self, kind: str) -> Block:
        label = ""
        while self._peek().kind in ("string", "name"):
            word = self._next()
            label = label or _plain(word.text)
        self._expect("{")
        return Block(kind, label, self._body(0))

    def _inner_block(self, depth: int) -> None:
        while self._peek().kind in ("string", "name"):
            self._next()
        self._expect("{")
        self._body(depth + 1)

    def _body(self, depth: int) -> dict[str, Any]:
        """Attributes up to the closing brace, which is taken."""
        attributes: dict[str, Any] = {}
        self._skip_newlines()
        while (token := self._next()).text != "}":
            if token.kind not in ("name", "string"):
                raise HclError(f'"{token.text}" is no name')
            if self._peek().text in ("=", ":"):
                self._next()
                attributes[_plain(token.text)] = self._value(depth)
            elif depth > _DEEPEST:
                raise HclError("too deep")
            else:
                self._inner_block(depth)
            while self._peek().kind == "newline" or self._peek().text == ",":
                self._next()
        return attributes

    def _value(self, depth: int) -> Any:
        """A string, a number as its text, a list or a mapping; what follows as an operator makes it unknown."""
        if depth > _DEEPEST:
            raise HclError("too deep")
        start = self._position
        token = self._next()
        if token.text == "[":
            value: Any = self._list(depth)
        elif token.text == "{":
            value = self._body(depth + 1)
        elif token.kind == "string":
            value = _plain(token.text)
        elif token.kind == "number" or token.text in ("true", "false", "null"):
            value = token.text
        else:
            self._position = start
            return self._computed()
        if self._peek().kind in ("newline", "end") or self._peek().text in ("}", "]", ","):
            return value
        self._position = start
        return self._computed()

    def _list(self, depth: int) -> list[Any]:
        values = []
        self._skip_separators()
        while self._peek().text != "]":
            values.append(self._value(depth + 1))
            self._skip_separators()
        self._next()
        return values

    def _skip_separators(self) -> None:
        while self._peek().kind == "newline" or self._peek().text == ",":
            self._position += 1

    def _computed(self) -> Unknown:
        """An expression, up to where its value ends."""
        parts: list[str] = []
        depth = 0
        while (token := self._peek()).kind != "end":
            if not depth and (token.kind == "newline" or token.text in ("}", "]", ",")):
                break
            depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
            parts.append(token.text)
            self._position += 1
        if not parts:
            raise HclError("a value is missing")
        return Unknown("".join(parts))


def _plain(text: str) -> str:
    """A quoted string without its quotes and escapes; ``$${`` stands for ``${``, which is kept apart."""
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])
