"""The contract of every place that takes or gives images."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.compress import compressed
from depsfirst.oci.endpoint import Endpoint
from depsfirst.oci.image import LAYER, LAYER_GZIP, Blob, Descriptor, FileSlice, Image, Layer
from depsfirst.oci.parse import Platform, check_digest
from depsfirst.oci.reference import Reference, parse_reference
from depsfirst.oci.store import RefusedError, Source, Target, copy, read
from depsfirst.oci.stores.archive import Archive, DockerArchive
from depsfirst.oci.stores.daemon import Daemon
from depsfirst.oci.stores.layout import Layout
from depsfirst.oci.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.content import ContentStore
    from depsfirst.oci.store import Upload

AMD64 = Platform.parse("linux/amd64")


@dataclass
class Place:
    """A place under contract: where to write, how to read it back, and whether it keeps layers between copies."""

    target: Target
    source: Callable[[], Source]
    keeps_layers: bool = True
    named: str = ""


def memory(_: pytest.FixtureRequest, __: Path, ___: ContentStore) -> Place:
    place = MemoryStore()
    return Place(place, lambda: place)


def layout(_: pytest.FixtureRequest, folder: Path, __: ContentStore) -> Place:
    place = Layout(folder / "layout", "1.2")
    return Place(place, lambda: place, named=f"oci:{folder}/layout:1.2")


def layout_without_tag(_: pytest.FixtureRequest, folder: Path, __: ContentStore) -> Place:
    place = Layout(folder / "deep" / "layout")
    return Place(place, lambda: place, named=f"oci:{folder}/deep/layout")


def archive(_: pytest.FixtureRequest, folder: Path, store: ContentStore) -> Place:
    path = folder / "image.tar"
    target = Archive(path, parse_reference("shop:1.2"))
    return Place(target, lambda: DockerArchive(path, store), keeps_layers=False, named=f"docker-archive:{path}")


def daemon(request: pytest.FixtureRequest, folder: Path, store: ContentStore, fixture: str) -> Place:
    url, docker = request.getfixturevalue(fixture), request.getfixturevalue("docker")
    name = f"contract-{uuid.uuid4().hex[:12]}:1.2"
    request.addfinalizer(lambda: docker(url, "rmi", "-f", name))

    def saved() -> Source:
        docker(url, "save", "-o", str(folder / "saved.tar"), name)
        return DockerArchive(folder / "saved.tar", store)

    return Place(Daemon(Endpoint(url), parse_reference(name), store), saved, named=name)


def classic(request: pytest.FixtureRequest, folder: Path, store: ContentStore) -> Place:
    return daemon(request, folder, store, "docker_classic")


def containerd(request: pytest.FixtureRequest, folder: Path, store: ContentStore) -> Place:
    return daemon(request, folder, store, "docker_containerd")


@pytest.fixture(
    params=[
        memory,
        layout,
        layout_without_tag,
        archive,
        pytest.param(classic, marks=pytest.mark.docker),
        pytest.param(containerd, marks=pytest.mark.containerd),
    ],
    ids=lambda param: param.__name__,
)
def place(request: pytest.FixtureRequest, tmp_path: Path, store: ContentStore) -> Place:
    made: Place = request.param(request, tmp_path, store)
    return made


def content(image: Image) -> list[bytes]:
    found = []
    for layer in image.layers:
        with layer.open() as file:
            found.append(file.read())
    return found


def test_what_is_copied_reads_back(place: Place, make: Maker, store: ContentStore) -> None:
    image = make.image()
    told: list[int] = []
    written = copy(image, place.target, sent=told.append)
    found = read(place.source(), AMD64, store)
    assert found.id == image.id == written.image_id
    assert [layer.diff_id for layer in found.layers] == [layer.diff_id for layer in image.layers] == [*written.layers]
    assert content(found) == content(image)
    assert written.digest == image.manifest_blob.descriptor.digest
    assert written.size == sum(layer.blob.descriptor.size for layer in image.layers)
    assert sum(told) >= written.size
    if place.named:
        assert written.reference == place.named


def test_an_edit_sends_the_layer_it_changed(place: Place, make: Maker, store: ContentStore) -> None:
    copy(make.image("one"), place.target)
    image = make.image("two")
    written = copy(image, place.target)
    if place.keeps_layers:
        assert written.layers == (image.layers[-1].diff_id,)
        assert written.size == image.layers[-1].blob.descriptor.size
    assert content(read(place.source(), AMD64, store)) == content(image)


def test_the_same_image_is_not_sent_again(place: Place, make: Maker) -> None:
    first = copy(make.image(), place.target)
    again = copy(make.image(), place.target)
    if place.keeps_layers:
        assert (again.layers, again.size) == ((), 0)
    assert (again.reference, again.digest) == (first.reference, first.digest)


def test_a_layer_that_stands_twice_is_sent_once(place: Place, make: Maker, store: ContentStore) -> None:
    image = make.image()
    image = image._replace(layers=(*image.layers, image.layers[0]))
    written = copy(image, place.target)
    assert len(written.layers) == 3
    assert content(read(place.source(), AMD64, store)) == content(image)


def test_compressed_layers_stay_compressed(place: Place, make: Maker, store: ContentStore) -> None:
    plain = make.image()
    image = plain._replace(layers=tuple(compressed(layer, store) for layer in plain.layers))
    written = copy(image, place.target)
    found = read(place.source(), AMD64, store)
    assert written.image_id == plain.id
    assert content(found) == content(plain)
    if place.named.startswith(("oci:", "docker-archive:")):
        assert {layer.blob.descriptor.media_type for layer in found.layers} == {LAYER_GZIP}


def broken(make: Maker, said: str) -> Image:
    """An image whose last layer lies in a file that is gone."""
    image = make.image(said)
    last = make.layer(make.file("other", said.encode()))
    gone = FileSlice(make.store.root / "gone", 0, last.blob.descriptor.size)
    layer = Layer(last.diff_id, Blob(last.blob.descriptor, (gone,)), "code")
    return image._replace(layers=(*image.layers, layer))


def test_a_copy_that_fails_leaves_the_image_before(place: Place, make: Maker, store: ContentStore) -> None:
    copy(make.image("one"), place.target)
    with pytest.raises(DepsfirstError, match="cannot be read"):
        copy(broken(make, "two"), place.target)
    assert content(read(place.source(), AMD64, store)) == content(make.image("one"))


def test_a_copy_can_follow_one_that_failed(place: Place, make: Maker, store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="cannot be read"):
        copy(broken(make, "two"), place.target)
    copy(make.image("two"), place.target)
    assert content(read(place.source(), AMD64, store)) == content(make.image("two"))


def test_an_image_of_another_platform_is_not_taken_for_it(place: Place, make: Maker, store: ContentStore) -> None:
    copy(make.image(), place.target)
    with pytest.raises(DepsfirstError, match="linux/arm64"):
        read(place.source(), Platform.parse("linux/arm64"), store)


class Forgetful:
    """A target that thinks it has layers, and is wrong; it keeps what it was sent."""

    def __init__(self, *, always: bool = False) -> None:
        self.sent: list[tuple[str, ...]] = []
        self._always = always

    def receive(self, image: Image, *, everything: bool = False) -> AbstractContextManager[Upload]:
        from contextlib import contextmanager

        @contextmanager
        def upload() -> Iterator[Upload]:
            yield ForgetfulUpload(self, image, trusting=self._always or not everything)

        return upload()


class ForgetfulUpload:
    def __init__(self, target: Forgetful, image: Image, *, trusting: bool) -> None:
        self.image = image
        self._target = target
        self._trusting = trusting
        self._got: tuple[str, ...] = ()

    def lacking(self) -> Sequence[Layer]:
        return self.image.layers[-1:] if self._trusting else self.image.layers

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        self._got += (layer.diff_id,)
        sent(layer.blob.descriptor.size)

    def finish(self) -> str:
        self._target.sent.append(self._got)
        if self._trusting:
            raise RefusedError("a layer is unknown", where="there", hint="send it")
        return "there"


def test_a_target_that_refuses_gets_everything(make: Maker) -> None:
    image, target = make.image(), Forgetful()
    written = copy(image, target)
    diff_ids = tuple(layer.diff_id for layer in image.layers)
    assert target.sent == [diff_ids[-1:], diff_ids]
    assert (written.layers, written.reference) == (diff_ids, "there")


def test_a_target_that_refuses_everything_is_an_error(make: Maker) -> None:
    target = Forgetful(always=True)
    with pytest.raises(DepsfirstError, match="a layer is unknown") as caught:
        copy(make.image(), target)
    assert len(target.sent) == 2
    assert (caught.value.where, caught.value.hint) == ("there", "send it")


class Given:
    """A source of one image."""

    def __init__(self, image: Image) -> None:
        self.image = image

    def __str__(self) -> str:
        return "given"

    def read(self, platform: Platform) -> Image:
        del platform
        return self.image


def on_disk(layer: Layer, path: Path) -> Layer:
    path.write_bytes(b"".join(layer.blob.chunks()))
    return layer._replace(blob=Blob(layer.blob.descriptor, (FileSlice(path, 0, layer.blob.descriptor.size),)))


def test_a_damaged_layer_is_an_error_that_names_file_and_digest(
    make: Maker, store: ContentStore, tmp_path: Path
) -> None:
    image = make.image()
    path = tmp_path / "blob"
    layer = on_disk(image.layers[1], path)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(DepsfirstError, match=f'not "{layer.diff_id}"') as caught:
        read(Given(image._replace(layers=(layer,))), AMD64, store)
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_a_compressed_layer_of_another_content_is_an_error(make: Maker, store: ContentStore) -> None:
    image = make.image()
    one, two = (compressed(layer, store) for layer in image.layers[:2])
    swapped = one._replace(blob=two.blob)
    with pytest.raises(DepsfirstError, match="the configuration says") as caught:
        read(Given(image._replace(layers=(swapped,))), AMD64, store)
    assert caught.value.hint


def test_a_plain_layer_of_another_content_is_an_error(make: Maker, store: ContentStore) -> None:
    image = make.image()
    swapped = image.layers[0]._replace(blob=image.layers[1].blob)
    with pytest.raises(DepsfirstError, match="the configuration says"):
        read(Given(image._replace(layers=(swapped,))), AMD64, store)


def test_a_layer_is_checked_once_and_again_after_any_change(
    make: Maker, store: ContentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from depsfirst.oci import store as subject

    image = make.image()
    layer = on_disk(image.layers[1], tmp_path / "blob")
    source = Given(image._replace(layers=(layer,)))
    checked: list[str] = []

    def watched(blob: Blob, where: str) -> None:
        checked.append(where)
        check_digest(blob, where)

    monkeypatch.setattr(subject, "check_digest", watched)
    read(source, AMD64, store)
    read(source, AMD64, store)
    assert len(checked) == 1
    (tmp_path / "blob").write_bytes((tmp_path / "blob").read_bytes())
    read(source, AMD64, store)
    assert len(checked) == 2


def test_a_layer_in_memory_is_checked_each_time(make: Maker, store: ContentStore) -> None:
    descriptor = Descriptor(LAYER, f"sha256:{'0' * 64}", 1)
    image = make.image()._replace(layers=(Layer(descriptor.digest, Blob(descriptor, (b"x",)), "base"),))
    for _ in range(2):
        with pytest.raises(DepsfirstError, match="damaged"):
            read(Given(image), AMD64, store)


def test_the_places_are_what_the_protocols_ask_for(tmp_path: Path, store: ContentStore) -> None:
    reference = Reference("docker.io", "library/x", "1")
    targets: list[Target] = [
        MemoryStore(),
        Layout(tmp_path),
        Archive(tmp_path / "a"),
        Daemon(Endpoint(""), reference, store),
    ]
    sources: list[Source] = [MemoryStore(), Layout(tmp_path), DockerArchive(tmp_path / "a", store)]
    assert all(str(each) for each in (*targets, *sources))
