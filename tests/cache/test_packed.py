"""Which edits make another wheel, held against wheels that the backends build before and after."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import uv
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from depsfirst.cache.packed import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BACKENDS = {
    "hatchling": "hatchling.build",
    "poetry-core": "poetry.core.masonry.api",
    "flit-core": "flit_core.buildapi",
    "pdm-backend": "pdm.backend",
    "uv_build": "uv_build",
}
MANIFEST = """[project]
name = "corner-shop"
version = "1.0.0"
description = "A shop"
readme = "README.md"
requires-python = ">=3.9"
dependencies = ["idna>=3"]

[project.scripts]
shop = "corner_shop.main:run"

[tool.ruff]
line-length = 100
"""
FILES: Mapping[str, str] = {
    "README.md": "# Shop\n",
    "NOTES.md": "notes\n",
    "src/corner_shop/__init__.py": '"""Shop."""\n',
    "src/corner_shop/main.py": "def run(): ...\n",
    "tests/test_main.py": "",
    "tool.py": "",
}
EDITS: Mapping[str, tuple[str, str]] = {
    "code": ("src/corner_shop/main.py", "def run(): return 1\n"),
    "a new module": ("src/corner_shop/new.py", "x = 1\n"),
    "readme": ("README.md", "# The shop\n"),
    "notes": ("NOTES.md", "other notes\n"),
    "a test": ("tests/test_main.py", "def test(): ...\n"),
    "a tool": ("tool.py", "x = 1\n"),
    "version": ("pyproject.toml", MANIFEST.replace("1.0.0", "1.0.1")),
    "description": ("pyproject.toml", MANIFEST.replace("A shop", "The shop")),
    "dependency": ("pyproject.toml", MANIFEST.replace("idna>=3", "idna>=3.1")),
    "settings": ("pyproject.toml", MANIFEST.replace("line-length = 100", "line-length = 120")),
}
SURE = {"code", "readme", "version", "description", "dependency", "a new module"}
WHEEL = Wheel("/src", "/src/dist")


def files_of(backend: str) -> dict[str, str]:
    system = f'[build-system]\nrequires = ["{backend}"]\nbuild-backend = "{BACKENDS[backend]}"\n'
    return {**FILES, "pyproject.toml": system + MANIFEST}


def edited(backend: str, edit: str) -> tuple[dict[str, str], str]:
    files = files_of(backend)
    path, text = EDITS[edit]
    system = files["pyproject.toml"].removesuffix(MANIFEST)
    return {**files, path: system + text if path == "pyproject.toml" else text}, path


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Mapping[str, str]], str]:
    """Builds a wheel with the backend itself; its name and the hash of its bytes."""
    home = tmp_path_factory.mktemp("backends")
    variables = {**os.environ, "UV_DEFAULT_INDEX": os.environ.get("UV_DEFAULT_INDEX", PYPI_SIMPLE_ENDPOINT)}
    for words in (
        ("venv", "-q", "-p", sys.executable, str(home / "venv")),
        ("pip", "install", "-q", "-p", str(home / "venv"), *BACKENDS),
    ):
        subprocess.run([uv.find_uv_bin(), *words], check=True, env=variables)

    def built(backend: str, files: Mapping[str, str]) -> str:
        folder = tmp_path_factory.mktemp("shop")
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
            os.utime(folder / name, (1_600_000_000, 1_600_000_000))
        code = f"import {BACKENDS[backend]} as backend; print(backend.build_wheel('dist'))"
        command = [str(home / "venv/bin/python"), "-c", f"import os; os.mkdir('dist'); {code}"]
        path = f"{home / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, "PATH": path}
        )
        name = done.stdout.split()[-1]
        return f"{name} {hashlib.sha256((folder / 'dist' / name).read_bytes()).hexdigest()}"

    return built


@pytest.mark.index
@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_said_to_differ_does(build: Callable[[str, Mapping[str, str]], str], backend: str) -> None:
    before = files_of(backend)
    wheel = build(backend, before)
    assert build(backend, before) == wheel
    for edit in EDITS:
        after, path = edited(backend, edit)
        said = WHEEL.differs([path], before.get, after.get)
        assert not said or build(backend, after) != wheel, edit


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("edit", EDITS)
def test_edits_of_what_every_wheel_holds_are_sure(backend: str, edit: str) -> None:
    after, path = edited(backend, edit)
    assert WHEEL.differs([path], files_of(backend).get, after.get) is (edit in SURE)


@pytest.mark.parametrize(
    ("manifest", "path", "sure"),
    [
        ('[project]\nname = "x"\n[tool.hatch.build.targets.wheel]\npackages = ["py/app"]\n', "py/app/a.py", True),
        ('[project]\nname = "x"\n[tool.hatch.build.targets.wheel]\npackages = ["py/app"]\n', "src/x/a.py", False),
        ('[project]\nname = "x"\n[tool.hatch.build.targets.wheel]\nexclude = ["a.py"]\n', "src/x/a.py", False),
        ('[project]\nname = "x"\n[tool.hatch.build]\nexclude = ["a.py"]\n', "src/x/a.py", False),
        ('[project]\nname = "x"\nreadme = {file = "docs/a.md"}\n', "docs/a.md", True),
        ('[project]\nname = "x"\nreadme = "a.md"\ndynamic = ["readme"]\n', "a.md", False),
        ('[project]\nname = "x"\ndynamic = ["version"]\n', ".git/HEAD", False),
        ("no toml", "src/x/a.py", False),
    ],
)
def test_settings_decide(manifest: str, path: str, *, sure: bool) -> None:
    system = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    files = {"pyproject.toml": system + manifest}
    assert WHEEL.differs([path], files.get, files.get) is sure


def test_another_commit_is_another_version_from_git() -> None:
    manifest = (
        '[project]\nname = "x"\ndynamic = ["version"]\n[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n'
        'build-backend = "hatchling.build"\n'
    )
    assert WHEEL.differs([".git/HEAD"], {"pyproject.toml": manifest}.get, {"pyproject.toml": manifest}.get)


@pytest.mark.parametrize("system", ['[build-system]\nrequires = ["strange"]\nbuild-backend = "strange"\n', ""])
def test_backends_that_are_not_known_say_nothing(system: str) -> None:
    files = {"pyproject.toml": system + MANIFEST}
    assert not WHEEL.differs(["src/corner_shop/main.py", "README.md"], files.get, files.get)
    assert not WHEEL.differs(["README.md"], dict[str, str]().get, dict[str, str]().get)
