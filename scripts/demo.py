"""Shows what an edit costs: builds the example, edits it, builds it again, and runs each image.

The example is copied first, and built with an empty cache, so that the first build is a first build.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.runners import find_runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.runners import Runner

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "larder"
WORK = REPOSITORY / ".work" / "demo"
REFERENCE = "depsfirst-demo:latest"


@dataclass(frozen=True, slots=True)
class Step:
    """One build: what was done before it, its seconds, the layers and bytes that were new, what the image says."""

    title: str
    seconds: float
    new_layers: int
    new_bytes: int
    says: str


def main() -> None:
    """Build four times, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="another base than the example's")
    parser.add_argument("--runner", choices=("docker", "podman", "runc"), help="what runs the image")
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    project = WORK / "larder"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    runner = find_runner(options.runner)
    if runner:
        runner.forget(REFERENCE)
    base = ["--base", options.base] if options.base else []
    steps = []
    for title, change in CHANGES.items():
        if change:
            change(project)
        say(title)
        steps.append(build(title, project, runner, base))
    checked = run(runner, "selfcheck")
    for name in ("cache", "podman", "podman-run", "bundle"):
        shutil.rmtree(WORK / name, ignore_errors=True)
    print(checked or "Nothing on this machine can run an image: install Docker or podman to see it run.")
    print(f"\n{table(steps, runner)}")


def build(title: str, project: Path, runner: Runner | None, more: list[str]) -> Step:
    """Build the project as it is now, and ask the image what it is."""
    output = runner.output(WORK) if runner else ["--output", str(WORK / "image.tar")]
    command = [sys.executable, "-m", "depsfirst", "build", str(project), "--tag", REFERENCE, "--format", "json"]
    variables = {**os.environ, "DEPSFIRST_CACHE_DIR": str(WORK / "cache")}
    start = time.perf_counter()
    done = subprocess.run([*command, *output, *more], stdout=subprocess.PIPE, env=variables, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.returncode)
    new: list[dict[str, Any]] = [layer for layer in json.loads(done.stdout)["layers"] if not layer["reused"]]
    return Step(title, seconds, len(new), sum(layer["size"] for layer in new), run(runner, "--version"))


def run(runner: Runner | None, *arguments: str) -> str:
    """What the image prints; an empty text where nothing can run it."""
    if runner is None:
        return ""
    try:
        return runner.run(REFERENCE, WORK, *arguments)
    except subprocess.CalledProcessError as error:
        return sys.exit(f"the image did not run with {runner.name}: {error.stderr or error}")


def edit(project: Path) -> None:
    """Change a line to one that was never there before."""
    _substitute(project / "src/larder/about.py", r'TAGLINE = ".*"', f'TAGLINE = "edited, {secrets.token_hex(3)}"')


def bump(project: Path) -> None:
    """Raise the version; poetry.lock does not record it."""
    _substitute(project / "pyproject.toml", r'(?m)^version = ".*"', 'version = "1.5.0"')


def _substitute(file: Path, pattern: str, text: str) -> None:
    file.write_text(re.sub(pattern, text, file.read_text(), count=1))


CHANGES: dict[str, Callable[[Path], None] | None] = {
    "first build, nothing cached": None,
    "one line edited": edit,
    "version bumped": bump,
    "nothing changed": None,
}


def table(steps: list[Step], runner: Runner | None) -> str:
    """The steps, a line each."""
    rows = [("build", "seconds", "new layers", "new bytes", f"the image says ({runner.name})" if runner else "")]
    rows += [(s.title, f"{s.seconds:.2f}", str(s.new_layers), f"{s.new_bytes:,}", s.says) for s in steps]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:4], widths[1:4]), row[4]]) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def say(text: str) -> None:
    """Tell what happens."""
    print(f"\n== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
