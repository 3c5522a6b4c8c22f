"""An edit whose image is sent before the build knows it: the image is the same, and what was wrong is taken back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.product import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Made

pytestmark = [pytest.mark.index, pytest.mark.docker]

STORES = [
    pytest.param("docker_classic", id="classic"),
    pytest.param("docker_containerd", id="containerd", marks=pytest.mark.containerd),
]


class Shop:
    """A project that is built into a daemon, and what that daemon has of it."""

    def __init__(self, root: Path, name: str, product: Product, docker: Callable[..., str]) -> None:
        self.root, self.name, self.product, self.docker = root, name, product, docker
        self.module = root / f"src/{name}/__init__.py"
        self.text = self.module.read_text()

    def edit(self, text: str) -> None:
        self.module.write_text(f"{self.text}\n{text}\n")

    def build(self) -> Made:
        return self.product.build(self.root, None, "--tag", self.name)

    def images(self) -> list[str]:
        """Ids of all images of the project, those without a name included."""
        label = f"label=org.opencontainers.image.title={self.name}"
        return self.docker("images", "--quiet", "--no-trunc", "--filter", label).split()

    def named(self) -> str:
        return self.docker("images", "--quiet", "--no-trunc", self.name).strip()

    def notes(self) -> list[bytes]:
        return [path.read_bytes() for path in (self.root.parent / "cache/foretold").glob("*/*")]


@pytest.fixture(scope="module", params=STORES)
def shop(
    request: pytest.FixtureRequest, small_base: str, loopback: Index, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Built, edited once and built again: the next edit is foretold, and each after it."""
    docker: Callable[..., str] = request.getfixturevalue("docker")
    url, name = str(request.getfixturevalue(request.param)), f"told{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("told")
    product = Product(folder / "cache", {"UV_DEFAULT_INDEX": loopback.url, "DOCKER_HOST": url}, small_base)
    root = projects.shop(folder / "shop", loopback.url, "click", name=name)
    found = Shop(root, name, product, lambda *words: docker(url, *words))
    found.build()
    assert not found.notes()
    found.edit("# once")
    found.build()
    yield found
    label = f"label=org.opencontainers.image.title={name}"
    docker(url, "rmi", "--force", *set(docker(url, "images", "--quiet", "--filter", label).split()))


def test_it_is_the_image_that_is_built_elsewhere(shop: Shop) -> None:
    (notes,) = shop.notes()
    before = shop.named()
    shop.edit("# twice")
    made = shop.build()
    assert shop.named() != before
    assert shop.named() in {made.report["id"], made.report["digest"]}
    assert made.report["code"]["how"] == "patched"
    assert [layer["kind"] for layer in made.report["layers"] if not layer["reused"]] == ["code"]
    assert shop.notes() != [notes]
    archive = shop.product.using(shop.root.parent / "other").build(shop.root, shop.root.parent / "image.tar")
    assert archive.report["id"] == made.report["id"]


def test_code_that_is_wrong_leaves_the_name_and_nothing_else(shop: Shop) -> None:
    before, images = shop.named(), sorted(shop.images())
    shop.edit("def broken(:")
    said = shop.product.run(*shop.product.order(shop.root, None), "--format", "json", "--tag", shop.name)
    assert said.status == 2
    assert f"{shop.name}/__init__.py" in said.stderr
    assert (shop.named(), sorted(shop.images())) == (before, images)


def test_what_more_changed_than_was_foretold_is_in_the_image_alone(shop: Shop) -> None:
    shop.edit("# with another version")
    manifest = shop.root / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace('version = "', 'version = "7.'))
    images = set(shop.images())
    made = shop.build()
    assert any(layer["title"].startswith(f"{shop.name} 7.") for layer in made.report["layers"])
    assert shop.named() in {made.report["id"], made.report["digest"]}
    assert set(shop.images()) - images == {shop.named()}


def test_a_file_that_is_new_beside_an_edit_is_in_the_image(shop: Shop) -> None:
    shop.edit("# beside a new file")
    (shop.module.parent / "new.py").write_text("NEW = 1\n")
    images = set(shop.images())
    made = shop.build()
    assert made.report["code"]["how"] == "built"
    assert set(shop.images()) - images == {shop.named()}
    text = shop.docker(
        "run", "--rm", "--entrypoint", "/opt/venv/bin/python", shop.name, "-c", f"import {shop.name}.new"
    )
    assert not text
