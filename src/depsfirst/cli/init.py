"""The verb ``init``: a Dockerfile for a project, from the plan that ``build`` has."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from depsfirst.cli.options import add_package, add_system, project_directory
from depsfirst.errors import DepsfirstError, ExitCode
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from depsfirst.generate.files import Generated


class Wanted(NamedTuple):
    """What a person asks for; None where the project's settings or a default decide, as in ``plan.Order``."""

    directory: Path
    base: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    index_url: str | None = None
    platform: str | None = None
    system: tuple[str, ...] = ()


def add_init(verb: ArgumentParser) -> None:
    """Give ``init`` its options."""
    verb.description = (
        "Write a Dockerfile for a project, and the ignore file that belongs to it: dependencies first in the build and"
        " in the image. Both are yours to edit; nothing is written over what is there."
    )
    verb.set_defaults(run=_init)
    verb.add_argument("directory", nargs="?", default=".", metavar="DIR", help="the project (default: here)")
    what = verb.add_argument_group("what goes in")
    add_package(what)
    what.add_argument("--base", metavar="IMAGE", help="what to begin from (default: python:X.Y-slim that fits)")
    what.add_argument("--group", action="append", default=[], metavar="NAME", help="install this dependency group too")
    what.add_argument("--extra", action="append", default=[], metavar="NAME", help="install this extra too")
    what.add_argument("--index", metavar="URL", help="simple API of the package index")
    add_system(what)
    verb.add_argument(
        "--bake",
        action="store_true",
        help="also for the other projects of the workspace, with a docker-bake.hcl for all",
    )
    kind = verb.add_argument_group("how").add_mutually_exclusive_group()
    kind.add_argument("--diff", action="store_true", help="show what would change; end with 1 if anything would")
    kind.add_argument("--force", action="store_true", help="replace files that are there")


def _init(options: Namespace) -> int:
    from depsfirst.generate.writing import difference, write

    given = {"--base": options.base, "--index": options.index, "DIR": options.directory, "--package": options.package}
    for name, value in given.items():
        if value == "":
            raise DepsfirstError(f"{name} is empty", hint="give it a value, or leave it out")
    if options.bake:
        from depsfirst.cli.bake import init_all

        return init_all(options)
    made = generated(wanted_of(options))
    for note in made.notes:
        print(f"warning: {note}", file=sys.stderr)
    if options.diff:
        text = difference(made.files)
        print(text, end="")
        return ExitCode.FINDINGS if text else ExitCode.CLEAN
    _say(write(made.files, force=options.force), made)
    return ExitCode.CLEAN


def wanted_of(options: Namespace, platform: str | None = None) -> Wanted:
    """What the options ask for, of ``init`` or of a build with the Dockerfile that it would write."""
    groups, extras, system = tuple(options.group), tuple(options.extra), tuple(options.system_package)
    return Wanted(project_directory(options), options.base, groups, extras, options.index, platform, system)


def generated(wanted: Wanted) -> Generated:
    """The files for the project in a directory.

    Raises:
        DepsfirstError: there is no project, or it cannot be written as a Dockerfile.
    """
    from depsfirst.content import ContentStore, default_root
    from depsfirst.engines.planning import make_plan
    from depsfirst.generate.files import generate, image_for
    from depsfirst.plan import Order
    from depsfirst.project.discover import discover

    project = discover(wanted.directory)
    order = Order(
        directory=wanted.directory,
        base=image_for(project, wanted.base),
        platform=wanted.platform,
        groups=wanted.groups,
        extras=wanted.extras,
        index_url=wanted.index_url,
        system=wanted.system,
    )
    return generate(make_plan(order, project, ContentStore(default_root())))


def _say(written: tuple[Path, ...], made: Generated) -> None:
    here = os.path.relpath(made.context)
    for path in written:
        print(f"wrote {os.path.relpath(path)}", file=sys.stderr)
    if not written:
        print("all of it is there already", file=sys.stderr)
    file = "" if made.dockerfile.parent == made.context else f" --file {os.path.relpath(made.dockerfile)}"
    secret = " --secret id=netrc,src=$HOME/.netrc" if made.secret else ""
    print(f"build it: docker build{file}{secret} {here}", file=sys.stderr)
