"""Reads images that others made: indexes, manifests and configurations, checked, chosen by platform."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import (
    CONFIG,
    INDEX,
    LAYER,
    LAYER_GZIP,
    LAYER_ZSTD,
    MANIFEST,
    Blob,
    Descriptor,
    Image,
    Layer,
)
from depsfirst.oci.pieces import sha256
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DOCKER = "application/vnd.docker."
_MEANING = {
    f"{_DOCKER}distribution.manifest.v2+json": MANIFEST,
    f"{_DOCKER}distribution.manifest.list.v2+json": INDEX,
    f"{_DOCKER}container.image.v1+json": CONFIG,
    f"{_DOCKER}image.rootfs.diff.tar": LAYER,
    f"{_DOCKER}image.rootfs.diff.tar.gzip": LAYER_GZIP,
    f"{_DOCKER}image.rootfs.diff.tar.zstd": LAYER_ZSTD,
}
"""Docker's older media types; the bytes they stand for are the same."""

_LAYERS = frozenset({LAYER, LAYER_GZIP, LAYER_ZSTD})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLATFORM = re.compile(r"(?P<os>\w+)/(?P<architecture>[\w-]+)(/(?P<variant>\w+))?")
_LARGEST_JSON = 4 << 20
_MACHINES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_IMPLIED = {"arm64": "v8", "arm": "v7"}


class Platform(NamedTuple):
    """What an image runs on, in the words of an index: ``linux``, ``arm64``, ``v8``."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``OS/ARCHITECTURE[/VARIANT]``.

        Raises:
            DepsfirstError: it is not of that form.
        """
        found = _PLATFORM.fullmatch(text.lower())
        if found is None:
            raise DepsfirstError(f'"{text}" is no platform', hint="write OS/ARCHITECTURE, as in linux/amd64")
        return cls.of(found.groupdict())

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Platform:
        """The platform an index or a configuration tells."""
        machine = str(value.get("architecture") or "")
        architecture = _MACHINES.get(machine, machine)
        variant = str(value.get("variant") or "") or _IMPLIED.get(architecture, "")
        return cls(str(value.get("os") or ""), architecture, variant)

    def __str__(self) -> str:
        implied = self.variant == _IMPLIED.get(self.architecture, "")
        return "/".join((self.os, self.architecture, *(() if implied else (self.variant,))))


def load_json(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object of an image.

    Raises:
        DepsfirstError: it is something else.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise DepsfirstError(f"this is not JSON: {error}", where=where, hint="make the image again") from error
    if not isinstance(value, dict):
        raise DepsfirstError("this must be a JSON object", where=where, hint="make the image again")
    return value


def read_descriptor(value: object, where: str) -> Descriptor:
    """A descriptor of an index or a manifest, its media type in OCI's words.

    Raises:
        DepsfirstError: a field is missing or wrong.
    """
    if not isinstance(value, dict):
        raise DepsfirstError("this must be a descriptor, a JSON object", where=where)
    media_type, digest, size = value.get("mediaType", ""), value.get("digest"), value.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise DepsfirstError(f'"{digest}" is no sha256 digest', where=f"{where}.digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise DepsfirstError(f'"{size}" is no size in bytes', where=f"{where}.size")
    return Descriptor(_MEANING.get(media_type, str(media_type)), digest, size)


def read_json_blob(blob: Blob, where: str) -> dict[str, Any]:
    """The JSON object of a blob, once size and digest are right.

    Raises:
        DepsfirstError: the bytes are not those that the descriptor names, or no JSON object.
    """
    if blob.descriptor.size > _LARGEST_JSON:
        raise DepsfirstError(f"{blob.descriptor.size} bytes are too many for the description of an image", where=where)
    check_digest(blob, where)
    return load_json(b"".join(blob.chunks()), where)


def check_digest(blob: Blob, where: str) -> None:
    """Read a blob to the end and compare.

    Raises:
        DepsfirstError: the bytes are not those that the descriptor names.
    """
    found = sha256(blob.pieces)
    if found != blob.descriptor.digest:
        raise DepsfirstError(
            f'the blob is damaged: its digest is "{found}", not "{blob.descriptor.digest}"',
            where=where,
            hint="fetch or make the image again",
        )


def choose(index: Mapping[str, Any], platform: Platform, where: str) -> Descriptor:
    """The descriptor of the image for a platform; an index of one image without a platform gives that one.

    Raises:
        DepsfirstError: there is none, with those that there are.
    """
    entries = index.get("manifests")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DepsfirstError("this must be a list of descriptors", where=f"{where}: manifests")
    fitting = [at for at, entry in enumerate(entries) if _fits(entry.get("platform"), platform)]
    if not fitting:
        fitting = [at for at, entry in enumerate(entries) if not entry.get("platform")]
    if len(fitting) == 1 or len({entries[at].get("digest") for at in fitting}) == 1:
        return read_descriptor(entries[fitting[0]], f"{where}: manifests[{fitting[0]}]")
    there = sorted(
        {str(Platform.of(entry["platform"])) for entry in entries if entry.get("platform")} - {"unknown/unknown"}
    )
    raise DepsfirstError(
        f'{"more than one image fits" if fitting else "there is no image for"} "{platform}"',
        where=where,
        hint=f"name one by its tag or digest; platforms: {', '.join(there) or 'none'}",
    )


def parse_image(manifest: Blob, blob_at: Callable[[Descriptor, str], Blob], where: str) -> Image:
    """An image from its manifest; history and configuration stay as they are, layers become its base.

    Args:
        manifest: checked against its digest here.
        blob_at: gives the blob of a descriptor; the second argument says what it is, for messages.
        where: names the image in messages.

    Raises:
        DepsfirstError: something is damaged, of a kind unknown here, or contradicts itself.
    """
    value = read_json_blob(manifest, where)
    config = blob_at(read_descriptor(value.get("config"), f"{where}: config"), f"{where}: config")
    entries = value.get("layers")
    if not isinstance(entries, list):
        raise DepsfirstError("this must be a list of descriptors", where=f"{where}: layers")
    descriptors = [read_descriptor(entry, f"{where}: layers[{at}]") for at, entry in enumerate(entries)]
    blobs = [blob_at(each, f"{where}: layers[{at}]") for at, each in enumerate(descriptors)]
    annotations = value.get("annotations") or {}
    return image_of(read_json_blob(config, f"{where}: config"), blobs, where, annotations)


def image_of(
    config: Mapping[str, Any], blobs: Sequence[Blob], where: str, annotations: Mapping[str, str] | None = None
) -> Image:
    """An image from its configuration and the blobs of its layers.

    Raises:
        DepsfirstError: their numbers differ, or a layer is of a kind unknown here.
    """
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(blobs):
        raise DepsfirstError(
            f"the configuration does not name the diff ids of the image's {len(blobs)} layers",
            where=f"{where}: config.rootfs.diff_ids",
            hint="this is no container image, or a damaged one",
        )
    layers = [_layer(at, diff_id, blob, where) for at, (diff_id, blob) in enumerate(zip(diff_ids, blobs, strict=True))]
    rest = {key: value for key, value in config.items() if key not in {"rootfs", "history"}}
    return Image(rest, tuple(layers), dict(annotations or {}), tuple(config.get("history") or ()))


def check_platform(image: Image, platform: Platform, where: str) -> None:
    """Refuse an image that runs on another platform.

    Raises:
        DepsfirstError: it does.
    """
    found = Platform.of(image.config)
    if found != platform:
        raise DepsfirstError(
            f'the image runs on "{found}", not on "{platform}"',
            where=where,
            hint="choose another base or --platform",
        )


def _layer(at: int, diff_id: object, blob: Blob, where: str) -> Layer:
    if not isinstance(diff_id, str) or not _DIGEST.fullmatch(diff_id):
        raise DepsfirstError(f'"{diff_id}" is no sha256 digest', where=f"{where}: config.rootfs.diff_ids[{at}]")
    if blob.descriptor.media_type not in _LAYERS:
        raise DepsfirstError(
            f'a layer of type "{blob.descriptor.media_type}" cannot be used',
            where=f"{where}: layers[{at}].mediaType",
            hint="use an image for Linux whose layers are tar, gzip or zstd",
        )
    return Layer(diff_id, blob, "base", reused=True)


def _fits(value: object, platform: Platform) -> bool:
    return isinstance(value, dict) and Platform.of(value) == platform
