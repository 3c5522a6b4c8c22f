"""Runs a program once and says how long it took and how much memory it had."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


UNUSUAL = frozenset({"PYTHONDONTWRITEBYTECODE"})
"""Settings of some machines with which a program is not what it is elsewhere: installed, it has its bytecode."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Wall-clock ``seconds``, the ``peak`` resident set of the program or a child (bytes), and its output."""

    seconds: float
    peak: int
    output: str


def measure(command: Sequence[str], *, variables: Mapping[str, str], log: Path) -> Sample:
    """Run a program to its end; its standard error is added to ``log``.

    Raises:
        SystemExit: it failed.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in UNUSUAL}
    with log.open("ab") as errors:
        errors.write(f"$ {' '.join(command)}\n".encode())
        errors.flush()
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env={**inherited, **variables}, text=True
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f'"{" ".join(command)}" ended with status {process.returncode}: see {log}')
    return Sample(seconds, usage.ru_maxrss * 1024, output)
