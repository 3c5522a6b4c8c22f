"""Parses a Dockerfile without loss: instructions, comments and directives, each with the place where it stands."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, field, replace
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.heredoc import Heredoc, Opener, find_openers
from depsfirst.dockerfile.source import SPACE, LogicalLine, Source, Span
from depsfirst.dockerfile.words import Fault, Flag, Token, divide, split
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from depsfirst.dockerfile.variables import LexedWord


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Something that BuildKit refuses.

    Attributes:
        line: from 1, as BuildKit says it. For a directive and for a line that is too long BuildKit names the line
            before; here it is the line itself.
        message: what is wrong: a sentence without a full stop.
        hint: what to do about it: the same.
    """

    line: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its text without the number sign and the space around it, and its place from the number sign on."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Directive:
    """``# name=value`` at the head of the file: ``syntax``, ``escape`` or ``check``, in small letters."""

    name: str
    value: str
    span: Span
    value_span: Span


@dataclass(frozen=True, slots=True)
class Instruction:
    """One statement as BuildKit's parser reads it.

    Positions in flags, tokens and arguments are those of ``text``; ``place`` says where that is in the file.

    Attributes:
        name: in capitals.
        keyword: the same word as it is written.
        text: the statement without continuations, and without the comments and empty lines inside.
        flags: in their order.
        arguments: what stands behind keyword and flags.
        tokens: the words that BuildKit's parser makes of the arguments.
        exec_form: the arguments are a JSON array.
        heredocs: in their order.
        trigger: the statement inside ONBUILD.
        start: where in ``text`` the keyword starts.
        line: the line it begins at, from 1.
        end_line: the last line that belongs to it, heredocs included.
        escape: the escape character of its Dockerfile.
        problem: why BuildKit's parser refuses it.
    """

    name: str
    keyword: str
    text: str
    flags: tuple[Flag, ...]
    arguments: Token
    tokens: tuple[Token, ...]
    exec_form: bool
    heredocs: tuple[Heredoc, ...]
    trigger: Instruction | None
    start: int
    line: int
    end_line: int
    escape: str
    problem: SyntaxProblem | None
    _logical: LogicalLine = field(repr=False, compare=False)
    _source: Source = field(repr=False, compare=False)

    @property
    def values(self) -> tuple[str, ...]:
        """The words as BuildKit reads them."""
        return tuple(token.value for token in self.tokens)

    @property
    def span(self) -> Span:
        """From the keyword to the end of the last line, without its line end."""
        last = self.end_line - 1
        end = self._source.starts[last] + len(self._source.lines[last].rstrip("\r"))
        return self._source.span(self._logical.offset(self.start), end)

    def place(self, start: int, end: int) -> Span:
        """Where in the file the characters of ``text`` from ``start`` up to ``end`` stand."""
        return self._source.span(*self._logical.range(start, end))

    def place_of(self, part: Token | Flag) -> Span:
        """Where in the file a word or a flag stands, from its first to its last character."""
        return self.place(part.start, part.end)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed Dockerfile; ``str`` gives its text back, character for character.

    Attributes:
        text: all of it.
        escape: the escape and continuation character.
        directives: in their order.
        comments: all others that begin with a number sign, those inside instructions too.
        instructions: in their order.
        problems: what BuildKit's parser refuses, in the order in which it would find it; it stops at the first.
    """

    text: str
    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]
    instructions: tuple[Instruction, ...]
    problems: tuple[SyntaxProblem, ...]

    def __str__(self) -> str:
        return self.text


def parse(text: str, version: Version = CURRENT) -> Dockerfile:
    """The Dockerfile that ``text`` is to this BuildKit.

    Never fails: what BuildKit would refuse stands in ``problems``.
    """
    return _Parser(text, version).parse()


def require_valid(dockerfile: Dockerfile, name: str = "Dockerfile") -> None:
    """See that BuildKit's parser accepts the Dockerfile.

    Raises:
        DepsfirstError: it does not; says the first problem, at ``name`` and its line.
    """
    for problem in dockerfile.problems:
        raise refusal(problem, name)


def refusal(problem: SyntaxProblem, name: str) -> DepsfirstError:
    """The error that a problem of the file ``name`` is where the Dockerfile has to be valid."""
    return DepsfirstError(problem.message, where=f"{name}:{problem.line}", hint=problem.hint)


_WHOLE_ARRAYS: Version = (0, 15)  # before, what stands behind a JSON array is not looked at
_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_DIRECTIVE_SPACE = "\t\n\f\r "
_DIRECTIVE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*\Z")
_DEEPEST_ONBUILD = 16  # one is allowed, and Python's stack has an end
_HEREDOC_INSTRUCTIONS = frozenset({"RUN", "COPY", "ADD"})


class _Parser:
    """Reads the physical lines once, from the first to the last."""

    def __init__(self, text: str, version: Version) -> None:
        self.source = Source(text)
        self.version = version
        self.index = 0
        self.end = self.source.readable
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.comments: list[Comment] = []
        self.instructions: list[Instruction] = []
        self.problems: list[SyntaxProblem] = []

    def parse(self) -> Dockerfile:
        self._read_directives()
        while self.index < self.end:
            self._read_statement()
        if not self.instructions:
            line = max(len(self.source.lines), 1)
            self._refuse(line, Fault("the file has no instruction", "begin with FROM and the name of an image"))
        if self.end < len(self.source.lines):
            self._refuse(
                self.end + 1,
                Fault("the line is longer than 65,535 bytes, and BuildKit reads no further", "break it into several"),
            )
        return Dockerfile(
            self.source.text,
            self.escape,
            tuple(self.directives),
            tuple(self.comments),
            tuple(self.instructions),
            tuple(self.problems),
        )

    def _refuse(self, line: int, fault: Fault) -> SyntaxProblem:
        problem = SyntaxProblem(line, fault.message, fault.hint)
        self.problems.append(problem)
        return problem

    def _content(self) -> tuple[str, int]:
        """The line, without its line end and a byte order mark at the head of the file, and where it starts."""
        line = self.source.lines[self.index].rstrip("\r")
        start = self.source.starts[self.index]
        if self.index == 0 and line.startswith("\ufeff"):
            return line[1:], start + 1
        return line, start

    def _comment(self, content: str, end: int) -> None:
        """Keep the comment that ``content`` is, which ends at the offset ``end``."""
        span = self.source.span(end - len(content), end)
        self.comments.append(Comment(content[1:].strip(SPACE), span))

    def _read_directives(self) -> None:
        """Every line up to the first one that is no directive."""
        while self.index < self.end:
            content, start = self._content()
            stripped = content.lstrip(SPACE)
            directive = self._directive(stripped, start + len(content) - len(stripped))
            if not directive:
                return
            self.index += 1
            if any(known.name == directive.name for known in self.directives):
                fault = Fault(f'the directive "{directive.name}" stands here twice', "remove one of them")
                self._refuse(self.index, fault)
                continue
            self.directives.append(directive)
            if directive.name == "escape":
                self._set_escape(directive.value)

    def _directive(self, content: str, offset: int) -> Directive | None:
        if not content.startswith("#"):
            return None
        name, equals, value = content[1:].partition("=")
        name = name.lstrip(SPACE).rstrip(_DIRECTIVE_SPACE)
        if not (equals and value and _DIRECTIVE_NAME.match(name) and name.lower() in _DIRECTIVES):
            return None
        word = value.strip(_DIRECTIVE_SPACE) or value[-1]
        start = offset + len(content) - len(value) + value.index(word)
        span = self.source.span(offset, offset + len(content))
        return Directive(name.lower(), word, span, self.source.span(start, start + len(word)))

    def _set_escape(self, value: str) -> None:
        if value in ("`", "\\"):
            self.escape = value
            return
        fault = Fault(f'"{value}" cannot be the escape character', 'choose "\\" or "`"')
        self._refuse(self.index, fault)

    def _read_statement(self) -> None:
        """One line that says nothing, or one instruction with all its lines."""
        content, start = self._content()
        self.index += 1
        stripped = content.lstrip(SPACE)
        if not stripped:
            return
        if stripped.startswith("#"):
            self._comment(stripped, start + len(content))
            return
        line = self.index
        logical = self._continued(stripped, start + len(content) - len(stripped))
        draft = self._draft(logical, line)
        if draft.problem:
            self.problems.append(draft.problem)
        if "<<" in draft.text and _takes_heredocs(draft):
            draft = self._with_heredocs(draft)
        self.instructions.append(draft)

    def _continued(self, content: str, offset: int) -> LogicalLine:
        """The logical line that begins with ``content`` at ``offset``."""
        content, continues = self._without_continuation(content)
        if not continues:
            return LogicalLine(content, (0,), (offset,))
        parts, offsets = [content], [offset]
        while continues and self.index < self.end:
            content, start = self._content()
            self.index += 1
            stripped = content.lstrip(SPACE)
            if stripped.startswith("#"):
                self._comment(stripped, start + len(content))
            elif stripped:
                content, continues = self._without_continuation(content)
                parts.append(content)
                offsets.append(start)
        return _joined(parts, offsets)

    def _without_continuation(self, content: str) -> tuple[str, bool]:
        """The line without a continuation character at its end, one that no other one precedes; and if it had one."""
        stripped = content.rstrip("\t ")
        if stripped.endswith(self.escape) and not stripped.endswith(self.escape * 2):
            return stripped[:-1], True
        return content, False

    def _draft(self, logical: LogicalLine, line: int, start: int = 0, depth: int = 0) -> Instruction:
        """The instruction that fills the logical line from ``start`` on, before its heredocs are read."""
        parts = split(logical.text, self.escape, start)
        name = _name(parts.keyword.value)
        words = divide(name, parts.arguments, self.escape, first_array=self.version < _WHOLE_ARRAYS)
        problem = SyntaxProblem(line, *words.fault) if words.fault else None
        trigger = None
        if name == "ONBUILD" and parts.arguments.value and depth < _DEEPEST_ONBUILD:
            trigger = self._draft(logical, line, parts.arguments.start, depth + 1)
            problem = trigger.problem
        return Instruction(
            name=name,
            keyword=parts.keyword.value,
            text=logical.text,
            flags=parts.flags,
            arguments=parts.arguments,
            tokens=words.tokens,
            exec_form=words.exec_form,
            heredocs=(),
            trigger=trigger,
            start=parts.keyword.start,
            line=line,
            end_line=self.index,
            escape=self.escape,
            problem=problem,
            _logical=logical,
            _source=self.source,
        )

    def _with_heredocs(self, draft: Instruction) -> Instruction:
        heredocs = tuple(self._heredoc(draft, opener, word) for opener, word in find_openers(draft.text))
        trigger = replace(draft.trigger, heredocs=heredocs, end_line=self.index) if draft.trigger else None
        return replace(
            draft,
            heredocs=heredocs,
            trigger=trigger,
            end_line=self.index,
            problem=draft.problem or self._unclosed(draft, heredocs),
        )

    def _heredoc(self, draft: Instruction, opener: Opener, word: LexedWord) -> Heredoc:
        """The heredoc whose body begins at the next line."""
        first = self.index
        while self.index < self.end:
            line = self.source.lines[self.index].rstrip("\r")
            self.index += 1
            if (line.lstrip("\t") if opener.strips_tabs else line) == opener.delimiter:
                return self._read(draft, opener, word, first, self.index - 1)
        return self._read(draft, opener, word, first, self.index)

    def _read(self, draft: Instruction, opener: Opener, word: LexedWord, first: int, last: int) -> Heredoc:
        """The heredoc whose body is the lines from index ``first`` up to ``last``."""
        source = self.source
        begin, end = (min(source.starts[index], len(source.text)) for index in (first, last))
        closed = last < self.index
        closing = end + len(source.lines[last].rstrip("\r")) if closed else end
        return Heredoc(
            opener,
            source.text[begin:end],
            draft.place(word.start, word.end),
            source.span(begin, end),
            source.span(end, closing),
            closed,
        )

    def _unclosed(self, draft: Instruction, heredocs: tuple[Heredoc, ...]) -> SyntaxProblem | None:
        for heredoc in heredocs:
            if not heredoc.closed:
                delimiter = heredoc.opener.delimiter
                fault = Fault(
                    f'the heredoc "{delimiter}" does not end',
                    f'write "{delimiter}" alone on the line behind its last one',
                )
                return self._refuse(draft.line, fault)
        return None


def _name(keyword: str) -> str:
    """The keyword in capitals where it is ASCII in Go's small letters, as ``WORKDİR`` is; else as it is written."""
    if keyword.isascii():
        return keyword.upper()
    small = keyword.replace("İ", "i").lower()
    return small.upper() if small.isascii() else keyword


def _takes_heredocs(draft: Instruction) -> bool:
    reader = draft.trigger or draft
    return reader.name in _HEREDOC_INSTRUCTIONS and not reader.exec_form


def _joined(parts: list[str], offsets: list[int]) -> LogicalLine:
    starts = accumulate((len(part) for part in parts[:-1]), initial=0)
    return LogicalLine("".join(parts), tuple(starts), tuple(offsets))
