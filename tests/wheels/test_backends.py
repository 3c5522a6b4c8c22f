"""Every backend people use, real: whatever is edited, the wheel is the one that the backend would make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.wheels.built.backend import ENVIRONMENTS, Source, built_wheel
from depsfirst.wheels.own.unpacked import content_key, unpack
from depsfirst.wheels.own.wheel import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.project.model import Project
    from depsfirst.wheels.own.unpacked import Unpacked
    from depsfirst.wheels.own.wheel import ProjectWheel

pytestmark = pytest.mark.index

Contents = list[tuple[str, bytes, bool]]
Listing = dict[str, tuple[int, bytes]]

MANIFESTS = sorted(path.stem for path in (Path(__file__).parent / "projects/manifests").iterdir())


class Workshop:
    """Builds a project, and compares what comes out with what its backend makes of it afresh."""

    def __init__(
        self,
        root: Path,
        store: ContentStore,
        read: Callable[[Path], Project],
        contents: Callable[[ProjectWheel], Contents],
        unpacked_contents: Callable[[Unpacked], Contents],
    ) -> None:
        self.root = root
        self.code = root / "shop" if (root / "shop").is_dir() else root / "src/shop"
        self._store = store
        self._read = read
        self._contents = contents
        self._unpacked_contents = unpacked_contents

    def build(self) -> ProjectWheel:
        return project_wheel(self._read(self.root), self._store)

    def becomes(self, how: str, reason: str = "") -> Contents:
        """Build, and check how and why."""
        made = self.build()
        assert (made.how, reason in made.reason) == (how, True), made.reason
        if how == "built":
            return self._contents(made)
        system = self._read(self.root).build_system
        assert system is not None
        with built_wheel(Source(self.root, system, "corner-shop"), self._store) as file:
            fresh = unpack(file, self._store)
        assert self._contents(made) == self._unpacked_contents(fresh)
        assert made.digest == content_key(fresh.files)
        return self._contents(made)

    def edit(self, path: str | Path, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def append(self, path: str | Path, text: str) -> None:
        with (self.root / path).open("a") as file:
            file.write(text)


@pytest.fixture
def workshop(
    store: ContentStore,
    shop: Callable[[str], Path],
    read: Callable[[Path], Project],
    contents: Callable[[ProjectWheel], Contents],
    unpacked_contents: Callable[[Unpacked], Contents],
) -> Callable[[str], Workshop]:
    return lambda manifest: Workshop(shop(manifest), store, read, contents, unpacked_contents)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_edits_of_what_is_packed(
    workshop: Callable[[str], Workshop], listing: Callable[[Path], Listing], manifest: str
) -> None:
    shop = workshop(manifest)
    before = listing(shop.root)
    shop.becomes("built", "no earlier build")
    assert listing(shop.root) == before
    shop.append(shop.code / "main.py", "# edited\n")
    shop.append(shop.code / "prices/table.csv", "oil,9.00\n")
    shop.append(shop.code / "prices/taxes.py", "VAT = 7\n")
    shop.append("LICENSE", "Nobody is liable.\n")
    shop.becomes("patched")
    shop.edit("pyproject.toml", '"1.2.3"', '"1.3.0rc1"')
    shop.append(shop.code / "templates/page.html", "<hr>\n")
    assert any("1.3.0rc1.dist-info" in path for path, _, _ in shop.becomes("patched", "version 1.2.3 became 1.3.0rc1"))
    shop.edit("pyproject.toml", "line-length = 100", "line-length = 80")
    shop.edit("docs/guide.md", "Guide", "Handbook")
    shop.append("tests/scenario.py", "# edited\n")
    (shop.code / "__pycache__").mkdir()
    (shop.code / "__pycache__/main.cpython-311.pyc").write_bytes(b"bytecode")
    shop.becomes("patched")


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_edits_that_the_backend_must_see(workshop: Callable[[str], Workshop], manifest: str) -> None:
    shop = workshop(manifest)
    shop.becomes("built")
    (shop.code / "stock.py").write_text("STOCK = 1\n")
    assert "shop/stock.py" in [path for path, _, _ in shop.becomes("built", 'stock.py" is new')]
    (shop.code / "stock.py").unlink()
    assert "shop/stock.py" not in [path for path, _, _ in shop.becomes("built", 'stock.py" is gone')]
    (shop.code / "main.py").chmod(0o755)
    shop.becomes("built", "executable bits")
    shop.append("README.md", "And rice.\n")
    metadata = next(data for path, data, _ in shop.becomes("built", '"README.md"') if path.endswith("/METADATA"))
    assert b"And rice." in metadata
    shop.append(".gitignore", "*.tmp\n")
    shop.becomes("built", '".gitignore"')
    shop.append(shop.code / "main.py", "# edited\n")
    shop.becomes("patched")


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_neither_directory_nor_umask_shows(
    workshop: Callable[[str], Workshop],
    read: Callable[[Path], Project],
    tmp_path: Path,
    environments: Path,
    manifest: str,
) -> None:
    template = workshop(manifest).root
    (template / "tests/scenario.py").chmod(0o755)
    digests = set()
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        try:
            root = tmp_path / f"elsewhere {mask:o}" / "shop"
            for file in [file for file in template.rglob("*") if file.is_file()]:
                target = root / file.relative_to(template)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
                target.chmod((0o777 if file.stat().st_mode & 0o100 else 0o666) & ~mask)
            store = ContentStore(tmp_path / f"cache {mask:o}")
            store.root.mkdir()
            (store.root / ENVIRONMENTS).symlink_to(environments)
            digests.add(project_wheel(read(root), store).digest)
        finally:
            os.umask(before)
    assert len(digests) == 1


HATCH = "[tool.hatch.build.targets.wheel"
FLAT_DATA = '[tool.setuptools.package-data]\n"*" = ['


@pytest.mark.parametrize(
    ("manifest", "old", "new", "entry"),
    [
        ("hatchling", HATCH, f'{HATCH}.shared-data]\n"docs" = "share/shop"\n{HATCH}', "data/share/shop/guide.md"),
        ("flit", "[tool.ruff]", '[tool.flit.external-data]\ndirectory = "docs"\n[tool.ruff]', "data/guide.md"),
        ("pdm", "[tool.ruff]", '[tool.pdm.build.wheel-data]\ndata = ["docs/*"]\n[tool.ruff]', "data/guide.md"),
        ("uv", "[tool.uv.build-backend]", '[tool.uv.build-backend]\ndata = { data = "docs" }', "data/guide.md"),
        (
            "setuptools-src",
            "[tool.ruff]",
            '[tool.setuptools.data-files]\n"share/shop" = ["docs/guide.md"]\n[tool.ruff]',
            "data/share/shop/guide.md",
        ),
    ],
)
def test_data_for_other_schemes(
    workshop: Callable[[str], Workshop], manifest: str, old: str, new: str, entry: str
) -> None:
    shop = workshop(manifest)
    shop.edit("pyproject.toml", old, new)
    shop.becomes("built")
    shop.edit("docs/guide.md", "Guide", "Handbook")
    shop.edit("pyproject.toml", '"1.2.3"', '"1.2.4"')
    assert (f"corner_shop-1.2.4.data/{entry}", b"# Handbook\n", False) in shop.becomes("patched")


@pytest.mark.parametrize(
    ("manifest", "old", "new"),
    [
        ("hatchling", HATCH, f'{HATCH}.shared-scripts]\n"bin/weigh" = "weigh"\n{HATCH}'),
        ("pdm", "[tool.ruff]", '[tool.pdm.build.wheel-data]\nscripts = ["bin/weigh"]\n[tool.ruff]'),
        ("uv", "[tool.uv.build-backend]", '[tool.uv.build-backend]\ndata = { scripts = "bin" }'),
        (
            "poetry-classic",
            "[tool.poetry.scripts]",
            '[tool.poetry.scripts]\nweigh = { reference = "bin/weigh", type = "file" }',
        ),
        (
            "setuptools-src",
            "[tool.setuptools.package-data]",
            "[tool.setuptools]\nscript-files = ['bin/weigh']\n[tool.setuptools.package-data]",
        ),
    ],
)
def test_scripts(workshop: Callable[[str], Workshop], manifest: str, old: str, new: str) -> None:
    shop = workshop(manifest)
    (shop.root / "bin").mkdir()
    (shop.root / "bin/weigh").write_text("#!/bin/sh\n")
    (shop.root / "bin/weigh").chmod(0o755)
    shop.edit("pyproject.toml", old, new)
    built = shop.becomes("built")
    assert ("corner_shop-1.2.3.data/scripts/weigh", b"#!/bin/sh\n", True) in built
    shop.append(shop.code / "main.py", "# edited\n")
    shop.edit("pyproject.toml", '"1.2.3"', '"1.2.4"')
    shop.becomes("patched")
    (shop.root / "bin/weigh").write_text("#!/usr/bin/python3\nprint(1)\n")
    shop.becomes("built", '"bin/weigh" is a script')


@pytest.mark.parametrize(
    ("manifest", "old", "new"),
    [
        ("hatchling", HATCH, f'{HATCH}.sources]\n"src/shop" = "store"\n{HATCH}'),
        ("poetry-classic", 'from = "src"', 'from = "src", to = "store"'),
        ("setuptools-flat", "[tool.setuptools]", '[tool.setuptools]\npackage-dir = { store = "shop" }'),
    ],
)
def test_packages_under_other_names(workshop: Callable[[str], Workshop], manifest: str, old: str, new: str) -> None:
    shop = workshop(manifest)
    shop.edit("pyproject.toml", old, new)
    if manifest == "setuptools-flat":
        shop.edit(
            "pyproject.toml",
            '["shop", "shop.prices", "shop.templates"]',
            '["store", "store.prices", "store.templates"]',
        )
    assert any(path.startswith("store/") for path, _, _ in shop.becomes("built"))
    shop.append(shop.code / "main.py", "# edited\n")
    shop.append(shop.code / "prices/table.csv", "oil,9.00\n")
    shop.edit("pyproject.toml", '"1.2.3"', '"1.2.4"')
    shop.becomes("patched")


@pytest.mark.parametrize(
    ("manifest", "table"),
    [
        ("flit", ""),
        ("hatchling", '[tool.hatch.version]\npath = "src/shop/__init__.py"'),
        ("pdm", '[tool.pdm.version]\nsource = "file"\npath = "src/shop/__init__.py"'),
        ("setuptools-src", '[tool.setuptools.dynamic]\nversion = { attr = "shop.__version__" }'),
    ],
)
def test_a_version_that_stands_in_a_module(workshop: Callable[[str], Workshop], manifest: str, table: str) -> None:
    shop = workshop(manifest)
    shop.edit("pyproject.toml", 'version = "1.2.3"', 'dynamic = ["version"]')
    shop.append("pyproject.toml", f"\n{table}\n")
    shop.becomes("built")
    shop.append(shop.code / "main.py", "# edited\n")
    shop.becomes("patched")
    shop.edit(shop.code / "__init__.py", "1.2.3", "2.0")
    built = shop.becomes("built", '__init__.py", which the backend reads')
    assert any(path.startswith("corner_shop-2.0.dist-info/") for path, _, _ in built)
    shop.append(shop.code / "main.py", "# edited again\n")
    shop.becomes("patched")


def test_a_description_that_stands_in_a_module(workshop: Callable[[str], Workshop]) -> None:
    shop = workshop("flit")
    shop.edit("pyproject.toml", 'description = "A corner shop"', 'dynamic = ["description"]')
    shop.becomes("built")
    shop.append(shop.code / "main.py", "# edited\n")
    shop.becomes("patched")
    shop.edit(shop.code / "__init__.py", "A corner shop.", "Sells tea.")
    metadata = next(data for path, data, _ in shop.becomes("built") if path.endswith("/METADATA"))
    assert b"Summary: Sells tea." in metadata


HATCH_HOOK = """
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        with open("src/shop/made.py", "w") as file:
            file.write(open("docs/guide.md").read())
"""
PDM_HOOK = """
def pdm_build_initialize(context):
    context.ensure_build_dir()
    (context.build_dir / "shop").mkdir()
    (context.build_dir / "shop/made.py").write_text(open("docs/guide.md").read())
"""
POETRY_HOOK = 'open("src/shop/made.py", "w").write(open("docs/guide.md").read())\n'


@pytest.mark.parametrize(
    ("manifest", "table", "file", "code", "reason"),
    [
        ("hatchling", "[tool.hatch.build.hooks.custom]", "hatch_build.py", HATCH_HOOK, "has build.hooks"),
        ("pdm", "", "pdm_build.py", PDM_HOOK, '"pdm_build.py" is a build hook'),
        ("poetry-classic", '[tool.poetry.build]\nscript = "make.py"', "make.py", POETRY_HOOK, "runs a program"),
        (
            "setuptools-src",
            "",
            "setup.py",
            f"from setuptools import setup\n{POETRY_HOOK}setup()\n",
            '"setup.py" is a program',
        ),
    ],
)
def test_a_hook_is_called_every_time(
    workshop: Callable[[str], Workshop], *, manifest: str, table: str, file: str, code: str, reason: str
) -> None:
    shop = workshop(manifest)
    shop.append("pyproject.toml", f"\n{table}\n")
    (shop.root / file).write_text(code)
    assert ("shop/made.py", b"# Guide\n", False) in shop.becomes("built")
    shop.edit("docs/guide.md", "Guide", "Handbook")
    assert ("shop/made.py", b"# Handbook\n", False) in shop.becomes("built", reason)


@pytest.mark.parametrize(
    ("manifest", "requirement", "table"),
    [
        ("setuptools-src", "setuptools_scm<9", "[tool.setuptools_scm]"),
        ("hatchling", "hatch-vcs<1", '[tool.hatch.version]\nsource = "vcs"'),
        ("pdm", "", '[tool.pdm.version]\nsource = "scm"'),
    ],
)
def test_a_version_from_git_is_asked_for_every_time(
    workshop: Callable[[str], Workshop], git: Callable[..., str], manifest: str, requirement: str, table: str
) -> None:
    shop = workshop(manifest)
    shop.edit("pyproject.toml", 'version = "1.2.3"', 'dynamic = ["version"]')
    shop.append("pyproject.toml", f"\n{table}\n")
    if requirement:
        shop.edit("pyproject.toml", 'requires = ["', f'requires = ["{requirement}", "')
    git(shop.root, "init", "-q")
    git(shop.root, "add", ".")
    git(shop.root, "commit", "-q", "-m", "first")
    git(shop.root, "tag", "v4.5.6")
    assert "corner_shop-4.5.6.dist-info/METADATA" in [path for path, _, _ in shop.becomes("built")]
    git(shop.root, "tag", "-d", "v4.5.6")
    git(shop.root, "tag", "v4.6.0")
    assert "corner_shop-4.6.0.dist-info/METADATA" in [path for path, _, _ in shop.becomes("built")]


@pytest.mark.parametrize("manifest", ["hatchling", "poetry-classic", "poetry-pep621"])
def test_a_file_that_git_ignores(workshop: Callable[[str], Workshop], git: Callable[..., str], manifest: str) -> None:
    shop = workshop(manifest)
    git(shop.root, "init", "-q")
    (shop.code / "secrets.py").write_text("TOKEN = 1\n")
    assert "shop/secrets.py" not in [path for path, _, _ in shop.becomes("built")]
    shop.append(shop.code / "secrets.py", "# edited\n")
    shop.becomes("reused")
    if manifest.startswith("poetry"):
        git(shop.root, "add", "-f", str(shop.code / "secrets.py"))
    else:
        shop.edit(".gitignore", "secrets.py", "")
    assert "shop/secrets.py" in [path for path, _, _ in shop.becomes("built")]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_file_that_is_a_link(workshop: Callable[[str], Workshop], manifest: str) -> None:
    shop = workshop(manifest)
    (shop.code / "main.py").rename(shop.code / "real.py")
    (shop.code / "main.py").symlink_to("real.py")
    shop.becomes("built")
    shop.append(shop.code / "real.py", "# edited\n")
    made = shop.build()
    fresh = shop.becomes(made.how)
    assert ("shop/real.py", (shop.code / "real.py").read_bytes(), False) in fresh


def test_a_setup_cfg_that_declares(workshop: Callable[[str], Workshop]) -> None:
    shop = workshop("setuptools-src")
    manifest = (shop.root / "pyproject.toml").read_text()
    (shop.root / "pyproject.toml").write_text(manifest.partition("\n\n")[0])
    (shop.root / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    (shop.root / "setup.cfg").write_text(
        "[metadata]\nname = corner-shop\nversion = attr: shop.__version__\nlong_description = file: README.md\n"
        "[options]\npackages = find:\npackage_dir =\n    = src\n[options.packages.find]\nwhere = src\n"
        "[options.package_data]\n* = *.csv\n[flake8]\nmax-line-length = 100\n"
    )
    project = shop.becomes("built")
    assert "corner_shop-1.2.3.dist-info/METADATA" in [path for path, _, _ in project]
    shop.append(shop.code / "main.py", "# edited\n")
    shop.append(shop.code / "prices/table.csv", "oil,9.00\n")
    shop.becomes("patched")
    shop.append("README.md", "And rice.\n")
    shop.becomes("built", '"README.md"')
    shop.edit(shop.code / "__init__.py", "1.2.3", "1.2.4")
    shop.becomes("built", "__init__.py")
