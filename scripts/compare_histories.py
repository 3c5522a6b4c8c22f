"""Holds our recipes against the managers' exports along the histories of real repositories.

    python -m scripts.compare_histories [--tools DIRECTORY] [--commits N] REPOSITORY[@REVISION]:LOCK…

For the last N commits that touch a lock or its manifest: wherever what the manager exports for one environment changes,
our recipe must change, and wherever it does not, ours must not. Commits whose lock does not fit their manifest are
counted and passed over, since there a recipe is refused. Prints a row for each lock, and every exception.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import MAIN, Environment
from depsfirst.project.selection import select
from scripts.compare_locks import pythons
from scripts.lock_exports import Choice, Exporter
from scripts.lock_sources import Source, git, sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.project.model import Lock, Project
    from scripts.lock_exports import Package

_MANIFESTS = ("pyproject.toml", "Pipfile", "requirements.in", "requirements.txt", "uv.lock")


class State(NamedTuple):
    """What a commit's lock came to: our digest and the manager's set."""

    commit: str
    digest: str
    exported: frozenset[tuple[str, Package]]


class History(NamedTuple):
    """What a history showed: states compared, commits passed over with why, and exceptions."""

    title: str
    states: tuple[State, ...]
    passed: tuple[str, ...]

    @property
    def steps(self) -> list[tuple[State, State]]:
        """Consecutive states."""
        return list(zip(self.states, self.states[1:], strict=False))

    def steps_with(self, *, changed: bool) -> int:
        """Steps in which what is exported changed, or did not."""
        return sum((before.exported != after.exported) == changed for before, after in self.steps)

    @property
    def exceptions(self) -> list[str]:
        """Steps in which one of the two changed and the other did not."""
        return [
            f"{after.commit[:10]}: {'ours' if before.digest != after.digest else 'the export'} alone changed"
            for before, after in self.steps
            if (before.digest != after.digest) != (before.exported != after.exported)
        ]


def commits(source: Source, most: int) -> list[str]:
    """The last commits that touch a lock or a manifest beside it, the oldest first."""
    folder = PurePosixPath(source.path).parent
    paths = [source.path, *(str(folder / name) for name in _MANIFESTS)]
    words = ("log", "--format=%H", "--no-merges", f"--max-count={most}", source.commit, "--", *paths)
    return git(source.repository, *words).split()[::-1]


def history(source: Source, most: int, scratch: Path) -> History:
    """Walk through the commits of a lock."""
    states, passed = [], []
    target: tuple[int, int, int] | None = None
    for number, commit in enumerate(commits(source, most)):
        directory = scratch / str(number)
        try:
            project, lock = _read(source._replace(commit=commit), directory)
            target = target or pythons(lock, project)[-1]
            states.append(_state(commit, project, lock, Environment(target)))
        except (DepsfirstError, IndexError) as error:
            passed.append(f"{commit[:10]}: {error}")
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return History(source.title, tuple(states), tuple(passed))


def _read(source: Source, directory: Path) -> tuple[Project, Lock]:
    if source.path not in git(source.repository, "ls-tree", "-r", "--name-only", source.commit).splitlines():
        raise DepsfirstError("there is no lock")
    taken = source.write(directory)
    project = discover(taken.directory)._replace(lock=taken.lock)
    return project, read_lock(project)._replace(demands=())


def _state(commit: str, project: Project, lock: Lock, environment: Environment) -> State:
    exported = Exporter([environment]).exported(project, lock, environment, Choice((), ()))
    if isinstance(exported, str):
        raise DepsfirstError(f"no export: {exported}")
    recipe = select(lock, environment, groups=frozenset({MAIN}))
    return State(commit, recipe.digest, frozenset(exported.items()))


def _histories(arguments: list[str], most: int, scratch: Path) -> Iterator[History]:
    for argument in arguments:
        for source in sources(argument, 0):
            yield history(source, most, scratch)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", action="append", default=[], help="directory with programs, before PATH")
    parser.add_argument("--commits", type=int, default=40, help="commits of each history (default: 40)")
    parser.add_argument("repositories", nargs="+")
    options = parser.parse_args()
    os.environ["PATH"] = os.pathsep.join([*options.tools, os.environ["PATH"]])
    began, wrong = time.monotonic(), 0
    scratch = Path(tempfile.mkdtemp())
    try:
        for each in _histories(options.repositories, options.commits, scratch):
            wrong += len(each.exceptions)
            counts = f"{each.steps_with(changed=True)} changed, {each.steps_with(changed=False)} did not"
            print(f"{each.title}: {len(each.steps)} steps, {counts}; {len(each.exceptions)} exceptions", end="")
            print(f", {len(each.passed)} passed over", flush=True)
            print(*(f"    {line}\n" for line in (*each.exceptions, *each.passed[:4])), sep="", end="", flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{wrong} exceptions; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
