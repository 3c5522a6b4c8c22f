"""The same inputs give the same image, wherever, whenever and by whomever they are built; what an edit changes."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

DEPENDENCIES = ("click", "jinja2", "attrs")
EPOCH = 1_700_000_000


def copied_otherwise(source: Path, target: Path) -> Path:
    """The same project with other times and file modes, its directories filled in another order."""
    drawn = random.Random(7)
    paths = [path for path in sorted(source.rglob("*")) if path.is_file()]
    drawn.shuffle(paths)
    for path in paths:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o600)
        os.utime(copy, (drawn.randrange(EPOCH), drawn.randrange(EPOCH)))
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o700)
        os.utime(folder, (0, drawn.randrange(EPOCH)))
    return target


def test_two_directories_two_umasks_and_two_empty_caches(
    shop: Callable[..., Path], fast: Product, tmp_path: Path
) -> None:
    root = shop(*DEPENDENCIES)
    other = copied_otherwise(root, tmp_path / "elsewhere" / "another name")
    first = fast.build(root, tmp_path / "first.tar", umask=0o022)
    elsewhere = fast.using(tmp_path / "a cache of another name")
    second = elsewhere.build(other, tmp_path / "second.tar", umask=0o077)
    assert second.report["layers"] == first.report["layers"]
    assert second.digest == first.digest
    assert (tmp_path / "second.tar").read_bytes() == (tmp_path / "first.tar").read_bytes()
    assert (tmp_path / "first.tar").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "second.tar").stat().st_mode & 0o777 == 0o600


def test_twice_with_the_cache_emptied_and_once_without(
    shop: Callable[..., Path], fast: Product, tmp_path: Path
) -> None:
    root = shop(*DEPENDENCIES)
    first = fast.build(root, tmp_path / "first.tar")
    warm = fast.build(root, tmp_path / "warm.tar")
    shutil.rmtree(fast.cache)
    again = fast.build(root, tmp_path / "again.tar")
    assert first.digest == warm.digest == again.digest
    archives = {(tmp_path / f"{name}.tar").read_bytes() for name in ("first", "warm", "again")}
    assert len(archives) == 1
    layout = fast.build(root, f"oci:{tmp_path}/layout")
    assert layout.digest == first.digest


def test_a_patched_image_is_the_one_that_would_be_built(
    shop: Callable[..., Path], fast: Product, tmp_path: Path
) -> None:
    root = shop(*DEPENDENCIES)
    fast.build(root, tmp_path / "first.tar")
    projects.write(root, {"src/shop/motto.txt": "never open\n"})
    projects.replace(root / "src/shop/cli.py", r"^import click$", "import click as click")
    projects.replace(root / "pyproject.toml", '^version = "1.0.0"', 'version = "1.0.1"')
    projects.replace(root / "uv.lock", '^version = "1.0.0"(?=\nsource = { editable)', 'version = "1.0.1"')
    patched = fast.build(root, tmp_path / "patched.tar")
    built = fast.using(tmp_path / "fresh cache").build(root, tmp_path / "built.tar")
    assert (patched.how, built.how) == ("patched", "built")
    assert patched.digest == built.digest


def test_the_time_is_fixed_or_that_of_source_date_epoch(
    shop: Callable[..., Path], fast: Product, tmp_path: Path
) -> None:
    root = shop("six")
    (root / "src/shop/cli.py").write_text("def main() -> None: ...\n")
    old = fast.build(root, tmp_path / "old.tar")
    dated = fast.using(SOURCE_DATE_EPOCH=str(EPOCH)).build(root, tmp_path / "dated.tar")
    assert old.differing(dated) == set()
    assert old.digest != dated.digest
    before, after = read_image(tmp_path / "old.tar"), read_image(tmp_path / "dated.tar")
    assert before.config["created"] == "1980-01-01T00:00:00Z"
    assert "org.opencontainers.image.created" not in before.config["config"]["Labels"]
    assert after.config["created"] == "2023-11-14T22:13:20Z"
    assert after.config["config"]["Labels"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert {entry.mtime for entry in after.tree(start=1).values()} == {315532800}


def test_a_time_that_is_none_is_refused(shop: Callable[..., Path], fast: Product, tmp_path: Path) -> None:
    said = fast.using(SOURCE_DATE_EPOCH="yesterday").refused(shop("click"), tmp_path / "image.tar")
    assert 'SOURCE_DATE_EPOCH is "yesterday"' in said


def edit_code(root: Path, _: str) -> None:
    projects.replace(root / "src/shop/cli.py", r"What the shop says", "What the shop shouts")


def edit_data(root: Path, _: str) -> None:
    (root / "src/shop/motto.txt").write_text("closed\n")


def bump_version(root: Path, index: str) -> None:
    projects.replace(root / "pyproject.toml", '^version = "1.0.0"', 'version = "1.1.0"')
    projects.uv_lock(root, index=index)


def bump_version_without_locking(root: Path, _: str) -> None:
    projects.replace(root / "pyproject.toml", '^version = "1.0.0"', 'version = "1.1.0"')


def edit_lint_settings(root: Path, _: str) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n[tool.ruff]\nline-length = 99\n")


def add_development_dependency(root: Path, index: str) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write('\n[dependency-groups]\ndev = ["six"]\n')
    projects.uv_lock(root, index=index)


def edit_readme(root: Path, _: str) -> None:
    (root / "README.md").write_text("# Shop\n\nSells nothing.\n")


def add_module(root: Path, _: str) -> None:
    (root / "src/shop/till.py").write_text('"""Counts."""\n')


def add_test(root: Path, _: str) -> None:
    projects.write(root, {"tests/test_shop.py": "import pytest\n"})


def add_dependency(root: Path, index: str) -> None:
    projects.replace(root / "pyproject.toml", '^    "attrs",$', '    "attrs",\n    "six",')
    projects.uv_lock(root, index=index)


NOTHING: frozenset[str] = frozenset()
CODE = frozenset({"code"})

EDITS = [
    (edit_code, CODE, "patched"),
    (edit_data, CODE, "patched"),
    (bump_version, CODE, "patched"),
    (bump_version_without_locking, CODE, "patched"),
    (edit_lint_settings, NOTHING, "reused"),
    (add_development_dependency, NOTHING, None),
    (edit_readme, CODE, "built"),
    (add_module, CODE, "built"),
    (add_test, NOTHING, None),
    (add_dependency, CODE | {"dependencies"}, None),
]


@pytest.mark.parametrize(("edit", "changed", "how"), EDITS, ids=[edit.__name__ for edit, *_ in EDITS])
def test_an_edit_changes_its_own_layers_alone(  # noqa: PLR0917 - fixtures and one row of the table
    edit: Callable[[Path, str], None],
    changed: frozenset[str],
    how: str | None,
    shop: Callable[..., Path],
    product: Product,
    small_base: str,
    loopback: Index,
    tmp_path: Path,
) -> None:
    shared = product.using(base=small_base, UV_DEFAULT_INDEX=loopback.url)
    root = shop(*DEPENDENCIES)
    before = shared.build(root, tmp_path / "before.tar")
    assert before.kinds == ["base", "environment", "dependencies", "code"]
    edit(root, loopback.url)
    after = shared.build(root, tmp_path / "after.tar")
    assert before.differing(after) == changed
    if how is not None:
        assert after.how == how, after.report["code"]["reason"]
    if edit not in {bump_version, bump_version_without_locking}:
        same = not changed
        assert (after.digest == before.digest) is same
