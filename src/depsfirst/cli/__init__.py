"""The command line: a file per verb; the only room that prints. Here is what all verbs share."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from depsfirst import __version__
from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from types import SimpleNamespace

    from depsfirst.oci.preamble import Begun

INTERRUPTED = 130
"""What a program leaves with after an interrupt, as a shell would say it."""
_FIRST_FREE = 3
"""The first number of a file that is not one of the standard streams."""
_FEW_COLLECTIONS = 100_000
"""Most of what a build allocates lives until its end; collecting it in between finds nothing."""


_VERBS = {
    "build": ("build the image of a project, without a daemon", "build"),
    "why": ("say which steps of a Dockerfile run again after an edit", "why"),
    "check": ("find what makes an edit wait, and mend it", "check"),
    "rules": ("list what check finds, or explain one rule", "check"),
    "recipe": ("print what will be installed, or what of it changed", "recipe"),
    "init": ("write a Dockerfile, dependencies first", "init"),
    "cache": ("look at the cache, or make it smaller", "cache"),
}
"""What each verb is for, and the file that has it; its function ``add_VERB`` gives a parser its options."""


def main(arguments: Sequence[str] | None = None, begun: Begun | None = None) -> None:
    """Run the command line and leave with its exit code; ``begun`` is a load into Docker for a build."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_outputs()
    try:
        code = _run(given, begun)
        sys.stdout.flush()
    except DepsfirstError as error:
        _print_error(error)
        code = error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    except OSError as error:
        code = ExitCode.FAILURE
        if not isinstance(error, BrokenPipeError):  # then whoever read our output has gone
            _print_error(DepsfirstError(error.strerror or str(error), where=error.filename or "standard output"))
        _drop_output()
    _leave(code)


def _run(given: list[str], begun: Begun | None) -> int:
    if given in (["--version"], ["-V"]):
        print(f"depsfirst {__version__}")
        return ExitCode.CLEAN
    gc.set_threshold(_FEW_COLLECTIONS)
    given, passed = _parted(given)
    try:
        options = _read(given) or _parsed(given)
    except SystemExit as stop:  # after the help
        return stop.code if isinstance(stop.code, int) else ExitCode.FAILURE
    options.begun, options.passed = begun, passed
    code: int = options.run(options)
    return code


def _parted(given: list[str]) -> tuple[list[str], list[str]]:
    """The words for us, and those behind ``--`` of a build, which are for its engine."""
    if given[:1] != ["build"] or "--" not in given:
        return given, []
    place = given.index("--")
    return given[:place], given[place + 1 :]


def _open_outputs() -> None:
    """Where an output was closed by who started us, open one to nowhere: no other file must get its number."""
    if sys.stdout is None or sys.stderr is None:
        while os.open(os.devnull, os.O_RDWR) < _FIRST_FREE:
            continue
        sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the end
        sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - until the end


def _drop_output() -> None:
    """Send what is still to be written to standard output nowhere: it cannot be written."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart, which takes as long as patching a wheel."""
    if sys.flags.dev_mode or "coverage" in sys.modules or "pytest" in sys.modules:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _print_error(error: DepsfirstError) -> None:
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    red, end = ("\x1b[31m", "\x1b[0m") if colour else ("", "")
    print(f"{red}error{end}: {error}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _read(given: Sequence[str]) -> SimpleNamespace | None:
    """What a usual command line says; None if argparse has to read it."""
    from depsfirst.cli.words import read

    return read(_describing(given[0]), given[1:]) if given and given[0] in _VERBS else None


def _parsed(given: Sequence[str]) -> Namespace:
    from depsfirst.cli.parser import parse

    return parse(given, {verb: text for verb, (text, _) in _VERBS.items()}, _describing)


def _describing(verb: str) -> Callable[[Any], None]:
    """What gives a parser the options of a verb."""
    describe: Callable[[Any], None] = getattr(import_module(f"depsfirst.cli.{_VERBS[verb][1]}"), f"add_{verb}")
    return describe
