"""One call of an installer: its arguments divided into options and operands, its variables, the files it can see."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from depsfirst.dockerfile.shell import Command, Word

    Files = Callable[[str], str | None]

_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


class Option(NamedTuple):
    """An option; ``value`` is None for one without a value."""

    name: str
    value: Word | None


class Arguments(NamedTuple):
    """The arguments of a command.

    Attributes:
        options: in their order, under the names they are called by.
        operands: what is no option.
        open: there is a word that can become any number of options.
    """

    options: tuple[Option, ...]
    operands: tuple[Word, ...]
    open: bool

    def has(self, *names: str) -> bool:
        """Whether one of the options is there."""
        return any(option.name in names for option in self.options)

    def values(self, *names: str) -> tuple[Word, ...]:
        """The values of options, in their order."""
        return tuple(option.value for option in self.options if option.value is not None and option.name in names)

    def value(self, *names: str) -> Word | None:
        """The last value of options."""
        values = self.values(*names)
        return values[-1] if values else None

    def flag(self, *names: str, default: bool = False) -> bool | None:
        """Whether an option is set; None if a word that is not known could set it."""
        return True if self.has(*names) else None if self.open else default

    def selection(self, *names: str) -> tuple[str, ...]:
        """Options with their values, sorted and each once, to be compared with those of another command."""
        chosen = {
            option.name if option.value is None else f"{option.name}={_known(option.value)}"
            for option in self.options
            if option.name in names
        }
        return tuple(sorted(chosen))


def _known(word: Word) -> str:
    return word.source if word.text is None else word.text


def divide(words: Iterable[Word], valued: frozenset[str], short: Mapping[str, str] | None = None) -> Arguments:
    """Divide arguments.

    Args:
        words: what stands behind the program, or behind its verb.
        valued: long names of the options that take a value.
        short: the long names of short options; one that is not there keeps its own.
    """
    return _Division(list(words), valued, short or {}).run()


class _Division:
    """Arguments on their way from words to options and operands."""

    def __init__(self, rest: list[Word], valued: frozenset[str], short: Mapping[str, str]) -> None:
        self._rest = rest
        self._valued = valued
        self._names = short
        self._options: list[Option] = []

    def run(self) -> Arguments:
        operands: list[Word] = []
        is_open = False
        while self._rest:
            word = self._rest.pop(0)
            is_open = is_open or (word.text is None and word.splits)
            head = word.head if word.text is None else word.text
            if word.text == "--":
                operands += self._rest
                break
            if head.startswith("--"):
                self._long(word, head)
            elif head.startswith("-") and len(head) > 1:
                self._short(word, head)
            else:
                operands.append(word)
        return Arguments(tuple(self._options), tuple(operands), is_open)

    def _long(self, word: Word, head: str) -> None:
        name, equals, value = head.partition("=")
        if equals:
            self._options.append(Option(name, _cut(word, value)))
        else:
            self._options.append(Option(name, self._next() if name in self._valued else None))

    def _short(self, word: Word, head: str) -> None:
        """One dash with letters, of which the first one with a value ends the word; some tools have long ones, too."""
        whole = self._names.get(head, head)
        if len(head) > 2 and whole in self._valued:  # noqa: PLR2004 -- a dash and a letter
            self._options.append(Option(whole, self._next()))
            return
        for index, letter in enumerate(head[1:], 1):
            name = self._names.get(f"-{letter}", f"-{letter}")
            if name not in self._valued:
                self._options.append(Option(name, None))
                continue
            attached = head[index + 1 :].removeprefix("=")
            value = _cut(word, attached) if attached or word.text is None else self._next()
            self._options.append(Option(name, value))
            return

    def _next(self) -> Word | None:
        return self._rest.pop(0) if self._rest else None


def _cut(word: Word, value: str) -> Word:
    """The word that is left of one when an option's name is gone."""
    return word._replace(text=None if word.text is None else value, head=value)


class Call(NamedTuple):
    """A command of a known tool.

    Attributes:
        tool: its usual name, whatever it was called by.
        words: what stands behind it.
        command: the whole command.
        variables: the image's and the build's.
        files: what the image holds at an absolute path, if it is a text of the repository.
        home: the home directory of who runs it; None if it is not known.
    """

    tool: str
    words: tuple[Word, ...]
    command: Command
    variables: Mapping[str, str | None]
    files: Files
    home: str | None

    def get(self, name: str) -> str | None:
        """A variable as the tool finds it; None for none, and for one whose value is not known."""
        if name in self.command.variables:
            return self.command.variables[name]
        return self.variables.get(name)

    def is_set(self, name: str) -> bool | None:
        """Whether a variable that is a switch is on; None if its value is not known."""
        if self.command.variables.get(name, "") is None:
            return None
        return (self.get(name) or "").lower() in _TRUE

    def path(self, word: Word | str | None) -> str | None:
        """The absolute path that a word names; as it is written where that is not known; None for no path."""
        if word is None:
            return None
        text = word if isinstance(word, str) else word.source if word.text is None else word.text
        if not isinstance(word, str) and word.text is None:
            return text
        return self.at(text)

    def at(self, path: str) -> str:
        """A path seen from the directory of the command."""
        if path.startswith("/"):
            return absolute("/", path)
        return path if self.command.cwd is None else absolute(self.command.cwd, path)

    def read(self, path: str) -> str | None:
        """The text of a file, seen from the directory of the command; None if it is not known."""
        found = self.at(path)
        return self.files(found) if found.startswith("/") else None

    def inside(self, directory: str | None) -> Call:
        """The same call, made in another directory; None for one that is not known."""
        cwd = None if directory is None else self.at(directory)
        if cwd is not None and not cwd.startswith("/"):
            cwd = None
        return self._replace(command=self.command._replace(cwd=cwd))

    def cache_directories(self, variable: str, *below_home: str) -> tuple[str, ...]:
        """Where a tool keeps downloads: in the directory that a variable names, or below the home directory."""
        if named := self.get(variable):
            return (self.at(named),)
        if self.command.variables.get(variable, "") is None or self.home is None:
            return ()
        base = self.get("XDG_CACHE_HOME") or f"{self.home}/.cache"
        return tuple(
            absolute(base, path.removeprefix(".cache/")) if path.startswith(".cache/") else absolute(self.home, path)
            for path in below_home
        )


def absolute(directory: str, path: str) -> str:
    """A path seen from a directory, without ``.`` and ``..``; a slash at its end is gone."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    return joined[1:] if joined.startswith("//") else joined


def manifest(call: Call, directory: str = ".") -> Mapping[str, object] | None:
    """What ``pyproject.toml`` of a directory says; None if it cannot be read."""
    text = call.read(posixpath.join(directory, "pyproject.toml"))
    if text is None:
        return None
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError:
        return None


def table(value: object, *keys: str) -> Mapping[str, object]:
    """A table inside of a table; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def normalized(name: str) -> str:
    """The name of a distribution, in the form in which two can be compared."""
    return re.sub(r"[-_.]+", "-", name).lower()
