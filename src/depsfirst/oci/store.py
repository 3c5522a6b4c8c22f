"""Copies images between places: one ``copy`` and one ``read``, whatever the places are.

A place to write is a ``Target``, a place to read a ``Source``. Layout directories, archives and daemons are such,
and so can a registry be: ``receive`` opens the session (authentication), ``lacking`` asks for each blob (HEAD) or
mounts it from another repository, ``put`` uploads, ``finish`` puts configuration and manifest, and
``RefusedError`` is its answer that a blob it was thought to have is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.oci.files import identity
from depsfirst.oci.image import CHUNK, LAYER, FileSlice
from depsfirst.oci.parse import check_digest, check_platform
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Image, Layer
    from depsfirst.oci.parse import Platform


class RefusedError(DepsfirstError):
    """A target lacks layers that it was thought to have, or lost some: ``copy`` then sends all of them, once."""


class Upload(Protocol):
    """An image on its way into a target."""

    @property
    def image(self) -> Image:
        """What will be there: the image that was given, but for the compression of layers where a target needs it."""

    def lacking(self) -> Sequence[Layer]:
        """The layers to put, lowest first."""

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        """Take a layer's blob; ``sent`` is told of bytes as they go.

        It may return before the bytes are safe, as a target with several connections would; ``finish`` waits.
        """

    def finish(self) -> str:
        """Take configuration and manifest, after which the image can be seen; its name for people is returned."""


class Target(Protocol):
    """A place that takes images."""

    def receive(self, image: Image, *, everything: bool = False) -> AbstractContextManager[Upload]:
        """Begin to take an image; a block that ends with an error leaves the target as it was.

        Args:
            image: what will come.
            everything: whether to take all layers, without asking what is there.
        """


class Source(Protocol):
    """A place that gives images."""

    def read(self, platform: Platform) -> Image:
        """The image for a platform, its manifest and configuration checked; layers are not read yet."""


class Written(NamedTuple):
    """What a copy did.

    Attributes:
        reference: the image's name at the target, for people and for ``docker run``.
        image_id: digest of the configuration.
        digest: digest of the manifest.
        layers: diff ids of the layers that were sent.
        size: their size in bytes, as sent.
    """

    reference: str
    image_id: str
    digest: str
    layers: tuple[str, ...]
    size: int


def copy(image: Image, target: Target, *, sent: Callable[[int], None] = lambda _: None) -> Written:
    """Copy an image to a target, which gets only the layers that it lacks.

    Args:
        image: what to copy.
        target: where to.
        sent: told of layers' bytes as they go.

    Raises:
        DepsfirstError: the target cannot take it. It has the image it had before.
    """
    try:
        return _copied(image, target, sent, everything=False)
    except RefusedError:
        return _copied(image, target, sent, everything=True)


def read(source: Source, platform: Platform, store: ContentStore) -> Image:
    """An image of a source, every layer checked against its digest and diff id.

    A check reads all of a layer; what was checked is remembered for as long as the files stay untouched.

    Raises:
        DepsfirstError: it is damaged, or for another platform.
    """
    image = source.read(platform)
    check_platform(image, platform, str(source))
    check_layers(image, store, str(source))
    return image


def check_layers(image: Image, store: ContentStore, where: str) -> None:
    """Check every layer of an image against its digest and diff id; other threads run meanwhile.

    Raises:
        DepsfirstError: one is damaged.
    """
    for at, layer in enumerate(image.layers):
        _check_layer(layer, store, f"{where}: layers[{at}]")


def _copied(image: Image, target: Target, sent: Callable[[int], None], *, everything: bool) -> Written:
    with target.receive(image, everything=everything) as upload:
        layers = list({layer.blob.descriptor.digest: layer for layer in upload.lacking()}.values())
        for layer in layers:
            upload.put(layer, sent)
        reference = upload.finish()
        image = upload.image
    return Written(
        reference=reference,
        image_id=image.id,
        digest=image.manifest_blob.descriptor.digest,
        layers=tuple(layer.diff_id for layer in layers),
        size=sum(layer.blob.descriptor.size for layer in layers),
    )


def _check_layer(layer: Layer, store: ContentStore, where: str) -> None:
    key = _identity(layer)
    if key is not None and store.recall("checked", key):
        return
    places = sorted({str(piece.path) for piece in layer.blob.pieces if isinstance(piece, FileSlice)})
    where = ", ".join(places) or where
    check_digest(layer.blob, where)
    if layer.blob.descriptor.media_type != LAYER:
        _check_content(layer, where)
    elif layer.diff_id != layer.blob.descriptor.digest:
        raise _contradiction(layer, layer.blob.descriptor.digest, where)
    if key is not None:
        store.remember("checked", key, value=True)


def _check_content(layer: Layer, where: str) -> None:
    digest = digests.sha256(size=layer.blob.descriptor.size)
    with layer.open(where) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    found = f"sha256:{digest.hexdigest()}"
    if found != layer.diff_id:
        raise _contradiction(layer, found, where)


def _contradiction(layer: Layer, found: str, where: str) -> DepsfirstError:
    return DepsfirstError(
        f'the layer\'s content has the digest "{found}", and the configuration says "{layer.diff_id}"',
        where=where,
        hint="fetch or make the image again",
    )


def _identity(layer: Layer) -> str | None:
    """Names the layer and the very files it lies in; None if it is in memory."""
    words = [layer.diff_id, layer.blob.descriptor.digest, layer.blob.descriptor.media_type]
    for piece in layer.blob.pieces:
        if not isinstance(piece, FileSlice):
            return None
        words.append(identity(piece.path, str(piece.offset), str(piece.size)))
    return digests.sha256("\n".join(words).encode()).hexdigest()
