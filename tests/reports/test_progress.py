"""What is shown while a build runs: lines where there is no terminal, bars where there is one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from depsfirst.reports import lines
from depsfirst.reports.lines import Lines, Warnings, amount_of, share_of
from depsfirst.reports.progress import progress_for

if TYPE_CHECKING:
    import pytest

PROGRAM = """
import sys
from depsfirst.reports.progress import progress_for
watcher = progress_for({verbosity})
with watcher.task("fetching", 3, "packages") as advance:
    for _ in range(3):
        advance(1)
    watcher.warn("one [bold]is[/bold] old")
    watcher.note("a detail")
    sys.stdin.read()  # until the bar is seen; bars are drawn ten times a second
watcher.warn("the end")
"""


def test_amounts() -> None:
    assert amount_of(61, "packages") == "61 packages"
    assert amount_of(1, "packages") == "1 package"
    assert amount_of(9_700_000, "bytes") == "9.7 MB"
    assert share_of(3, 61, "packages") == "3 of 61 packages"
    assert share_of(0, 1, "packages") == "0 of 1 package"
    assert share_of(1_200_000, 9_700_000, "bytes") == "1.2 of 9.7 MB"
    assert share_of(3, None, "steps") == "3 steps"


def test_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_NEXT_LINE", -1.0)
    watcher = Lines(verbose=False)
    with watcher.task("fetching", 2, "packages") as advance:
        advance(1)
        advance(1)
    with watcher.task("unpacking", None, "steps"):
        pass
    watcher.note("a detail")
    watcher.warn("it is old")
    out, err = capsys.readouterr()
    assert not out
    expected = ["fetching (2 packages)", "  1 of 2 packages", "  2 of 2 packages", "unpacking", "warning: it is old"]
    assert err.splitlines() == expected


def test_the_curious_are_told_more(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(verbose=True).note("a detail")
    assert capsys.readouterr() == ("", "a detail\n")


def test_the_quiet_are_warned(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = progress_for(-1)
    assert type(watcher) is Warnings
    with watcher.task("fetching", 2, "packages") as advance:
        advance(1)
    watcher.note("a detail")
    watcher.warn("it is old")
    assert capsys.readouterr() == ("", "warning: it is old\n")


def on_terminal(verbosity: int, **env: str) -> str:
    """What a program shows on a terminal of its own, which goes on when it has shown the bar."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **env}
    command = [sys.executable, "-c", PROGRAM.format(verbosity=verbosity)]
    said = b""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=theirs, env=env) as process:
        os.close(theirs)
        with suppress(OSError):  # the terminal is gone with its last program
            while data := os.read(ours, 4096):
                said += data
                if b"3 of 3" in said and process.stdin:
                    process.stdin.close()
    os.close(ours)
    assert process.returncode == 0
    return said.decode()


def test_bars_on_a_terminal() -> None:
    said = on_terminal(0)
    assert "3 of 3 packages" in said
    assert "warning: one [bold]is[/bold] old" in said
    assert "a detail" not in said
    assert said.endswith("warning: the end\r\n")
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h"), "the cursor is shown again"


def test_no_colours_if_none_are_wanted() -> None:
    colours = ("\x1b[3", "\x1b[9", "\x1b[38")
    said = on_terminal(1, NO_COLOR="1")
    assert "a detail" in said
    assert not [each for each in colours if each in said]
