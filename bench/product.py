"""depsfirst as people have it: installed into an environment of its own, without the tools of its developers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.projects import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def installed(folder: Path) -> Path:
    """Install this checkout anew into a virtual environment; the program in it.

    The development environment starts more slowly: coverage wants to be asked at every start of Python.
    """
    if folder.exists():
        shutil.rmtree(folder)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    _run(*uv, "venv", "--python", sys.executable, str(folder))
    _run(*uv, "pip", "install", "--compile-bytecode", "--python", str(folder), str(REPOSITORY))
    return folder / "bin" / "depsfirst"


def _run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        sys.exit(f'"{" ".join(command)}" failed')
