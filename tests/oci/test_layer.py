from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.oci import layer as subject
from depsfirst.oci.image import FileSlice, Part
from depsfirst.oci.layer import END, MTIME, TarEntry, entry_header, make_layer, padding, write_tar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.content import ContentStore
    from depsfirst.oci.layer import Content, Kind

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=130)
PATHS = st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=6).map("/".join)
TYPES = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}


def read_back(header: bytes) -> tarfile.TarInfo:
    """What Python's own tar reader makes of a header."""
    with tarfile.open(fileobj=io.BytesIO(header + END), mode="r:", encoding="utf-8") as tar:
        found = tar.next()
        assert found is not None
        return found


@given(
    path=PATHS,
    kind=st.sampled_from(sorted(TYPES)),
    size=st.one_of(st.integers(0, 1 << 20), st.integers((1 << 33) - 2, 1 << 40)),
    link=PATHS,
    numbers=st.tuples(st.integers(0, 0o7777), st.integers(0, (1 << 22)), st.integers(0, 1 << 22)),
)
def test_a_header_says_what_its_entry_says(
    path: str, kind: Kind, size: int, link: str, numbers: tuple[int, int, int]
) -> None:
    mode, *ids = numbers
    link = link if kind in {"symlink", "hardlink"} else ""
    size = size if kind == "file" else 0
    entry = TarEntry(path, kind, mode, size, link, *ids)
    header = entry_header(entry)
    found = read_back(header)
    assert len(header) % 512 == 0
    assert (found.name, found.type, found.size, found.linkname) == (path, TYPES[kind], size, link)
    assert (found.uid, found.gid, found.mtime, found.uname, found.gname) == (*ids, MTIME, "", "")
    assert found.mode == (0o777 if kind == "symlink" else mode)


@pytest.mark.parametrize("length", [99, 100, 101, 154, 155, 156, 255, 256, 257, 300])
@pytest.mark.parametrize("slash", [0, 1, 50, 98, 99, 100, 101, 150, 154, 155, 156, 200])
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_paths_of_every_length(length: int, slash: int, kind: Kind) -> None:
    path = "x" * length
    if 0 < slash < length - 1:
        path = f"{path[:slash]}/{path[slash + 1 :]}"
    assert read_back(entry_header(TarEntry(path, kind))).name == path


@pytest.mark.parametrize("path", ["", "/etc/passwd", "..", "a/../b", "../a", "a/.."])
def test_a_path_that_leaves_the_image_is_refused(path: str) -> None:
    with pytest.raises(DepsfirstError, match="leaves the image"):
        entry_header(TarEntry(path))


@pytest.mark.parametrize("path", ["a..b/c", "...", "a/..b", "a../b"])
def test_dots_in_a_name_are_just_dots(path: str) -> None:
    assert read_back(entry_header(TarEntry(path))).name == path


ENTRIES = (
    (TarEntry("etc", "directory", 0o755), b""),
    (TarEntry("etc/réglages", size=5), b"hello"),
    (TarEntry("etc/" + "long/" * 60 + "name", size=513), bytes(513)),
    (TarEntry("etc/link", "symlink", link="réglages"), b""),
    (TarEntry("etc/same", "hardlink", link="etc/réglages"), b""),
    (TarEntry("bin/tool", mode=0o4755, size=1, uid=3, gid=4), b"x"),
)


def written(*entries: tuple[TarEntry, bytes]) -> bytes:
    file = io.BytesIO()
    assert write_tar(entries, file) == file.tell()
    return file.getvalue()


def test_gnu_tar_unpacks_what_is_written(tmp_path: Path) -> None:
    done = subprocess.run(
        ["tar", "-xvvf", "-", "--numeric-owner", "--no-same-owner", "-C", tmp_path],
        input=written(*ENTRIES) + END,
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
    )
    assert done.stderr == b""
    assert (tmp_path / "etc/réglages").read_bytes() == b"hello"
    assert (tmp_path / "etc/link").read_bytes() == b"hello"
    assert (tmp_path / "etc/same").samefile(tmp_path / "etc/réglages")
    assert (tmp_path / ENTRIES[2][0].path).read_bytes() == bytes(513)
    listed = [line.split() for line in done.stdout.decode().splitlines()]
    assert ["-rwsr-xr-x", "3/4", "1", "1980-01-01", "00:00", "bin/tool"] in listed


def test_contents_come_from_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    file = io.BytesIO()
    entries: list[tuple[TarEntry, Content]] = [
        (TarEntry("a", size=4), FileSlice(path, 3, 4)),
        (TarEntry("b", size=4), iter((b"ab", b"", b"cd"))),
        (TarEntry("c", size=2), b"xy"),
    ]
    write_tar(entries, file)
    with tarfile.open(fileobj=io.BytesIO(file.getvalue() + END)) as tar:
        found = {member.name: tar.extractfile(member) for member in tar}
        assert {name: data.read() for name, data in found.items() if data} == {"a": b"3456", "b": b"abcd", "c": b"xy"}


@pytest.mark.parametrize("content", [b"abc", b"abcde", b""])
def test_a_content_of_another_size_is_refused(content: bytes) -> None:
    with pytest.raises(DepsfirstError, match=f'"a" has {len(content)} bytes, and its entry says 4'):
        write_tar([(TarEntry("a", size=4), content)], io.BytesIO())


@given(st.integers(0, 5000))
def test_padding_fills_the_block(size: int) -> None:
    assert (size + len(padding(size))) % 512 == 0
    assert len(padding(size)) < 512


def test_parts_of_a_layer_read_as_one_tar(make: Maker, store: ContentStore) -> None:
    parts = [make.stored_part(make.file("a", b"1")), make.part(make.file("b", b"22")), make.part(make.file("c", b""))]
    layer = make_layer(parts, store, kind="dependencies", title="three")
    with layer.open() as file:
        data = file.read()
    assert layer.diff_id == layer.blob.descriptor.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert layer.blob.descriptor.size == len(data)
    assert (layer.kind, layer.title, layer.parts) == ("dependencies", "three", tuple(parts))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["a", "b", "c"]


def test_a_warm_build_hashes_nothing(make: Maker, store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [make.part(make.file("a", b"1")), make.part(make.file("b", b"2"))]
    cold = make_layer(parts, store, kind="code")
    monkeypatch.setattr(subject, "sha256", lambda _: pytest.fail("a layer was hashed again"))
    warm = make_layer(parts, store, kind="code")
    assert not cold.reused
    assert warm.reused
    assert (warm.diff_id, warm.blob) == (cold.diff_id, cold.blob)


def test_another_order_is_another_layer(make: Maker, store: ContentStore) -> None:
    one, two = make.part(make.file("a", b"1")), make.part(make.file("b", b"2"))
    diff_ids = {make_layer(parts, store, kind="code").diff_id for parts in ([one, two], [two, one], [one], [one, one])}
    assert len(diff_ids) == 4


def test_a_part_that_changed_behind_its_key_is_not_taken_for_the_old_one(store: ContentStore) -> None:
    one = make_layer([Part("key", (bytes(512),))], store, kind="code")
    two = make_layer([Part("key", (bytes(1024),))], store, kind="code")
    assert one.diff_id != two.diff_id
