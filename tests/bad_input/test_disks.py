"""Disks: full, not to be written; a cache that can only be read, and one that is somebody else's file."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.content import ContentStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = os.urandom(600_000)
SMALL = 200_000


@pytest.fixture
def heavy_shop(bare_shop: Any, index: Any, wheels: Any) -> Any:
    """The project with a dependency that is larger than the disk."""
    data = wheels.wheel("greet", {"greet/__init__.py": b"", "greet/noise.bin": NOISE})
    bare_shop.pin(f"greet==1.0 --hash=sha256:{index.add('greet-1.0-py3-none-any.whl', data)}")
    return bare_shop


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small disk needs mount: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@contextmanager
def no_large_files() -> Iterator[None]:
    """Files cannot grow beyond 200 kB, as on a full disk: needs no root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_disk_of_the_cache_is_full(
    attempt: Any, heavy_shop: Any, options: list[str], disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.cache = disk / "cache"
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(attempt.cache))
    err = attempt.refused(heavy_shop, *options)
    assert f"error: {attempt.cache}: " in err
    assert "No space left on device" in err
    assert "hint: free some space (`depsfirst cache prune`), or set DEPSFIRST_CACHE_DIR to another disk" in err


def test_a_file_of_the_cache_cannot_grow(attempt: Any, heavy_shop: Any, options: list[str]) -> None:
    with no_large_files():
        err = attempt.refused(heavy_shop, *options)
    assert f"error: {attempt.cache}: " in err
    assert "File too large" in err
    assert "hint: free some space" in err


@pytest.mark.parametrize("kind", ["archive", "layout"])
def test_the_disk_of_the_destination_is_full(
    attempt: Any, heavy_shop: Any, options: list[str], disk: Path, kind: str
) -> None:
    target = disk / "out.tar" if kind == "archive" else disk / "layout"
    before: list[str] = []
    if kind == "archive":
        target.write_bytes(b"former")
        before = ["out.tar"]
    err = attempt.refused(heavy_shop, *options, "-o", target if kind == "archive" else f"oci:{target}")
    assert str(disk) in err
    assert "No space left on device" in err
    assert "hint: free some space, or choose a place on another disk" in err
    if kind == "archive":
        assert os.listdir(disk) == before
        assert target.read_bytes() == b"former"
    else:
        assert not [path for path in disk.rglob("*") if path.is_file() and "index.json" in path.name]


def test_the_destination_cannot_grow(attempt: Any, heavy_shop: Any, options: list[str]) -> None:
    attempt.succeeds(heavy_shop, *options)
    former = attempt.archive.read_bytes()
    with no_large_files():
        code, out, err = attempt.build(heavy_shop, *options)
    assert (code, out) == (2, "")
    assert f"error: {attempt.archive}: writing failed: File too large" in err
    assert attempt.archive.read_bytes() == former
    assert os.listdir(attempt.target) == ["out.tar"]


def test_a_layout_keeps_its_image_when_its_disk_is_full(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, index: Any, wheels: Any, options: list[str], disk: Path
) -> None:
    attempt.build(shop, *options, "-o", f"oci:{disk / 'layout'}")
    before = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    assert disk / "layout/index.json" in before
    data = wheels.wheel("greet", {"greet/__init__.py": b"", "greet/noise.bin": NOISE}, version="2.0")
    shop.pin(f"greet==2.0 --hash=sha256:{index.add('greet-2.0-py3-none-any.whl', data)}")
    attempt.refused(shop, *options, "-o", f"oci:{disk / 'layout'}")
    after = {path: path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    assert {path: after.get(path) for path in before} == before
    assert {path.parent.name for path in after if path not in before} <= {"sha256"}, "whole blobs may stay"


def test_a_destination_that_may_not_be_written(attempt: Any, shop: Any, options: list[str], as_anybody: Any) -> None:
    attempt.target.chmod(0o555)
    with as_anybody():
        err = attempt.refused(shop, *options)
    assert f"error: {attempt.archive}: writing failed: Permission denied" in err
    assert "hint: choose a place that you may write to" in err


def test_a_cache_that_may_not_be_written(attempt: Any, shop: Any, options: list[str], as_anybody: Any) -> None:
    attempt.cache.chmod(0o555)
    with as_anybody():
        err = attempt.refused(shop, *options)
    attempt.cache.chmod(0o755)
    assert f"error: {attempt.cache}: " in err
    assert "Permission denied" in err
    assert "DEPSFIRST_CACHE_DIR" in err


def test_a_cache_below_a_file(
    attempt: Any, shop: Any, options: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(tmp_path / "file"))
    err = attempt.refused(shop, *options)
    assert str(tmp_path / "file") in err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_cache_that_can_only_be_read_still_serves(tmp_path: Path, as_anybody: Any) -> None:
    store = ContentStore(tmp_path / "store")
    store.remember("topic", "key", 1)
    with store.in_use(), store.write("wheels", "abc") as file:
        file.write(b"whole")
    folders = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]
    for path in [*folders, store.root / "lock"]:
        path.chmod(path.stat().st_mode & 0o555)
    with as_anybody(), store.in_use():
        store.remember("topic", "other", 2)
        assert store.recall("topic", "key") == 1
        assert store.recall("topic", "other") is None
        found = store.find("wheels", "abc")
        assert found is not None
        assert found.read_bytes() == b"whole"
    for path in folders:
        path.chmod(0o755)


@pytest.mark.parametrize("damage", ["gone", "empty", "cut"])
def test_a_damaged_cache_is_mended_or_named(attempt: Any, shop: Any, options: list[str], damage: str) -> None:
    attempt.succeeds(shop, *options)
    former = attempt.archive.read_bytes()
    memos = [path for path in (attempt.cache / "memo").rglob("*") if path.is_file()]
    assert memos
    for path in memos:
        data = path.read_bytes()
        path.unlink()
        if damage != "gone":
            path.write_bytes(b"" if damage == "empty" else data[: len(data) // 2])
    attempt.succeeds(shop, *options)
    assert attempt.archive.read_bytes() == former
