"""What tests of generated files share: projects written in place, and the files that are made for them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import absent

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


@pytest.fixture
def buildx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin; every Docker client of the test has it, and nothing of what else the user's client is told."""
    plugin = Path(os.environ.get("DEPSFIRST_TEST_BUILDX") or "")
    if not plugin.is_file():
        absent("docker-buildx is needed: DEPSFIRST_TEST_BUILDX is not set (python3 -m scripts.engines up)")
    folder = tmp_path / "docker" / "cli-plugins"
    folder.mkdir(parents=True)
    (folder / "docker-buildx").symlink_to(plugin)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder.parent))
    return plugin
