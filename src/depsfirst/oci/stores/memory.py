"""Images in memory: a source and a target for tests, and the shortest way to see what a place must do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from depsfirst.dataclass import dataclass, field
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import Blob
from depsfirst.oci.parse import Platform, choose, parse_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from depsfirst.oci.image import Descriptor, Image, Layer


@dataclass(slots=True)
class MemoryStore:
    """Blobs by digest, and images in the order in which they came; the newest of a platform is the one read."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        return "memory"

    def read(self, platform: Platform) -> Image:
        """The newest image for a platform.

        Raises:
            DepsfirstError: there is none.
        """
        newest = {str(Platform.of(each["platform"])): each for each in self.images}
        descriptor = choose({"manifests": list(newest.values())}, platform, str(self))
        return parse_image(self._blob(descriptor, str(self)), self._blob, str(self))

    @contextmanager
    def receive(self, image: Image, *, everything: bool = False) -> Iterator[MemoryUpload]:
        """Take an image; blobs that no image came to need stay, as they do in a registry."""
        yield MemoryUpload(self, image, everything=everything)

    def _blob(self, descriptor: Descriptor, where: str) -> Blob:
        data = self.blobs.get(descriptor.digest)
        if data is None:
            raise DepsfirstError(f'there is no blob "{descriptor.digest}"', where=where)
        return Blob(descriptor, (data,))


class MemoryUpload:
    """An image on its way into memory."""

    def __init__(self, memory: MemoryStore, image: Image, *, everything: bool) -> None:
        self._memory = memory
        self.image = image
        self._everything = everything

    def lacking(self) -> Sequence[Layer]:
        """The layers whose blobs are not there."""
        blobs = () if self._everything else self._memory.blobs
        return [layer for layer in self.image.layers if layer.blob.descriptor.digest not in blobs]

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        """Keep a layer's blob."""
        self._keep(layer.blob)
        sent(layer.blob.descriptor.size)

    def finish(self) -> str:
        """Keep configuration and manifest, and list the image."""
        self._keep(self.image.config_blob)
        self._keep(self.image.manifest_blob)
        entry = self.image.manifest_blob.descriptor.as_json() | {"platform": self.image.platform}
        self._memory.images.append(entry)
        return str(self._memory)

    def _keep(self, blob: Blob) -> None:
        self._memory.blobs[blob.descriptor.digest] = b"".join(blob.chunks())
