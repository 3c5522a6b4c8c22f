"""A base on this machine is read once, as long as nobody touches its files."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from depsfirst.bases.inspect import inspect_base
from depsfirst.content import ContentStore
from depsfirst.engines.local_bases import local_base
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import FileSlice, Image, Part
from depsfirst.oci.layer import TarEntry, make_layer, write_tar
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy
from depsfirst.oci.stores import archive, layout
from depsfirst.oci.stores.archive import Archive
from depsfirst.oci.stores.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

AMD64, ARM64 = "linux/amd64", "linux/arm64"


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    """An empty cache."""
    return ContentStore(tmp_path / "cache")


def image(said: bytes, store: ContentStore) -> Image:
    file = BytesIO()
    write_tar([(TarEntry("said", size=len(said)), said)], file)
    data = file.getvalue()
    layer = make_layer([Part(hashlib.sha256(data).hexdigest(), (data,))], store, kind="base", title="")
    config = {"os": "linux", "architecture": "amd64", "config": {"Env": ["B=1", "A=2"]}}
    return Image(config, (layer,), {"org.example.note": "a note"}, ({"created_by": said.decode()},))


def written(way: str, folder: Path, said: bytes, store: ContentStore) -> str:
    """The image in a layout or an archive; returns what the base is called."""
    if way == "oci":
        copy(image(said, store), Layout(folder / "layout", "1"))
        return f"oci:{folder}/layout:1"
    copy(image(said, store), Archive(folder / "base.tar", parse_reference("base:1")))
    return f"docker-archive:{folder}/base.tar"


def checked(base: str, platform: str, store: ContentStore) -> Image:
    """The image of a base when its layers are known to be right."""
    found = local_base(base, platform, store)
    found.verified()
    return found.image


WAYS = ("oci", "docker-archive")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes reading a base an error."""

    def read(*_: object) -> None:
        pytest.fail("the base was read again")

    monkeypatch.setattr(layout.Layout, "read", read)
    monkeypatch.setattr(archive.DockerArchive, "read", read)


@pytest.mark.parametrize("way", WAYS)
def test_what_was_read_is_known(way: str, tmp_path: Path, store: ContentStore, request: pytest.FixtureRequest) -> None:
    base = written(way, tmp_path, b"one", store)
    first = checked(base, AMD64, store)
    request.getfixturevalue("unread")
    again = checked(base, AMD64, store)
    assert again == first
    assert again.id == first.id
    assert again.manifest_blob == first.manifest_blob
    assert list(again.config["config"]["Env"]) == ["B=1", "A=2"]
    (layer,) = again.layers
    assert layer.blob.open().read() == first.layers[0].blob.open().read()


@pytest.mark.parametrize("way", WAYS)
def test_another_image_in_its_place_is_read(way: str, tmp_path: Path, store: ContentStore) -> None:
    base = written(way, tmp_path, b"one", store)
    first = checked(base, AMD64, store)
    assert written(way, tmp_path, b"two", store) == base
    second = checked(base, AMD64, store)
    assert b"two" in second.layers[0].blob.open().read()
    assert second.id != first.id


def test_a_layer_that_was_damaged_since_is_an_error(tmp_path: Path, store: ContentStore) -> None:
    base = written("oci", tmp_path, b"one", store)
    (layer,) = checked(base, AMD64, store).layers
    path = tmp_path / "layout/blobs/sha256" / layer.blob.descriptor.hex
    data = bytearray(path.read_bytes())
    data[512] ^= 1
    path.write_bytes(data)
    with pytest.raises(DepsfirstError, match="digest"):
        checked(base, AMD64, store)


@pytest.mark.parametrize("way", WAYS)
def test_another_platform_is_another_question(way: str, tmp_path: Path, store: ContentStore) -> None:
    base = written(way, tmp_path, b"one", store)
    checked(base, AMD64, store)
    with pytest.raises(DepsfirstError):
        checked(base, ARM64, store)


def test_the_same_name_from_another_directory_is_another_base(
    tmp_path: Path, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        written("docker-archive", tmp_path / name, name.encode(), store)
        monkeypatch.chdir(tmp_path / name)
        (layer,) = checked("docker-archive:base.tar", AMD64, store).layers
        assert name.encode() in layer.blob.open().read()


@pytest.mark.parametrize("base", ["python:3.13-slim", "nothing"])
def test_what_is_no_base_is_told(base: str, store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="is no base that can be read"):
        checked(base, AMD64, store)


def test_nothing_is_kept_of_a_base_that_is_not_what_it_says(tmp_path: Path, store: ContentStore) -> None:
    base = written("docker-archive", tmp_path, b"one", store)
    (layer,) = local_base(base, AMD64, store).image.layers
    (piece,) = layer.blob.pieces
    assert isinstance(piece, FileSlice)
    data = bytearray(piece.path.read_bytes())
    data[piece.offset + 512] ^= 1
    piece.path.write_bytes(data)
    empty = ContentStore(tmp_path / "another cache")
    for _ in range(2):
        found = local_base(base, AMD64, empty)
        with pytest.raises(DepsfirstError, match="digest"):
            inspect_base(found.image, empty, base, found.verified)
    assert not list((empty.root / "memo").glob("bases/*/*"))
