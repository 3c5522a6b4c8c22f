"""Reads command lines as argparse does, without importing it, which takes 5 ms of the tenth of a second of a build.

A verb describes its options to an ``ArgumentParser``. Here it describes them to ``Words``, which takes in as much of
that as usual command lines need. Whatever is not usual (an abbreviation, a mistake, ``--help``) is left to argparse.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class UnusualError(Exception):
    """This is for argparse."""


class _Option(NamedTuple):
    """What a word means: ``store``, ``append`` and ``store_const`` are argparse's names."""

    dest: str
    action: str
    const: Any
    choices: Sequence[str] | None
    alternatives: int
    """A number for options of which only one may be given; 0 for others."""


class Words:
    """What a verb says of its options; it is told as an ``ArgumentParser`` is."""

    def __init__(self) -> None:
        self.description = ""
        self._options: dict[str, _Option] = {}
        self._defaults: dict[str, Any] = {}
        self._place: tuple[str, str] | None = None
        self._groups = 0

    def set_defaults(self, **values: Any) -> None:
        """What options are that are not given."""
        self._defaults |= values

    def add_argument_group(self, *_: Any) -> Words:
        """Groups are for the help."""
        return self

    def add_mutually_exclusive_group(self) -> _Alternatives:
        """Options of which only one may be given."""
        self._groups += 1
        return _Alternatives(self, self._groups)

    def add_subparsers(self, **_: Any) -> Any:
        """Verbs of verbs are for argparse."""
        raise UnusualError

    def add_argument(  # noqa: PLR0913 - as argparse has it
        self,
        *names: str,
        action: str = "store",
        nargs: str | None = None,
        default: Any = None,
        choices: Sequence[str] | None = None,
        dest: str | None = None,
        const: Any = None,
        alternatives: int = 0,
        **_: Any,
    ) -> None:
        """Take in an option, or the one argument without a name; ``help`` and ``metavar`` are for the help."""
        if not names[0].startswith("-"):
            if self._place is not None or nargs not in {"?", "*"}:
                raise UnusualError
            self._place = (names[0], nargs)
            self._defaults.setdefault(names[0], default if nargs == "?" or default is not None else [])
            return
        dest = dest or next((name for name in names if name.startswith("--")), names[0]).lstrip("-").replace("-", "_")
        if action == "store_true":
            action, const, default = "store_const", True, False
        if action not in {"store", "append", "store_const"} or nargs is not None:
            raise UnusualError
        self._defaults.setdefault(dest, default)
        self._options |= dict.fromkeys(names, _Option(dest, action, const, choices, alternatives))

    def read(self, words: Sequence[str]) -> SimpleNamespace:
        """What the words say, in the shape of argparse's ``Namespace``.

        Raises:
            UnusualError: argparse has to read them.
        """
        values = dict(self._defaults)
        given: set[int] = set()
        rest: list[list[str]] = [[]]
        left = iter(words)
        for word in left:
            if not word.startswith("-"):
                rest[-1].append(word)
                continue
            rest.append([])
            option, value = self._read_option(word, left)
            if option.alternatives in given:
                raise UnusualError
            given |= {option.alternatives} - {0}
            values[option.dest] = [*values[option.dest], value] if option.action == "append" else value
        self._put([run for run in rest if run], values)
        return SimpleNamespace(**values)

    def _read_option(self, word: str, left: Iterator[str]) -> tuple[_Option, Any]:
        name, equals, value = word.partition("=")
        option = self._options.get(name)
        if option is None or (equals and (option.action == "store_const" or not name.startswith("--"))):
            raise UnusualError
        if option.action == "store_const":
            return option, option.const
        value = value if equals else next(left, "-")
        mark = value == "--" or (value.startswith("-") and not equals)
        if mark or (option.choices is not None and value not in option.choices):
            raise UnusualError
        return option, value

    def _put(self, runs: list[list[str]], values: dict[str, Any]) -> None:
        """The words without a name, which stand side by side."""
        if not runs:
            return
        if self._place is None or len(runs) > 1:
            raise UnusualError
        name, nargs = self._place
        if nargs == "?" and len(runs[0]) > 1:
            raise UnusualError
        values[name] = runs[0][0] if nargs == "?" else runs[0]


class _Alternatives(NamedTuple):
    """Adds options of which only one may be given."""

    words: Words
    number: int

    def add_argument(self, *names: str, **described: Any) -> None:
        self.words.add_argument(*names, alternatives=self.number, **described)


def read(describe: Callable[[Any], None], words: Sequence[str]) -> SimpleNamespace | None:
    """What the words behind a verb say; None if argparse has to read them."""
    known = Words()
    try:
        describe(known)
        return known.read(words)
    except UnusualError:
        return None
