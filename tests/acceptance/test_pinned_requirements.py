"""Requirements in which every line is pinned, and which leave something out all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import below, read_image
from tests.acceptance.loopback import sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Made, Product

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"


def pins(index: Index, *names: str, hashes: bool = False) -> str:
    """Lines for packages of the index, at the version that it has."""
    files = {name: next(path for file, path in index.files.items() if file.startswith(f"{name}-")) for name in names}
    return "".join(
        f"{name}=={path.name.split('-')[1]}{f' --hash=sha256:{sha256(path)}' * hashes}\n"
        for name, path in files.items()
    )


def shop(root: Path, requirements: str) -> Path:
    projects.write(root, projects.FILES)
    (root / "pyproject.toml").write_text(projects.manifest(["click", "jinja2"]))
    (root / "requirements.txt").write_text(requirements)
    return root


def packages(made: Made) -> set[str]:
    assert made.output is not None
    folders = {path.partition("/")[0] for path in below(read_image(made.output).tree(1), SITE)}
    return {folder.partition("-")[0] for folder in folders if folder.endswith(".dist-info")}


def test_what_pins_leave_out_is_resolved_and_said(fast: Product, loopback: Index, tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", pins(loopback, "click", "jinja2"))
    made = fast.build(root, tmp_path / "image.tar")
    assert packages(made) == {"click", "jinja2", "markupsafe", "shop"}
    assert "requirements.txt leaves out markupsafe, which jinja2 requires: uv resolved 3 packages" in made.stderr
    again = fast.build(root, tmp_path / "again.tar")
    assert "leaves out" not in again.stderr
    assert again.digest == made.digest


def test_pins_that_leave_nothing_out_are_taken_as_they_are(fast: Product, loopback: Index, tmp_path: Path) -> None:
    made = fast.build(shop(tmp_path / "shop", pins(loopback, "click", "jinja2", "markupsafe")), tmp_path / "image.tar")
    assert packages(made) == {"click", "jinja2", "markupsafe", "shop"}
    assert "uv resolved" not in made.stderr


def test_requirements_with_hashes_are_a_lock(fast: Product, loopback: Index, tmp_path: Path) -> None:
    made = fast.build(shop(tmp_path / "shop", pins(loopback, "click", "jinja2", hashes=True)), tmp_path / "image.tar")
    assert packages(made) == {"click", "jinja2", "shop"}


def test_what_an_extra_requires_is_left_out_too(fast: Product, loopback: Index, tmp_path: Path) -> None:
    lines = pins(loopback, "click", "jinja2", "markupsafe").replace("jinja2==", "jinja2[i18n]==")
    said = fast.refused(shop(tmp_path / "shop", lines), tmp_path / "image.tar")
    assert "requirements.txt leaves out babel, which jinja2 requires, and uv cannot resolve what is wanted" in said
