"""The verbs ``check`` and ``rules`` of the command line; prints as ``cli`` does."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from depsfirst.cli.options import pairs, words
from depsfirst.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from depsfirst.checks.fix import Mended
    from depsfirst.checks.run import Checker, Order, Report

_FEWER_COLLECTIONS = 400_000
"""What is known of a Dockerfile is held until all are judged; there is nothing to collect in it."""


def add_check(verb: ArgumentParser) -> None:
    """Give ``check`` its options."""
    verb.description = (
        "Find what makes an edit of code, version, readme or settings install the dependencies again, and what makes"
        " images larger or slower to build than they need be; and mend it."
    )
    verb.set_defaults(run=_check)
    verb.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="Dockerfiles, or trees (default: here)")
    what = verb.add_argument_group("what is looked for: names, families or patterns of `depsfirst rules`")
    what.add_argument("--select", action="append", default=[], metavar="RULE", help="these rules alone")
    what.add_argument("--ignore", action="append", default=[], metavar="RULE", help="not these rules")
    what.add_argument("--severity", choices=("error", "warning", "note"), help="findings that are at least so grave")
    mend = verb.add_argument_group("mending")
    mend.add_argument("--fix", action="store_true", help="make the fixes that are proven to be safe")
    mend.add_argument("--unsafe-fixes", action="store_true", help="make those that somebody has to look at, too")
    mend.add_argument("--diff", action="store_true", help="show what the fixes would change, and write nothing")
    build = verb.add_argument_group("the build, where what compose, bake and CI files say is not wanted")
    build.add_argument("--context", metavar="DIR", help="the build context")
    build.add_argument("--target", metavar="STAGE", help="the stage to build")
    build.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE", help="a build argument")
    build.add_argument("--build-context", action="append", default=[], metavar="NAME=DIR", help="a named context")
    how = verb.add_argument_group("how")
    how.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text", help="what to print")
    how.add_argument("--exit-zero", action="store_true", help="end with 0 also if there are findings")
    how.add_argument("-v", "--verbose", action="store_true", help="say how each Dockerfile is taken to be built")


def add_rules(verb: ArgumentParser) -> None:
    """Give ``rules`` its options."""
    verb.description = "List the rules of `depsfirst check`, or explain one."
    verb.set_defaults(run=_rules)
    verb.add_argument("name", nargs="?", metavar="RULE", help="the rule to explain")
    verb.add_argument("--format", choices=("text", "json"), default="text", help="what to print")


def _check(options: Namespace) -> int:
    from depsfirst.checks.run import Checker

    gc.set_threshold(_FEWER_COLLECTIONS)
    checker = Checker(_order(options))
    if not (options.fix or options.unsafe_fixes or options.diff):
        return _show(options, checker, checker.report())
    from depsfirst.checks.writing import changes, write

    mended, report = checker.mended(unsafe=options.unsafe_fixes)
    if options.diff:
        from depsfirst.reports.check import as_diff

        difference = as_diff(changes(checker.files, mended.files))
        sys.stdout.write(difference)
        return ExitCode.FINDINGS if difference and not options.exit_zero else ExitCode.CLEAN
    write(checker.files, mended.files)
    return _show(options, checker, report, mended)


def _order(options: Namespace) -> Order:
    from pathlib import Path

    from depsfirst.checks.model import Severity
    from depsfirst.checks.run import Order
    from depsfirst.checks.setup import setup_of

    setup = setup_of(
        options.context,
        options.target,
        pairs(options.build_arg, "--build-arg"),
        pairs(options.build_context, "--build-context"),
    )
    return Order(
        paths=tuple(map(Path, options.paths)),
        select=words(options.select) if options.select else None,
        ignore=words(options.ignore),
        severity=Severity(options.severity) if options.severity else None,
        setup=setup,
    )


def _show(options: Namespace, checker: Checker, report: Report, mended: Mended | None = None) -> int:
    from depsfirst.reports.check import Style, failures, shown_as

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not report.diagnoses:
        print("no Dockerfile is found; `depsfirst init` writes one", file=sys.stderr)
    if report.diagnoses or options.format != "text":
        print(shown_as(options.format, report, mended, checker.files, Style(colour, options.verbose)))
    for diagnosis, message in failures(report) if options.format == "text" else ():
        print(f"{'error' if diagnosis.named else 'skipped'}: {message}", file=sys.stderr)
    code = report.exit_code
    return ExitCode.CLEAN if options.exit_zero and code is ExitCode.FINDINGS else code


def _rules(options: Namespace) -> int:
    from depsfirst.checks.choice import rule_named
    from depsfirst.checks.rules import RULES
    from depsfirst.reports.rules import as_json, as_list, as_page

    if options.name:
        sys.stdout.write(as_page(rule_named(RULES, options.name).load()))
    else:
        print(as_json() if options.format == "json" else as_list())
    return ExitCode.CLEAN
