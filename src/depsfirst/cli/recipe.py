"""The verb ``recipe``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from depsfirst.cli.options import add_package, project_directory
from depsfirst.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_OPEN_ENDED = (
    "has pins without hashes: these are all that is told here; what their packages require besides is resolved and"
    " installed by `depsfirst build`, as pip does it (lock with hashes for a recipe that is whole)"
)


def add_recipe(verb: ArgumentParser) -> None:
    """Give ``recipe`` its options."""
    verb.description = (
        "Print the recipe of a project: the third-party packages that its lock installs for one environment, in one"
        " order and one form, whatever the lock. Equal recipes give equal dependency layers."
    )
    verb.set_defaults(run=_recipe)
    verb.add_argument("directory", nargs="?", default=".", metavar="DIR", help="the project (default: here)")
    add_package(verb)
    verb.add_argument("--group", action="append", default=[], metavar="NAME", help="take this dependency group too")
    verb.add_argument("--extra", action="append", default=[], metavar="NAME", help="take this extra too")
    verb.add_argument("--platform", metavar="OS/ARCH", help="linux/amd64 or linux/arm64 (default: this machine's)")
    verb.add_argument(
        "--python",
        metavar="VERSION",
        help="as 3.13 or 3.13.1 (default: .python-version, else that of the base that an image would have)",
    )
    verb.add_argument(
        "--format",
        choices=("requirements", "pylock", "json"),
        default="requirements",
        help="requirements with hashes, a pylock.toml for this environment, or an object for programs",
    )
    verb.add_argument("--diff", metavar="REV", help="print what changed since this commit instead; no checkout is made")


def _recipe(options: Namespace) -> int:
    from depsfirst.reports import recipe
    from depsfirst.reports.recipes import Wanted, selected, selected_before

    wanted = Wanted(
        project_directory(options), tuple(options.group), tuple(options.extra), options.platform, options.python
    )
    now = selected(wanted)
    if now.open_ended:
        print(f"warning: {now.lock} {_OPEN_ENDED}", file=sys.stderr)
    if options.diff is None:
        formats = {"requirements": recipe.as_requirements, "pylock": recipe.as_pylock, "json": recipe.as_json}
        text = formats[options.format](now)
    else:
        before = selected_before(wanted, now, options.diff)
        shown = recipe.diff_as_json if options.format == "json" else recipe.diff_as_text
        text = shown(before, now, options.diff)
    print(text.removesuffix("\n"))
    return ExitCode.CLEAN
