"""The verb ``why``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError, ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def add_why(verb: ArgumentParser) -> None:
    """Give ``why`` its options."""
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


def _why(options: Namespace) -> int:
    from depsfirst.cache.request import Request, version_of
    from depsfirst.cache.why import why
    from depsfirst.cli.options import pairs
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
