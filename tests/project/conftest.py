"""What tests of projects share: directories written in place, and the errors of bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import MAIN, Environment, Lock
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write({"pyproject.toml": "…"})`` is a directory with these files; a key may have folders in it."""

    def written(files: dict[str, str], folder: str = "shop") -> Path:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return written


@pytest.fixture
def refused() -> Refused:
    """``refused(function, …)`` is the error that a call ends in."""

    def error_of(function: Callable[..., Any], *arguments: Any, **options: Any) -> DepsfirstError:
        with pytest.raises(DepsfirstError) as caught:
            function(*arguments, **options)
        return caught.value

    return error_of


@pytest.fixture
def chosen() -> Chosen:
    """``chosen(lock, (3, 12, 1), groups=…, extras=…)`` is what is selected, as sorted ``name==version``."""

    def titles(
        lock: Lock | Path,
        python: tuple[int, int, int] = (3, 12, 1),
        platform: str = "linux/amd64",
        *,
        groups: tuple[str, ...] = (MAIN,),
        extras: tuple[str, ...] = (),
    ) -> list[str]:
        read = lock if isinstance(lock, Lock) else read_lock(discover(lock))
        recipe = select(read, Environment(python, platform), groups=frozenset(groups), extras=frozenset(extras))
        return sorted(
            f"{package.name}=={package.version}" if package.source.kind == "index" else package.name
            for package in recipe.third_party + recipe.first_party
        )

    return titles
