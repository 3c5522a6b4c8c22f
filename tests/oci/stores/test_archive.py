from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import resource
import signal
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from depsfirst.errors import DepsfirstError
from depsfirst.oci.compress import compressed
from depsfirst.oci.image import LAYER_GZIP, LAYER_ZSTD, FileSlice, Image
from depsfirst.oci.parse import Platform
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy, read
from depsfirst.oci.stores import archive as subject
from depsfirst.oci.stores.archive import Archive, DockerArchive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.content import ContentStore

AMD64 = Platform.parse("linux/amd64")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "image.tar"


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
    with tarfile.open(path) as tar:
        return {name: (tar.extractfile(name) or io.BytesIO()).read() for name, file in files.items() if file}


def test_an_archive_is_an_oci_layout_and_a_docker_archive(make: Maker, path: Path) -> None:
    image = make.image()
    copy(image, Archive(path, parse_reference("team/shop:1.2")))
    found = members(path)
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads(found["index.json"])["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": "docker.io/team/shop:1.2",
        "org.opencontainers.image.ref.name": "1.2",
    }
    [docker] = json.loads(found["manifest.json"])
    assert docker["RepoTags"] == ["team/shop:1.2"]
    named = [
        entry["digest"].removeprefix("sha256:"),
        docker["Config"][-64:],
        *(name[-64:] for name in docker["Layers"]),
    ]
    for digest in named:
        assert hashlib.sha256(found[f"blobs/sha256/{digest}"]).hexdigest() == digest
    assert len(found) == len(named) + 3


def test_an_archive_needs_no_name(make: Maker, path: Path) -> None:
    copy(make.image(), Archive(path))
    found = members(path)
    assert json.loads(found["manifest.json"])[0]["RepoTags"] is None
    assert "annotations" not in json.loads(found["index.json"])["manifests"][0]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_same_image_gives_the_same_bytes(make: Maker, path: Path, umask: int) -> None:
    copy(make.image(), Archive(path, parse_reference("shop")))
    before = os.umask(umask)
    try:
        copy(make.image(), Archive(path.with_name("other.tar"), parse_reference("shop")))
    finally:
        os.umask(before)
    assert path.read_bytes() == path.with_name("other.tar").read_bytes()


@pytest.fixture
def small_disk() -> Iterator[Callable[[], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_archive_before_and_nothing_else(
    make: Maker, path: Path, small_disk: Callable[[], None]
) -> None:
    path.write_bytes(b"before")
    image = make.image()
    small_disk()
    with pytest.raises(DepsfirstError, match="File too large") as caught:
        copy(image, Archive(path))
    assert caught.value.where == str(path)
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]


def test_a_directory_that_is_not_there_is_an_error(make: Maker, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="No such file") as caught:
        copy(make.image(), Archive(tmp_path / "gone" / "image.tar"))
    assert "make the directory" in str(caught.value.hint)


def test_layers_are_used_where_they_lie(make: Maker, path: Path, store: ContentStore) -> None:
    copy(make.image(), Archive(path))
    for layer in read(DockerArchive(path, store), AMD64, store).layers:
        [piece] = layer.blob.pieces
        assert isinstance(piece, FileSlice)
        assert piece.path == path


def test_an_archive_is_scanned_once(
    make: Maker, path: Path, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(make.image("one"), Archive(path))
    first = read(DockerArchive(path, store), AMD64, store)
    scan = subject._scan
    monkeypatch.setattr(subject, "_scan", lambda *_: pytest.fail("the archive was scanned again"))
    assert read(DockerArchive(path, store), AMD64, store) == first
    monkeypatch.setattr(subject, "_scan", scan)
    copy(make.image("two"), Archive(path))
    assert read(DockerArchive(path, store), AMD64, store).id == make.image("two").id


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


@pytest.mark.parametrize("packer", PACKERS)
def test_an_archive_compressed_as_a_whole_is_unpacked_once(
    packer: str, make: Maker, path: Path, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(make.image(), Archive(path))
    path.write_bytes(PACKERS[packer](path.read_bytes()))
    assert read(DockerArchive(path, store), AMD64, store).id == make.image().id
    monkeypatch.setattr(subject, "unpacking", lambda *_: pytest.fail("the archive was unpacked again"))
    assert read(DockerArchive(path, store), AMD64, store).id == make.image().id


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda _: b"", "cannot be read"),
        (lambda _: b"no tar at all" * 100, "cannot be read"),
        (cut, "cannot be read: unexpected end of data"),
        (lambda data: cut(gzip.compress(data)), "cannot be unpacked"),
        (lambda data: cut(zstandard.compress(data)), "cannot be read"),
        (lambda data: b"BZh91AY" + data, "compressed with bzip2"),
        (lambda data: b"\xfd7zXZ\0" + data, "compressed with xz"),
        (lambda data: data.replace(b"dependencies/blob", b"dependencies/blub"), "the blob is damaged"),
        (lambda data: data.replace(b'"created_by"', b'"created_bY"'), "the blob is damaged"),
    ],
)
def test_a_damaged_archive_is_an_error_that_names_it(
    spoil: Callable[[bytes], bytes], said: str, make: Maker, path: Path, store: ContentStore
) -> None:
    copy(make.image(), Archive(path))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DepsfirstError, match=said) as caught:
        read(DockerArchive(path, store), AMD64, store)
    assert str(caught.value.where).startswith(str(path))
    assert caught.value.hint


def test_an_archive_that_is_not_there_is_an_error(path: Path, store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="No such file") as caught:
        read(DockerArchive(path, store), AMD64, store)
    assert caught.value.where == str(path)


class Tar:
    """An archive made by hand, as other tools make them."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._file, mode="w")

    def file(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))

    def link(self, name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        self._tar.addfile(info)

    def write(self, path: Path, manifest: Any) -> None:
        self.file("manifest.json", json.dumps(manifest).encode())
        self._tar.close()
        path.write_bytes(self._file.getvalue())


def data(blob: Any) -> bytes:
    return b"".join(blob.chunks())


def as_old_docker_saves(tar: Tar, image: Image) -> dict[str, Any]:
    """docker save up to 24: a directory for each layer, and links for those that are the same."""
    names = [f"{at:064x}/layer.tar" for at in range(len(image.layers))]
    for name, layer in zip(names, image.layers, strict=True):
        first = names[image.layers.index(layer)]
        if first == name:
            tar.file(name, data(layer.blob))
        else:
            tar.link(name, f"../{first}")
    tar.file(f"{image.id[7:]}.json", data(image.config_blob))
    return {"Config": f"{image.id[7:]}.json", "RepoTags": ["shop:1"], "Layers": names}


def as_podman_saves(tar: Tar, image: Image) -> dict[str, Any]:
    """podman save: layers by diff id, with the old names as links."""
    names = []
    for at, layer in enumerate(dict.fromkeys(image.layers)):
        tar.file(f"./{layer.diff_id[7:]}.tar", data(layer.blob))
        tar.link(f"{at:064x}/layer.tar", f"../{layer.diff_id[7:]}.tar")
    names = [f"{layer.diff_id[7:]}.tar" for layer in image.layers]
    tar.file(f"{image.id[7:]}.json", data(image.config_blob))
    return {"Config": f"{image.id[7:]}.json", "RepoTags": ["localhost/shop:1"], "Layers": names}


def as_kaniko_saves(tar: Tar, image: Image) -> dict[str, Any]:
    """Layers compressed, and named by no digest."""
    names = [f"layer-{at}.tar.gz" for at in range(len(image.layers))]
    for name, layer in zip(names, image.layers, strict=True):
        tar.file(name, gzip.compress(data(layer.blob)))
    tar.file("config", data(image.config_blob))
    return {"Config": "config", "RepoTags": None, "Layers": names}


def as_zstd(tar: Tar, image: Image) -> dict[str, Any]:
    """Blobs compressed with zstd, with hard links in place of the second one."""
    names: list[str] = []
    for layer in image.layers:
        blob = zstandard.compress(data(layer.blob))
        names.append(f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}")
        if names.count(names[-1]) == 1:
            tar.file(names[-1], blob)
        else:
            tar.link(f"{names[-1]}.again", names[-1], tarfile.LNKTYPE)
            names[-1] += ".again"
    tar.file(f"blobs/sha256/{image.id[7:]}", data(image.config_blob))
    return {"Config": f"blobs/sha256/{image.id[7:]}", "RepoTags": [], "Layers": names}


@pytest.mark.parametrize("tool", [as_old_docker_saves, as_podman_saves, as_kaniko_saves, as_zstd])
def test_archives_of_other_tools_are_read(
    tool: Callable[[Tar, Image], dict[str, Any]], make: Maker, path: Path, store: ContentStore
) -> None:
    image = make.image()
    image = image._replace(layers=(*(each._replace(reused=False) for each in image.layers), image.layers[0]))
    tar = Tar()
    tar.write(path, [tool(tar, image)])
    for _ in range(2):
        found = read(DockerArchive(path, store), AMD64, store)
        assert found.id == image.id
        for one, two in zip(found.layers, image.layers, strict=True):
            with one.open() as file:
                assert file.read() == data(two.blob)


def test_compressed_layers_keep_their_bytes(make: Maker, path: Path, store: ContentStore) -> None:
    plain = make.image()
    image = plain._replace(layers=tuple(compressed(layer, store) for layer in plain.layers))
    copy(image, Archive(path))
    found = read(DockerArchive(path, store), AMD64, store)
    assert [layer.blob.descriptor for layer in found.layers] == [layer.blob.descriptor for layer in image.layers]
    assert {layer.blob.descriptor.media_type for layer in found.layers} == {LAYER_GZIP} != {LAYER_ZSTD}
    assert found.manifest_blob.descriptor.digest == image.manifest_blob.descriptor.digest


def two_images(make: Maker, path: Path) -> None:
    tar = Tar()
    one, two = as_old_docker_saves(tar, make.image("one")), as_zstd(tar, make.image("two"))
    tar.write(path, [one, two | {"RepoTags": ["shop:2", "shop:two"]}])


def test_an_image_of_several_is_named(make: Maker, path: Path, store: ContentStore) -> None:
    two_images(make, path)
    for name, said in (("shop:1", "one"), ("shop:2", "two"), ("docker.io/library/shop:two", "two")):
        assert read(DockerArchive.parse(f"{path}:{name}", store), AMD64, store).id == make.image(said).id
    with pytest.raises(DepsfirstError, match="has several images") as caught:
        read(DockerArchive.parse(str(path), store), AMD64, store)
    assert "it has shop:1, shop:2, shop:two" in str(caught.value.hint)
    with pytest.raises(DepsfirstError, match="does not have this image"):
        read(DockerArchive.parse(f"{path}:shop:3", store), AMD64, store)


def test_what_names_no_file_is_refused(store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="names no file"):
        DockerArchive.parse("", store)


MANIFESTS: dict[str, Any] = {
    "list of images": {},
    "does not have this image": [],
    "names no configuration": [{"Layers": []}],
    "names no configuration or no layers": [{"Config": "x"}],
    'has no "gone"': [{"Config": "gone", "Layers": []}],
}


@pytest.mark.parametrize("said", MANIFESTS)
def test_a_wrong_manifest_is_an_error(said: str, path: Path, store: ContentStore) -> None:
    Tar().write(path, MANIFESTS[said])
    with pytest.raises(DepsfirstError, match=said) as caught:
        read(DockerArchive(path, store), AMD64, store)
    assert str(path) in str(caught.value.where)


def test_links_in_a_circle_are_an_error(make: Maker, path: Path, store: ContentStore) -> None:
    tar = Tar()
    tar.link("a", "b")
    tar.link("b", "a")
    tar.write(path, [{"Config": "a", "Layers": []}])
    with pytest.raises(DepsfirstError, match='has no "a"'):
        read(DockerArchive(path, store), AMD64, store)


@pytest.mark.parametrize(("extra", "hint"), [("oci-layout", "oci:DIR"), ("etc/passwd", "docker save")])
def test_a_tar_of_something_else_is_an_error(extra: str, hint: str, path: Path, store: ContentStore) -> None:
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo(extra))
    with pytest.raises(DepsfirstError, match=r'no "manifest\.json"') as caught:
        read(DockerArchive(path, store), AMD64, store)
    assert hint in str(caught.value.hint)
