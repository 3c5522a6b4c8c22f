"""Runs a shell's commands in thought: notes each of them, with what it is known to find when it begins."""

from __future__ import annotations

import posixpath
from collections import ChainMap
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from depsfirst.dockerfile.shell import LONGEST, Assignment, Command, Redirect, Script, Word
from depsfirst.dockerfile.shells.builtins import BUILTINS, DEEPEST
from depsfirst.dockerfile.shells.wrappers import SHELLS, Inner, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LONGEST_VALUE = 20_000
MOST = 5000
"""Commands of one text that are noted."""
_STANDARD_OUTPUT = frozenset({">", ">>", ">|", "&>", "&>>", ">&"})
_DOCUMENTS = frozenset({"<<", "<<-", "<<<"})


class Execution:
    """The state of a shell that runs a text, and the commands it has run.

    Attributes:
        commands: those it has run, in their order.
        reason: why something is missing among them.
        base: the variables it was given.
        exported: the names of those it has exported since.
        directories: those that ``pushd`` has kept.
        ends: the commands that may have ended its text before its last line.
        deep: how many texts and calls it is in.
        read: runs a text in it.
        place: where the command stands that runs the text; None for the text itself.
        group: the redirects of the groups around.
        always: what comes next runs in every build that succeeds.
        guarded: a failure of what comes next does not end the build, as it stands before ``||`` or in a test.
        cwd: the directory it is in; None if that is not known.
        changed: the variables that the text set.
        parameters: those of the function or script that it is in; None if they are not known.
        functions: those it has defined, each as what runs its body.
    """

    def __init__(
        self, variables: Mapping[str, str | None], cwd: str | None, read: Callable[[Execution, str], bool | None]
    ) -> None:
        self.commands: list[Command] = []
        self.reason: str | None = None
        self.always = True
        self.guarded = False
        self.piped = False
        self.cwd = cwd
        self.changed: dict[str, str | None] = {}
        self.parameters: tuple[Word, ...] | None = None
        self.functions: dict[str, Callable[[], bool | None]] = {}
        self.place: tuple[int, int] | None = None
        self.group: tuple[Redirect, ...] = ()
        self._user: str | None = ""
        self.base = variables
        self.exported: frozenset[str] = frozenset()
        self.directories: tuple[str | None, ...] = ()
        self.ends: frozenset[str] = frozenset()
        self.deep = 0
        self.read = read

    @property
    def script(self) -> Script:
        """What was run."""
        return Script(tuple(self.commands), self.reason is None, self.reason)

    @property
    def variables(self) -> Mapping[str, str | None]:
        """All variables that are known."""
        if self.parameters is not None:
            return ChainMap(_positional(self.parameters), self.changed, self.base)  # type: ignore[arg-type] # the same
        if not self.changed:
            return self.base
        return ChainMap(self.changed, self.base)  # type: ignore[arg-type] # nothing is set in it

    def is_full(self) -> bool:
        """Whether it has run as many commands as are noted; that there are more is noted, too."""
        if len(self.commands) >= MOST:
            self.fail(f"it has more than {MOST} commands")
            return True
        return False

    @property
    def home(self) -> str | None:
        """What ``~`` means."""
        return self.variables.get("HOME") if self._user == "" else None

    def fail(self, reason: str) -> None:
        """Note that something cannot be read."""
        self.reason = self.reason or reason

    def set(self, name: str, value: str | None) -> None:
        """Give a variable a value."""
        self.changed = {**self.changed, name: None if value and len(value) > _LONGEST_VALUE else value}

    def assign(self, assignments: tuple[Assignment, ...]) -> None:
        """Give variables their values."""
        for name, word, appends in assignments:
            before = self.variables.get(name) if appends else ""
            self.set(name, None if before is None or word.text is None else before + word.text)

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Run what can be left out: what it changes is not known afterwards."""
        always, changed, cwd = self.always, self.changed, self.cwd
        self.always = False
        yield
        self.always = always
        self.cwd = cwd if cwd == self.cwd else None
        if self.changed is not changed:
            same = {name: value for name, value in self.changed.items() if changed.get(name, self) == value}
            self.changed = {**dict.fromkeys(self.changed), **same}

    @contextmanager
    def apart(self, *, piped: bool = False, always: bool = True) -> Iterator[None]:
        """Run in a shell of its own: what it changes is gone afterwards."""
        kept = (
            self.always,
            self.changed,
            self.cwd,
            self.piped,
            self.group,
            self.ends,
            self.directories,
            self.guarded,
        )
        self.always = self.always and always
        if piped:
            self.piped = True
            self.group = tuple(each for each in self.group if not _is_output(each))
        yield
        self.always, self.changed, self.cwd, self.piped, self.group = kept[:5]
        self.ends, self.directories, self.guarded = kept[5:]

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run what can fail."""
        guarded, self.guarded = self.guarded, True
        yield
        self.guarded = guarded

    @contextmanager
    def sharing(self, redirects: tuple[Redirect, ...]) -> Iterator[None]:
        """Run a group with redirects."""
        group = self.group
        self.group = (*(each._replace(shared=True) for each in redirects), *group)
        yield
        self.group = group

    def run(
        self,
        words: tuple[Word, ...],
        assignments: tuple[Assignment, ...] = (),
        redirects: tuple[Redirect, ...] = (),
        place: tuple[int, int] = (0, 0),
    ) -> bool | None:
        """Run a command; whether it succeeds, if that is known."""
        if self.is_full():
            return None
        command = self._command(words, assignments, redirects, place)
        if not words:
            self._note(command)
            self.assign(assignments)
            return True if all(word.text is not None for _, word, _ in assignments) else None
        program = command.program
        if program in self.functions:
            return self._call(command, self.functions[program])
        inner = unwrap(program, words) if program else None
        if inner:
            return self._within(command, inner, place)
        self._note(command)
        if program in SHELLS and self._is_fed(command):
            return self.script_of(command, _document(command), place)
        builtin = BUILTINS.get(program or "")
        return builtin(self, command) if builtin else None

    def _command(
        self,
        words: tuple[Word, ...],
        assignments: tuple[Assignment, ...],
        redirects: tuple[Redirect, ...],
        place: tuple[int, int],
    ) -> Command:
        changed: Mapping[str, str | None] = self.changed
        if assignments and words:
            changed = {**changed, **{name: None if appends else word.text for name, word, appends in assignments}}
        start, end = self.place or place
        nested = self.place is not None
        if nested:
            words = tuple(word._replace(start=start) for word in words)
        always = self.always and not self.ends
        redirects = (*redirects, *self.group)
        return Command(
            words, assignments, redirects, always, self.piped, self.cwd, start, end, nested, self._user, changed
        )

    def _note(self, command: Command) -> None:
        self.commands.append(command)

    def _within(self, command: Command, inner: Inner, place: tuple[int, int]) -> bool | None:
        """Run what a command runs."""
        if inner.keeps or inner.reason:
            self._note(command)
        if inner.reason:
            self.fail(inner.reason)
            return None
        own = command.redirects[: len(command.redirects) - len(self.group)]
        assignments = (*command.assignments, *inner.assignments)
        user, cwd, always = self._user, self.cwd, self.always
        self._user = user if inner.user == "" else inner.user
        self.always = always and inner.certain
        self.cwd = self.at(inner.cwd)
        if inner.words is not None:
            result = self.run(inner.words, assignments, own, place)
            self.cwd = self.cwd if inner.cwd == "" and _keeps_directory(command) else cwd
        else:
            text = inner.script.text if inner.script else None
            result = self.script_of(command._replace(assignments=assignments, redirects=own), text, place)
            self.cwd = cwd
        self._user, self.always = user, always
        return result

    def script_of(self, command: Command, text: str | None, place: tuple[int, int]) -> bool | None:
        """Run a text in a shell of its own."""
        program = command.program
        if text is None:
            self._note(command)
            self.fail(f'the script of "{program}" is not known')
            return None
        if self.deep >= DEEPEST or len(text) > LONGEST:
            self.fail(f'the script of "{program}" is too long')
            return None
        outer, functions, base, changed = self.place, self.functions, self.base, self.changed
        parameters, self.parameters = self.parameters, None
        redirects = tuple(each for each in command.redirects if each.operator not in _DOCUMENTS)
        self.deep += 1
        with self.apart(), self.sharing(redirects):
            self.assign(command.assignments)
            names = {assignment.name for assignment in command.assignments} | self.exported
            hidden = {name: None for name in self.changed if name not in names and name not in base}
            self.changed = {**self.changed, **hidden}
            self.place, self.functions = outer or place, {}
            result = self.read(self, text)
        self.deep -= 1
        self.place, self.functions, self.changed, self.parameters = outer, functions, changed, parameters
        return result

    def _call(self, command: Command, function: Callable[[], bool | None]) -> bool | None:
        """Run a function."""
        if self.deep >= DEEPEST:
            self.fail(f'the function "{command.program}" is called too deeply')
            return None
        unknown = any(word.splits or word.pattern for word in command.words)
        kept, self.parameters = self.parameters, None if unknown else command.words[1:]
        self.deep += 1
        with self.sharing(command.redirects[: len(command.redirects) - len(self.group)]):
            self.assign(command.assignments)
            result = function()
        self.deep -= 1
        self.parameters = kept
        self.ends -= {"return"}
        return result

    def _is_fed(self, command: Command) -> bool:
        """Whether a shell reads its script from a heredoc."""
        fed = any(each.operator in _DOCUMENTS and not each.shared for each in command.redirects)
        return fed and all((text or "").startswith("-") for text in command.texts[1:])

    def at(self, directory: str | None) -> str | None:
        """A directory seen from where the shell is."""
        if directory == "":
            return self.cwd
        if directory is None or (self.cwd is None and not directory.startswith("/")):
            return None
        path = posixpath.normpath(posixpath.join(self.cwd or "/", directory))
        return path[1:] if path.startswith("//") else path


@lru_cache(maxsize=64)
def _positional(parameters: tuple[Word, ...]) -> Mapping[str, str | None]:
    """``$1`` to ``$9`` and ``$#``."""
    given = dict(enumerate((word.text for word in parameters), 1))
    numbered = {str(number): given.get(number, "") for number in range(1, 10)}
    return {**numbered, "#": str(len(parameters))}


def _is_output(redirect: Redirect) -> bool:
    return redirect.operator in _STANDARD_OUTPUT and redirect.descriptor in (None, 1)


def _document(command: Command) -> str | None:
    texts = [each.target.text for each in command.redirects if each.operator in _DOCUMENTS and not each.shared]
    return texts[-1]


def _keeps_directory(command: Command) -> bool:
    """Whether what a wrapper runs is run by the shell itself, as with ``command cd``."""
    return command.program in ("command", "builtin", "exec", "time")
