"""What it costs to start: ``depsfirst --version`` against ``python -c pass``.

    python -m bench.startup --runs 40

Both run by turns, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.measure import measure
from bench.product import installed

LIMIT = 1.5


def commands(program: Path) -> dict[str, list[str]]:
    """What is compared; ``program`` is depsfirst in an environment of its own."""
    python = str(program.with_name("python"))
    return {
        "python -c pass": [python, "-c", "pass"],
        "python -m depsfirst --version": [python, "-m", "depsfirst", "--version"],
        "depsfirst --version": [str(program), "--version"],
    }


def main() -> None:
    """Measure, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="samples per figure (default: 40)")
    runs = parser.parse_args().runs
    with TemporaryDirectory() as folder:
        compared = commands(installed(Path(folder) / "venv"))
        times: dict[str, list[float]] = {name: [] for name in compared}
        for turn in range(runs + 1):
            for name, command in compared.items():
                sample = measure(command, variables={}, log=Path(folder) / "log")
                if turn:  # the first turn writes bytecode
                    times[name].append(sample.seconds)
    bare = median(times["python -c pass"])
    print(f"| start | median of {runs}, ms | of bare Python, at most {LIMIT} |\n| --- | ---: | ---: |")
    for name, samples in times.items():
        print(f"| `{name}` | {median(samples) * 1000:.1f} | {median(samples) / bare:.2f} |")


if __name__ == "__main__":
    main()
