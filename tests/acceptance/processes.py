"""Ends a process and everything it started, at once and without warning."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path


def ended_within(seconds: float, process: subprocess.Popen[str]) -> bool:
    """Wait that long for a process, and no longer."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_tree(process: subprocess.Popen[str]) -> None:
    """kill -9 of a process, of its group, and of its descendants in groups and sessions of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGSTOP)  # it starts nothing more while they are counted
    for pid in [process.pid, *descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)


def descendants(pid: int) -> list[int]:
    """Ids of all processes below one."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *descendants(child)]
    return found
