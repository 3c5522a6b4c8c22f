"""Images for another platform than this machine's, made from wheels alone; what has to be built from source."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import below, machines, read_image
from tests.acceptance.loopback import sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

SETUP = {
    "pure": "from setuptools import setup\nsetup(name='{name}', version='1.0', py_modules=['{name}'])\n",
    "compiled": (
        "from setuptools import Distribution, setup\n"
        "class Compiled(Distribution):\n"
        "    def has_ext_modules(self):\n"
        "        return True\n"
        "setup(name='{name}', version='1.0', py_modules=['{name}'], distclass=Compiled)\n"
    ),
}


@pytest.mark.slow
@pytest.mark.debian
def test_an_image_for_arm64_holds_programs_for_arm64_alone(real_index: None, product: Product, tmp_path: Path) -> None:
    root = projects.write(tmp_path / "shop", projects.FILES)
    dependencies = ("click", "greenlet", "markupsafe", "pyyaml")
    (root / "pyproject.toml").write_text(projects.manifest(dependencies))
    projects.uv_lock(root)
    words = ("--base", "deb:trixie", "--platform", "linux/arm64")
    made = product.build(root, tmp_path / "arm.tar", *words)
    assert made.report["platform"] == "linux/arm64"
    image = read_image(tmp_path / "arm.tar")
    assert (image.config["architecture"], image.config["os"]) == ("arm64", "linux")
    tree = image.tree()
    found = machines(tree)
    assert set(found.values()) == {"arm64"}
    assert {"usr/bin/python3.13"} <= set(found)
    native = [path for path in found if path.startswith("opt/venv/")]
    assert {path.split("/")[5] for path in native} >= {"greenlet", "markupsafe", "yaml"}
    assert all(path.endswith(".so") for path in native)
    assert "lib/ld-linux-aarch64.so.1" in tree or "usr/lib/ld-linux-aarch64.so.1" in tree
    amd = product.build(root, tmp_path / "amd.tar", "--base", "deb:trixie", "--platform", "linux/amd64")
    assert amd.diff_ids("code") == made.diff_ids("code")
    assert amd.diff_ids("environment") == made.diff_ids("environment")
    assert amd.diff_ids("dependencies") != made.diff_ids("dependencies")


def sdist(folder: Path, name: str, kind: str) -> Path:
    """A source distribution whose wheel is pure, or says that it is not."""
    path = folder / f"{name}-1.0.tar.gz"
    info = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files = {"setup.py": SETUP[kind].format(name=name), f"{name}.py": "ANSWER = 42\n", "PKG-INFO": info}
    with tarfile.open(path, "w:gz") as tar:
        for file, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{file}")
            member.size = len(text)
            tar.addfile(member, BytesIO(text.encode()))
    return path


@pytest.fixture
def sourced(fast: Product, counting: Index, tmp_path: Path) -> Callable[[str], tuple[Product, Path]]:
    """``sourced("pure")``: the product, and a project with a dependency that there is no wheel of."""

    def made(kind: str) -> tuple[Product, Path]:
        path = sdist(tmp_path, "answer", kind)
        counting.files[path.name] = path
        root = projects.write(tmp_path / "shop", projects.FILES)
        (root / "pyproject.toml").write_text(projects.manifest(["click", "answer"]))
        code = root / "src/shop/cli.py"
        code.write_text(code.read_text().replace("import click\n", "import click\nfrom answer import ANSWER\n"))
        pins = [f"answer==1.0 --hash=sha256:{sha256(path)}\n"]
        pins += [pin(name, wheel) for name, wheel in counting.files.items() if name.startswith("click-")]
        (root / "requirements.txt").write_text("".join(pins))
        return fast.using(UV_DEFAULT_INDEX=counting.url), root

    return made


def pin(name: str, path: Path) -> str:
    project, version = name.split("-")[:2]
    return f"{project}=={version} --hash=sha256:{sha256(path)}\n"


def test_a_pure_sdist_is_built(sourced: Callable[[str], tuple[Product, Path]], tmp_path: Path) -> None:
    product, root = sourced("pure")
    made = product.build(root, tmp_path / "image.tar")
    assert made.report["import_check"] == "passed"
    tree = below(read_image(tmp_path / "image.tar").tree(start=1), "opt/venv/lib/python3.11/site-packages")
    assert tree["answer.py"].content == b"ANSWER = 42\n"
    assert "answer-1.0.dist-info/METADATA" in tree
    again = product.using(tmp_path / "other cache").build(root, tmp_path / "again.tar")
    assert again.digest == made.digest


def test_an_sdist_that_is_not_pure_is_refused(sourced: Callable[[str], tuple[Product, Path]], tmp_path: Path) -> None:
    product, root = sourced("compiled")
    said = product.refused(root, tmp_path / "image.tar")
    assert '"answer" 1.0 has no wheel for the target' in said
    assert "which is for this machine" in said
    assert "hint: choose a version that has a wheel for the target" in said
