"""Loading into real daemons of both kinds: what is sent, what is refused, what runs."""

from __future__ import annotations

import platform
import select
import socket
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import zstandard

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.oci.bundle import blob_member, closing, opening
from depsfirst.oci.compress import compressed
from depsfirst.oci.connection import Connection
from depsfirst.oci.docker_api import DockerApi
from depsfirst.oci.endpoint import Endpoint
from depsfirst.oci.foretold import Foretold
from depsfirst.oci.holdings import ENOUGH, Held, Inventory
from depsfirst.oci.image import LAYER_ZSTD, Blob, Image, Layer
from depsfirst.oci.load import Load
from depsfirst.oci.pieces import chunks
from depsfirst.oci.preamble import MEDIA_TYPE, PATH, Begun
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy
from depsfirst.oci.stores.daemon import LABEL, Daemon, answers, take_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.oci.reference import Reference

SIZE = ENOUGH + 1_000_000
"""Dependencies large enough for a daemon to be asked about them."""


class Proxy:
    """Stands between a client and a daemon, and counts what is sent."""

    def __init__(self, path: Path, url: str) -> None:
        self.sent = 0
        self.endpoint = Endpoint(f"unix://{path}")
        self._daemon = url.removeprefix("unix://")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=self._bridge, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _bridge(self, client: socket.socket) -> None:
        """Serve one client to its end."""
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon, suppress(ConnectionError):
            daemon.connect(self._daemon)
            while True:
                ready, _, _ = select.select([client, daemon], [], [])
                for source, target in ((client, daemon), (daemon, client)):
                    if source in ready:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        self.sent += len(data) if source is client else 0
                        target.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@dataclass
class Engine:
    """A daemon under test, with images of its own names that are removed in the end."""

    url: str
    proxy: Proxy
    store: ContentStore
    docker: Callable[..., str]
    name: str

    def target(self, tag: str = "1", *others: str) -> Daemon:
        return Daemon(self.proxy.endpoint, parse_reference(f"{self.name}:{tag}"), self.store, others)

    def run(self, tag: str = "1") -> str:
        if platform.machine() != "x86_64":
            pytest.skip("the test image's program is for x86-64")
        return self.docker(self.url, "run", "--rm", "--network", "none", f"{self.name}:{tag}")

    def load(self, image: Image, tag: str = "1", *others: str) -> tuple[tuple[str, ...], int]:
        """Copy; the layers that were sent, and all bytes that went to the daemon meanwhile."""
        before = self.proxy.sent
        written = copy(image, self.target(tag, *others))
        return written.layers, self.proxy.sent - before

    def remove(self, *tags: str) -> None:
        self.docker(self.url, "rmi", *(f"{self.name}:{tag}" for tag in tags))
        self.docker(self.url, "image", "prune", "-f", "--filter", f"label={LABEL}=of a test")


@pytest.fixture(
    params=[
        pytest.param("docker_classic", marks=pytest.mark.docker),
        pytest.param("docker_containerd", marks=pytest.mark.containerd),
    ]
)
def engine(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    store: ContentStore,
    docker: Callable[..., str],
) -> Iterator[Engine]:
    url = request.getfixturevalue(request.param)
    proxy = Proxy(tmp_path_factory.mktemp("p") / "s", url)
    found = Engine(url, proxy, store, docker, f"test-{uuid.uuid4().hex[:12]}")
    yield found
    proxy.close()
    for name in docker(url, "images", "--format", "{{.Repository}}:{{.Tag}}", found.name).split():
        docker(url, "rmi", "-f", name)
    docker(url, "image", "prune", "-f", "--filter", f"label={LABEL}=of a test")


def test_an_edit_sends_the_code_and_nothing_else(engine: Engine, make: Maker) -> None:
    one, two = make.image("one", SIZE), make.image("two", SIZE)
    sent, count = engine.load(one)
    assert sent == tuple(layer.diff_id for layer in one.layers)
    assert count > SIZE
    assert engine.run() == "one"
    sent, count = engine.load(two)
    assert sent == (two.layers[-1].diff_id,)
    assert count < two.layers[-1].blob.descriptor.size + 15_000
    assert engine.run() == "two"


def test_what_is_there_is_asked_and_not_sent(engine: Engine, make: Maker) -> None:
    engine.load(make.image("one", SIZE))
    sent, count = engine.load(make.image("one", SIZE))
    assert (sent, count < 1000) == ((), True)
    assert engine.load(make.image("one", SIZE), "other")[0] == ()
    assert engine.run("other") == "one"


def test_a_parent_that_was_removed_is_sent_again(engine: Engine, make: Maker) -> None:
    image = make.image("two", SIZE)
    engine.load(make.image("one", SIZE))
    engine.remove("1")
    assert engine.load(image)[0] == tuple(layer.diff_id for layer in image.layers)
    assert engine.run() == "two"


def test_a_parent_that_is_removed_meanwhile_is_sent_again(
    engine: Engine, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.load(make.image("one", SIZE))
    engine.remove("1")
    monkeypatch.setattr(Inventory, "held", lambda *_: Held(frozenset({0, 1})))
    image = make.image("two", SIZE)
    sent, count = engine.load(image)
    everything = tuple(layer.diff_id for layer in image.layers)
    if sent != everything:  # containerd collects what is removed a while later, and had it still
        assert sent == everything[2:]
    else:
        assert count > SIZE
    assert engine.run() == "two"


def test_an_image_of_another_name_shares_its_layers(engine: Engine, make: Maker) -> None:
    image = make.image("two", SIZE)
    engine.load(make.image("one", SIZE), "base")
    assert engine.load(image, "app", f"{engine.name}:gone", f"{engine.name}:base")[0] == (image.layers[-1].diff_id,)
    assert engine.run("app") == "two"


def test_an_image_with_our_label_shares_its_layers(engine: Engine, make: Maker) -> None:
    image = make.image("two", SIZE)
    engine.load(make.image("one", SIZE), "first")
    assert engine.load(image, "second")[0] == (image.layers[-1].diff_id,)
    assert engine.run("second") == "two"


def test_without_memory_the_image_is_right_all_the_same(engine: Engine, make: Maker, tmp_path: Path) -> None:
    engine.load(make.image("one", SIZE))
    engine.store = ContentStore(tmp_path / "another cache")
    image = make.image("two", SIZE)
    sent, _ = engine.load(image)
    assert sent[-1] == image.layers[-1].diff_id
    assert engine.run() == "two"
    engine.docker(engine.url, "save", "-o", str(tmp_path / "saved.tar"), f"{engine.name}:1")


def test_many_edits_in_a_row_are_never_refused(engine: Engine, make: Maker) -> None:
    engine.load(make.image("first", SIZE))
    for at in range(6):
        sent, count = engine.load(make.image(f"edit {at}", SIZE))
        assert len(sent) == 1, f"the daemon lost layers at edit {at}"
        assert count < 50_000
    assert engine.run() == "edit 5"


def test_gzip_of_many_members_runs(engine: Engine, make: Maker) -> None:
    plain = make.image("packed", SIZE)
    image = plain._replace(layers=tuple(compressed(layer, make.store) for layer in plain.layers))
    engine.load(image)
    assert engine.run() == "packed"


def as_zstd(layer: Layer) -> Layer:
    return layer._replace(blob=Blob.of(zstandard.compress(b"".join(layer.blob.chunks())), LAYER_ZSTD))


def test_zstd_runs_though_an_old_daemon_cannot_read_it(engine: Engine, make: Maker) -> None:
    plain = make.image("packed")
    image = plain._replace(layers=(*plain.layers[:1], as_zstd(plain.layers[1]), *plain.layers[2:]))
    engine.load(image)
    assert engine.run() == "packed"


def test_an_image_for_another_platform_is_taken_too(engine: Engine, make: Maker) -> None:
    image = make.image()
    arm = image._replace(config={**image.config, "architecture": "arm64"})
    written = copy(arm, engine.target())
    found = engine.docker(engine.url, "image", "inspect", "--format", "{{.Architecture}} {{.Id}}", written.reference)
    assert found.split()[0] == "arm64"
    assert found.split()[1] in {written.image_id, written.digest}


def test_a_failed_load_leaves_the_name_where_it_was(engine: Engine, make: Maker) -> None:
    engine.load(make.image("one"))
    image = make.image("two")
    last = image.layers[-1]
    wrong = last._replace(diff_id=f"sha256:{'1' * 64}")
    with pytest.raises(DepsfirstError) as caught:
        engine.load(image._replace(layers=(*image.layers[:-1], wrong)))
    assert engine.proxy.endpoint.url in str(caught.value.where)
    assert engine.run() == "one"


def foretelling(engine: Engine, image: Image) -> Load:
    """A load into which an image was sent before anybody asked, as if the daemon had all of it but the last layer."""
    path = str(engine.proxy.endpoint.socket)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    tar = b"".join((opening(), *chunks(blob_member(image.layers[-1].blob)), closing(image, None)))
    head = f"POST {PATH} HTTP/1.1\r\nHost: docker\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(tar)}\r\n\r\n"
    connection.sendall(head.encode() + tar)
    begun = Begun(path, connection)
    begun.foretold = Foretold(image.id, image.manifest_blob.descriptor.digest)
    return Load(engine.proxy.endpoint, begun)


def load_foretold(engine: Engine, told: Image, wanted: Image) -> tuple[str, ...]:
    """Copy an image while another was foretold; the layers that were sent."""
    with (
        foretelling(engine, told) as load,
        Connection(engine.proxy.endpoint, seconds=10) as connection,
    ):
        target = engine.target()._replace(opened=(connection, load))
        try:
            return copy(wanted, target).layers
        finally:
            if load.foretold is not None and not load.foretold.taken:
                take_back(engine.proxy.endpoint, load)


def has(engine: Engine, image: Image) -> bool:
    with Connection(engine.proxy.endpoint, seconds=10) as connection:
        api = DockerApi(connection, "here")
        return any(api.inspect(name) for name in (image.id, image.manifest_blob.descriptor.digest))


def test_an_image_that_was_foretold_is_named_and_not_sent_again(engine: Engine, make: Maker) -> None:
    one, two = make.image("one"), make.image("two")
    engine.load(one)
    before = engine.proxy.sent
    assert load_foretold(engine, two, two) == (two.layers[-1].diff_id,)
    assert engine.proxy.sent - before < two.layers[-1].blob.descriptor.size + 15_000
    assert engine.run() == "two"


def test_an_image_that_was_foretold_wrongly_is_taken_back(engine: Engine, make: Maker) -> None:
    one, two, three = make.image("one"), make.image("two"), make.image("three")
    engine.load(one)
    load_foretold(engine, two, three)
    assert engine.run() == "three"
    assert has(engine, three)
    assert not has(engine, two)


def test_an_image_that_was_foretold_wrongly_and_has_a_name_stays(engine: Engine, make: Maker) -> None:
    one, two, three = make.image("one"), make.image("two"), make.image("three")
    engine.load(one)
    engine.load(two, "kept")
    load_foretold(engine, two, three)
    assert engine.run() == "three"
    assert engine.run("kept") == "two"


def test_what_was_foretold_for_a_daemon_that_lost_the_layers_is_sent_whole(engine: Engine, make: Maker) -> None:
    two = make.image("two", SIZE)
    assert load_foretold(engine, two, two) == tuple(layer.diff_id for layer in two.layers)
    assert engine.run() == "two"


def test_what_was_foretold_and_taken_back_by_another_build_is_sent_again(
    engine: Engine, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = make.image("one"), make.image("two")
    engine.load(one)
    tag = DockerApi.tag
    gone: list[str] = []

    def tag_too_late(api: DockerApi, image_id: str, reference: Reference) -> None:
        if not gone:
            gone.append(image_id)
            engine.docker(engine.url, "rmi", image_id)
        tag(api, image_id, reference)

    monkeypatch.setattr(DockerApi, "tag", tag_too_late)
    assert load_foretold(engine, two, two) == tuple(layer.diff_id for layer in two.layers)
    assert gone
    assert engine.run() == "two"


def test_nothing_is_named_where_the_name_has_the_image_already(engine: Engine, make: Maker) -> None:
    one, two = make.image("one"), make.image("two")
    engine.load(one)
    assert load_foretold(engine, two, one) == ()
    assert engine.run() == "one"
    assert not has(engine, two)


def test_a_docker_answers(engine: Engine) -> None:
    assert answers(Endpoint(engine.url))
