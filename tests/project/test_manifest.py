from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.project.manifest import read_manifest
from depsfirst.project.model import BuildSystem, Project
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError

ROOT = Path("/srv/my shop")
SETUPTOOLS = BuildSystem(("setuptools>=40.8.0",), "setuptools.build_meta:__legacy__")


def read(text: str, **more: Any) -> Project:
    return read_manifest(ROOT, ROOT / "uv.lock", parse(text, "pyproject.toml"), **more)


def test_the_words_of_pep_621() -> None:
    project = read("""
        [project]
        name = "Larder.Shop"
        version = "1.4.0"
        description = "Stock and orders."
        readme = "README.md"
        license = "Apache-2.0"
        requires-python = ">=3.11"
        authors = [
            {name = "A", email = "a@shop.example"}, {name = "B"}, {email = "c@shop.example"}, {},
        ]
        urls = {Homepage = "https://shop.example"}
        scripts = {larder = "larder.cli:app"}
        gui-scripts = {larder-gui = "larder.gui:app"}
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"
        backend-path = ["."]
        [tool.depsfirst]
        base = "deb:trixie"
        """)
    assert (project.name, project.version, project.description) == ("Larder.Shop", "1.4.0", "Stock and orders.")
    assert (project.readme, project.license, project.requires_python) == ("README.md", "Apache-2.0", ">=3.11")
    assert project.authors == ("A <a@shop.example>", "B", "c@shop.example")
    assert project.urls == {"Homepage": "https://shop.example"}
    assert project.scripts == {"larder": "larder.cli:app"}
    assert project.gui_scripts == {"larder-gui": "larder.gui:app"}
    assert project.build_system == BuildSystem(("hatchling",), "hatchling.build", (".",))
    assert project.settings == {"base": "deb:trixie"}
    assert project.pyproject["project"]["name"] == "Larder.Shop"
    assert project.manifest == ROOT / "pyproject.toml"


def test_the_words_of_poetry() -> None:
    project = read("""
        [tool.poetry]
        name = "larder"
        version = "1.4.0"
        description = "Stock and orders."
        readme = ["README.md", "CHANGES.md"]
        license = "MIT"
        authors = ["A <a@shop.example>"]
        homepage = "https://shop.example"
        repository = "https://git.example/larder"
        [tool.poetry.urls]
        Bugs = "https://bugs.example"
        [tool.poetry.dependencies]
        python = "^3.11"
        [tool.poetry.scripts]
        larder = "larder.cli:app"
        old = {callable = "larder.old:app"}
        new = {reference = "larder.new:app", type = "console"}
        file = {reference = "bin/larder.sh", type = "file"}
        """)
    assert (project.name, project.version, project.description) == ("larder", "1.4.0", "Stock and orders.")
    assert (project.readme, project.license, project.requires_python) == ("README.md", "MIT", ">=3.11,<4")
    assert project.authors == ("A <a@shop.example>",)
    assert project.urls == {
        "homepage": "https://shop.example",
        "repository": "https://git.example/larder",
        "Bugs": "https://bugs.example",
    }
    assert project.scripts == {"larder": "larder.cli:app", "old": "larder.old:app", "new": "larder.new:app"}
    assert project.build_system == BuildSystem(("poetry-core>=1.0.0",), "poetry.core.masonry.api")


def test_poetry_fills_in_what_pep_621_leaves_dynamic() -> None:
    project = read("""
        [project]
        name = "larder"
        dynamic = ["version", "requires-python"]
        license = {text = "MIT"}
        readme = {file = "README.rst", content-type = "text/x-rst"}
        [tool.poetry]
        version = "3"
        readme = "OTHER.md"
        dependencies = {python = ">=3.9"}
        """)
    assert (project.version, project.requires_python) == ("3", ">=3.9")
    assert (project.license, project.readme) == ("MIT", "README.rst")


def test_what_is_not_said_is_none() -> None:
    project = read('project = {name = "a", license = {file = "LICENSE"}, readme = {text = "x"}}')
    nothing = (project.version, project.description, project.readme or None, project.license, project.requires_python)
    assert nothing == (None,) * 5
    assert project.build_system is None
    assert (project.scripts, project.urls, project.authors) == ({}, {}, ())


def test_without_a_manifest_the_directory_gives_the_name() -> None:
    project = read_manifest(ROOT, ROOT / "requirements.txt", None, python_version="3.12")
    assert (project.name, project.manifest, project.python_version) == ("my-shop", None, "3.12")
    assert read_manifest(Path("/"), Path("/requirements.txt"), None).name == "project"


@pytest.mark.parametrize("text", ["[tool.ruff]\nline-length = 100", "[tool.poetry]\npackage-mode = false"])
def test_a_manifest_of_no_package_needs_no_name(text: str) -> None:
    assert (read(text).name, read(text).build_system) == ("my-shop", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[build-system]\nrequires = ["a"]', BuildSystem(("a",), SETUPTOOLS.backend)),
        ("[tool.uv]\npackage = true", SETUPTOOLS),
        ('[tool.uv]\npackage = false\n[build-system]\nrequires = ["a"]', None),
        ('[build-system]\nrequires = ["a"]\n[tool.poetry]\npackage-mode = false', None),
        ("", None),
    ],
)
def test_which_backend_builds_a_package(text: str, expected: BuildSystem | None) -> None:
    assert read('project = {name = "a"}\n' + text).build_system == expected


def test_a_setup_script_means_setuptools() -> None:
    assert read('project = {name = "a"}', has_setup=True).build_system == SETUPTOOLS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project]\nversion = '1'", 'pyproject.toml: project: no "name"'),
        ("[project]\nname = 3", "pyproject.toml: project.name: this must be a string"),
        ("[project]\nname = '../a'", 'pyproject.toml: project.name: "../a" is no name of a project'),
        ("[tool.poetry]\nversion = '1'", 'pyproject.toml: tool.poetry: no "name"'),
        ("project = 3", "pyproject.toml: project: this must be a table"),
        ("[project]\nname='a'\nauthors='me'", "pyproject.toml: project.authors: this must be a list"),
        ("[project]\nname='a'\nscripts={x=1}", "pyproject.toml: project.scripts.x: this must be a string"),
        ("[build-system]\nbuild-backend='a'\n[project]\nname='a'", 'pyproject.toml: build-system: no "requires"'),
        (
            "[tool.poetry]\nname='a'\ndependencies={python='three'}",
            'pyproject.toml: tool.poetry.dependencies.python: "three" is no version constraint',
        ),
        (
            "[tool.poetry]\nname='a'\nscripts={x={type='console'}}",
            'pyproject.toml: tool.poetry.scripts.x: no "callable"',
        ),
    ],
)
def test_a_broken_manifest_is_said_by_key(text: str, message: str, refused: Callable[..., DepsfirstError]) -> None:
    assert str(refused(read, text)) == message
