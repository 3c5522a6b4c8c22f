"""Mends real Dockerfiles out of the histories of git repositories, and holds what comes of them against the promises.

    python -m scripts.mend_histories [--most N] [--each N] [--scratch DIRECTORY] REPOSITORY…

Each Dockerfile that installs packages of Python is written with the files of its commit into a scratch directory and
mended twice, with the safe fixes and with all. What comes of it has to be read by BuildKit's own parser (the package
``dockerfile``), no edit of code, version, readme or settings may install more than before, each change compared in full
by the cache model, and mending it again must change nothing. Prints counts, and each promise that is not kept.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import dockerfile  # type: ignore[import-not-found]
from depsfirst.cache.model import Status
from depsfirst.checks.run import Checker, Order
from depsfirst.checks.setup import subjects_of
from depsfirst.checks.subject import CHANGES
from depsfirst.checks.writing import changes, write
from depsfirst.errors import DepsfirstError
from scripts.exported_trees import TooLargeError, blobs, dockerfile_versions, export, repository_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.checks.fix import Mended

_INSTALLS = re.compile(rb"(?i)\b(pip3?|uv|poetry|pdm|pipenv|conda|mamba|pixi)\b")
_WEIGHT = {Status.CACHED: 0, Status.UNKNOWN: 1, Status.RERUNS: 2}

Costs = dict[tuple[int, str], int]
"""By the number of the build and the edit: 2 for each install that runs again, 1 where it is not known."""


class Version(NamedTuple):
    """A Dockerfile at a commit."""

    repository: Path
    commit: str
    path: str

    @property
    def title(self) -> str:
        """Repository, commit and path."""
        return f"{repository_name(self.repository)}@{self.commit[:10]}:{self.path}"


class Tally:
    """What came of all of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.faults: list[str] = []

    def fault(self, title: str, what: str) -> None:
        """Keep and print a promise that is broken."""
        self.faults.append(f"{title}: {what}")
        print(f"    {self.faults[-1]}", flush=True)


def parses(text: str) -> str | None:
    """Why BuildKit's parser refuses a text; None if it does not."""
    try:
        dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        return str(error)
    return None


def costs(checker: Checker) -> Costs:
    """What each edit installs again, for each way a Dockerfile is built."""
    found: Costs = {}
    for number, subject in enumerate(
        subjects_of(checker.invocations(checker.candidates[0], checker.files), checker.files)
    ):
        for change in CHANGES:
            outcomes = {id(each.step.instruction.syntax): each for each in subject.reruns(change).outcomes}
            statuses = [outcomes[id(step.instruction.syntax)].status for step in subject.installing]
            found[number, change] = sum(_WEIGHT[status] for status in statuses)
    return found


def worse(before: Costs, after: Costs) -> Iterator[str]:
    """Each edit that installs more after than before."""
    if len(before) != len(after):
        yield f"there were {len(before)} answers and are {len(after)}"
    for (number, change), cost in after.items():
        if cost > before.get((number, change), cost):
            yield f"{change} of build {number} costs {cost}, was {before[number, change]}"


def _checker(path: Path) -> Checker:
    return Checker(Order((path,)))


def judge(path: Path, title: str, tally: Tally) -> None:
    """Mend one Dockerfile in both ways, and look at what comes of it."""
    checker = _checker(path)
    diagnosis = checker.diagnose(checker.candidates[0], checker.files)
    if diagnosis.failure:
        tally.counts["not judged"] += 1
        return
    tally.counts["judged"] += 1
    tally.counts["findings"] += len(diagnosis.findings)
    before = costs(checker)
    for unsafe in (False, True):
        kind = "with unsafe fixes" if unsafe else "safe"
        fresh = _checker(path)
        mended, _ = fresh.mended(unsafe=unsafe)
        _count(mended, tally, unsafe=unsafe)
        differences = list(changes(fresh.files, mended.files))
        if not differences:
            continue
        tally.counts[f"mended, {kind}"] += 1
        write(fresh.files, mended.files)
        try:
            for what in _broken(path, before, unsafe=unsafe):
                tally.fault(title, f"{kind}: {what}")
        finally:
            _restore(differences)


def _count(mended: Mended, tally: Tally, *, unsafe: bool) -> None:
    if unsafe:
        tally.made.update(finding.rule for finding, _ in mended.made)
        tally.refused.update(f"{each.finding.rule}: {each.reason}" for each in mended.refused)


def _broken(path: Path, before: Costs, *, unsafe: bool) -> Iterator[str]:
    """The promises that a mended Dockerfile does not keep."""
    if refusal := parses(path.read_bytes().decode(errors="replace")):
        yield f"BuildKit's parser refuses it: {refusal}"
    checker = _checker(path)
    yield from worse(before, costs(checker))
    again, _ = checker.mended(unsafe=unsafe)
    for changed, _, _ in changes(checker.files, again.files):
        rules = sorted({finding.rule for finding, _ in again.made})
        yield f'mending it again changes "{changed.name}" ({", ".join(rules)})'


def _restore(differences: list[tuple[Path, str | None, str]]) -> None:
    for path, old, _ in differences:
        if old is None:
            path.unlink()
        else:
            path.write_bytes(old.encode(errors="surrogateescape"))


def versions(repository: Path, each: int) -> Iterator[Version]:
    """Dockerfiles of a history that install packages of Python, and that BuildKit can read."""
    listed = dockerfile_versions(repository, each * 4)
    contents = blobs(repository, (identity for _, _, identity in listed))
    for commit, path, identity in listed:
        text = contents.get(identity, b"")
        if _INSTALLS.search(text) and parses(text.decode(errors="replace")) is None:
            yield Version(repository, commit, path)


def by_turns(repositories: list[Path], each: int) -> Iterator[Version]:
    """The first of each repository, then the second of each."""
    spread = zip_longest(*(islice(versions(repository, each), each) for repository in repositories))
    return (version for version in chain.from_iterable(spread) if version)


def judge_all(found: Iterator[Version], most: int, scratch: Path | None, tally: Tally) -> None:
    """Judge Dockerfiles until there are enough of them."""
    for version in found:
        if tally.counts["judged"] >= most:
            break
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            folder = Path(name) / "tree"
            try:
                export(version.repository, version.commit, folder)
                judge(folder / version.path, version.title, tally)
            except TooLargeError:
                tally.counts["too large"] += 1
            except (DepsfirstError, OSError) as error:
                tally.fault(version.title, str(error))
            except Exception:  # noqa: BLE001 - whatever is raised is a fault of ours, and the next one is looked at
                tally.fault(version.title, traceback.format_exc())


def _print(counts: Mapping[str, int], title: str) -> None:
    print(f"\n| {title} | |\n| --- | ---: |")
    for name, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"| {name} | {number} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=200, help="Dockerfiles in all (default: 200)")
    parser.add_argument("--each", type=int, default=6, help="Dockerfiles of each repository (default: 6)")
    parser.add_argument("--scratch", type=Path, help="where trees are written, each of them gone again")
    parser.add_argument("repositories", nargs="+", type=Path)
    options = parser.parse_args()
    tally, began = Tally(), time.monotonic()
    judge_all(by_turns(options.repositories, options.each), options.most, options.scratch, tally)
    _print(tally.counts, "Dockerfiles")
    _print(tally.made, "fixes made, unsafe ones too")
    _print(tally.refused, "fixes refused")
    print(f"\n{len(tally.faults)} promises broken; {time.monotonic() - began:.0f} s")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
