"""Locks made by the managers when the test runs, against what the same manager exports from them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import urllib3
from packaging.requirements import Requirement
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from depsfirst.project.discover import discover, lock_fingerprint, read_lock
from depsfirst.project.model import MAIN, Environment, normalize
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError
    from depsfirst.project.model import Recipe

pytestmark = [pytest.mark.index, pytest.mark.xdist_group("managers")]

PYTHONS = ((3, 9, 18), (3, 10, 4), (3, 12, 1), (3, 13, 0))
CHOICES = (((MAIN,), ()), ((MAIN,), ("fast",)), ((MAIN, "dev"), ("cache", "fast")), (("dev",), ()))
MANIFEST = """
[project]
name = "Larder.Shop"
version = "1.4.0"
requires-python = ">=3.9,<3.15"
dependencies = [
    "anyio>=4",
    "click>=8.1",
    "colorama>=0.4; sys_platform == 'win32'",
    "importlib-metadata>=6; python_version < '3.10'",
    "idna>=3; platform_machine == 'aarch64'",
]
[project.optional-dependencies]
cache = ["cachetools>=5"]
fast = ["httptools>=0.5; implementation_name == 'cpython'", "cachetools>=5"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "lint"}]
lint = ["mccabe"]
"""
POETRY = """
[tool.poetry.group.docs.dependencies]
markdown = [{version = "<3.9", python = "<3.11"}, {version = ">=3.9", python = ">=3.11"}]
"""


PDM = """
[tool.pdm.dev-dependencies]
docs = ["markdown<3.9"]
"""
PIPFILE = """
[[source]]
url = "INDEX"
verify_ssl = true
name = "main"
[packages]
anyio = ">=4"
idna = {version = ">=3", markers = "platform_machine == 'aarch64' or platform_machine == 'x86_64'"}
[dev-packages]
pytest = "*"
[docs]
markdown = "<3.9"
"""


class Made(NamedTuple):
    """A directory with a lock, and the program that made it."""

    root: Path
    run: Callable[..., str]

    def recipe(
        self, python: tuple[int, int, int], platform: str, groups: tuple[str, ...], extras: tuple[str, ...]
    ) -> Recipe:
        lock = read_lock(discover(self.root))
        return select(lock, Environment(python, platform), groups=frozenset(groups), extras=frozenset(extras))

    def edit(self, old: str, new: str) -> None:
        manifest = self.root / ("Pipfile" if (self.root / "Pipfile").exists() else "pyproject.toml")
        assert old in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(old, new))


def absent(reason: str) -> None:
    if os.environ.get("DEPSFIRST_REQUIRE_ENGINES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def made_by(program: str, root: Path, manifest: str, *, words: tuple[str, ...] = ("lock",)) -> Made:
    """A project whose lock is made now."""
    path = shutil.which(program, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if path is None:
        absent(f'the program "{program}" is needed')
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
        "WORKON_HOME": str(root / "environments"),
        "PYTHONWARNINGS": "ignore",
    }
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | settings

    def run(*told: str) -> str:
        done = subprocess.run(
            [str(path), *told], cwd=root, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (root / ("Pipfile" if program == "pipenv" else "pyproject.toml")).write_text(manifest)
    run(*words)
    return Made(root, run)


@pytest.fixture(scope="module", autouse=True)
def _index() -> None:
    try:
        urllib3.request("HEAD", f"{PYPI_SIMPLE_ENDPOINT}idna/", retries=3, timeout=60)
    except urllib3.exceptions.HTTPError as error:
        absent(f"a package index is needed: {error}")


@pytest.fixture(scope="module")
def by_uv(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_by("uv", tmp_path_factory.mktemp("uv"), MANIFEST)


@pytest.fixture(scope="module")
def by_poetry(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_by("poetry", tmp_path_factory.mktemp("poetry"), MANIFEST + POETRY)


@pytest.fixture(scope="module")
def by_pdm(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_by("pdm", tmp_path_factory.mktemp("pdm"), MANIFEST + PDM, words=("lock", "-G:all"))


@pytest.fixture(scope="module")
def by_pipenv(tmp_path_factory: pytest.TempPathFactory) -> Made:
    pipfile = PIPFILE.replace("INDEX", PYPI_SIMPLE_ENDPOINT.rstrip("/"))
    return made_by("pipenv", tmp_path_factory.mktemp("pipenv"), pipfile)


def exported_by_pdm(made: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> str:
    chosen = [word for name in (*groups, *extras) if name != MAIN for word in ("-G", name)]
    return made.run("export", "--no-extras", "--prod" if groups == (MAIN,) else "-d", *chosen)


def exported_by_pipenv(made: Made, groups: tuple[str, ...]) -> str:
    names = {MAIN: "packages", "dev": "dev-packages"}
    return made.run(
        "requirements", "--exclude-index", "--categories", " ".join(names.get(name, name) for name in groups)
    )


def exported_by_uv(made: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> str:
    options = [word for extra in extras for word in ("--extra", extra)]
    if MAIN in groups:
        options += ["--no-default-groups", *(f"--group={group}" for group in groups if group != MAIN)]
    else:
        options += [f"--only-group={group}" for group in groups]
    return made.run("export", "--quiet", "--frozen", "--no-emit-project", "--no-header", "--no-annotate", *options)


def exported_by_poetry(made: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> str:
    options = [f"--extras={extra}" for extra in extras]
    if MAIN in groups:
        options += [f"--with={group}" for group in groups if group != MAIN]
    else:
        options += ["--only", ",".join(groups)]
    return made.run("export", "--format=requirements.txt", *options)


def held(exported: str, environment: Environment) -> dict[str, str]:
    """The requirements of an export whose markers hold, by name."""
    found = {}
    for line in exported.splitlines():
        if line and not line.startswith((" ", "#", "--")):
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate({**environment.markers()}):
                found[normalize(requirement.name)] = str(requirement.specifier)
    return found


def titles(recipe: Recipe) -> dict[str, str]:
    return {package.name: f"=={package.version}" for package in recipe.third_party}


@pytest.mark.parametrize(("groups", "extras"), CHOICES)
def test_what_uv_exports_is_selected(by_uv: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> None:
    exported = exported_by_uv(by_uv, groups, extras)
    for python in PYTHONS:
        for platform in ("linux/amd64", "linux/arm64"):
            recipe = by_uv.recipe(python, platform, groups, extras)
            assert titles(recipe) == held(exported, Environment(python, platform)), (python, platform)


@pytest.mark.parametrize(("groups", "extras"), [*CHOICES, ((MAIN, "docs"), ()), (("docs", "lint"), ())])
def test_what_poetry_exports_is_selected(by_poetry: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> None:
    exported = exported_by_poetry(by_poetry, groups, extras)
    for python in PYTHONS:
        for platform in ("linux/amd64", "linux/arm64"):
            recipe = by_poetry.recipe(python, platform, groups, extras)
            assert titles(recipe) == held(exported, Environment(python, platform)), (python, platform)


@pytest.mark.parametrize(
    ("groups", "extras"),
    [((MAIN,), ()), ((MAIN,), ("fast",)), ((MAIN, "docs"), ()), ((MAIN, "dev", "lint"), ("cache",))],
)
def test_what_pdm_exports_is_selected(by_pdm: Made, groups: tuple[str, ...], extras: tuple[str, ...]) -> None:
    exported = exported_by_pdm(by_pdm, groups, extras)
    for python in PYTHONS:
        for platform in ("linux/amd64", "linux/arm64"):
            recipe = by_pdm.recipe(python, platform, groups, extras)
            assert titles(recipe) == held(exported, Environment(python, platform)), (python, platform)


def test_without_inherited_metadata_the_same_is_selected(by_pdm: Made, tmp_path: Path) -> None:
    other = made_by("pdm", tmp_path, MANIFEST + PDM, words=("lock", "-G:all", "-S", "no_inherit_metadata,static_urls"))
    for groups, extras in (((MAIN,), ()), ((MAIN, "dev", "docs"), ("cache", "fast"))):
        for python in PYTHONS:
            recipe = other.recipe(python, "linux/amd64", groups, extras)
            assert recipe.digest == by_pdm.recipe(python, "linux/amd64", groups, extras).digest
            assert all(file.url for package in recipe.third_party for file in package.files)


@pytest.mark.parametrize("groups", [(MAIN,), (MAIN, "dev"), ("docs",), (MAIN, "dev", "docs")])
def test_what_pipenv_exports_is_selected(by_pipenv: Made, groups: tuple[str, ...]) -> None:
    exported = exported_by_pipenv(by_pipenv, groups)
    for platform in ("linux/amd64", "linux/arm64"):
        environment = Environment((sys.version_info[0], sys.version_info[1], 9), platform)
        recipe = by_pipenv.recipe(environment.python, platform, groups, ())
        assert titles(recipe) == held(exported, environment)


def test_what_uv_exports_as_pylock_is_the_recipe_of_its_lock(by_uv: Made, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(
        by_uv.run("export", "--quiet", "--frozen", "--no-emit-project", "--format=pylock.toml", "--no-default-groups")
    )
    for python in PYTHONS:
        exported = Made(tmp_path, by_uv.run).recipe(python, "linux/arm64", (MAIN,), ())
        assert exported.digest == by_uv.recipe(python, "linux/arm64", (MAIN,), ()).digest


@pytest.mark.parametrize("name", ["by_uv", "by_poetry"])
def test_an_export_with_hashes_has_the_recipe_of_the_lock(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    made = request.getfixturevalue(name)
    export = exported_by_uv if name == "by_uv" else exported_by_poetry
    (tmp_path / "requirements.txt").write_text(export(made, (MAIN,), ("fast",)))
    for python in PYTHONS:
        locked = made.recipe(python, "linux/amd64", (MAIN,), ("fast",))
        exported = Made(tmp_path, made.run).recipe(python, "linux/amd64", (MAIN,), ())
        assert exported.digest == locked.digest


@pytest.mark.parametrize("name", ["uv", "poetry", "pdm"])
def test_a_new_version_changes_nothing_and_a_new_dependency_needs_a_new_lock(
    name: str, tmp_path: Path, refused: Callable[..., DepsfirstError]
) -> None:
    manifest = '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.11,<3.15"\ndependencies = ["idna"]\n'
    made = made_by(name, tmp_path, manifest)

    def state() -> tuple[str, str]:
        digest = made.recipe((3, 12, 1), "linux/amd64", (MAIN,), ()).digest
        return lock_fingerprint(discover(tmp_path)), digest

    before = state()
    made.edit('version = "1.0"', 'version = "1.1"')
    assert state() == before
    made.run("lock")
    assert state() == before
    made.edit('["idna"]', '["idna", "attrs"]')
    assert f"run `{name} lock`" in str(refused(read_lock, discover(tmp_path)).hint)
    made.run("lock")
    after = state()
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_what_uv_compiles_can_be_read(by_uv: Made, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(MANIFEST)
    target = tmp_path / "requirements.txt"
    source = str(tmp_path / "pyproject.toml")
    by_uv.run(
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--python-version=3.9",
        source,
        "-o",
        str(target),
    )
    compiled = Made(tmp_path, by_uv.run)
    for python in PYTHONS:
        recipe = compiled.recipe(python, "linux/arm64", (MAIN,), ())
        assert titles(recipe) == held(target.read_text(), Environment(python, "linux/arm64"))
        assert all(len(package.hashes) > 1 for package in recipe.third_party)
