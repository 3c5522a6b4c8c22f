"""Bases: missing, damaged, without the right Python, for another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def to_index(index: Any) -> list[str]:
    return ["--index", index.simple]


def folder_of(base: str) -> Path:
    return Path(base.partition(":")[2])


def test_a_layout_serves_as_well(attempt: Any, shop: Any, bases: Any, to_index: list[str]) -> None:
    attempt.succeeds(shop, *to_index, "--base", bases.layout())


def test_without_python(attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str]) -> None:
    base = bases.archive(layer(None))
    err = attempt.refused(shop, *to_index, "--base", base)
    assert f"error: {base}: the base has no CPython on its PATH" in err
    assert "hint: choose a base that has one" in err


def test_with_a_python_that_is_excluded(attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str]) -> None:
    base = bases.layout(layer("3.10.2"))
    err = attempt.refused(shop, *to_index, "--base", base)
    assert base in err
    assert "3.10.2" in err
    assert ">=3.11" in err
    assert "\nhint: " in err


def test_to_which_no_debian_package_can_be_added(
    attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str]
) -> None:
    base = bases.layout(layer("3.13.5"))
    err = attempt.refused(shop, *to_index, "--base", base, "--system-package", "git", "--system-package=libpq5")
    assert f'error: Debian packages (git, libpq5) cannot be added to "{base}"' in err
    assert "hint: choose a base deb:SUITE" in err


@pytest.mark.parametrize("form", ["archive", "layout"])
def test_for_another_machine(attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str], form: str) -> None:  # noqa: PLR0917 - fixtures
    base = getattr(bases, form)(layer("3.13.5", machine=183), architecture="arm64")
    err = attempt.refused(shop, *to_index, "--base", base, "--platform", "linux/amd64")
    assert "linux/arm64" in err or "arm64" in err
    assert base in err
    assert "\nhint: " in err


def test_whose_programs_are_for_another_machine(
    attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str]
) -> None:
    base = bases.archive(layer("3.13.5", machine=183), architecture="amd64")
    err = attempt.refused(shop, *to_index, "--base", base, "--platform", "linux/amd64")
    assert 'the base says that it is for "amd64", but its "/usr/bin/python3.13" is for "arm64"' in err


@pytest.mark.parametrize(
    "base",
    ["docker-archive:nowhere.tar", "oci:nowhere", "docker-archive:", "oci:", "deb:", "deb:no such", "python:3.13"],
)
def test_that_is_none(attempt: Any, shop: Any, to_index: list[str], base: str) -> None:
    err = attempt.refused(shop, *to_index, "--base", base)
    assert "\nhint: " in err
    assert base.partition(":")[2] in err


def test_an_archive_that_is_none(attempt: Any, shop: Any, tmp_path: Path, to_index: list[str]) -> None:
    path = tmp_path / "odd.tar"
    for data in (b"", b"no tar", b"\x1f\x8b\x08 no gzip", bytes(10240)):
        path.write_bytes(data)
        assert str(path) in attempt.refused(shop, *to_index, "--base", f"docker-archive:{path}")


def test_a_directory_instead_of_an_archive(attempt: Any, shop: Any, tmp_path: Path, to_index: list[str]) -> None:
    assert str(tmp_path) in attempt.refused(shop, *to_index, "--base", f"docker-archive:{tmp_path}")


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_an_archive_that_ends_too_early(attempt: Any, shop: Any, bases: Any, to_index: list[str], left: float) -> None:
    base = bases.archive()
    path = folder_of(base)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data.rstrip(b"\0")) * left)])
    assert str(path) in attempt.refused(shop, *to_index, "--base", base)


def test_an_archive_whose_layer_is_another(
    attempt: Any, shop: Any, bases: Any, layer: Any, to_index: list[str]
) -> None:
    base = bases.archive()
    path = folder_of(base)
    data = path.read_bytes()
    assert data.count(b"root:x:0:0:root") == 1
    path.write_bytes(data.replace(b"root:x:0:0:root", b"root::00:0:root"))
    assert str(path) in attempt.refused(shop, *to_index, "--base", base)


@pytest.mark.parametrize("what", ["index.json", "config", "manifest", "layer"])
@pytest.mark.parametrize("how", ["gone", "cut", "other"])
def test_a_damaged_layout(attempt: Any, shop: Any, bases: Any, to_index: list[str], what: str, how: str) -> None:  # noqa: PLR0917 - fixtures
    base = bases.layout()
    path = part_of_layout(folder_of(base), what)
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(
            data[: len(data) // 2]
            if how == "cut"
            else data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
        )
    err = attempt.refused(shop, *to_index, "--base", base)
    assert str(folder_of(base)) in err


def part_of_layout(folder: Path, what: str) -> Path:
    if what == "index.json":
        return folder / what
    blobs = folder / "blobs/sha256"
    digest = str(json.loads((folder / "index.json").read_text())["manifests"][0]["digest"])
    manifest = blobs / digest.partition(":")[2]
    if what == "manifest":
        return manifest
    value = json.loads(manifest.read_text())
    descriptor = value["config"] if what == "config" else value["layers"][0]
    return blobs / str(descriptor["digest"]).partition(":")[2]
