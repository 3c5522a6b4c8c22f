"""Every layout of a package, and every place that a version comes from, becomes an image that tells the truth."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import read_image, tree_of
from tests.acceptance.machines import Machine, machine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.acceptance.product import Made, Product

__all__ = ["machine"]

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"
HEAD = '[project]\nname = "shop"\ndescription = "A shop."\nrequires-python = ">=3.11"\ndependencies = []\n'
STATIC = 'version = "1.0.0"\n'
DYNAMIC = 'dynamic = ["version"]\n'
CLI = "def main() -> None:\n    print('open')\n"
SETUPTOOLS = '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
FLIT = '[build-system]\nrequires = ["flit_core>=3.12"]\nbuild-backend = "flit_core.buildapi"\n'
POETRY = '[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
PDM = '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
UV = '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
SCRIPTS = '[project.scripts]\nshop = "shop.cli:main"\n'


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout.

    Attributes:
        manifest: its pyproject.toml, less what all have; none if it is empty.
        files: text by path.
        installed: paths that the code layer has.
        entrypoint: what the image starts.
        absent: paths that it does not have.
    """

    manifest: str
    files: Mapping[str, str]
    installed: tuple[str, ...]
    entrypoint: str | None = None
    absent: tuple[str, ...] = field(default=())


LAYOUTS = {
    "src": Layout(
        STATIC + SCRIPTS + HATCHLING,
        {"src/shop/__init__.py": "", "src/shop/cli.py": CLI},
        (f"{SITE}/shop/cli.py", "opt/venv/bin/shop"),
        "/opt/venv/bin/shop",
        (f"{SITE}/src",),
    ),
    "flat": Layout(
        STATIC + SCRIPTS + SETUPTOOLS,
        {"shop/__init__.py": "", "shop/cli.py": CLI, "tests/__init__.py": "", "tests/test_cli.py": "import pytest\n"},
        (f"{SITE}/shop/cli.py",),
        "/opt/venv/bin/shop",
        (f"{SITE}/tests",),
    ),
    "namespace": Layout(
        STATIC
        + '[project.scripts]\nshop = "acme.shop.cli:main"\n'
        + HATCHLING
        + '[tool.hatch.build.targets.wheel]\npackages = ["src/acme"]\n',
        {"src/acme/shop/__init__.py": "", "src/acme/shop/cli.py": CLI},
        (f"{SITE}/acme/shop/cli.py",),
        "/opt/venv/bin/shop",
        (f"{SITE}/acme/__init__.py",),
    ),
    "single module": Layout(
        STATIC + '[project.scripts]\nshop = "shop:main"\n' + FLIT,
        {"shop.py": f'"""A shop."""\n\n\n{CLI}'},
        (f"{SITE}/shop.py",),
        "/opt/venv/bin/shop",
    ),
    "several packages": Layout(
        STATIC
        + SCRIPTS
        + POETRY
        + '[tool.poetry]\npackages = [{include = "shop"}, {include = "till", from = "lib"}]\n',
        {
            "shop/__init__.py": "",
            "shop/cli.py": f"import till.drawer\n\n\n{CLI}",
            "lib/till/__init__.py": "",
            "lib/till/drawer.py": "",
        },
        (f"{SITE}/shop/cli.py", f"{SITE}/till/drawer.py"),
        "/opt/venv/bin/shop",
    ),
    "package data": Layout(
        STATIC + SCRIPTS + UV,
        {"src/shop/__init__.py": "", "src/shop/cli.py": CLI, "src/shop/data/prices.csv": "tea,1\n"},
        (f"{SITE}/shop/data/prices.csv",),
        "/opt/venv/bin/shop",
    ),
    "data files and a script that is a file": Layout(
        STATIC
        + SETUPTOOLS
        + '[tool.setuptools]\npackages = ["shop"]\nscript-files = ["bin/count"]\n'
        + '[tool.setuptools.data-files]\n"share/shop" = ["prices.csv"]\n',
        {
            "shop/__init__.py": "",
            "shop/cli.py": CLI,
            "bin/count": "#!/usr/bin/env python3\nprint('counted')\n",
            "prices.csv": "tea,1\n",
        },
        ("opt/venv/bin/count", "opt/venv/share/shop/prices.csv", f"{SITE}/shop/cli.py"),
    ),
    "a script for a window": Layout(
        STATIC + '[project.gui-scripts]\nshop-window = "shop.cli:main"\n' + PDM,
        {"src/shop/__init__.py": "", "src/shop/cli.py": CLI},
        ("opt/venv/bin/shop-window", f"{SITE}/shop/cli.py"),
    ),
    "setup.py alone": Layout(
        "",
        {
            "setup.py": "from setuptools import setup\n\nsetup(name='shop', version='1.0.0', packages=['shop'],"
            " scripts=['bin/count'], entry_points={'console_scripts': ['shop = shop.cli:main']})\n",
            "requirements.txt": "six==1.17.0\n",
            "shop/__init__.py": "",
            "shop/cli.py": CLI,
            "bin/count": "#!/usr/bin/env python3\nprint('counted')\n",
        },
        (f"{SITE}/shop/cli.py", "opt/venv/bin/count", "opt/venv/bin/shop"),
        "/opt/venv/bin/shop",
    ),
}


def made(root: Path, layout: Layout) -> Path:
    projects.write(root, layout.files)
    if layout.manifest:
        projects.write(root, {"pyproject.toml": HEAD + layout.manifest})
        projects.uv_lock(root)
    return root


@pytest.fixture
def quick(product: Product, small_base: str) -> Product:
    return product.using(base=small_base)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout(name: str, quick: Product, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    root = made(tmp_path / "shop", layout)
    before = quick.build(root, tmp_path / "before.tar")
    assert before.report["import_check"] in {"passed", "passed before"}
    image = read_image(tmp_path / "before.tar")
    code = tree_of(image.tars[-1])
    assert set(layout.installed) <= set(code)
    assert not {path for path in code for gone in layout.absent if path == gone or path.startswith(f"{gone}/")}
    assert image.config["config"].get("Entrypoint") == ([layout.entrypoint] if layout.entrypoint else None)
    for path in layout.installed:
        if path.startswith("opt/venv/bin/"):
            assert code[path].executable
            assert code[path].content.startswith(b"#!/opt/venv/bin/python\n")
    edited = next(path for path in layout.files if path.endswith("cli.py") or path == "shop.py")
    with (root / edited).open("a") as file:
        file.write("OPEN = True\n")
    after = quick.build(root, tmp_path / "after.tar")
    assert before.differing(after) == {"code"}
    fresh = quick.using(tmp_path / "another cache").build(root, tmp_path / "fresh.tar")
    assert after.digest == fresh.digest


# Versions


def version(path: Path) -> tuple[str, str]:
    """The version that an image is labelled with, and the one of the distribution in it."""
    image = read_image(path)
    found = [name.split("/")[-2] for name in tree_of(image.tars[-1]) if name.endswith(".dist-info/METADATA")]
    (folder,) = found
    label = image.config["config"]["Labels"]["org.opencontainers.image.version"]
    return label, folder.removeprefix("shop-").removesuffix(".dist-info")


INIT = "src/shop/__init__.py"
IN_FILES = {
    "attr": (SETUPTOOLS + '[tool.setuptools.dynamic]\nversion = {attr = "shop.__version__"}\n', INIT),
    "file": (SETUPTOOLS + '[tool.setuptools.dynamic]\nversion = {file = ["VERSION"]}\n', "VERSION"),
    "regex": (HATCHLING + f'[tool.hatch.version]\npath = "{INIT}"\n', INIT),
    "pdm": (PDM + f'[tool.pdm.version]\nsource = "file"\npath = "{INIT}"\n', INIT),
    "flit": (FLIT, INIT),
}


@pytest.mark.parametrize("way", IN_FILES)
def test_a_version_in_a_file(way: str, quick: Product, tmp_path: Path) -> None:
    tables, place = IN_FILES[way]
    root = tmp_path / "shop"
    projects.write(root, {"pyproject.toml": HEAD + DYNAMIC + SCRIPTS + tables, "src/shop/cli.py": CLI})
    line = '"""A shop."""\n\n__version__ = "1.0.0"\n'
    projects.write(root, {INIT: line} | ({} if place == INIT else {place: "1.0.0\n"}))
    projects.uv_lock(root)
    before = quick.build(root, tmp_path / "before.tar")
    assert version(tmp_path / "before.tar") == ("1.0.0", "1.0.0")
    projects.replace(root / place, r"1\.0\.0", "1.1.0")
    after = quick.build(root, tmp_path / "after.tar")
    assert version(tmp_path / "after.tar") == ("1.1.0", "1.1.0")
    assert before.differing(after) == {"code"}
    projects.replace(root / "src/shop/cli.py", "open", "closed")
    edited = quick.build(root, tmp_path / "edited.tar")
    assert version(tmp_path / "edited.tar") == ("1.1.0", "1.1.0")
    assert edited.digest == quick.using(tmp_path / "another cache").build(root, tmp_path / "fresh.tar").digest


SCM = '[build-system]\nrequires = ["setuptools>=77", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
VCS = '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
VERSIONINGIT = (
    '[build-system]\nrequires = ["setuptools>=77", "versioningit"]\nbuild-backend = "setuptools.build_meta"\n'
)
PDV = (
    '[build-system]\nrequires = ["poetry-core>=2", "poetry-dynamic-versioning"]\n'
    'build-backend = "poetry_dynamic_versioning.backend"\n'
)
OF_GIT = {
    "setuptools-scm": SCM + '[tool.setuptools_scm]\nversion_file = "src/shop/_version.py"\n',
    "hatch-vcs": VCS
    + '[tool.hatch.version]\nsource = "vcs"\n[tool.hatch.build.hooks.vcs]\nversion-file = "src/shop/_version.py"\n',
    "versioningit": VERSIONINGIT + "[tool.versioningit]\n",
    "poetry-dynamic-versioning": PDV
    + '[tool.poetry]\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n',
    "pdm": PDM + '[tool.pdm.version]\nsource = "scm"\n',
}


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def committed(root: Path, message: str) -> None:
    git(root, "add", ".")
    git(root, "commit", "-m", message)


@pytest.mark.slow
@pytest.mark.parametrize("way", OF_GIT)
def test_a_version_from_git(way: str, quick: Product, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    files = {INIT: "", "src/shop/cli.py": CLI, ".gitignore": "_version.py\n"}
    projects.write(root, {"pyproject.toml": HEAD + DYNAMIC + SCRIPTS + OF_GIT[way], **files})
    git(root, "init")
    committed(root, "Open")
    git(root, "tag", "v1.2.0")
    projects.uv_lock(root)
    git(root, "add", ".")
    git(root, "commit", "--amend", "--no-edit")
    git(root, "tag", "--force", "v1.2.0")

    def build(name: str) -> tuple[Made, str]:
        built = quick.build(root, tmp_path / f"{name}.tar")
        label, installed = version(tmp_path / f"{name}.tar")
        assert label == installed.replace("_", "-")
        return built, installed

    first, tagged = build("tagged")
    assert tagged == "1.2.0"
    assert build("again")[0].digest == first.digest
    projects.replace(root / "src/shop/cli.py", "open", "closed")
    edited, dirty = build("edited")
    assert first.differing(edited) == {"code"}
    committed(root, "Close")
    after, later = build("committed")
    assert later not in {tagged, dirty}
    assert quick.using(tmp_path / "another cache").build(root, tmp_path / "fresh.tar").digest == after.digest
    git(root, "tag", "v1.3.0")
    assert build("released")[1] == "1.3.0"
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, check=True, capture_output=True, text=True)
    assert status.stdout == "", "a build leaves the work tree as it was"


RUNS = """
import json, subprocess
print(json.dumps([subprocess.run([f"/opt/venv/bin/{name}"], capture_output=True, text=True).stdout for name in NAMES]))
"""


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("machine", ["classic load"], indirect=True)
def test_scripts_of_each_kind_run(machine: Machine, quick: Product, tmp_path: Path) -> None:
    root = made(tmp_path / "shop", LAYOUTS["setup.py alone"])
    machine.build(quick, root, tmp_path)
    said = json.loads(machine.python(RUNS.replace("NAMES", "['shop', 'count']")))
    assert said == ["open\n", "counted\n"]
