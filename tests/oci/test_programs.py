"""What we write, read by programs that share no code with us: skopeo, umoci, podman and Docker's own load."""

from __future__ import annotations

import hashlib
import json
import platform
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from depsfirst.oci.compress import compressed
from depsfirst.oci.parse import Platform
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy, read
from depsfirst.oci.stores.archive import Archive, DockerArchive
from depsfirst.oci.stores.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Image

AMD64 = Platform.parse("linux/amd64")
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the test image's program is for x86-64")


@pytest.fixture(params=["plain", "gzip"])
def image(request: pytest.FixtureRequest, make: Maker) -> Image:
    """An image for each way a layer can be, with wheels large enough to be members of their own."""
    plain = make.image("hello from inside", 300_000)
    if request.param == "plain":
        return plain
    return replace(plain, layers=tuple(compressed(layer, make.store) for layer in plain.layers))


@pytest.fixture
def name() -> str:
    return f"programs-{uuid.uuid4().hex[:12]}:1"


@pytest.fixture
def archive(image: Image, name: str, tmp_path: Path) -> Path:
    copy(image, Archive(tmp_path / "image.tar", parse_reference(name)))
    return tmp_path / "image.tar"


@pytest.fixture
def layout(image: Image, tmp_path: Path) -> Path:
    copy(image, Layout(tmp_path / "layout", "1"))
    return tmp_path / "layout"


@pytest.mark.skopeo
@pytest.mark.parametrize(
    "reference", ["oci:{layout}", "oci:{layout}:1", "oci-archive:{archive}", "oci-archive:{archive}:1"]
)
def test_skopeo_reads_layouts(
    reference: str, image: Image, layout: Path, archive: Path, skopeo: Callable[..., str], tmp_path: Path
) -> None:
    source = reference.format(layout=layout, archive=archive)
    found = json.loads(skopeo("inspect", source))
    assert found["Digest"] == image.manifest_blob.descriptor.digest
    assert found["Layers"] == [layer.blob.descriptor.digest for layer in image.layers]
    assert found["Labels"] == image.config["config"]["Labels"]
    skopeo("copy", source, f"dir:{tmp_path}/copied")
    blob = (tmp_path / "copied" / image.id.removeprefix("sha256:")).read_bytes()
    assert blob == b"".join(image.config_blob.chunks())


@pytest.mark.skopeo
@pytest.mark.parametrize("suffix", ["", ":{name}"])
def test_skopeo_reads_docker_archives(
    suffix: str, image: Image, name: str, archive: Path, skopeo: Callable[..., str], tmp_path: Path
) -> None:
    source = f"docker-archive:{archive}{suffix.format(name=name)}"
    config = json.loads(skopeo("inspect", "--config", source))
    assert config["rootfs"]["diff_ids"] == [layer.diff_id for layer in image.layers]
    skopeo("copy", source, f"oci:{tmp_path}/copied")
    assert Layout(tmp_path / "copied").read(AMD64).config == image.config


@pytest.mark.skopeo
def test_what_skopeo_writes_is_read(
    image: Image, layout: Path, skopeo: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    skopeo("copy", f"oci:{layout}:1", f"oci:{tmp_path}/copied:x")
    skopeo("copy", f"oci:{layout}:1", f"docker-archive:{tmp_path}/copied.tar:shop:2")
    assert read(Layout.parse(f"{tmp_path}/copied:x"), AMD64, store).id == image.id
    found = read(DockerArchive.parse(f"{tmp_path}/copied.tar:shop:2", store), AMD64, store)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]


@pytest.mark.skopeo
def test_skopeo_and_we_write_into_one_layout(
    image: Image, make: Maker, layout: Path, skopeo: Callable[..., str], store: ContentStore
) -> None:
    other = make.image("another")
    skopeo("copy", f"oci:{layout}:1", f"oci:{layout}:theirs")
    copy(other, Layout(layout, "1"))
    assert read(Layout(layout, "theirs"), AMD64, store).id == image.id
    assert json.loads(skopeo("inspect", f"oci:{layout}:theirs"))["Digest"] == image.manifest_blob.descriptor.digest
    assert json.loads(skopeo("inspect", f"oci:{layout}:1"))["Digest"] == other.manifest_blob.descriptor.digest


@pytest.mark.umoci
def test_umoci_unpacks_what_was_packed(
    image: Image, make: Maker, layout: Path, umoci: Callable[..., str], tmp_path: Path
) -> None:
    umoci("unpack", "--image", f"{layout}:1", "--rootless", tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs"
    found = {str(path.relative_to(root)): path for path in root.rglob("*")}
    odd = "dependencies/é" * 20
    parents = {"/".join(odd.split("/")[:count]) for count in range(1, 21)}
    assert set(found) == {"app", "tmp", "app/hello", "dependencies/blob", odd, *parents}
    assert found[odd].read_bytes() == b"odd"
    assert (
        hashlib.sha256(found["dependencies/blob"].read_bytes()).digest()
        == hashlib.sha256(hashlib.shake_256(b"dependencies").digest(300_000)).digest()
    )
    assert found["app/hello"].stat().st_mode & 0o7777 == 0o755
    assert {found[path].stat().st_mtime for path in ("app", "tmp", "app/hello", odd)} == {315532800}
    config = json.loads((tmp_path / "bundle/config.json").read_bytes())
    assert config["process"]["args"] == ["/app/hello"]


@pytest.mark.podman
@x86
def test_podman_loads_and_runs(image: Image, name: str, archive: Path, podman: Callable[..., str]) -> None:
    assert podman("load", "-q", "-i", archive).strip() == f"Loaded image: docker.io/library/{name}"
    assert podman("image", "inspect", "--format", "{{.Id}}", name).strip() == image.id.removeprefix("sha256:")
    assert podman("run", "--rm", name) == "hello from inside"


@pytest.mark.podman
def test_podman_takes_a_layout(image: Image, layout: Path, podman: Callable[..., str]) -> None:
    found = podman("pull", "-q", f"oci:{layout}:1").strip()
    assert found == image.id.removeprefix("sha256:")


@pytest.fixture(
    params=[
        pytest.param("docker_classic", marks=pytest.mark.docker),
        pytest.param("docker_containerd", marks=pytest.mark.containerd),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@x86
def test_docker_loads_and_runs(image: Image, name: str, archive: Path, url: str, docker: Callable[..., str]) -> None:
    assert name in docker(url, "load", "-i", archive)
    try:
        ids = {image.id, image.manifest_blob.descriptor.digest}
        assert docker(url, "image", "inspect", "--format", "{{.Id}}", name).strip() in ids
        assert docker(url, "run", "--rm", "--network", "none", name) == "hello from inside"
        assert "the dependencies" in docker(url, "history", "--no-trunc", name)
    finally:
        docker(url, "rmi", "-f", name)


def test_what_docker_saves_is_read(
    image: Image, name: str, archive: Path, url: str, docker: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    docker(url, "load", "-i", archive)
    try:
        docker(url, "save", "-o", tmp_path / "saved.tar", name)
    finally:
        docker(url, "rmi", "-f", name)
    found = read(DockerArchive.parse(f"{tmp_path}/saved.tar:{name}", store), AMD64, store)
    assert found.id == image.id


@pytest.mark.podman
@pytest.mark.parametrize("form", ["docker-archive", "oci-dir"])
def test_what_podman_saves_is_read(
    form: str, image: Image, name: str, archive: Path, podman: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    podman("load", "-q", "-i", archive)
    podman("save", "-q", "--format", form, "-o", tmp_path / "saved", name)
    source = DockerArchive(tmp_path / "saved", store) if form == "docker-archive" else Layout(tmp_path / "saved")
    found = read(source, AMD64, store)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers]
    assert found.config["config"]["Labels"] == image.config["config"]["Labels"]
