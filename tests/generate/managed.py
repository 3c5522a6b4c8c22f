"""Small projects of every manager whose locks are made when a test runs, and the edits that people make to them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pypi_simple import PYPI_SIMPLE_ENDPOINT
from tests.conftest import absent

PROJECT = """\
[project]
name = "shop"
version = "1.0.0"
description = "Sells things"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["click>=8.1", "markupsafe>=3"]
"""
SCRIPTS = '\n[project.scripts]\nshop = "shop.main:main"\n'
DEV = '\n[dependency-groups]\ndev = ["mccabe"]\n'
RUFF = "\n[tool.ruff]\nline-length = 100\n"
HATCHLING = '\n[build-system]\nrequires = ["hatchling>=1.27"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '\n[build-system]\nrequires = ["setuptools>=70"]\nbuild-backend = "setuptools.build_meta"\n'
SETUPTOOLS += '\n[tool.setuptools.package-data]\nshop = ["data/*.csv"]\n'
POETRY = '\n[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
PDM = '\n[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
MAIN = """\
from importlib.resources import files

import click
import markupsafe


@click.command()
def main() -> None:
    prices = files("shop").joinpath("data/prices.csv").read_text().strip()
    click.echo(f"shop 1: {markupsafe.escape(prices)}")
"""
PACKAGE = {
    "src/shop/__init__.py": "",
    "src/shop/main.py": MAIN,
    "src/shop/data/prices.csv": "tea,1\n",
    "README.md": "# Shop\n",
}
TREE = {
    "main.py": 'import click\nimport markupsafe\n\nclick.echo(f"shop 1: {markupsafe.escape(0)}")\n',
    "README.md": "# Shop\n",
    "templates/{{ name }}.py": "class {{ name }}: pass\n",
    "older/report.py": "print 'for Python 2'\n",
}
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
    execute_from_command_line(sys.argv)
"""
PIPFILE = """\
[[source]]
url = "INDEX"
verify_ssl = true
name = "main"

[packages]
click = ">=8.1"
markupsafe = ">=3"

[dev-packages]
mccabe = "*"

[requires]
python_version = "3.11"
"""
WORKSPACE = """\
[tool.uv.workspace]
members = ["apps/*", "libs/*"]
"""
MEMBER = PROJECT.replace('"click>=8.1"', '"click>=8.1", "shelf"') + SCRIPTS + DEV + RUFF + HATCHLING
SHELF = '[project]\nname = "shelf"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["idna>=3"]\n' + HATCHLING
OTHER = (
    '[project]\nname = "office"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["colorama"]\n' + HATCHLING
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of project.

    Attributes:
        files: text by path.
        lock: commands that lock it; the first word of each is a program.
        project: its directory.
        code: the module that is edited.
        manifest: the file that has version and settings of tools.
        requires: the file that has the requirements.
    """

    files: dict[str, str]
    lock: tuple[tuple[str, ...], ...]
    project: str = "."
    code: str = "src/shop/main.py"
    manifest: str = "pyproject.toml"
    requires: str = "pyproject.toml"


KINDS = {
    "uv": Kind({"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + HATCHLING, **PACKAGE}, (("uv", "lock"),)),
    "poetry": Kind({"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + POETRY, **PACKAGE}, (("poetry", "lock"),)),
    "pdm": Kind({"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + PDM, **PACKAGE}, (("pdm", "lock", "-q"),)),
    "pipenv": Kind(
        {
            "Pipfile": PIPFILE.replace("INDEX", PYPI_SIMPLE_ENDPOINT.rstrip("/")),
            "pyproject.toml": PROJECT.partition("dependencies")[0] + RUFF,
            **TREE,
        },
        (("pipenv", "lock"),),
        code="main.py",
        requires="Pipfile",
    ),
    "requirements": Kind(
        {"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + SETUPTOOLS, **PACKAGE},
        (
            ("uv", "pip", "compile", "-q", "--generate-hashes", "pyproject.toml", "-o", "requirements.txt"),
            ("uv", "pip", "compile", "-q", "--generate-hashes", "--group", "dev", "-o", "requirements-dev.txt"),
        ),
    ),
    "pylock": Kind(
        {"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + HATCHLING, **PACKAGE},
        (
            (
                "uv",
                "pip",
                "compile",
                "-q",
                "--universal",
                "-p3.11",
                "--format",
                "pylock.toml",
                "pyproject.toml",
                "-o",
                "pylock.toml",
            ),
        ),
    ),
    "tree": Kind({"pyproject.toml": PROJECT + DEV + RUFF, **TREE}, (("uv", "lock"),), code="main.py"),
    "source": Kind(
        {
            "pyproject.toml": PROJECT + DEV + RUFF,
            "src/main.py": "import shop.main\n\nshop.main.main()\n",
            **PACKAGE,
            "src/shop/tables/prices.csv": "tea,1\n",
            "tests/test_shop.py": "import pytest\n",
            "docs/index.md": "# Shop\n",
            ".env": "SHOP_SECRET=1\n",
        },
        (("uv", "lock"),),
    ),
    "django": Kind(
        {
            "requirements.in": "django\n",
            "manage.py": MANAGE,
            "site_/__init__.py": "",
            "site_/settings.py": 'SECRET_KEY = "for tests"\nINSTALLED_APPS = ["blog"]\n',
            "blog/__init__.py": "",
            "blog/apps.py": "from django.apps import AppConfig\n\n\nclass Blog(AppConfig):\n    name = 'blog'\n",
            "blog/static/logo.svg": "<svg/>\n",
        },
        (("uv", "pip", "compile", "-q", "--generate-hashes", "requirements.in", "-o", "requirements.txt"),),
        code="blog/apps.py",
        requires="requirements.in",
    ),
    "unlocked": Kind({"pyproject.toml": PROJECT + SCRIPTS + DEV + RUFF + HATCHLING, **PACKAGE}, ()),
    "workspace": Kind(
        {
            "pyproject.toml": WORKSPACE,
            "apps/shop/pyproject.toml": MEMBER + "\n[tool.uv.sources]\nshelf = { workspace = true }\n",
            **{f"apps/shop/{name}": text for name, text in PACKAGE.items()},
            "libs/shelf/pyproject.toml": SHELF,
            "libs/shelf/src/shelf/__init__.py": "import idna\n",
            "apps/office/pyproject.toml": OTHER,
            "apps/office/src/office/__init__.py": "",
        },
        (("uv", "lock"),),
        project="apps/shop",
        code="apps/shop/src/shop/main.py",
        manifest="apps/shop/pyproject.toml",
        requires="apps/shop/pyproject.toml",
    ),
}


class Managed:
    """A project in a directory, locked by its manager.

    Args:
        kind: what it is.
        root: an empty directory.
    """

    def __init__(self, kind: Kind, root: Path) -> None:
        self.kind = kind
        self.root = root
        for name, text in kind.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.lock()

    @property
    def project(self) -> Path:
        """The project's directory."""
        return self.root / self.kind.project

    def lock(self) -> None:
        """Lock, as its manager does it."""
        settings = {
            "POETRY_PYPI_MIRROR_URL": PYPI_SIMPLE_ENDPOINT,
            "POETRY_VIRTUALENVS_CREATE": "false",
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
            "PDM_CHECK_UPDATE": "0",
            "PDM_PYPI_URL": PYPI_SIMPLE_ENDPOINT,
            "PIPENV_IGNORE_VIRTUALENVS": "1",
            "PIPENV_VERBOSITY": "-1",
            "PIPENV_PYTHON": sys.executable,
            "WORKON_HOME": str(self.root.parent / "environments"),
            "PYTHONWARNINGS": "ignore",
        }
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | settings
        for program, *words in self.kind.lock:
            path = shutil.which(program, path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
            if path is None:
                absent(f'the program "{program}" is needed')
            done = subprocess.run(
                [path, *words], cwd=self.root, env=environment, capture_output=True, text=True, timeout=600, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file."""
        path = self.root / name
        text = path.read_text()
        assert old in text, name
        path.write_text(text.replace(old, new, 1))

    def edit_code(self) -> None:
        self.edit(self.kind.code, "shop 1", "shop 11")

    def bump_version(self) -> None:
        self.edit(self.kind.manifest, 'version = "1.0.0"', 'version = "1.1.0"')
        self.lock()

    def set_linter(self) -> None:
        self.edit(self.kind.manifest, "line-length = 100", "line-length = 88")

    def edit_readme(self) -> None:
        readme = self.project / "README.md"
        readme.write_text(f"{readme.read_text()}\nMore.\n")

    def bump_development(self) -> None:
        pipenv = self.kind.requires == "Pipfile"
        self.edit(
            self.kind.requires,
            'mccabe = "*"' if pipenv else '"mccabe"',
            'mccabe = "<0.7"' if pipenv else '"mccabe<0.7"',
        )
        self.lock()

    def add_dependency(self) -> None:
        pipenv = self.kind.requires == "Pipfile"
        if pipenv:
            self.edit("Pipfile", "[packages]\n", '[packages]\niniconfig = "*"\n')
        else:
            self.edit(self.kind.requires, '"markupsafe>=3"', '"markupsafe>=3", "iniconfig"')
        self.lock()
