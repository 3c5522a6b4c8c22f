from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import CONFIG, LAYER, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Blob, Image, Layer, canonical

if TYPE_CHECKING:
    from tests.oci.conftest import Maker


def test_json_depends_on_the_value_alone() -> None:
    one = canonical({"b": [1, {"z": None, "é": "ü"}], "a": True})
    assert one == canonical({"a": True, "b": [1, {"é": "ü", "z": None}]})
    assert one == '{"a":true,"b":[1,{"z":null,"é":"ü"}]}'.encode()


def loaded(blob: Blob) -> dict[str, Any]:
    data = b"".join(blob.chunks())
    assert blob.descriptor.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert blob.descriptor.size == len(data)
    value = json.loads(data)
    assert isinstance(value, dict)
    return value


def test_the_configuration_names_the_layers(make: Maker) -> None:
    image = make.image()
    config = loaded(image.config_blob)
    assert config["rootfs"] == {"type": "layers", "diff_ids": [layer.diff_id for layer in image.layers]}
    assert config["config"]["Entrypoint"] == ["/app/hello"]
    assert config["history"][1] == {
        "created": "2020-01-02T03:04:05Z",
        "created_by": "the dependencies",
        "comment": "depsfirst",
    }
    assert image.id == image.config_blob.descriptor.digest
    assert image.config_blob.descriptor.media_type == CONFIG


def test_the_manifest_names_configuration_and_blobs(make: Maker) -> None:
    image = make.image()._replace(annotations={"b": "2", "a": "1"})
    manifest = loaded(image.manifest_blob)
    assert manifest["schemaVersion"] == 2
    assert manifest["mediaType"] == MANIFEST == image.manifest_blob.descriptor.media_type
    assert manifest["config"] == {"mediaType": CONFIG, "digest": image.id, "size": image.config_blob.descriptor.size}
    assert manifest["layers"] == [
        {"mediaType": LAYER, "digest": layer.diff_id, "size": layer.blob.descriptor.size} for layer in image.layers
    ]
    assert manifest["annotations"] == {"a": "1", "b": "2"}
    assert "annotations" not in loaded(make.image().manifest_blob)


EMPTY = {"created_by": "ENV A=1", "empty_layer": True}
FULL = {"created_by": "ADD rootfs", "created": "2019-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("base", "layers", "told"),
    [
        ((), 2, ["layer 0", "layer 1"]),
        ((FULL, EMPTY), 3, ["ADD rootfs", "ENV A=1", "layer 1", "layer 2"]),
        ((EMPTY, FULL, FULL), 2, ["ENV A=1", "ADD rootfs", "ADD rootfs"]),
        ((EMPTY,), 1, ["ENV A=1", "layer 0"]),
        ((FULL, FULL, FULL), 2, ["layer 0", "layer 1"]),
    ],
)
def test_each_layer_has_one_entry_of_history(
    make: Maker, base: tuple[dict[str, Any], ...], layers: int, told: list[str]
) -> None:
    made = [make.layer(make.file(str(at), b""))._replace(title=f"layer {at}") for at in range(layers)]
    config = loaded(Image({"os": "linux"}, tuple(made), history=base).config_blob)
    assert [entry["created_by"] for entry in config["history"]] == told
    assert sum(not entry.get("empty_layer") for entry in config["history"]) == layers


def test_a_base_keeps_what_its_history_says(make: Maker) -> None:
    image = make.image()._replace(history=(FULL, EMPTY))
    assert loaded(image.config_blob)["history"][:2] == [FULL, EMPTY]


def test_only_the_layer_that_changed_changes_the_image_below_nothing(make: Maker) -> None:
    one, two = make.image("one"), make.image("two")
    assert one.layers[:2] == tuple(layer._replace(reused=False) for layer in two.layers[:2])
    assert one.id != two.id
    assert one.manifest_blob.descriptor.digest != two.manifest_blob.descriptor.digest


def test_the_platform_is_that_of_the_configuration() -> None:
    config = {"os": "linux", "architecture": "arm64", "variant": "v8", "author": "x", "os.version": ""}
    assert Image(config, ()).platform == {"os": "linux", "architecture": "arm64", "variant": "v8"}


PLAIN = hashlib.shake_256(b"layer").digest(3_000_000)
PACKED = {
    LAYER: PLAIN,
    LAYER_GZIP: gzip.compress(PLAIN[:1000]) + gzip.compress(b"") + gzip.compress(PLAIN[1000:]),
    LAYER_ZSTD: zstandard.compress(PLAIN[:1000]) + zstandard.compress(PLAIN[1000:]),
}


@pytest.mark.parametrize("media_type", PACKED)
def test_a_layer_opens_as_a_plain_tar(media_type: str) -> None:
    layer = Layer("sha256:…", Blob.of(PACKED[media_type], media_type), "base")
    with layer.open() as file:
        assert file.read(10) == PLAIN[:10]
        assert file.read() == PLAIN[10:]


DAMAGED = {
    "gzip, cut": (LAYER_GZIP, PACKED[LAYER_GZIP][:-9]),
    "gzip, wrong checksum": (LAYER_GZIP, gzip.compress(PLAIN)[:-8] + bytes(8)),
    "gzip, other bytes": (LAYER_GZIP, b"\x1f\x8b" + bytes(100)),
    "zstd, other bytes": (LAYER_ZSTD, b"\x28\xb5\x2f\xfd" + b"x" * 100),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_layer_is_an_error_that_names_it(case: str) -> None:
    media_type, data = DAMAGED[case]
    layer = Layer("sha256:…", Blob.of(data, media_type), "base")
    with layer.open("base.tar: layers[0]") as file, pytest.raises(DepsfirstError, match="cannot be unpacked") as caught:
        file.read()
    assert caught.value.where == "base.tar: layers[0]"
    assert caught.value.hint


def test_closing_a_layer_closes_the_files_below() -> None:
    file = Layer("sha256:…", Blob.of(PACKED[LAYER_GZIP], LAYER_GZIP), "base").open()
    file.read(1)
    file.close()
    file.close()
    assert file.closed
