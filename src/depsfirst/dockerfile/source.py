"""Places in a text: spans of it, and the logical lines that continuations join from several physical ones."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from depsfirst.dataclass import dataclass

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space as Unicode and Go define it; ``str.isspace`` also takes the four separators of ASCII for it."""

BLANK = "\t\v\f\r "
"""White space between an instruction's keyword and its words."""

LONGEST_LINE = 65535
"""Bytes of a physical line, without its line feed, that BuildKit still reads."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text.

    Attributes:
        offset: of its first character, counted in characters from 0.
        end: offset behind its last character.
        line: of its first character, from 1.
        column: of its first character in that line, in characters from 1.
    """

    offset: int
    end: int
    line: int
    column: int

    def of(self, text: str) -> str:
        """The part of ``text`` that stands here."""
        return text[self.offset : self.end]


class Source:
    """A text and its physical lines, which end at line feeds and nowhere else."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        if not self.lines[-1]:
            del self.lines[-1]

    @cached_property
    def starts(self) -> list[int]:
        """Offset of each line's first character, and where a line after the last one would start."""
        return list(accumulate((len(line) + 1 for line in self.lines), initial=0))

    def span(self, offset: int, end: int) -> Span:
        """The characters from ``offset`` up to ``end``."""
        line = min(bisect_right(self.starts, offset), max(len(self.lines), 1))
        return Span(offset, end, line, offset - self.starts[line - 1] + 1)

    @cached_property
    def readable(self) -> int:
        """How many lines BuildKit reads: up to the first that is too long for it."""
        if len(self.text) * 4 > LONGEST_LINE:
            for index, line in enumerate(self.lines):
                if len(line) * 4 > LONGEST_LINE and len(line.encode("utf-8", "surrogatepass")) > LONGEST_LINE:
                    return index
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """What one or more physical lines say together, and where each part of it stands.

    Attributes:
        text: the joined text, without line ends, continuation characters, and the comments and empty lines between.
        starts: where in ``text`` each part starts that one physical line contributes.
        offsets: where in the file the same parts start.
    """

    text: str
    starts: tuple[int, ...]
    offsets: tuple[int, ...]

    def offset(self, position: int) -> int:
        """Where in the file the character at ``position`` of the joined text stands."""
        if len(self.offsets) == 1:
            return self.offsets[0] + position
        part = bisect_right(self.starts, position) - 1
        return self.offsets[part] + position - self.starts[part]

    def range(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the file of the characters from ``start`` up to ``end``."""
        if start == end:
            offset = self.offset(start)
            return offset, offset
        return self.offset(start), self.offset(end - 1) + 1
