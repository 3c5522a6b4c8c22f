"""Path dependencies of a project: a layer of their own, and no directory of this machine in the image."""

from __future__ import annotations

import email
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import naming, read_image, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"

UV_WORKSPACE = """
[tool.uv.workspace]
members = ["libs/*"]

[tool.uv.sources]
till = { workspace = true }
"""
UV_PATH = '\n[tool.uv.sources]\ntill = { path = "libs/till" }\n'
POETRY_PATH = '\n[tool.poetry.dependencies]\ntill = { path = "libs/till", develop = true }\n'


def till(folder: Path, backend: str) -> Path:
    """The library."""
    files = {"README.md": "# Till\n", "src/till/__init__.py": "", "src/till/cli.py": "def main() -> None: ...\n"}
    projects.write(folder, files)
    (folder / "pyproject.toml").write_text(projects.manifest(["six"], name="till", backend=backend))
    return folder


def shop_with_library(root: Path, more: str, backend: str) -> Path:
    projects.write(root, projects.FILES)
    till(root / "libs/till", backend)
    (root / "pyproject.toml").write_text(projects.manifest(["click", "till"], backend=backend, more=more))
    code = root / "src/shop/cli.py"
    code.write_text(code.read_text().replace("import click\n", "import click\nimport till.cli\n"))
    return root


def uv_workspace(root: Path, index: str) -> Path:
    return projects.uv_lock(shop_with_library(root, UV_WORKSPACE, "flit"), index=index)


def uv_path(root: Path, index: str) -> Path:
    return projects.uv_lock(shop_with_library(root, UV_PATH, "flit"), index=index)


def poetry_path(root: Path, _: str) -> Path:
    return projects.poetry_lock(shop_with_library(root, POETRY_PATH, "poetry"))


WAYS = [uv_workspace, uv_path, poetry_path]


@pytest.fixture(params=WAYS, ids=[way.__name__ for way in WAYS])
def root(request: pytest.FixtureRequest, tmp_path: Path, loopback: Index) -> Path:
    """A project with a library beside its code, in a directory with a name that is nowhere else."""
    way: Callable[[Path, str], Path] = request.param
    return way(tmp_path / "unmistakable-directory" / "shop", loopback.url)


@pytest.fixture
def shared(product: Product, loopback: Index, small_base: str, root: Path) -> Product:
    """Of uv, all comes from loopback; Poetry's backend comes from the real index."""
    shared = product.using(base=small_base)
    return shared if (root / "poetry.lock").exists() else shared.using(UV_DEFAULT_INDEX=loopback.url)


def test_libraries_have_a_layer_of_their_own(root: Path, shared: Product, tmp_path: Path) -> None:
    before = shared.build(root, tmp_path / "before.tar")
    assert before.kinds == ["base", "environment", "dependencies", "first-party", "code"]
    image = read_image(tmp_path / "before.tar")
    library, code = (set(tree_of(tar)) for tar in image.tars[-2:])
    assert f"{SITE}/till/cli.py" in library - code
    assert f"{SITE}/shop/cli.py" in code - library
    assert "opt/venv/bin/till" in library
    with (root / "libs/till/src/till/cli.py").open("a") as file:
        file.write("OPEN = True\n")
    after = shared.build(root, tmp_path / "after.tar")
    assert before.differing(after) == {"first-party"}
    projects.replace(root / "src/shop/cli.py", "What the shop says", "What the shop shouts")
    assert after.differing(shared.build(root, tmp_path / "last.tar")) == {"code"}


def test_no_directory_of_this_machine_is_in_the_image(root: Path, shared: Product, tmp_path: Path) -> None:
    shared.build(root, tmp_path / "image.tar")
    image = read_image(tmp_path / "image.tar")
    assert naming(image.tars[-2:], "file://") == []
    for text in ("unmistakable-directory", str(tmp_path), str(shared.cache)):
        assert naming(image.tars[1:], text) == [], text
        assert text not in str(image.config)
        assert text not in str(image.manifest)
    metadata = email.message_from_bytes(tree_of(image.tars[-1])[f"{SITE}/shop-1.0.0.dist-info/METADATA"].content)
    requires = sorted(metadata.get_all("Requires-Dist") or ())
    assert [text.split()[0] for text in requires] == ["click", "till"]


def test_another_directory_gives_the_same_image(root: Path, shared: Product, tmp_path: Path) -> None:
    first = shared.build(root, tmp_path / "first.tar")
    moved = root.rename(tmp_path / "elsewhere")
    cold = shared.using(tmp_path / "cold")
    assert cold.build(moved, tmp_path / "second.tar").digest == first.digest
