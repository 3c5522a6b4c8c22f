"""Chooses how progress is shown: bars on a terminal, plain lines elsewhere, warnings alone if quiet is wanted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from depsfirst.reports.lines import Lines, Warnings

if TYPE_CHECKING:
    from depsfirst.progress import Progress


def progress_for(verbosity: int) -> Progress:
    """The watcher for this process: -1 quiet, 0 normal, 1 verbose."""
    if verbosity < 0:
        return Warnings()
    if not sys.stderr.isatty():
        return Lines(verbose=verbosity > 0)
    from depsfirst.reports.bars import Bars

    return Bars(verbose=verbosity > 0)
