from __future__ import annotations

import errno
import hashlib
import io
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.oci.pieces import CHUNK, FileSlice, Piece, chunks, reader, sha256, total, write_pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(hashlib.shake_256(b"large").digest(2 * CHUNK + 777))
    return path


@pytest.fixture
def mixed(large: Path) -> tuple[tuple[Piece, ...], bytes]:
    """Pieces of several kinds, and the bytes they stand for."""
    data = large.read_bytes()
    size = len(data)
    found = (b"head", FileSlice(large, 5, size - 5), b"", FileSlice(large, 0, 3), FileSlice(large, 9, 0), b"tail")
    return found, b"head" + data[5:] + data[:3] + b"tail"


def test_pieces_read_as_one(mixed: tuple[tuple[Piece, ...], bytes]) -> None:
    pieces, data = mixed
    assert total(pieces) == len(data)
    assert b"".join(chunks(pieces)) == data
    assert sha256(pieces) == f"sha256:{hashlib.sha256(data).hexdigest()}"
    with reader(pieces) as file:
        assert file.read(7) == data[:7]
        assert file.read() == data[7:]


def test_files_come_in_chunks_of_bounded_size(mixed: tuple[tuple[Piece, ...], bytes]) -> None:
    assert max(len(chunk) for chunk in chunks(mixed[0])) == CHUNK


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 30))
def test_a_reader_gives_any_sizes_asked_for(parts: list[bytes], step: int) -> None:
    file = reader(tuple(parts))
    found = list(iter(lambda: file.read(step), b""))
    assert b"".join(found) == b"".join(parts)
    assert all(len(each) == step for each in found[:-1])


def written(pieces: tuple[Piece, ...], path: Path) -> list[int]:
    told: list[int] = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.write(file, b"before ")
        write_pieces(pieces, file, told.append)
    finally:
        os.close(file)
    return told


def test_the_kernel_copies_pieces(mixed: tuple[tuple[Piece, ...], bytes], tmp_path: Path) -> None:
    told = written(mixed[0], tmp_path / "made")
    assert (tmp_path / "made").read_bytes() == b"before " + mixed[1]
    assert sum(told) == len(mixed[1])


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP])
def test_what_the_kernel_will_not_copy_is_copied_here(
    mixed: tuple[tuple[Piece, ...], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", refuse)
    written(mixed[0], tmp_path / "made")
    assert (tmp_path / "made").read_bytes() == b"before " + mixed[1]


def test_a_system_that_cannot_copy_files_copies_here(
    mixed: tuple[tuple[Piece, ...], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range")
    written(mixed[0], tmp_path / "made")
    assert (tmp_path / "made").read_bytes() == b"before " + mixed[1]


def test_a_full_disk_is_told_to_the_caller(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="No space left"):
        written((FileSlice(large, 0, 10),), tmp_path / "made")


READERS: dict[str, Callable[[tuple[Piece, ...], Path], object]] = {
    "chunks": lambda pieces, _: list(chunks(pieces)),
    "sha256": lambda pieces, _: sha256(pieces),
    "write": lambda pieces, folder: written(pieces, folder / "made"),
}


@pytest.mark.parametrize("how", READERS)
def test_a_file_that_was_cut_is_an_error(how: str, large: Path, tmp_path: Path) -> None:
    piece = FileSlice(large, 5, large.stat().st_size)
    with pytest.raises(DepsfirstError, match="the file ends before byte 2097934") as caught:
        READERS[how]((piece,), tmp_path)
    assert caught.value.where == str(large)
    assert caught.value.hint


@pytest.mark.parametrize("how", READERS)
def test_a_file_that_is_gone_is_an_error(how: str, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="No such file") as caught:
        READERS[how]((FileSlice(tmp_path / "gone", 0, 1),), tmp_path)
    assert caught.value.where == str(tmp_path / "gone")


def test_a_reader_is_a_file_for_others(mixed: tuple[tuple[Piece, ...], bytes]) -> None:
    target = io.BytesIO()
    with reader(mixed[0]) as file:
        while chunk := file.read1(1000):
            target.write(chunk)
    assert target.getvalue() == mixed[1]
    assert file.closed
