"""The verb ``build``."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from depsfirst.cli import INTERRUPTED
from depsfirst.cli.options import add_package, add_system
from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from depsfirst.content import ContentStore

_PATIENCE = 2.0
"""Seconds that an interrupted build has to end in order."""


def add_build(verb: ArgumentParser) -> None:
    """Give ``build`` its options."""
    verb.description = (
        "Build the image of a locked Python project: dependencies first, code last. The image's reference is all that"
        " is written to standard output, so that `docker run $(depsfirst build)` works."
    )
    verb.set_defaults(run=_build, verbosity=0)
    verb.add_argument("directory", nargs="?", default=".", metavar="DIR", help="the project (default: here)")
    what = verb.add_argument_group("what goes in")
    add_package(what)
    what.add_argument("--base", metavar="BASE", help="deb:SUITE, oci:DIR[:TAG] or docker-archive:FILE")
    what.add_argument("--platform", metavar="OS/ARCH", help="linux/amd64 or linux/arm64 (default: this machine's)")
    what.add_argument("--group", action="append", default=[], metavar="NAME", help="install this dependency group too")
    what.add_argument("--extra", action="append", default=[], metavar="NAME", help="install this extra too")
    what.add_argument("--index", metavar="URL", help="simple API of the package index (default: uv's or pip's setting)")
    add_system(what)
    what.add_argument(
        "--refresh", action="store_true", help="ask the Debian mirror again, and resolve again what has no lock"
    )
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


def _build(options: Namespace) -> int:
    if _is_external(options):
        from depsfirst.cli.external import build_externally

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
        package=options.package,
        system=tuple(options.system_package),
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
        os._exit(INTERRUPTED)

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
    named |= {"--package": options.package}
    named |= {"--output": options.output, "--tag": options.tag, "DIR": options.directory}
    for name, value in named.items():
        if value == "":
            raise DepsfirstError(f"{name} is empty", hint="give it a value, or leave it out")
