"""Makes edits of Dockerfiles that keep comments, order and style."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.checks.model import Edit

if TYPE_CHECKING:
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.source import Span


_LONG = 120
"""A line that would be longer is broken."""


def replaced(subject: Subject, span: Span, text: str) -> Edit:
    """Another text in place of a span of the Dockerfile."""
    return Edit(subject.path, span.offset, span.end, text)


def inserted(subject: Subject, offset: int, text: str) -> Edit:
    """A text before the character at an offset of the Dockerfile."""
    return Edit(subject.path, offset, offset, text)


def before(subject: Subject, instruction: Typed, lines: str) -> Edit:
    """Lines before an instruction and the comments directly above it.

    Args:
        subject: the Dockerfile.
        instruction: of this Dockerfile.
        lines: whole ones, without the last line end.
    """
    return inserted(subject, start_with_comments(subject, instruction), f"{lines}\n")


def behind(subject: Subject, instruction: Typed, lines: str) -> Edit:
    """Lines behind an instruction; as ``before``."""
    end = instruction.syntax.span.end
    newline = subject.text.find("\n", end)
    if newline < 0:
        return inserted(subject, len(subject.text), f"\n{lines}")
    return inserted(subject, newline + 1, f"{lines}\n")


def removed(subject: Subject, instruction: Typed, *, comments: bool = False) -> Edit:
    """Nothing in place of the lines of an instruction, the comments directly above it included if that is wanted."""
    start, end = without_lines(subject.text, instruction.syntax.span)
    if comments:
        start = start_with_comments(subject, instruction)
    return Edit(subject.path, start, end, "")


def start_with_comments(subject: Subject, instruction: Typed) -> int:
    """Where the comments begin that stand directly above an instruction; its own line's start without any."""
    start = line_start(subject.text, instruction.syntax.span.offset)
    above = {each.span.line: each.span for each in subject.dockerfile.comments}
    line = instruction.line - 1
    while line in above:
        start = line_start(subject.text, above[line].offset)
        line -= 1
    return start


def ignoring(subject: Subject, *patterns: str) -> Edit:
    """Patterns at the end of the ignore file that counts for the Dockerfile, which is made if there is none."""
    lines = "".join(f"{pattern}\n" for pattern in patterns)
    path = subject.ignore_file
    if not subject.files.exists(path):
        return Edit(path, 0, 0, lines, creates=True)
    text = subject.files.text(path)
    return Edit(path, len(text), len(text), lines if not text or text.endswith("\n") else f"\n{lines}")


def line_start(text: str, offset: int) -> int:
    """Where the line begins that a character stands in; behind a byte order mark."""
    start = text.rfind("\n", 0, offset) + 1
    return start + text.startswith("\ufeff", start, start + 1) if start == 0 else start


def without_lines(text: str, span: Span) -> tuple[int, int]:
    """The offsets of the whole lines that a span stands in, the last line end included."""
    end = text.find("\n", max(span.end - 1, span.offset))
    return line_start(text, span.offset), len(text) if end < 0 else end + 1


def with_flag(subject: Subject, instruction: Typed, *flags: str) -> Edit:
    """Flags as the first ones of an instruction; on lines of their own where it goes over several, or they are."""
    syntax = instruction.syntax
    offset = syntax.place(syntax.start, syntax.start + len(syntax.keyword)).end
    rest = subject.text[offset : end_of_line(subject.text, offset)].strip()
    length = end_of_line(subject.text, offset) - line_start(subject.text, offset) + sum(len(flag) + 1 for flag in flags)
    if syntax.heredocs or (syntax.end_line == syntax.line and len(flags) == 1 and length <= _LONG):
        return inserted(subject, offset, f" {' '.join(flags)}")
    next_line = f" {syntax.escape}\n{_continued(subject, instruction)}"
    lines = next_line.join(f"{'' if index else ' '}{flag}" for index, flag in enumerate(flags))
    return inserted(subject, offset, lines if rest == syntax.escape else f"{lines}{next_line[:-1]}")


def _continued(subject: Subject, instruction: Typed) -> str:
    """How far the lines stand in that continue an instruction: as the one that stands in the least, else by four."""
    span = instruction.syntax.span
    lines = subject.text[span.offset : span.end].split("\n")[1:]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip() and line.strip()[0] != "#"]
    return min((each for each in indents if each), key=len, default="    ")


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of the character at an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def without_word(subject: Subject, span: Span) -> Edit:
    """No word of a command, nor the space before it; where it stands alone on a line, no such line."""
    text = subject.text
    start, end = span.offset, span.end
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    first = line_start(text, start)
    rest = text[end : end_of_line(text, end)].strip()
    if start > first or not rest:  # something stands before it, or the line ends the command
        if start == first and first > 0:
            start = _before_continuation(text, first, subject.dockerfile.escape)
        return Edit(subject.path, start, end, "")
    if rest == subject.dockerfile.escape:
        return Edit(subject.path, first, min(end_of_line(text, end) + 1, len(text)), "")
    return Edit(subject.path, span.offset, end + len(text[end:]) - len(text[end:].lstrip(" \t")), "")


def _before_continuation(text: str, start: int, escape: str) -> int:
    """Where the continuation begins that ends the line above, the space before it included."""
    above = text[:start].rstrip("\r\n")
    return len(above.rstrip(" \t").removesuffix(escape).rstrip(" \t"))


def end_of_line(text: str, offset: int) -> int:
    """Where the line ends that a character stands in, before its line end."""
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    return end - 1 if end > offset and text[end - 1] == "\r" else end
