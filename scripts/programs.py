"""Runs programs within a time, and tells a person what happens."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import NoReturn


def run(command: Sequence[str], *, seconds: float, variables: dict[str, str] | None = None) -> None:
    """Run a program within a time; its output is shown only if it fails."""
    try:
        done = subprocess.run(
            command,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(variables or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        fail(f'"{" ".join(command)}" took longer than {seconds:.0f} s')
    if done.returncode:
        fail(f'"{" ".join(command)}" ended with status {done.returncode}', done.stdout[-2000:])


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def say(text: str) -> None:
    """Tell what happens, on standard error."""
    print(f"engines: {text}", file=sys.stderr, flush=True)


def fail(text: str, more: str = "") -> NoReturn:
    """End the program with a sentence and what may help."""
    sys.exit(f"engines: {text}" + (f"\n{more}" if more else ""))
