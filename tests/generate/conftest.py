"""What tests of generated files share: projects written in place, and the files that are made for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.cli.init import Wanted, generated

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.generate.files import Generated

    Write = Callable[..., Path]
    Make = Callable[..., Generated]

FIXTURES = Path(__file__).parents[1] / "project/fixtures"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write({"pyproject.toml": "…"})`` is a directory with these files; ``like`` names a fixture to start from."""

    def written(files: dict[str, str], like: str | None = None, folder: str = "shop") -> Path:
        root = tmp_path / folder
        if like:
            shutil.copytree(FIXTURES / like, root)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return written


@pytest.fixture
def make() -> Make:
    """``make(directory)`` is what is generated for the project in it."""

    return lambda directory, **options: generated(Wanted(directory, **options))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(tmp_path / "cache"))
