"""Heredocs: the words of a statement that announce one, and the lines that are its body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.variables import LexedWord, Lexer, LexError, Rules

if TYPE_CHECKING:
    from depsfirst.dockerfile.source import Span

_OPENER = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_TABS = re.compile("^\t+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Opener:
    """A word like ``<<EOF``.

    Attributes:
        delimiter: what the line that ends the body says; for COPY and ADD the file's name as well.
        expands: variables in the body are expanded, as no part of the delimiter is quoted.
        strips_tabs: written ``<<-``: tabs at the start of lines do not count.
        descriptor: the number before ``<<``; 0 where there is none.
    """

    delimiter: str
    expands: bool
    strips_tabs: bool
    descriptor: int


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A heredoc of an instruction.

    Attributes:
        opener: the word that announces it.
        content: its body as it stands, line ends included.
        opener_span: where the word stands.
        body_span: where the body stands.
        closing_span: the line that ends it, without its line end; empty where the file ends before.
        closed: it ends before the file does.
    """

    opener: Opener
    content: str
    opener_span: Span
    body_span: Span
    closing_span: Span
    closed: bool

    @property
    def text(self) -> str:
        """What a program or a file gets: the body, without its leading tabs if the opener says so."""
        return _TABS.sub("", self.content) if self.opener.strips_tabs else self.content


def read_opener(word: str) -> Opener | None:
    """The heredoc that a word announces; None for all other words."""
    found = _OPENER.match(word)
    if not found or not found[3]:
        return None
    try:
        words = _words(found[3], Rules(keep_undefined=True))
        raw = _words(found[3], Rules(keep_undefined=True, raw_quotes=True))
    except LexError:
        return None
    if len(words) != 1 or len(raw) != 1:
        return None
    delimiter = words[0].value
    expands = _quotes(delimiter) == _quotes(raw[0].value)
    return Opener(delimiter, expands, found[2] == "-", _descriptor(found[1]))


def find_openers(text: str) -> list[tuple[Opener, LexedWord]]:
    """The heredocs that a logical line announces; none where its quotes are not closed."""
    try:
        words = _words(text, Rules(raw_quotes=True, raw_escapes=True, keep_undefined=True))
    except LexError:
        return []
    return [(opener, word) for word in words if (opener := read_opener(word.value))]


def _words(text: str, rules: Rules) -> list[LexedWord]:
    lexer = Lexer(text, {}, rules)
    lexer.run()
    return lexer.words


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')


def _descriptor(digits: str) -> int:
    """The number as Go reads it, which stops at 64 bits."""
    return min(int(digits.lstrip("0")[:21] or "0"), 2**64 - 1)
