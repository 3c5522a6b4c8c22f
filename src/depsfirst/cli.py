"""The command line: one short function per verb; the only room that prints."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from depsfirst import __version__
from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.preamble import Begun

_INTERRUPTED = 130
_PATIENCE = 2.0
"""Seconds that an interrupted build has to end in order."""
_FIRST_FREE = 3
"""The first number of a file that is not one of the standard streams."""
_FEW_COLLECTIONS = 100_000
"""Most of what a build allocates lives until its end; collecting it in between finds nothing."""
_DAY = 86400


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
        code = _INTERRUPTED
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
        options = _parser(given).parse_args(given)
    except SystemExit as stop:  # after the help, or what is wrong with the words
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


def _build(options: Namespace) -> int:
    if _is_external(options):
        from depsfirst.cli_external import build_externally

        _check_given(options)
        return build_externally(options)
    from pathlib import Path

    from depsfirst.content import ContentStore, default_root
    from depsfirst.engines import embedded
    from depsfirst.plan import Order
    from depsfirst.reports.build import as_json, as_table
    from depsfirst.reports.progress import progress_for

    _check_given(options)
    order = Order(
        directory=Path(options.directory),
        base=options.base,
        platform=options.platform,
        groups=tuple(options.group),
        extras=tuple(options.extra),
        reference=options.tag,
        output=options.output,
        load=options.load,
        index_url=options.index,
        verify=options.verify,
        refresh=options.refresh,
    )
    store = ContentStore(default_root())
    with _ended_by_interrupts(store), store.in_use():
        built = embedded.build(order, store, progress_for(options.verbosity), options.begun)
    if options.verbosity >= 0:
        print(as_table(built), file=sys.stderr)
    print(as_json(built) if options.format == "json" else built.reference)
    return ExitCode.CLEAN


def _is_external(options: Namespace) -> bool:
    """Whether another engine is asked for; the embedded one has none of the options of others."""
    if options.engine != "embedded":
        return True
    others = {"--file": options.file, "--builder": options.builder, "--cache-to": options.cache_to}
    others |= {"--cache-from": options.cache_from, "--": options.passed}
    for name, value in others.items():
        if value:
            raise DepsfirstError(f'the embedded engine has no "{name}"', hint="choose another: --engine buildkit")
    return False


@contextmanager
def _ended_by_interrupts(store: ContentStore) -> Iterator[None]:
    """Let an interrupt end this block soon, even if a thread of it waits for a server that says nothing."""
    import signal

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # it is ignored, or somebody else's
        yield
        return

    def end(*_: object) -> NoReturn:
        store.forsake()
        print("interrupted", file=sys.stderr)
        sys.stderr.flush()
        os._exit(_INTERRUPTED)

    def interrupt(*_: object) -> NoReturn:
        signal.signal(signal.SIGALRM, end)
        signal.signal(signal.SIGINT, end)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _check_given(options: Namespace) -> None:
    """Refuse options without a value, as a variable of a script that was never set makes them."""
    named = {"--base": options.base, "--platform": options.platform, "--index": options.index}
    named |= {"--output": options.output, "--tag": options.tag, "DIR": options.directory}
    for name, value in named.items():
        if value == "":
            raise DepsfirstError(f"{name} is empty", hint="give it a value, or leave it out")


def _why(options: Namespace) -> int:
    from depsfirst.cache.request import Request, version_of
    from depsfirst.cache.why import why
    from depsfirst.options import pairs
    from depsfirst.reports.why import as_json, as_text, draw

    if bool(options.paths) == bool(options.change):
        raise DepsfirstError(
            "name the files that change, or else the kind of edit with --change",
            hint="as in `depsfirst why README.md` or `depsfirst why --change version-bump`",
        )
    request = Request(
        file=options.file,
        context=options.context,
        target=options.target,
        arguments=pairs(options.build_arg, "--build-arg"),
        contexts=pairs(options.build_context, "--build-context"),
        revision=options.rev,
        version=version_of(options.buildkit),
    )
    answer = why(request, options.paths, options.change or "paths")
    for note in answer.notes:
        print(f"note: {note}", file=sys.stderr)
    if options.format == "json":
        print(as_json(answer))
    elif sys.stdout.isatty():
        draw(answer, sys.stdout)
    else:
        print(as_text(answer))
    return ExitCode.CLEAN


def _recipe(options: Namespace) -> int:
    from pathlib import Path

    from depsfirst.reports import recipe
    from depsfirst.reports.recipes import Wanted, selected, selected_before

    wanted = Wanted(
        Path(options.directory), tuple(options.group), tuple(options.extra), options.platform, options.python
    )
    now = selected(wanted)
    if options.diff is None:
        formats = {"requirements": recipe.as_requirements, "pylock": recipe.as_pylock, "json": recipe.as_json}
        text = formats[options.format](now)
    else:
        before = selected_before(wanted, now, options.diff)
        shown = recipe.diff_as_json if options.format == "json" else recipe.diff_as_text
        text = shown(before, now, options.diff)
    print(text.removesuffix("\n"))
    return ExitCode.CLEAN


def _cache(options: Namespace) -> int:
    from depsfirst.content import ContentStore, default_root
    from depsfirst.reports.build import as_size

    store = ContentStore(default_root())
    if options.action == "dir":
        print(store.root)
    elif options.action == "size":
        usage = store.usage()
        for kind, used in usage.items():
            print(f"{kind:<12}  {used.files:>6} files  {as_size(used.size):>10}")
        total = sum(used.size for used in usage.values())
        print(f"{'total':<12}  {sum(used.files for used in usage.values()):>6} files  {as_size(total):>10}")
    else:
        days = 0.0 if options.all else options.unused_for
        pruned = store.prune(unused_for=days * _DAY)
        print(f"removed {pruned.files} files, {as_size(pruned.size)}")
    return ExitCode.CLEAN


def _print_error(error: DepsfirstError) -> None:
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    red, end = ("\x1b[31m", "\x1b[0m") if colour else ("", "")
    print(f"{red}error{end}: {error}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)


def _parser(given: Sequence[str]) -> ArgumentParser:
    from argparse import ArgumentParser, HelpFormatter

    class Formatter(HelpFormatter):
        """The usual help; asking for the terminal's width here spares each build the import of shutil."""

        def __init__(self, prog: str) -> None:
            super().__init__(prog, width=_width())

    description = "Python in containers: dependencies first, code second."
    parser = ArgumentParser(prog="depsfirst", description=description, formatter_class=Formatter)
    parser.add_argument("-V", "--version", action="version", version=f"depsfirst {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, (help_text, add) in _verbs().items():
        verb = verbs.add_parser(name, help=help_text, formatter_class=Formatter)
        if name in given:  # the options of the others would only cost time
            add(verb)
    return parser


def _verbs() -> dict[str, tuple[str, Callable[[ArgumentParser], None]]]:
    return {
        "build": ("build the image of a project, without a daemon", _add_build),
        "why": ("say which steps of a Dockerfile run again after an edit", _add_why),
        "check": ("find what makes an edit wait, and mend it", _add_check),
        "rules": ("list what check finds, or explain one rule", _add_rules),
        "recipe": ("print what will be installed, or what of it changed", _add_recipe),
        "init": ("write a Dockerfile, dependencies first", _add_init),
        "cache": ("look at the cache, or make it smaller", _add_cache),
    }


def _width() -> int:
    try:
        return min(os.get_terminal_size(sys.stdout.fileno()).columns, 120) - 2
    except (OSError, ValueError):
        return 98


def _add_build(verb: ArgumentParser) -> None:
    verb.description = (
        "Build the image of a locked Python project: dependencies first, code last. The image's reference is all that"
        " is written to standard output, so that `docker run $(depsfirst build)` works."
    )
    verb.set_defaults(run=_build, verbosity=0)
    verb.add_argument("directory", nargs="?", default=".", metavar="DIR", help="the project (default: here)")
    what = verb.add_argument_group("what goes in")
    what.add_argument("--base", metavar="BASE", help="deb:SUITE, oci:DIR[:TAG] or docker-archive:FILE")
    what.add_argument("--platform", metavar="OS/ARCH", help="linux/amd64 or linux/arm64 (default: this machine's)")
    what.add_argument("--group", action="append", default=[], metavar="NAME", help="install this dependency group too")
    what.add_argument("--extra", action="append", default=[], metavar="NAME", help="install this extra too")
    what.add_argument("--index", metavar="URL", help="simple API of the package index (default: uv's or pip's setting)")
    what.add_argument("--refresh", action="store_true", help="ask the Debian mirror again, and resolve again what has no lock")
    _add_engine(verb)
    where = verb.add_argument_group("where it goes (default: the local Docker if one answers, else an archive)")
    kind = where.add_mutually_exclusive_group()
    kind.add_argument("-o", "--output", metavar="OUT", help="an archive FILE.tar, or an OCI layout oci:DIR[:TAG]")
    kind.add_argument("--load", action="store_true", help="load it into the local Docker")
    where.add_argument("-t", "--tag", metavar="NAME[:TAG]", help="the image's reference (default: PROJECT:latest)")
    how = verb.add_argument_group("how")
    how.add_argument(
        "--verify",
        choices=("auto", "always", "never"),
        default="auto",
        help="import the project in the image: when something that matters changed, always, or never",
    )
    how.add_argument("--format", choices=("text", "json"), default="text", help="what to print at the end")
    level = how.add_mutually_exclusive_group()
    level.add_argument(
        "-q", "--quiet", action="store_const", const=-1, dest="verbosity", help="warnings and errors only"
    )
    level.add_argument(
        "-v", "--verbose", action="store_const", const=1, dest="verbosity", help="say what was done and why"
    )


def _add_engine(verb: ArgumentParser) -> None:
    group = verb.add_argument_group("another engine, which builds the project's Dockerfile, or the one of init")
    group.add_argument(
        "--engine",
        choices=("embedded", "buildkit", "docker", "podman"),
        default="embedded",
        help="what builds (default: embedded); words behind `--` are passed on to it",
    )
    group.add_argument("-f", "--file", metavar="FILE", help="the Dockerfile; DIR is its context then")
    group.add_argument("--builder", metavar="NAME", help="the buildx builder, which may be on other machines")
    group.add_argument("--cache-to", action="append", default=[], metavar="CACHE", help="where to keep the cache")
    group.add_argument("--cache-from", action="append", default=[], metavar="CACHE", help="where to take it from")


def _add_why(verb: ArgumentParser) -> None:
    verb.description = (
        "Say, without building, which steps of a Dockerfile run again on BuildKit after an edit, through which chain,"
        " and whether dependencies are installed again."
    )
    verb.set_defaults(run=_why)
    verb.add_argument("paths", nargs="*", metavar="PATH", help="files that change together, relative to the context")
    verb.add_argument(
        "--change", choices=("code", "version-bump", "readme"), help="the obvious edit, so that no file need be named"
    )
    build = verb.add_argument_group("the build, as for docker build")
    build.add_argument("-f", "--file", metavar="FILE", help="the Dockerfile (default: the one in the context)")
    build.add_argument("--context", metavar="DIR", help="the build context (default: here, or beside the Dockerfile)")
    build.add_argument("--target", metavar="STAGE", help="the stage to build (default: the last)")
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="a build argument")
    build.add_argument("--build-context", action="append", default=[], metavar="NAME=DIR", help="a named context")
    build.add_argument("--buildkit", metavar="VERSION", help="the BuildKit that builds, as 0.13 (default: the newest)")
    verb.add_argument("--rev", metavar="REV", help="look at this commit instead of the files as they are")
    verb.add_argument("--format", choices=("text", "json"), default="text", help="what to print")


def _add_check(verb: ArgumentParser) -> None:
    from depsfirst.cli_check import add_check

    add_check(verb)


def _add_rules(verb: ArgumentParser) -> None:
    from depsfirst.cli_check import add_rules

    add_rules(verb)


def _add_init(verb: ArgumentParser) -> None:
    from depsfirst.cli_init import add_init

    add_init(verb)


def _add_recipe(verb: ArgumentParser) -> None:
    verb.description = (
        "Print the recipe of a project: the third-party packages that its lock installs for one environment, in one"
        " order and one form, whatever the lock. Equal recipes give equal dependency layers."
    )
    verb.set_defaults(run=_recipe)
    verb.add_argument("directory", nargs="?", default=".", metavar="DIR", help="the project (default: here)")
    verb.add_argument("--group", action="append", default=[], metavar="NAME", help="take this dependency group too")
    verb.add_argument("--extra", action="append", default=[], metavar="NAME", help="take this extra too")
    verb.add_argument("--platform", metavar="OS/ARCH", help="linux/amd64 or linux/arm64 (default: this machine's)")
    verb.add_argument(
        "--python",
        metavar="VERSION",
        help="as 3.13 or 3.13.1 (default: .python-version, else the newest that the project allows)",
    )
    verb.add_argument(
        "--format",
        choices=("requirements", "pylock", "json"),
        default="requirements",
        help="requirements with hashes, a pylock.toml for this environment, or an object for programs",
    )
    verb.add_argument("--diff", metavar="REV", help="print what changed since this commit instead; no checkout is made")


def _add_cache(verb: ArgumentParser) -> None:
    verb.set_defaults(run=_cache)
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    shape = verb.formatter_class
    actions.add_parser("dir", help="print where the cache is", formatter_class=shape)
    actions.add_parser("size", help="print what it holds", formatter_class=shape)
    prune = actions.add_parser("prune", help="remove what was not used lately", formatter_class=shape)
    prune.add_argument(
        "--unused-for",
        type=float,
        default=30.0,
        metavar="DAYS",
        help="remove what no build used for so long (default: 30)",
    )
    prune.add_argument("--all", action="store_true", help="remove everything")
