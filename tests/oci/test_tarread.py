"""Reading tars: what ``tarfile`` reads, in any format, from files that can be searched and from streams."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.oci.pieces import reader
from depsfirst.oci.tarread import TarMember, TarReader, TarReadError

if TYPE_CHECKING:
    from typing import IO

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.LNKTYPE: "hardlink",
    tarfile.SYMTYPE: "symlink",
    tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "other",
    tarfile.CHRTYPE: "other",
}
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)

names = st.text(st.sampled_from("abé/. "), min_size=1, max_size=20) | st.sampled_from(
    ["x" * 99, "y" * 101, "d/" * 90 + "z"]
)


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(draw(names))
    info.type = draw(st.sampled_from(sorted(KINDS)))
    info.mode = draw(st.sampled_from([0o644, 0o755, 0o4711]))
    data = draw(st.binary(max_size=1500)) if KINDS[info.type] == "file" else b""
    info.size = len(data)
    if info.type in {tarfile.LNKTYPE, tarfile.SYMTYPE}:
        info.linkname = draw(names)
    return info, data


def packed(entries: list[tuple[tarfile.TarInfo, bytes]], form: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


class Stream(io.BytesIO):
    """A file that can only be read on."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("this cannot be searched")


def opened(data: bytes, way: str) -> IO[bytes]:
    return Stream(data) if way == "stream" else reader((data[:700], data[700:]))


def read(data: bytes, way: str, wanted: int = 1) -> list[tuple[TarMember, bytes | None]]:
    """All members, and the contents of every ``wanted``-th."""
    with opened(data, way) as file:
        tar = TarReader(file)
        return [(member, tar.read() if at % wanted == 0 else None) for at, member in enumerate(tar)]


def expected(data: bytes) -> list[tuple[str, str, int, str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(info.name.rstrip("/"), KINDS[info.type], info.mode, info.linkname, content(tar, info)) for info in tar]


def content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info) if info.isreg() else None
    return file.read() if file else b""


@pytest.mark.parametrize("way", ["stream", "file"])
@given(entries=st.lists(members(), max_size=4), form=st.sampled_from(FORMATS), wanted=st.integers(1, 3))
def test_it_reads_what_tarfile_reads(
    way: str, entries: list[tuple[tarfile.TarInfo, bytes]], form: int, wanted: int
) -> None:
    try:
        data = packed(entries, form)
    except ValueError:  # the format cannot hold such a name
        return
    found = read(data, way, wanted)
    said = expected(data)
    assert [(m.name.rstrip("/"), m.kind, m.mode, m.link) for m, _ in found] == [each[:4] for each in said]
    for (_, data_read), each in zip(found, said, strict=True):
        assert data_read in {None, each[4]}


def one(content: bytes, name: str = "file") -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return packed([(info, content)], tarfile.PAX_FORMAT)


@pytest.mark.parametrize("way", ["stream", "file"])
@pytest.mark.parametrize("cut", [0, 100, 511, 700, 1200])
def test_a_tar_that_was_cut_is_an_error(cut: int, way: str) -> None:
    with pytest.raises(TarReadError, match=r"ends|empty"):
        read(one(bytes(3000))[:cut], way, wanted=2 if cut % 2 else 1)


@pytest.mark.parametrize("place", [0, 100, 130, 150])
def test_a_damaged_header_is_an_error(place: int) -> None:
    data = bytearray(one(b"abc"))
    data[place] ^= 0x15
    with pytest.raises(TarReadError, match="damaged"):
        read(bytes(data), "file")


def test_what_is_no_tar_is_an_error() -> None:
    with pytest.raises(TarReadError):
        read(b"PK\3\4" * 500, "file")


def test_a_content_is_read_in_steps_and_ends() -> None:
    with opened(one(b"abcdef"), "file") as file:
        tar = TarReader(file)
        for member in tar:
            assert member.size == 6
            assert [tar.read(4), tar.read(4), tar.read(4)] == [b"abcd", b"ef", b""]


def test_sizes_beyond_octal_digits_are_binary() -> None:
    info = tarfile.TarInfo("large")
    info.size = 1 << 34
    header = info.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(TarReadError, match="ends in the middle of a file"):
        read(header, "file", wanted=2)
    member = next(iter(TarReader(io.BytesIO(header))))
    assert member.size == 1 << 34


def test_directories_of_the_oldest_tars_are_files_whose_names_end_so() -> None:
    for name, kind in (("folder/", "directory"), ("file", "file")):
        info = tarfile.TarInfo(name)
        info.type = tarfile.AREGTYPE
        ((member, _),) = read(packed([(info, b"")], tarfile.USTAR_FORMAT), "file")
        assert member.kind == kind
