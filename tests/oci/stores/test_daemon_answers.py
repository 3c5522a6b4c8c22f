"""What a daemon target makes of answers that real daemons rarely give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.holdings import ENOUGH, Holding
from depsfirst.oci.image import FileSlice
from depsfirst.oci.reference import parse_reference
from depsfirst.oci.store import copy
from depsfirst.oci.stores.daemon import Daemon

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.conftest import Maker, Serve

    from depsfirst.content import ContentStore
    from depsfirst.oci.endpoint import Endpoint
    from depsfirst.oci.image import Image


def answer(value: Any, status: int = 200) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d X\r\nApi-Version: 1.41\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


PING = answer("OK")
NONE = answer({"message": "no such image"}, 404)
TAGGED = answer("", 201)


def loaded(image_id: str) -> bytes:
    return answer({"stream": f"Loaded image ID: {image_id}\n"})


def named(image_id: str, **more: Any) -> bytes:
    return answer({"Id": image_id, "GraphDriver": {"Data": {"x": "y"}}, **more})


def target(endpoint: Endpoint, store: ContentStore, *others: str) -> Daemon:
    return Daemon(endpoint, parse_reference("registry.example/shop:1"), store, others)


def test_a_load_takes_four_requests(serve: Serve, make: Maker, store: ContentStore) -> None:
    image = make.image()
    with serve(PING, NONE, loaded(image.id), TAGGED) as (endpoint, server):
        written = copy(image, target(endpoint, store))
    lines = [request.partition(b" HTTP/1.1\r\n")[0].decode() for request in server.received]
    assert lines == [
        "GET /_ping",
        "GET /images/registry.example/shop:1/json",
        "POST /images/load?quiet=1",
        f"POST /v1.41/images/{image.id}/tag?repo=registry.example/shop&tag=1",
    ]
    assert written.reference == "registry.example/shop:1"


def test_an_image_that_is_there_takes_two_requests(serve: Serve, make: Maker, store: ContentStore) -> None:
    image = make.image()
    with serve(PING, named(image.id)) as (endpoint, server):
        assert copy(image, target(endpoint, store)).layers == ()
    assert len(server.received) == 2


def test_an_image_that_became_another_is_an_error(serve: Serve, make: Maker, store: ContentStore) -> None:
    with (
        serve(PING, NONE, loaded(f"sha256:{'1' * 64}")) as (endpoint, _),
        pytest.raises(DepsfirstError, match=f'Docker took the image ".*" and calls it sha256:{"1" * 64}') as caught,
    ):
        copy(make.image(), target(endpoint, store))
    assert caught.value.hint


def test_a_name_that_is_refused_is_an_error(serve: Serve, make: Maker, store: ContentStore) -> None:
    image = make.image()
    refused = answer({"message": "no such image"}, 404)
    with (
        serve(PING, NONE, loaded(image.id), refused) as (endpoint, _),
        pytest.raises(DepsfirstError, match=r'naming the image "registry\.example/shop:1" failed: no such image'),
    ):
        copy(image, target(endpoint, store))


def test_a_daemon_that_refuses_in_the_middle_is_asked_why(serve: Serve, make: Maker, store: ContentStore) -> None:
    early = answer({"errorDetail": {"message": "write /x: no space left on device"}})
    image = make.image("x", 30_000_000)
    with serve(PING, NONE, early) as (endpoint, server):
        server.patient = False
        with pytest.raises(DepsfirstError, match=r"no space left on device|broke") as caught:
            copy(image, target(endpoint, store))
    assert caught.value.hint


def chain(image: Image) -> dict[str, Any]:
    return {"RootFS": {"Layers": [layer.diff_id for layer in image.layers]}}


def test_layers_that_were_left_out_are_sent_after_a_refusal(serve: Serve, make: Maker, store: ContentStore) -> None:
    one, two = make.image("one"), make.image("two")
    refused = answer({"errorDetail": {"message": "no such layer"}})
    first = (PING, named(one.id, **chain(one)), refused)
    with serve(*first, PING, loaded(two.id), TAGGED) as (endpoint, server):
        written = copy(two, target(endpoint, store))
    assert written.layers == tuple(layer.diff_id for layer in two.layers)
    sizes = [len(request) for request in server.received if request.startswith(b"POST /images/load")]
    assert sizes[0] < 20_000
    assert sizes[1] > 100_000


def test_layers_that_got_lost_meanwhile_are_sent_again(serve: Serve, make: Maker, store: ContentStore) -> None:
    image = make.image()
    lost = answer({"errorDetail": {"message": "failed to unpack loaded image: content digest sha256:… not found"}})
    with serve(PING, NONE, lost, PING, loaded(image.id), TAGGED) as (endpoint, _):
        assert copy(image, target(endpoint, store)).image_id == image.id
    with (
        serve(PING, NONE, lost, PING, lost) as (endpoint, _),
        pytest.raises(DepsfirstError, match="failed to unpack"),
    ):
        copy(image, target(endpoint, store))


def test_podman_gets_whole_images(serve: Serve, make: Maker, store: ContentStore) -> None:
    one, two = make.image("one"), make.image("two")
    podman = PING.replace(b"Api-Version", b"Libpod-Api-Version: 4.3.1\r\nApi-Version")
    replies = (podman, named(one.id, **chain(one)), loaded(two.id), TAGGED)
    with serve(*replies) as (endpoint, _):
        assert len(copy(two, target(endpoint, store)).layers) == 3


@pytest.mark.parametrize(
    ("driver", "sent"),
    [([["driver-type", "io.containerd.snapshotter.v1"]], 3), ([["Backing Filesystem", "btrfs"]], 1), (None, 1)],
)
def test_a_store_that_an_image_does_not_tell_is_asked_for(
    driver: object, sent: int, serve: Serve, make: Maker, store: ContentStore
) -> None:
    one, two = make.image("one"), make.image("two")
    silent = answer({"Id": one.id, "GraphDriver": {"Data": None}, **chain(one)})
    info = answer({"DriverStatus": driver})
    with serve(PING, silent, info, loaded(two.id), TAGGED) as (endpoint, server):
        assert len(copy(two, target(endpoint, store)).layers) == sent
    assert server.received[2].startswith(b"GET /v1.41/info ")


def test_a_newer_daemon_tells_its_store_by_a_descriptor(serve: Serve, make: Maker, store: ContentStore) -> None:
    one, two = make.image("one"), make.image("two")
    modern = answer({"Id": "sha256:x", "Descriptor": {"digest": "sha256:x"}, **chain(one)})
    digest = two.manifest_blob.descriptor.digest
    with serve(PING, modern, loaded(digest), TAGGED) as (endpoint, _):
        assert len(copy(two, target(endpoint, store)).layers) == 3
    three = make.image("three")
    digest3 = three.manifest_blob.descriptor.digest
    with serve(PING, named(digest), loaded(digest3), TAGGED) as (endpoint, _):
        assert copy(three, target(endpoint, store)).layers == (three.layers[-1].diff_id,)


def test_others_are_asked_while_much_is_lacking(serve: Serve, make: Maker, store: ContentStore) -> None:
    one, two = make.image("one", ENOUGH + 1), make.image("two", ENOUGH + 1)
    asked = (NONE, NONE, answer([{"Id": "sha256:a"}, {"Id": "sha256:b"}]), answer({"DriverStatus": []}))
    inspected = (NONE, named("sha256:b", **chain(one)))
    with serve(PING, *asked, *inspected, loaded(two.id), TAGGED) as (endpoint, server):
        assert copy(two, target(endpoint, store, "base:1")).layers == (two.layers[-1].diff_id,)
    assert server.received[2].startswith(b"GET /images/base:1/json ")
    assert b"?filters=%7B%22label%22:%20%5B%22dev.depsfirst.recipe%22%5D%7D " in server.received[3]


def test_only_the_lowest_layers_of_a_chain_are_shared(make: Maker) -> None:
    image = make.image()
    low, middle, high = (layer.diff_id for layer in image.layers)
    assert Holding("classic", (low, middle)).shares(image) == {0, 1}
    assert Holding("classic", (low, high)).shares(image) == {0}
    assert Holding("classic", (middle, high)).shares(image) == frozenset()
    assert Holding("classic", (low, middle, high, low)).shares(image) == {0, 1, 2}
    assert Holding("containerd", (high, low)).shares(image) == {0, 2}
    twice = image._replace(layers=(*image.layers, image.layers[0]))
    assert Holding("classic", (low,)).shares(twice) == {0}
    assert Holding("containerd", (low,)).shares(twice) == {0, 3}


def test_a_part_that_is_gone_says_so_and_not_that_docker_failed(
    serve: Serve, make: Maker, store: ContentStore, tmp_path: Path
) -> None:
    image = make.image()
    gone = FileSlice(tmp_path / "gone", 0, image.layers[1].blob.descriptor.size)
    blob = image.layers[1].blob._replace(pieces=(gone,))
    broken = image._replace(layers=(image.layers[0], image.layers[1]._replace(blob=blob)))
    with serve(PING, NONE, NONE) as (endpoint, _), pytest.raises(DepsfirstError, match="cannot be read"):
        copy(broken, target(endpoint, store))
