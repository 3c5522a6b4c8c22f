"""Holds what we select from real locks against what their own managers export from them.

    python -m scripts.compare_locks [--tools DIRECTORY] [--sample N] REPOSITORY[@REVISION][:LOCK]…

A repository is a git directory or work tree, read without a checkout; every lock in it is taken, at HEAD or the
revision, and with ``--sample`` at N commits of its history, evenly. For three versions of Python and two platforms, and
for four choices of groups and extras, names, versions, sources and hashes must be the same. Prints a table of the locks
and every difference. ``--tools`` is where uv, poetry, pdm and pipenv are looked for before PATH.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.markers import Evaluator, admits
from depsfirst.project.model import MAIN, Environment
from depsfirst.project.selection import select
from scripts.lock_exports import Choice, Exporter, Package
from scripts.lock_sources import Taken, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.project.model import Lock, LockedPackage, Project

_PYTHONS = ((3, 8, 18), (3, 9, 18), (3, 10, 4), (3, 11, 9), (3, 12, 4), (3, 13, 1), (3, 14, 0))
_PATCHES = (0, 4, 9)
_PLATFORMS = ("linux/amd64", "linux/arm64")
_WANTED = 3


class Outcome(NamedTuple):
    """What came of one lock: comparisons that agree, those both refuse, and the others with what differs."""

    title: str
    format: str
    size: int
    packages: int
    same: int
    refused: int
    differences: tuple[str, ...]
    skipped: str | None = None


def pythons(lock: Lock, project: Project) -> list[tuple[int, int, int]]:
    """Three versions of Python that a lock is made for."""
    allowed = [lock.requires_python, project.requires_python]
    found = [each for each in _PYTHONS if all(admits(text, ".".join(map(str, each))) for text in allowed)]
    if len(found) < _WANTED:
        minors = {(each[0], each[1]) for each in found} or {(3, minor) for minor in range(6, 15)}
        patches = [(*minor, patch) for minor in sorted(minors) for patch in _PATCHES]
        found = [each for each in patches if all(admits(text, ".".join(map(str, each))) for text in allowed)]
    return [found[0], found[len(found) // 2], found[-1]] if len(found) > _WANTED else found


def choices(lock: Lock) -> list[Choice]:
    """Nothing but the main group, all groups, all extras, and all of both; fewer where there are none."""
    groups, extras = tuple(sorted(set(lock.roots) - {MAIN})), tuple(sorted(lock.extras))
    found = [Choice((), ()), Choice(groups, ()), Choice((), extras), Choice(groups, extras)]
    return list(dict.fromkeys(found))


def ours(lock: Lock, environment: Environment, choice: Choice) -> dict[str, Package]:
    """What we select, by name."""
    recipe = select(lock, environment, groups=frozenset({MAIN, *choice.groups}), extras=frozenset(choice.extras))
    return {each.name: _package(each) for each in recipe.third_party}


def _package(package: LockedPackage) -> Package:
    hashes = {file.sha256 for file in package.files if file.sha256} | package.hashes
    direct = package.source.location if package.source.kind in {"git", "url"} else None
    return Package(None if direct else package.version, frozenset(hashes), direct)


def compare(taken: Taken) -> Outcome:
    """One lock, in all environments and choices."""
    name = taken.lock.name
    size = taken.lock.stat().st_size
    try:
        project = discover(taken.directory)
        project = project._replace(lock=taken.lock)
        lock = read_lock(project)
    except DepsfirstError as error:
        return Outcome(taken.title, name, size, 0, 0, 0, (), f"{error}")
    lock = lock._replace(demands=())  # whether it fits a manifest is not what an export tells
    asked = [Environment(python, platform) for python in pythons(lock, project) for platform in _PLATFORMS]
    environments = [each for each in asked if _is_for(lock, each)]
    exporter = Exporter(environments)
    same, refused = 0, 0
    differences: list[str] = []
    for choice in choices(lock):
        for environment in environments:
            said = _difference(lock, environment, choice, exporter, project)
            same += said is None
            refused += said == ""
            if said:
                differences.append(f"{environment.version} {environment.platform} {choice.title}: {said}")
    return Outcome(taken.title, lock.format, size, len(lock.packages), same, refused, tuple(differences))


def _is_for(lock: Lock, environment: Environment) -> bool:
    """Whether a lock is made for an environment; managers export from it all the same."""
    evaluator = Evaluator(environment.markers())
    return not lock.environments or any(evaluator.holds(marker) for marker in lock.environments)


def _difference(
    lock: Lock, environment: Environment, choice: Choice, exporter: Exporter, project: Project
) -> str | None:
    """What differs; None for nothing, empty where both refuse."""
    try:
        mine: dict[str, Package] | None = ours(lock, environment, choice)
        said = ""
    except DepsfirstError as error:
        mine, said = None, str(error)
    theirs = exporter.exported(project, lock, environment, choice)
    if mine is None or isinstance(theirs, str):
        if mine is None and isinstance(theirs, str):
            return ""
        return f"only we refuse: {said}" if mine is None else f"only they refuse: {theirs}"
    wrong = sorted(name for name in mine.keys() | theirs.keys() if not _same(mine.get(name), theirs.get(name)))
    shown = [f"{name} ({_shown(mine.get(name))} / {_shown(theirs.get(name))})" for name in wrong[:4]]
    return f"{len(wrong)} differ, ours / theirs: {', '.join(shown)}" if wrong else None


def _same(mine: Package | None, theirs: Package | None) -> bool:
    if mine is None or theirs is None:
        return False
    return mine.version == theirs.version and mine.direct == theirs.direct and mine.hashes == theirs.hashes


def _shown(package: Package | None) -> str:
    if package is None:
        return "nothing"
    return f"{package.direct or package.version} {len(package.hashes)} hashes"


def _show(outcome: Outcome) -> None:
    state = f"{outcome.same} same, {outcome.refused} refused by both, {len(outcome.differences)} differ"
    head = f"{outcome.format:<16} {outcome.size:>9,} B {outcome.packages:>5}  {outcome.title}: "
    print(head + (f"not read: {outcome.skipped}" if outcome.skipped else state), flush=True)
    print(*(f"    {difference}\n" for difference in outcome.differences[:6]), sep="", end="", flush=True)


def _sum_up(outcomes: Sequence[Outcome], seconds: float) -> int:
    read = [each for each in outcomes if not each.skipped]
    formats = ", ".join(f"{count} {name}" for name, count in sorted(Counter(each.format for each in read).items()))
    same, refused = sum(each.same for each in read), sum(each.refused for each in read)
    wrong = sum(len(each.differences) for each in read)
    print(f"\n{len(outcomes)} locks, {len(read)} read ({formats})")
    print(f"{same} comparisons agree, {refused} are refused by both, {wrong} differ; {seconds:.0f} s")
    return 1 if wrong else 0


def _taken(arguments: Sequence[str], sample: int, scratch: Path) -> Iterator[Taken]:
    for index, argument in enumerate(arguments):
        for number, source in enumerate(sources(argument, sample)):
            yield source.write(scratch / f"{index}-{number}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", action="append", default=[], help="directory with programs, before PATH")
    parser.add_argument("--sample", type=int, default=0, help="commits of each lock's history, besides the last")
    parser.add_argument("repositories", nargs="+")
    options = parser.parse_args()
    os.environ["PATH"] = os.pathsep.join([*options.tools, os.environ["PATH"]])
    began = time.monotonic()
    scratch = Path(tempfile.mkdtemp())
    try:
        outcomes = []
        for taken in _taken(options.repositories, options.sample, scratch):
            outcomes.append(compare(taken))
            _show(outcomes[-1])
        return _sum_up(outcomes, time.monotonic() - began)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
