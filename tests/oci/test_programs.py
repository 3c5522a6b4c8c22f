"""What we write, read by programs that share no code with us: skopeo, umoci, podman and Docker's own load."""

from __future__ import annotations

import hashlib
import json
import platform
import uuid
from dataclasses import dataclass
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
    return plain._replace(layers=tuple(compressed(layer, make.store) for layer in plain.layers))


@dataclass(frozen=True)
class Made:
    """An image, and where it was written: an archive that names it, and a layout with the tag 1."""

    image: Image
    name: str
    archive: Path
    layout: Path


@pytest.fixture
def made(image: Image, tmp_path: Path) -> Made:
    found = Made(image, f"programs-{uuid.uuid4().hex[:12]}:1", tmp_path / "image.tar", tmp_path / "layout")
    copy(image, Archive(found.archive, parse_reference(found.name)))
    copy(image, Layout(found.layout, "1"))
    return found


@pytest.mark.skopeo
@pytest.mark.parametrize(
    "reference", ["oci:{layout}", "oci:{layout}:1", "oci-archive:{archive}", "oci-archive:{archive}:1"]
)
def test_skopeo_reads_layouts(made: Made, reference: str, skopeo: Callable[..., str], tmp_path: Path) -> None:
    source = reference.format(layout=made.layout, archive=made.archive)
    found = json.loads(skopeo("inspect", source))
    assert found["Digest"] == made.image.manifest_blob.descriptor.digest
    assert found["Layers"] == [layer.blob.descriptor.digest for layer in made.image.layers]
    assert found["Labels"] == made.image.config["config"]["Labels"]
    skopeo("copy", source, f"dir:{tmp_path}/copied")
    blob = (tmp_path / "copied" / made.image.id.removeprefix("sha256:")).read_bytes()
    assert blob == b"".join(made.image.config_blob.chunks())


@pytest.mark.skopeo
@pytest.mark.parametrize("suffix", ["", ":{name}"])
def test_skopeo_reads_docker_archives(made: Made, suffix: str, skopeo: Callable[..., str], tmp_path: Path) -> None:
    source = f"docker-archive:{made.archive}{suffix.format(name=made.name)}"
    config = json.loads(skopeo("inspect", "--config", source))
    assert config["rootfs"]["diff_ids"] == [layer.diff_id for layer in made.image.layers]
    skopeo("copy", source, f"oci:{tmp_path}/copied")
    assert Layout(tmp_path / "copied").read(AMD64).config == made.image.config


@pytest.mark.skopeo
def test_what_skopeo_writes_is_read(
    made: Made, skopeo: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    skopeo("copy", f"oci:{made.layout}:1", f"oci:{tmp_path}/copied:x")
    skopeo("copy", f"oci:{made.layout}:1", f"docker-archive:{tmp_path}/copied.tar:shop:2")
    assert read(Layout.parse(f"{tmp_path}/copied:x"), AMD64, store).id == made.image.id
    found = read(DockerArchive.parse(f"{tmp_path}/copied.tar:shop:2", store), AMD64, store)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in made.image.layers]


@pytest.mark.skopeo
def test_skopeo_and_we_write_into_one_layout(
    made: Made, make: Maker, skopeo: Callable[..., str], store: ContentStore
) -> None:
    other = make.image("another")
    skopeo("copy", f"oci:{made.layout}:1", f"oci:{made.layout}:theirs")
    copy(other, Layout(made.layout, "1"))
    assert read(Layout(made.layout, "theirs"), AMD64, store).id == made.image.id
    assert (
        json.loads(skopeo("inspect", f"oci:{made.layout}:theirs"))["Digest"]
        == made.image.manifest_blob.descriptor.digest
    )
    assert json.loads(skopeo("inspect", f"oci:{made.layout}:1"))["Digest"] == other.manifest_blob.descriptor.digest


@pytest.mark.umoci
def test_umoci_unpacks_what_was_packed(made: Made, make: Maker, umoci: Callable[..., str], tmp_path: Path) -> None:
    umoci("unpack", "--image", f"{made.layout}:1", "--rootless", tmp_path / "bundle")
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
def test_podman_loads_and_runs(made: Made, podman: Callable[..., str]) -> None:
    assert podman("load", "-q", "-i", made.archive).strip() == f"Loaded image: docker.io/library/{made.name}"
    assert podman("image", "inspect", "--format", "{{.Id}}", made.name).strip() == made.image.id.removeprefix("sha256:")
    assert podman("run", "--rm", made.name) == "hello from inside"


@pytest.mark.podman
def test_podman_takes_a_layout(made: Made, podman: Callable[..., str]) -> None:
    found = podman("pull", "-q", f"oci:{made.layout}:1").strip()
    assert found == made.image.id.removeprefix("sha256:")


@pytest.fixture(
    params=[
        pytest.param("docker_classic", marks=pytest.mark.docker),
        pytest.param("docker_containerd", marks=pytest.mark.containerd),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@x86
def test_docker_loads_and_runs(made: Made, url: str, docker: Callable[..., str]) -> None:
    assert made.name in docker(url, "load", "-i", made.archive)
    try:
        ids = {made.image.id, made.image.manifest_blob.descriptor.digest}
        assert docker(url, "image", "inspect", "--format", "{{.Id}}", made.name).strip() in ids
        assert docker(url, "run", "--rm", "--network", "none", made.name) == "hello from inside"
        assert "the dependencies" in docker(url, "history", "--no-trunc", made.name)
    finally:
        docker(url, "rmi", "-f", made.name)


def test_what_docker_saves_is_read(
    made: Made, url: str, docker: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    docker(url, "load", "-i", made.archive)
    try:
        docker(url, "save", "-o", tmp_path / "saved.tar", made.name)
    finally:
        docker(url, "rmi", "-f", made.name)
    found = read(DockerArchive.parse(f"{tmp_path}/saved.tar:{made.name}", store), AMD64, store)
    assert found.id == made.image.id


@pytest.mark.podman
@pytest.mark.parametrize("form", ["docker-archive", "oci-dir"])
def test_what_podman_saves_is_read(
    made: Made, form: str, podman: Callable[..., str], tmp_path: Path, store: ContentStore
) -> None:
    podman("load", "-q", "-i", made.archive)
    podman("save", "-q", "--format", form, "-o", tmp_path / "saved", made.name)
    source = DockerArchive(tmp_path / "saved", store) if form == "docker-archive" else Layout(tmp_path / "saved")
    found = read(source, AMD64, store)
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in made.image.layers]
    assert found.config["config"]["Labels"] == made.image.config["config"]["Labels"]
