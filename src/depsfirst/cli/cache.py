"""The verb ``cache``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.errors import ExitCode

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_DAY = 86400


def add_cache(verb: ArgumentParser) -> None:
    """Give ``cache`` its actions."""
    verb.set_defaults(run=_cache)
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    actions.add_parser("dir", help="print where the cache is")
    actions.add_parser("size", help="print what it holds")
    prune = actions.add_parser("prune", help="remove what was not used lately")
    prune.add_argument(
        "--unused-for",
        type=float,
        default=30.0,
        metavar="DAYS",
        help="remove what no build used for so long (default: 30)",
    )
    prune.add_argument("--all", action="store_true", help="remove everything")


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
