"""Copies fixtures to a place of their own, where files exist that git would not keep."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from depsfirst.checks.run import Checker, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from depsfirst.checks.model import Severity

collect_ignore = ["rules"]

HIDDEN, NAMED = "dot.", "as."
"""What a name begins with that git or a tool of this project would not leave alone: ``dot.git``, ``as.__pycache__``."""


def laid_out(source: Path, target: Path) -> Path:
    """A copy of a fixture, where ``dot.git`` is ``.git`` and ``as.x`` is ``x``."""
    shutil.copytree(source, target, symlinks=True)
    for path in sorted(target.rglob(f"{HIDDEN}*"), reverse=True):
        path.rename(path.with_name(path.name.removeprefix("dot")))
    for path in sorted(target.rglob(f"{NAMED}*"), reverse=True):
        path.rename(path.with_name(path.name.removeprefix(NAMED)))
    return target


def checker(*paths: Path, select: tuple[str, ...] | None = None, severity: Severity | None = None) -> Checker:
    """A run over some files or trees."""
    return Checker(Order(paths, select=select, severity=severity))


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """``project({"Dockerfile": "FROM …"})`` makes a directory of its own with these files."""

    def made(files: Mapping[str, str]) -> Path:
        root = tmp_path / "project"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return root

    return made
