"""What is learnt of a build, and what cannot be. The backend is a stand-in here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.own.wheel import project_wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wheels.conftest import Contents, Packer

    from depsfirst.content import ContentStore
    from depsfirst.project.model import Project


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def folder(path: Path, name: str = "anything") -> None:
    path.mkdir(exist_ok=True)
    (path / name).write_text("")


def test_a_twin_elsewhere_is_no_harm_until_one_of_them_changes(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    twin = root / "tests/shop/prices/taxes.py"
    twin.parent.mkdir()
    twin.touch()
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"
    (root / "src/shop/prices/taxes.py").write_text("VAT = 7\n")
    made = project_wheel(read(root), store)
    assert made.how == "built"
    assert (
        made.reason == '"src/shop/prices/taxes.py" changed, which may or may not be "shop/prices/taxes.py" of the wheel'
    )
    (root / "src/shop/prices/taxes.py").write_text("VAT = 19\n")
    assert project_wheel(read(root), store).how == "patched"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"shop/_version.py": b"generated"}, '"shop/_version.py" of its wheel is no copy'),
        ({"other/main.py": b"generated"}, '"other/main.py" of its wheel is no copy'),
        ({"INFO/extra/x.json": b"{}"}, 'x.json" of its wheel is no copy'),
    ],
)
def test_an_entry_without_a_source_calls_the_backend_every_time(
    *,
    root: Path,
    read: Callable[[Path], Project],
    store: ContentStore,
    packer: Packer,
    more: dict[str, bytes],
    reason: str,
) -> None:
    packer.more = more
    project_wheel(read(root), store)
    for _ in range(2):
        made = project_wheel(read(root), store)
        assert made.how == "built"
        assert reason in made.reason


def test_a_script_is_not_patched(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    folder(root / "bin", "weigh")
    (root / "bin/weigh").write_text("#!/bin/sh\n")
    packer.more = {"corner_shop-1.2.3.data/scripts/weigh": b"#!/bin/sh\n"}
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"
    (root / "bin/weigh").write_text("#!/usr/bin/python3\n")
    assert '"bin/weigh" is a script' in project_wheel(read(root), store).reason


def test_data_of_another_name_is_renamed_with_the_version(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    packer.more = {"corner_shop-1.2.3.data/data/share/guide.md": (root / "docs/guide.md").read_bytes()}
    project_wheel(read(root), store)
    (root / "docs/guide.md").write_text("# Handbook\n")
    edit(root / "pyproject.toml", '"1.2.3"', '"1.3.0"')
    made = project_wheel(read(root), store)
    assert made.how == "patched"
    assert ("corner_shop-1.3.0.data/data/share/guide.md", b"# Handbook\n", False) in contents(made)


def test_a_wheel_for_one_platform_is_always_built(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    packer.tag = "cp311-cp311-linux_x86_64"
    assert project_wheel(read(root), store).tags == {"cp311-cp311-linux_x86_64"}
    assert project_wheel(read(root), store).reason == 'its wheel is made for "cp311-cp311-linux_x86_64"'


def test_a_linked_directory_in_a_package_is_always_built(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    (root / "src/shop/more").symlink_to(root / "docs")
    for _ in range(2):
        made = project_wheel(read(root), store)
        assert made.how == "built"
    assert '"src/shop/more" in a package is a directory link' in made.reason


def test_a_linked_file_is_followed(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    (root / "src/shop/guide.md").symlink_to("../../docs/guide.md")
    project_wheel(read(root), store)
    (root / "docs/guide.md").write_text("# Handbook\n")
    made = project_wheel(read(root), store)
    assert made.how == "patched"
    assert ("shop/guide.md", b"# Handbook\n", False) in contents(made)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda root: edit(root / "README.md", "tea", "rice"),
        lambda root: edit(root / "pyproject.toml", "1.2.3", "1.2.4"),
        lambda root: (root / "src/shop/late.py").touch(),
        lambda root: (root / "docs/guide.md").unlink(),
    ],
)
def test_an_edit_during_the_build_is_not_taken_for_what_was_built(
    root: Path,
    read: Callable[[Path], Project],
    store: ContentStore,
    packer: Packer,
    meanwhile: Callable[[Path], object],
) -> None:
    packer.meanwhile = meanwhile
    project_wheel(read(root), store)
    packer.meanwhile = lambda _: None
    made = project_wheel(read(root), store)
    assert (made.how, made.reason) == ("built", "its files changed during the last build")
    assert project_wheel(read(root), store).how == "reused"


def test_an_edit_of_a_packed_file_during_the_build_is_seen_afterwards(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, contents: Callable[..., Contents]
) -> None:
    packer.meanwhile = lambda root: (root / "src/shop/main.py").write_text("late")
    project_wheel(read(root), store)
    packer.meanwhile = lambda _: None
    made = project_wheel(read(root), store)
    assert ("shop/main.py", b"late", False) in contents(made)
    assert project_wheel(read(root), store).how == "reused"


def test_what_cannot_be_read_elsewhere_does_not_matter(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer, nobody: None
) -> None:
    (root / "docs/guide.md").chmod(0)
    (root / "pgdata").mkdir(mode=0)
    project_wheel(read(root), store)
    assert project_wheel(read(root), store).how == "reused"


def test_odd_files_do_not_matter(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    os.mkfifo(root / "pipe")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9")).write_text("")
    (root / "circle").symlink_to("circle")
    project_wheel(read(root), store)
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(read(root), store).how == "patched"


def test_a_license_that_stands_in_the_metadata_is_read(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    edit(root / "pyproject.toml", 'license-files = ["LICENSE"]', 'license = { file = "LICENSE" }')
    project_wheel(read(root), store)
    (root / "LICENSE").write_text("All rights reserved.\n")
    assert project_wheel(read(root), store).reason == '"LICENSE", which the backend reads, changed'


def test_a_wheel_of_another_name_is_refused(
    root: Path, read: Callable[[Path], Project], store: ContentStore, packer: Packer
) -> None:
    packer.name = "UNKNOWN"
    with pytest.raises(DepsfirstError, match='a wheel of "UNKNOWN", but the project is called "corner-shop"'):
        project_wheel(read(root), store)


def test_a_project_may_have_no_pyproject_toml(
    read: Callable[[Path], Project], store: ContentStore, packer: Packer, shop: Callable[[str], Path]
) -> None:
    root = shop("setuptools-src")
    (root / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (root / "setup.cfg").write_text("[metadata]\nname = corner-shop\nversion = 1.2.3\n")
    described = read(root)._replace(manifest=None, pyproject={})
    assert project_wheel(described, store).how == "built"
    edit(root / "src/shop/main.py", "tea", "rice")
    assert project_wheel(described, store).how == "patched"
    edit(root / "setup.cfg", "1.2.3", "1.2.4")
    assert project_wheel(described, store).reason == '"setup.cfg", which the backend reads, changed'


def test_metadata_that_does_not_state_the_version_is_not_patched(
    root: Path, packer: Packer, read: Callable[[Path], Project], store: ContentStore
) -> None:
    packer.more["INFO/METADATA"] = b"Name: corner-shop\nSummary: Version: 1.2.3\n\n"
    project_wheel(read(root), store)
    edit(root / "pyproject.toml", '"1.2.3"', '"1.2.4"')
    assert "does not state the version" in project_wheel(read(root), store).reason
