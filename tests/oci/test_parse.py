from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import CONFIG, INDEX, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Blob, Descriptor
from depsfirst.oci.parse import Platform, check_platform, choose, load_json, parse_image, read_descriptor

if TYPE_CHECKING:
    from tests.oci.conftest import Maker

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/arm64", "linux/arm64"),
        ("linux/aarch64/v8", "linux/arm64"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/arm/v7", "linux/arm"),
    ],
)
def test_a_platform_has_one_name(text: str, shown: str) -> None:
    assert str(Platform.parse(text)) == shown
    assert Platform.parse(shown) == Platform.parse(text)


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux amd64"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(DepsfirstError, match="is no platform"):
        Platform.parse(text)


def entry(number: int, **platform: str) -> dict[str, Any]:
    found: dict[str, Any] = {"mediaType": MANIFEST, "digest": f"sha256:{number:064x}", "size": number}
    return found | {"platform": platform} if platform else found


INDEXES = {
    "by platform": (
        [entry(1, os="linux", architecture="amd64"), entry(2, os="linux", architecture="arm64", variant="v8")],
        {"linux/amd64": 1, "linux/arm64": 2},
    ),
    "without variant": ([entry(1, os="linux", architecture="arm64")], {"linux/arm64": 1}),
    "by variant": (
        [entry(v, os="linux", architecture="arm", variant=f"v{v}") for v in (5, 6, 7)],
        {"linux/arm/v6": 6, "linux/arm": 7},
    ),
    "with attestations": (
        [entry(1, os="linux", architecture="amd64"), entry(9, os="unknown", architecture="unknown")],
        {"linux/amd64": 1},
    ),
    "only one, of no platform": ([entry(3)], {"linux/amd64": 3, "linux/arm64": 3}),
    "one image, two names": ([entry(3), entry(3)], {"linux/amd64": 3}),
}


@pytest.mark.parametrize("case", INDEXES)
def test_an_index_gives_the_image_of_a_platform(case: str) -> None:
    entries, answers = INDEXES[case]
    for platform, number in answers.items():
        assert choose({"manifests": entries}, Platform.parse(platform), "x").size == number


def test_a_platform_that_is_not_there_is_an_error_with_those_that_are() -> None:
    entries = [*INDEXES["by variant"][0], *INDEXES["with attestations"][0]]
    with pytest.raises(DepsfirstError, match='no image for "linux/s390x"') as caught:
        choose({"manifests": entries}, Platform.parse("linux/s390x"), "base")
    assert caught.value.hint is not None
    assert "platforms: linux/amd64, linux/arm, linux/arm/v5, linux/arm/v6" in caught.value.hint


def test_several_images_without_platform_must_be_named() -> None:
    with pytest.raises(DepsfirstError, match="more than one image") as caught:
        choose({"manifests": [entry(1), entry(2)]}, AMD64, "base")
    assert "tag or digest" in str(caught.value.hint)


@pytest.mark.parametrize("value", [{}, {"manifests": 1}, {"manifests": ["x"]}])
def test_an_index_of_something_else_is_an_error(value: dict[str, Any]) -> None:
    with pytest.raises(DepsfirstError, match="list of descriptors"):
        choose(value, AMD64, "base")


DESCRIPTORS = {
    "where": "x",
    "where.digest": {"mediaType": LAYER, "digest": "sha256:zz", "size": 1},
    "where.size": {"mediaType": LAYER, "digest": DIGEST, "size": -1},
}


@pytest.mark.parametrize("where", DESCRIPTORS)
def test_a_wrong_descriptor_is_an_error_at_its_place(where: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        read_descriptor(DESCRIPTORS[where], "where")
    assert caught.value.where == where


@pytest.mark.parametrize("size", [True, "1", None, 1.5])
def test_a_size_is_a_whole_number(size: object) -> None:
    with pytest.raises(DepsfirstError, match="no size"):
        read_descriptor({"digest": DIGEST, "size": size}, "x")


@pytest.mark.parametrize(
    ("docker", "oci"),
    [
        ("distribution.manifest.v2+json", MANIFEST),
        ("distribution.manifest.list.v2+json", INDEX),
        ("container.image.v1+json", CONFIG),
        ("image.rootfs.diff.tar", LAYER),
        ("image.rootfs.diff.tar.gzip", LAYER_GZIP),
        ("image.rootfs.diff.tar.zstd", LAYER_ZSTD),
    ],
)
def test_dockers_media_types_are_read_as_oci(docker: str, oci: str) -> None:
    value = {"mediaType": f"application/vnd.docker.{docker}", "digest": DIGEST, "size": 1}
    assert read_descriptor(value, "x").media_type == oci


class Base:
    """A base in memory whose parts can be changed."""

    def __init__(self, make: Maker) -> None:
        self.image = make.image()
        self.config = json.loads(b"".join(self.image.config_blob.chunks()))
        self.manifest = json.loads(b"".join(self.image.manifest_blob.chunks()))
        self.blobs = {layer.blob.descriptor.digest: layer.blob for layer in self.image.layers}

    def read(self) -> Any:
        config = Blob.of(json.dumps(self.config).encode(), CONFIG)
        self.blobs[config.descriptor.digest] = config
        self.manifest["config"] = config.descriptor.as_json()
        manifest = Blob.of(json.dumps(self.manifest).encode(), MANIFEST)

        def blob_at(descriptor: Descriptor, _: str) -> Blob:
            return Blob(descriptor, self.blobs[descriptor.digest].pieces)

        return parse_image(manifest, blob_at, "base")


@pytest.fixture
def base(make: Maker) -> Base:
    return Base(make)


def test_an_image_reads_back_as_it_was(base: Base) -> None:
    base.manifest["annotations"] = {"a": "b"}
    found = base.read()
    assert found.config == base.image.config
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in base.image.layers]
    assert {layer.kind for layer in found.layers} == {"base"}
    assert list(found.history) == base.config["history"]
    assert found.annotations == {"a": "b"}
    assert found.id == base.image.id


def test_what_a_configuration_says_beyond_our_words_is_kept(base: Base) -> None:
    base.config["os.features"] = ["x"]
    base.config["config"]["Healthcheck"] = {"Test": ["NONE"]}
    found = base.read()
    assert found.config["os.features"] == ["x"]
    assert found.config["config"]["Healthcheck"] == {"Test": ["NONE"]}


def drop_diff_id(base: Base) -> None:
    base.config["rootfs"]["diff_ids"].pop()


def no_rootfs(base: Base) -> None:
    del base.config["rootfs"]


def wrong_diff_id(base: Base) -> None:
    base.config["rootfs"]["diff_ids"][1] = "md5:1"


def foreign(base: Base) -> None:
    base.manifest["layers"][2]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def no_layers(base: Base) -> None:
    base.manifest["layers"] = None


WRONG = {
    "base: config.rootfs.diff_ids": drop_diff_id,
    "base: config.rootfs.diff_ids ": no_rootfs,
    "base: config.rootfs.diff_ids[1]": wrong_diff_id,
    "base: layers[2].mediaType": foreign,
    "base: layers": no_layers,
}


@pytest.mark.parametrize("where", WRONG)
def test_a_wrong_image_is_an_error_at_its_place(where: str, base: Base) -> None:
    WRONG[where](base)
    with pytest.raises(DepsfirstError) as caught:
        base.read()
    assert caught.value.where == where.strip()


def test_a_damaged_manifest_is_an_error() -> None:
    blob = Blob(Descriptor(MANIFEST, DIGEST, 2), (b"{}",))
    with pytest.raises(DepsfirstError, match="damaged"):
        parse_image(blob, lambda *_: blob, "base")


def test_a_manifest_as_large_as_a_layer_is_not_read() -> None:
    blob = Blob(Descriptor(MANIFEST, DIGEST, 1 << 30), ())
    with pytest.raises(DepsfirstError, match="too many"):
        parse_image(blob, lambda *_: blob, "base")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"3"])
def test_what_is_no_json_object_is_an_error(data: bytes) -> None:
    with pytest.raises(DepsfirstError) as caught:
        load_json(data, "index.json")
    assert caught.value.where == "index.json"


def test_an_image_for_another_platform_is_refused(make: Maker) -> None:
    check_platform(make.image(), AMD64, "base")
    with pytest.raises(DepsfirstError, match='runs on "linux/amd64", not on "linux/arm64"'):
        check_platform(make.image(), ARM64, "base")
