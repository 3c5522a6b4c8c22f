"""Reads a command line with argparse, and says what is wrong with it as all errors are said."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, HelpFormatter
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from depsfirst import __version__
from depsfirst.errors import DepsfirstError, ExitCode
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Mapping, Sequence

_NARROWEST, _WIDEST, _USUAL = 40, 120, 100


class _Formatter(HelpFormatter):
    """The usual help, as wide as the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width() - 2)


class _Parser(ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, formatter_class=_Formatter)

    def error(self, message: str) -> NoReturn:
        raise DepsfirstError(message.removeprefix("argument "), hint=_see(self.prog))


class Parsers(NamedTuple):
    """The parser of whole command lines, and those of the verbs by name."""

    whole: ArgumentParser
    verbs: Mapping[str, ArgumentParser]


def parsers(verbs: Mapping[str, str]) -> Parsers:
    """Parsers for verbs, by what each is for; a verb's own has no options yet."""
    whole = _Parser(prog="depsfirst", description="Python in containers: dependencies first, code second.")
    whole.add_argument("-V", "--version", action="version", version=f"depsfirst {__version__}")
    drawer = whole.add_subparsers(title="verbs", metavar="VERB", required=True)
    return Parsers(whole, {name: drawer.add_parser(name, help=text) for name, text in verbs.items()})


def parse(
    given: Sequence[str], verbs: Mapping[str, str], describing: Callable[[str], Callable[[Any], None]]
) -> Namespace:
    """What a command line says.

    Args:
        given: its words.
        verbs: what each verb is for.
        describing: what gives a parser the options of a verb.

    Raises:
        DepsfirstError: it makes no sense.
        SystemExit: the help was asked for, and is printed.
    """
    made = parsers(verbs)
    if not given:
        made.whole.print_help(sys.stderr)
        raise SystemExit(ExitCode.FAILURE)
    verb = next((word for word in given if not word.startswith("-")), "")
    if verb in verbs:  # the options of the others would only cost time
        describing(verb)(made.verbs[verb])
    elif verb:
        raise DepsfirstError(f'"{verb}" is no verb', hint=_meant(verb, verbs) + _see(made.whole.prog))
    options, surplus = made.whole.parse_known_args(given)
    if surplus:
        raise _surplus(surplus[0], made.verbs[verb])
    return options


def _surplus(word: str, parser: ArgumentParser) -> DepsfirstError:
    if not word.startswith("-"):
        return DepsfirstError(f'"{word}" is one word too many', hint=_see(parser.prog))
    known = [name for action in parser._actions for name in action.option_strings]  # noqa: SLF001 - nothing else tells
    return DepsfirstError(f'"{word}" is no option of "{parser.prog}"', hint=_meant(word, known) + _see(parser.prog))


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word.partition("=")[0], list(known), n=1)
    return f'did you mean "{close[0]}"? ' if close else ""


def _see(program: str) -> str:
    return f"see `{program} --help`"


def _width() -> int:
    try:
        return max(_NARROWEST, min(os.get_terminal_size(sys.stdout.fileno()).columns, _WIDEST))
    except (OSError, ValueError):
        return _USUAL
