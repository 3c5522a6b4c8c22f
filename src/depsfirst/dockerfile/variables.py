"""Expands variables in a word and divides it, as BuildKit's shell lexer does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.patterns import PatternError, all_replaced, replaced, without_prefix, without_suffix
from depsfirst.dockerfile.source import SPACE
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = re.compile(f"[^$<'\"\\\\`\ufeff{SPACE}]*")
_DEEPEST = 64
"""Levels of ``${x:-${y:-…}}`` that are read; nobody writes more, and Python's stack has an end."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a word means.

    Attributes:
        value: the word with its variables expanded, without quotes and escapes.
        words: the same, divided at the white space that is not quoted.
        used: names that were looked up and have a value.
        undefined: names that were looked up and have none; they count as empty.
    """

    value: str
    words: tuple[str, ...]
    used: frozenset[str]
    undefined: frozenset[str]


class LexError(ValueError):
    """A word that cannot be read, or a variable that ``${x:?}`` demands; says why."""


class LexedWord(NamedTuple):
    """A word and where it starts and ends in the text it was read from."""

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What a lexer does besides expanding.

    Attributes:
        escape: the escape character.
        raw_quotes: quotes stay in the result.
        raw_escapes: escape characters stay in the result.
        plain_quotes: quotes are characters like all others.
        keep_undefined: a reference to a variable without a value stays as it is.
    """

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    plain_quotes: bool = False
    keep_undefined: bool = False


def expand(word: str, variables: Mapping[str, str], *, escape: str = "\\", where: str | None = None) -> Expansion:
    """The word as an instruction reads it.

    Args:
        word: as it stands in the Dockerfile.
        variables: what is defined; never changed.
        escape: the escape character of the Dockerfile.
        where: file and line for an error.

    Raises:
        DepsfirstError: a quote or brace is not closed, a substitution is none of BuildKit's, or ``${x:?message}``
            finds no value.
    """
    return _expanded(word, variables, Rules(escape), where)


def expand_document(text: str, variables: Mapping[str, str], *, where: str | None = None) -> Expansion:
    """The text of a heredoc that COPY or ADD writes: quotes stay, the escape character is always a backslash.

    Raises:
        DepsfirstError: as ``expand``.
    """
    return _expanded(text, variables, Rules(plain_quotes=True), where)


def _expanded(word: str, variables: Mapping[str, str], rules: Rules, where: str | None) -> Expansion:
    if _PLAIN.fullmatch(word):
        return Expansion(word, (word,) if word else (), frozenset(), frozenset())
    lexer = Lexer(word, variables, rules)
    try:
        value = lexer.run()
    except LexError as error:
        raise DepsfirstError(
            f'"{word}" cannot be expanded: {error}',
            where=where,
            hint="give the variable a value, or quote and close the reference as a shell would want it",
        ) from error
    words = tuple(found.value for found in lexer.words)
    return Expansion(value, words, frozenset(lexer.used), frozenset(lexer.undefined))


class Lexer:
    """Reads one text once; ``words``, ``used`` and ``undefined`` are filled by ``run``."""

    def __init__(self, text: str, variables: Mapping[str, str], rules: Rules) -> None:
        self._text = text
        self._at = 1 if text.startswith("\ufeff") else 0  # Go's scanner drops a byte order mark
        self._variables = variables
        self._rules = rules
        self._raw_escapes = rules.raw_escapes
        self._depth = 0
        self._word: list[str] = []
        self._word_start = 0
        self.words: list[LexedWord] = []
        self.used: set[str] = set()
        self.undefined: set[str] = set()

    def run(self) -> str:
        """The whole text, expanded.

        Raises:
            LexError: it cannot be read.
        """
        result: list[str] = []
        while self._at < len(self._text):
            start = self._at
            character = self._text[start]
            piece, divisible = self._piece(character)
            result.append(piece)
            self._collect(piece, start, divisible=divisible)
        self._flush(len(self._text))
        return "".join(result)

    def _piece(self, character: str) -> tuple[str, bool]:
        """What comes next, and whether white space in it divides words."""
        if character == "$":
            return self._dollar(), True
        if character == "<":
            return self._less_than(), False
        if character in "'\"" and not self._rules.plain_quotes:
            return (self._single_quoted() if character == "'" else self._double_quoted()), False
        self._at += 1
        if character == self._rules.escape:
            return (character if self._raw_escapes else "") + self._next(), False
        return character, True

    def _collect(self, piece: str, start: int, *, divisible: bool) -> None:
        if not divisible:
            self._append(piece, start)
            return
        for character in piece:
            if character in SPACE:
                self._flush(start)
            else:
                self._append(character, start)

    def _append(self, piece: str, start: int) -> None:
        if piece:
            if not self._word:
                self._word_start = start
            self._word.append(piece)

    def _flush(self, end: int) -> None:
        if self._word:
            self.words.append(LexedWord("".join(self._word), self._word_start, end))
            self._word.clear()

    def _until(self, stop: str, *, raw_escapes: bool) -> str:
        """What stands before ``stop``, in a substitution.

        BuildKit's lexer has one buffer for the words of all levels and clears it here, so a word loses what stood
        before the substitution: ``RUN a${b:-c}<<E`` has the word ``${b:-c}<<E``.
        """
        before, self._raw_escapes = self._raw_escapes, raw_escapes
        self._depth += 1
        if self._depth > _DEEPEST:
            raise LexError(f"substitutions are nested more than {_DEEPEST} deep")
        result: list[str] = []
        while (character := self._peek()) != stop:
            if not character:
                raise LexError(f'the closing "{stop}" is missing')
            result.append(self._piece(character)[0])
        self._at += 1
        self._depth -= 1
        self._raw_escapes = before
        self._word.clear()
        return "".join(result)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _single_quoted(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise LexError("the closing ' is missing")
        start, self._at = self._at, end + 1
        return self._text[start : end + 1] if self._rules.raw_quotes else self._text[start + 1 : end]

    def _double_quoted(self) -> str:
        quote = '"' if self._rules.raw_quotes else ""
        self._at += 1
        result = [quote]
        while (character := self._peek()) != '"':
            if not character:
                raise LexError('the closing " is missing')
            result.append(self._dollar() if character == "$" else self._quoted_character())
        self._at += 1
        return "".join(result) + quote

    def _quoted_character(self) -> str:
        character = self._next()
        escape = self._rules.escape
        if character != escape:
            return character
        kept = escape if self._raw_escapes else ""
        following = self._peek()
        if not following:
            return kept
        return kept + (self._next() if following in ('"', "$", escape) else escape)

    def _less_than(self) -> str:
        """``<``, or ``<<`` with the white space up to the heredoc's delimiter, which does not divide the word."""
        self._at += 1
        if self._peek() != "<":
            return "<"
        start = self._at
        self._at += 1
        while self._peek() and self._peek() in "\t\r ":
            self._at += 1
        return "<" + self._text[start : self._at]

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            return self._plain(name, f"${name}")
        self._at += 1
        if self._peek() in ("{", "}", ":"):
            raise LexError("a name is missing behind ${")
        name = self._name()
        operator = self._next()
        match operator:
            case "}":
                return self._plain(name, f"${{{name}}}")
            case "/":
                return self._substitution(name)
            case ":" | "+" | "-" | "?" | "#" | "%":
                return self._alternative(name, operator)
            case "":
                raise LexError('the closing "}" is missing')
            case _:
                raise LexError(f'"{operator}" behind the name "{name}" is no substitution')

    def _plain(self, name: str, reference: str) -> str:
        value = self._lookup(name)
        if value is None:
            return reference if self._rules.keep_undefined else ""
        return value

    def _alternative(self, name: str, operator: str) -> str:
        """``${x-y}`` and its like; with a colon an empty value counts as none."""
        colon = operator == ":"
        if colon:
            operator = self._next()
        trims = operator in ("#", "%")
        if colon and trims:
            raise LexError(f'":{operator}" is no substitution')
        word = self._until("}", raw_escapes=trims)
        value = self._lookup(name)
        if value is None and self._rules.keep_undefined:
            return f"${{{name}{':' if colon else ''}{operator}{word}}}"
        has_value = bool(value) if colon else value is not None
        match operator:
            case "-":
                return value or "" if has_value else word
            case "+":
                return word if has_value else ""
            case "?" if has_value:
                return value or ""
            case "?":
                raise LexError(f'"{name}" has no value' + (f": {word}" if word else ""))
            case "#" | "%":
                return _trimmed(value or "", operator, word)
            case _:
                raise LexError(f'":{operator}" is no substitution')

    def _substitution(self, name: str) -> str:
        """``${x/p/r}`` and ``${x//p/r}``."""
        everywhere = self._peek() == "/"
        if everywhere:
            self._at += 1
        pattern = self._until("/", raw_escapes=True)
        replacement = self._until("}", raw_escapes=True)
        value = self._lookup(name)
        if value is None and self._rules.keep_undefined:
            return f"${{{name}/{pattern}/{replacement}}}"
        try:
            return (all_replaced if everywhere else replaced)(value or "", pattern, replacement)
        except PatternError as error:
            raise LexError(str(error)) from error

    def _name(self) -> str:
        """Letters, digits and underscores; or digits alone; or one of the shell's special parameters."""
        start = self._at
        first = self._peek()
        if first and first in "@*#?-$!":
            self._at += 1
        elif first.isdecimal():
            while self._peek().isdecimal():
                self._at += 1
        else:
            while (character := self._peek()) and (character == "_" or character.isalpha() or character.isdecimal()):
                self._at += 1
        return self._text[start : self._at]

    def _lookup(self, name: str) -> str | None:
        value = self._variables.get(name)
        (self.undefined if value is None else self.used).add(name)
        return value


def _trimmed(value: str, operator: str, pattern: str) -> str:
    longest = pattern.startswith(operator)
    pattern = pattern[1:] if longest else pattern
    try:
        return (without_prefix if operator == "#" else without_suffix)(value, pattern, longest=longest)
    except PatternError as error:
        raise LexError(str(error)) from error
