"""What a .dockerignore leaves out of the build context, decided as moby decides it.

Two matchers decide, by the release of BuildKit in the client: moby's ``patternmatcher`` since 0.10, and its
``fileutils`` before, as in Docker 20.10. Both are followed in what they do, their slips included.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.gopath import BadPatternError, check_pattern, clean
from depsfirst.dockerfile.patternmatcher import FileUtils, Pattern, PatternMatcher
from depsfirst.dockerfile.source import LONGEST_LINE, SPACE
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PATTERNMATCHER: Version = (0, 10)
_MARK = "\ufeff"
_WILD = frozenset("*[]?^\\")


@dataclass(frozen=True)
class Patterns:
    """What an ignore file says, in order.

    Attributes:
        patterns: its patterns.
        where: the name of the file, for messages.
        version: the BuildKit of the client that sends the context.
    """

    patterns: tuple[Pattern, ...] = ()
    where: str = ".dockerignore"
    version: Version = CURRENT

    @cached_property
    def step(self) -> Callable[[str, int], tuple[bool, int]]:
        """Whether the patterns leave out a path, and the state with which to ask for what is below it.

        ``step(path, state)`` takes the path below the context's root, and the state that the call for its parent
        returned, 0 in the root. It raises a DepsfirstError where a pattern that has to be asked is none, as moby finds
        only then.
        """
        made = FileUtils if self.version < _PATTERNMATCHER else PatternMatcher
        return made(self.patterns, self.where).step

    def enters(self, directory: str) -> bool:
        """Whether a directory that is left out is still looked through for what is taken back in."""
        if self._anywhere:
            return True
        below = directory + "/"
        return any(text.startswith(below) for text in self._returning)

    @property
    def keeps_entered(self) -> bool:
        """Whether a directory that is left out but looked through is sent even if nothing in it is."""
        return self.version < _PATTERNMATCHER

    def ignores(self, path: str, *, directory: bool = False) -> bool:
        """Whether the context is sent without ``path``; a directory may still appear with what is taken back in.

        Raises:
            DepsfirstError: as ``step`` does.
        """
        state = 0
        for parent in _parents(path):
            ignored, state = self.step(parent, state)
            if ignored and not self.enters(parent):
                return True
        ignored, _ = self.step(path, state)
        return ignored and not (directory and self.keeps_entered and self.enters(path))

    def deciding(self, path: str) -> Pattern | None:
        """The last pattern that fits ``path`` or a directory above it: the one that decided."""
        for pattern in reversed(self.patterns):
            if Patterns((replace(pattern, negated=False),), self.where, self.version).ignores(path):
                return pattern
        return None

    @cached_property
    def _returning(self) -> tuple[str, ...]:
        """The negated patterns as the walker holds them against a directory."""
        trims = self.version >= _PATTERNMATCHER
        return tuple((_untailed(p.text) if trims else p.text) + "/" for p in self.patterns if p.negated)

    @cached_property
    def _anywhere(self) -> bool:
        return self.version >= _PATTERNMATCHER and any(not _WILD.isdisjoint(text) for text in self._returning)


def read_patterns(text: str, where: str = ".dockerignore", version: Version = CURRENT) -> Patterns:
    """Read an ignore file.

    Args:
        text: the file, decoded with ``surrogateescape``.
        where: its name, for messages.
        version: the BuildKit of the client that sends the context.

    Raises:
        DepsfirstError: a line that moby refuses, with its number.
    """
    found = []
    for index, line in enumerate(text.split("\n")):
        if len(line) * 4 > LONGEST_LINE and len(line.encode(errors="surrogateescape")) > LONGEST_LINE:
            raise DepsfirstError(
                f"a line is longer than {LONGEST_LINE:,} bytes",
                where=f"{where}:{index + 1}",
                hint="is this an ignore file?",
            )
        # moby trims the mark off the first line alone, and a comment has its "#" before any blank.
        written = line.removeprefix(_MARK) if index == 0 else line
        if written.startswith("#"):
            continue
        pattern = _pattern(_of_line(written), index + 1, written.strip(SPACE), where)
        if pattern:
            found.append(pattern)
    return Patterns(tuple(found), where, version)


def patterns_of(texts: Iterable[str], where: str, version: Version = CURRENT) -> Patterns:
    """Patterns that stand in no file, as those of ``COPY --exclude``: no comments, and a leading slash stays.

    Raises:
        DepsfirstError: a pattern that moby refuses.
    """
    found = (_pattern(text, 0, text, where) for text in texts)
    return Patterns(tuple(pattern for pattern in found if pattern), where, version)


def _of_line(line: str) -> str:
    """What moby's reader of ignore files makes of a line."""
    text = line.strip(SPACE)
    negation = text[:1] == "!"
    if negation:
        text = text[1:].strip(SPACE)
    if text:
        text = clean(text)
        if len(text) > 1 and text.startswith("/"):
            text = text[1:]
    return "!" * negation + text


def _pattern(text: str, line: int, written: str, where: str) -> Pattern | None:
    """What moby's matchers make of a pattern when they are made."""
    text = text.strip(SPACE)
    if not text:
        return None
    text = clean(text)
    negated = text.startswith("!")
    pattern = Pattern(text[negated:], negated, line, written)
    if negated and not pattern.text:
        pattern.refuse('a lone "!" takes nothing back in', where)
    try:
        check_pattern(pattern.text)
    except BadPatternError as error:
        pattern.refuse(str(error), where)
    return pattern


def _parents(path: str) -> Iterator[str]:
    """The directories above a path, the nearest to the root first."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _untailed(text: str) -> str:
    return text.removesuffix("/**").removesuffix("/*")
