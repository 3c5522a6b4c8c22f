"""The text of a RUN as the commands that it runs: words, redirects, whether they run at all, and where."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 50_000
"""Characters of the longest text that is read."""

_REMEMBERED = 4096


class Word(NamedTuple):
    """A word of a command.

    Attributes:
        text: its value, variables expanded and quotes gone; None if only running it can tell.
        source: as it is written.
        start: where it is written, in the text that was read.
        head: what its value begins with, as far as it is known; all of it where ``text`` is known.
        tail: what its value ends with, likewise.
        splits: it can become no word or several, as a part that is not known stands outside of quotes.
        pattern: it has ``*``, ``?`` or ``[…]`` outside of quotes, for names of files.
    """

    text: str | None
    source: str
    start: int = 0
    head: str = ""
    tail: str = ""
    splits: bool = False
    pattern: bool = False


class Redirect(NamedTuple):
    """A redirect.

    Attributes:
        operator: ``>``, ``>>``, ``<``, ``>&``, ``&>``, ``<<`` and so on; ``<<`` and ``<<<`` have their text as target.
        target: a file, a descriptor, or the text.
        descriptor: the number before the operator; None where it is the operator's own.
        shared: it is that of a group, and other commands of the group have it as well.
    """

    operator: str
    target: Word
    descriptor: int | None = None
    shared: bool = False


class Assignment(NamedTuple):
    """``name=value``; ``appends`` for ``+=``."""

    name: str
    value: Word
    appends: bool = False


class Command(NamedTuple):
    """A command that is run, or that can be.

    Attributes:
        words: the program and its arguments; none where there are only assignments or redirects.
        assignments: what stands before it, ``env`` included.
        redirects: in their order, those of the groups around it last.
        always: it runs in every build that succeeds; False behind ``||``, in branches, loops and the background.
        piped: its standard output goes to another command or into a substitution.
        cwd: the directory it runs in; None if that is not known.
        start: where it begins in the text that was read.
        end: where it ends there.
        nested: it stands in a text of its own, as that of ``sh -c``; then all its places are those of the outer one.
        user: whom ``sudo`` and its like run it as; empty for the user of the RUN, None if it is not known.
        variables: what the text set before it, in it too; None for a value that is not known.
    """

    words: tuple[Word, ...]
    assignments: tuple[Assignment, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    always: bool = True
    piped: bool = False
    cwd: str | None = "/"
    start: int = 0
    end: int = 0
    nested: bool = False
    user: str | None = ""
    variables: Mapping[str, str | None] = {}

    @property
    def program(self) -> str | None:
        """The program's name without its directory; None if it is not known, empty without words."""
        if not self.words:
            return ""
        first = self.words[0]
        if first.text is None:
            return first.tail.rpartition("/")[2] or None if "/" in first.tail else None
        return first.text.rpartition("/")[2]

    @property
    def texts(self) -> tuple[str | None, ...]:
        """The words' values."""
        return tuple(word.text for word in self.words)


class Script(NamedTuple):
    """What a text runs.

    Attributes:
        commands: in the order in which they run; what is in ``$(…)`` comes before the command that takes it.
        whole: everything that can run is among them.
        reason: why it is not whole, as a part of a sentence.
    """

    commands: tuple[Command, ...]
    whole: bool = True
    reason: str | None = None


def read_script(
    text: str,
    variables: Mapping[str, str | None] | None = None,
    cwd: str | None = "/",
    parameters: Sequence[str] | None = (),
) -> Script:
    """The commands of a shell's text.

    Branches are followed where their test can be decided, and ``for`` over known words is followed word by word.

    Args:
        text: what ``sh -c`` is given.
        variables: those in force; a name that is not there, or is None, has a value that is not known.
        cwd: the directory it starts in.
        parameters: what ``$1`` and ``$@`` are; None if that is not known.
    """
    given = tuple((variables or {}).items())
    return _read_script(text, given, cwd, None if parameters is None else tuple(parameters))


@lru_cache(maxsize=_REMEMBERED)
def _read_script(
    text: str, variables: tuple[tuple[str, str | None], ...], cwd: str | None, parameters: tuple[str, ...] | None
) -> Script:
    """As ``read_script``; one RUN is asked about by several rooms."""
    from depsfirst.dockerfile.shells.tree import run_text

    return run_text(text, dict(variables), cwd, parameters)


def argv_command(
    argv: Sequence[str], variables: Mapping[str, str | None] | None = None, cwd: str | None = "/"
) -> Script:
    """The commands of an argument list, which no shell reads; that of ``sh -c`` in it is followed."""
    from depsfirst.dockerfile.shells.tree import run_words

    return run_words(tuple(literal(value) for value in argv), variables or {}, cwd)


def literal(value: str, source: str | None = None, start: int = 0) -> Word:
    """A word that means what it says."""
    return Word(value, value if source is None else source, start, value, value)
