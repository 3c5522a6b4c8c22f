"""Projects for the acceptance tests: written in place, locked by the real managers when a test runs."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from tests.conftest import program, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CLI = '''"""What the shop says."""

from importlib.metadata import version
from importlib.resources import files

import click


@click.command()
@click.argument("words", nargs=-1)
def main(words: tuple[str, ...]) -> None:
    motto = files("shop").joinpath("motto.txt").read_text().strip()
    click.echo(" ".join([f"shop {version('shop')}: {motto}", *words]))
'''

README = "# Shop\n\nSells things.\n"

FILES: Mapping[str, str] = {
    "README.md": README,
    "src/shop/__init__.py": "",
    "src/shop/cli.py": CLI,
    "src/shop/motto.txt": "open all hours\n",
}

BACKENDS = {
    "flit": '[build-system]\nrequires = ["flit_core>=3.12"]\nbuild-backend = "flit_core.buildapi"\n',
    "poetry": '[build-system]\nrequires = ["poetry-core>=2.0"]\nbuild-backend = "poetry.core.masonry.api"\n',
    "setuptools": '[build-system]\nrequires = ["setuptools>=80"]\nbuild-backend = "setuptools.build_meta"\n',
}


def manifest(dependencies: Iterable[str], *, name: str = "shop", backend: str = "flit", more: str = "") -> str:
    """A pyproject.toml; ``more`` is added to its end."""
    listed = "".join(f'    "{each}",\n' for each in dependencies)
    return f"""\
{BACKENDS[backend]}
[project]
name = "{name}"
version = "1.0.0"
description = "A shop."
readme = "README.md"
license = "Apache-2.0"
requires-python = ">=3.11"
authors = [{{ name = "Ada", email = "ada@shop.example" }}]
dependencies = [
{listed}]

[project.scripts]
{name} = "{name}.cli:main"

[project.urls]
Homepage = "https://shop.example"
{more}"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a directory; its path."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def replace(path: Path, pattern: str, text: str) -> None:
    """Replace the one place that a pattern matches."""
    new, count = re.subn(pattern, text, path.read_text(), flags=re.MULTILINE)
    assert count == 1, (path, pattern, count)
    path.write_text(new)


def uv(*words: str | Path, index: str | None = None, cwd: Path | None = None) -> str:
    """Run uv, with another index than the user's if one is given."""
    variables = {**os.environ, "UV_NO_PROGRESS": "1"}
    variables |= {"UV_DEFAULT_INDEX": index} if index else {}
    return run(sys.executable, "-m", "uv", *words, env=variables, cwd=cwd)


def uv_lock(root: Path, *, index: str | None = None) -> Path:
    """Lock with uv."""
    uv("lock", "--quiet", "--directory", root, index=index)
    return root


def uv_requirements(root: Path, *, hashes: bool) -> str:
    """The main group of a uv.lock as a requirements file."""
    how = [] if hashes else ["--no-hashes"]
    words = ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-local", "--no-header", *how]
    return uv(*words, "--format", "requirements-txt", "--directory", root)


def poetry_lock(root: Path) -> Path:
    """Lock with Poetry, from the simple index."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    mirror = os.environ.get("POETRY_PYPI_MIRROR_URL", PYPI_SIMPLE_ENDPOINT)
    settings = {"POETRY_PYPI_MIRROR_URL": mirror, "POETRY_VIRTUALENVS_CREATE": "0", "POETRY_NO_INTERACTION": "1"}
    run(program("poetry"), "lock", "--quiet", cwd=root, env={**os.environ, **settings})
    return root


def shop(root: Path, index: str, *dependencies: str, name: str = "shop", more: str = "") -> Path:
    """A project with these dependencies, locked by uv from an index."""
    files = {path.replace("shop", name): text.replace("shop", name) for path, text in FILES.items()}
    write(root, files)
    (root / "pyproject.toml").write_text(manifest(dependencies, name=name, more=more))
    return uv_lock(root, index=index)
