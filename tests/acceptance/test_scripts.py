"""What an image starts is what the wheel says, in whatever file the project says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import read_image

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Made, Product

pytestmark = pytest.mark.index

SETUP = """
from setuptools import setup
setup(
    name="shop", version="1.2", package_dir={"": "src"}, packages=["shop"], package_data={"shop": ["motto.txt"]},
    extras_require={"web": ["six"]},
    entry_points={"console_scripts": ["corner = shop.cli:main", "corner-web = shop.web:main [web]"]},
)
"""


def config(made: Made) -> dict[str, Any]:
    assert made.output is not None
    found: dict[str, Any] = read_image(made.output).config["config"]
    return found


def test_scripts_and_version_of_a_setup_py(fast: Product, loopback: Index, tmp_path: Path) -> None:
    root = projects.write(
        tmp_path / "checkout", {**projects.FILES, "setup.py": SETUP, "src/shop/web.py": "import six\n"}
    )
    click = next(path.name.split("-")[1] for name, path in loopback.files.items() if name.startswith("click-"))
    (root / "requirements.txt").write_text(f"click=={click}\n")
    made = fast.build(root, tmp_path / "image.tar")
    assert config(made)["Entrypoint"] == ["/opt/venv/bin/corner"]
    assert config(made)["Labels"]["org.opencontainers.image.version"] == "1.2"
    assert "src/shop/web.py:1: " in made.stderr


def test_a_script_of_something_that_is_not_installed_is_said_and_not_tried(fast: Product, tmp_path: Path) -> None:
    root = projects.write(tmp_path / "shop", {**projects.FILES, "src/shop/cli.py": "def main() -> None: ...\n"})
    text = projects.manifest([]).replace("[project.scripts]\n", '[project.scripts]\ncheck = "pytest:main"\n')
    (root / "pyproject.toml").write_text(text)
    made = fast.build(root, tmp_path / "image.tar")
    assert 'the script "check" starts "pytest:main", which nothing in the image provides' in made.stderr
    assert config(made)["Entrypoint"] == ["/opt/venv/bin/shop"]
    assert made.report["import_check"].startswith(("passed", "skipped"))
