"""What a Docker daemon already has of an image.

What an image of a daemon consists of is remembered by its id. The id is a digest, so this is true for ever; only
whether the daemon still has that image is asked anew each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.oci.docker_api import DockerApi
    from depsfirst.oci.image import Image

ENOUGH = 4 << 20
"""Bytes that are sent sooner than the daemon is asked for more of what it has."""

_TOPIC = "docker-images"
_MOST_IMAGES = 20

StoreKind = Literal["classic", "containerd"]


class Holding(NamedTuple):
    """One image of a daemon: in the classic store its diff ids, lowest first; in containerd's its blobs' digests."""

    store: StoreKind
    layers: tuple[str, ...]

    def shares(self, image: Image) -> frozenset[int]:
        """Which layers of ``image``, counted from 0, need not be sent to a daemon with this image.

        The classic store knows a layer by all that lies below it, so there only the lowest ones can be shared.
        """
        if self.store == "containerd":
            digests = [layer.blob.descriptor.digest for layer in image.layers]
            return frozenset(at for at, digest in enumerate(digests) if digest in self.layers)
        count = 0
        for has, layer in zip(self.layers, image.layers, strict=False):
            if has != layer.diff_id:
                break
            count += 1
        return frozenset(range(count))


class Held(NamedTuple):
    """What need not be sent of an image: layers, counted from 0; ``current`` if its very name is there already."""

    layers: frozenset[int] = frozenset()
    current: bool = False


class Inventory(NamedTuple):
    """Asks a daemon what it has; ``label`` tells images that may share layers, ``store`` remembers them."""

    api: DockerApi
    label: str
    store: ContentStore

    def held(self, image: Image, name: str, others: Sequence[str]) -> Held:
        """What the daemon has of an image: asked of the image to be replaced, then of others while much is lacking.

        Args:
            image: what is to be loaded.
            name: what it will be called.
            others: names or ids of images that are likely to share layers.
        """
        replaced = self.api.inspect(name)
        if replaced and replaced.get("Id") in {image.id, image.manifest_blob.descriptor.digest}:
            return Held(frozenset(range(len(image.layers))), current=True)
        if self.api.is_podman:  # its store takes whole images only
            return Held()
        found = _shared(image, self._holding(replaced) if replaced else ())
        more = self._others(others)
        while _size(image, found) > ENOUGH and (holding := next(more, None)):
            found |= holding.shares(image)
        return Held(found)

    def remember(self, image: Image, image_id: str) -> None:
        """Keep what an image that was loaded consists of; its id tells which kind of store took it."""
        key = _hex(image_id)
        if self.store.recall(_TOPIC, key) is None:
            if image_id == image.id:
                value = ["classic", [layer.diff_id for layer in image.layers]]
            else:
                value = ["containerd", [layer.blob.descriptor.digest for layer in image.layers]]
            self.store.remember(_TOPIC, key, value)

    def _others(self, others: Sequence[str]) -> Iterator[Holding]:
        for name in others:
            inspected = self.api.inspect(name)
            if inspected:
                yield from self._holding(inspected)
        ours = self.api.images(self.label)[:_MOST_IMAGES]
        yield from self._listed(ours)
        if not self.api.has_containerd_store():  # the base may have come with any image
            known = {summary.get("Id") for summary in ours}
            yield from self._listed([each for each in self.api.images() if each.get("Id") not in known][:_MOST_IMAGES])

    def _listed(self, summaries: Sequence[dict[str, Any]]) -> Iterator[Holding]:
        for summary in summaries:
            recalled = self._recalled(summary)
            if recalled or self.api.has_containerd_store():
                yield from recalled
            else:
                yield from self._holding(self.api.inspect(str(summary.get("Id"))) or {})

    def _holding(self, inspected: dict[str, Any]) -> Sequence[Holding]:
        recalled = self._recalled(inspected)
        if recalled or not self._is_classic(inspected):
            return recalled  # which blobs an image in containerd's store has, the daemon cannot tell
        return (Holding("classic", tuple((inspected.get("RootFS") or {}).get("Layers") or ())),)

    def _recalled(self, inspected: dict[str, Any]) -> Sequence[Holding]:
        value = self.store.recall(_TOPIC, _hex(str(inspected.get("Id"))))
        return (Holding(value[0], tuple(value[1])),) if value else ()

    def _is_classic(self, inspected: dict[str, Any]) -> bool:
        if inspected.get("Descriptor"):
            return False
        return bool((inspected.get("GraphDriver") or {}).get("Data")) or not self.api.has_containerd_store()


def _shared(image: Image, holdings: Sequence[Holding]) -> frozenset[int]:
    return frozenset().union(*(holding.shares(image) for holding in holdings))


def _size(image: Image, without: frozenset[int]) -> int:
    return sum(layer.blob.descriptor.size for at, layer in enumerate(image.layers) if at not in without)


def _hex(digest: str) -> str:
    return digest.rpartition(":")[2]
