from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.bundle import opening
from depsfirst.oci.connection import Connection
from depsfirst.oci.docker_api import DockerApi, ping
from depsfirst.oci.endpoint import Endpoint
from depsfirst.oci.load import Load
from depsfirst.oci.pieces import FileSlice
from depsfirst.oci.stores.daemon import answers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.conftest import Maker, Serve

PING = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"


def chunked(*parts: bytes) -> bytes:
    body = b"".join(b"%x;extension=1\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_one_connection_serves_all_requests(way: str, serve: Serve) -> None:
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 15\r\n\r\n" + b'{"message":"x"}'
    replies = (PING, chunked(b"ab", b"c" * 100_000), go_on + missing)
    with serve(*replies, way=way) as (endpoint, server), Connection(endpoint, seconds=300) as connection:
        assert ping(connection, "x").headers["api-version"] == "1.41"
        assert connection.get("/a").body == b"ab" + b"c" * 100_000
        response = connection.get("/b")
        assert (response.status, response.json()) == (404, {"message": "x"})
    assert server.received[1] == b"GET /a HTTP/1.1\r\nHost: docker\r\n\r\n"


def named(name: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name)


def test_foreseen_questions_are_sent_at_once_and_answered_in_turn(serve: Serve) -> None:
    replies = [named(name) for name in (b"one", b"two", b"three")]
    with serve(*replies) as (endpoint, server), Connection(endpoint, seconds=300) as connection:
        connection.foresee("/one", "/two")
        assert connection.get("/one").body == b"one"
        assert connection.get("/two").body == b"two"
        assert connection.get("/three").body == b"three"
    assert [request.split()[1] for request in server.received] == [b"/one", b"/two", b"/three"]


def test_a_question_that_was_not_foreseen_gets_its_own_answer(serve: Serve) -> None:
    replies = [named(name) for name in (b"one", b"two", b"three")]
    with serve(*replies) as (endpoint, _), Connection(endpoint, seconds=300) as connection:
        connection.foresee("/one", "/two")
        assert connection.get("/three").body == b"three"


@pytest.mark.parametrize("way", ["socket", "tcp"])
def test_a_body_goes_in_chunks_and_files_by_the_kernel(way: str, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789" * 300_000)
    told: list[int] = []
    with serve(PING, way=way) as (endpoint, server), Connection(endpoint, seconds=300) as connection:
        body = connection.post("/load", "application/x-tar")
        body.send((b"head", b"", FileSlice(file, 5, 2_500_000), FileSlice(file, 0, 0), b"x" * 70_000), told.append)
        body.end()
        assert connection.response().body == b"OK"
    head, _, sent = server.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /load HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar")
    assert unchunked(sent) == b"head" + file.read_bytes()[5:2_500_005] + b"x" * 70_000
    assert sum(told) == 2_500_000 + 70_004


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A directory as DOCKER_CERT_PATH names one: an authority, a server's certificate by it, and a client's."""
    folder = tmp_path / "certificates"
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl(*new, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    by = ("-CA", "ca.pem", "-CAkey", "ca.key")
    openssl(*new, *by, "-subj", "/CN=docker", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
            "basicConstraints=critical,CA:FALSE", "-keyout", "server.key", "-out", "server.pem")  # fmt: skip
    openssl(*new, *by, "-subj", "/CN=client", "-keyout", "key.pem", "-out", "cert.pem")
    return folder


def test_tls_carries_all_of_it(serve: Serve, certificates: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"0123456789" * 300_000)
    with (
        serve(PING, PING, way="tcp", tls=certificates) as (endpoint, server),
        Connection(endpoint, seconds=300) as connection,
    ):
        assert connection.get("/_ping").body == b"OK"
        body = connection.post("/load", "application/x-tar")
        body.send((FileSlice(file, 5, 2_500_000),), lambda _: None)
        body.end()
        assert connection.response().body == b"OK"
    assert unchunked(server.received[1].partition(b"\r\n\r\n")[2]) == file.read_bytes()[5:2_500_005]


def test_a_server_that_nobody_vouches_for_is_refused(serve: Serve, certificates: Path) -> None:
    with serve(PING, way="tcp", tls=certificates) as (endpoint, _):
        (certificates / "ca.pem").write_bytes((certificates / "cert.pem").read_bytes())
        with pytest.raises(DepsfirstError, match="certificate verify failed"):
            Connection(endpoint, seconds=300)


def unchunked(data: bytes) -> bytes:
    found = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if int(size, 16) == 0:
            assert data == b"\r\n"
            return found
        found += data[: int(size, 16)]
        assert data[int(size, 16) :][:2] == b"\r\n"
        data = data[int(size, 16) + 2 :]


def test_a_file_that_was_cut_is_an_error(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    with serve(b"") as (endpoint, _), Connection(endpoint, seconds=300) as connection:
        body = connection.post("/load", "application/x-tar")
        with pytest.raises(DepsfirstError, match="the file ends before byte 9"):
            body.send((FileSlice(file, 0, 9),), lambda _: None)


CUT = {
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n1234",
}
OTHER = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no number": b"HTTP/1.1 OK\r\n\r\n",
    "an endless line": b"x" * 100_000,
    "a chunk of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("reply", [*CUT.values(), *OTHER.values()], ids=[*CUT, *OTHER])
def test_an_answer_that_is_none_is_an_error(reply: bytes, serve: Serve) -> None:
    with (
        serve(reply) as (endpoint, _),
        Connection(endpoint, seconds=300) as connection,
        pytest.raises(DepsfirstError, match="the connection to Docker broke") as caught,
    ):
        connection.get("/_ping")
    assert caught.value.where == str(endpoint)
    assert caught.value.hint


def test_a_daemon_that_hangs_is_an_error_in_time(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        with (
            Connection(Endpoint(f"unix://{path}"), seconds=0.2) as connection,
            pytest.raises(DepsfirstError, match="does not answer in time"),
        ):
            connection.get("/_ping")


@pytest.mark.parametrize("url", ["unix://{}/nobody", "tcp://127.0.0.1:1"])
def test_nobody_there_is_an_error_with_a_way_out(url: str, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="no Docker answers") as caught:
        Connection(Endpoint(url.format(tmp_path)), seconds=300)
    assert "DOCKER_HOST" in str(caught.value.hint)
    assert "-o FILE.tar" in str(caught.value.hint)


def test_a_socket_that_nobody_listens_on_is_no_docker(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    assert not answers(Endpoint(f"unix://{path}"))


def test_no_permission_is_told_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from depsfirst.oci import connection as subject

    def refuse(*_: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(subject, "_connect", refuse)
    with pytest.raises(DepsfirstError, match="you may not talk to Docker") as caught:
        Connection(Endpoint("unix:///var/run/docker.sock"), seconds=1)
    assert "usermod -aG docker" in str(caught.value.hint)


def test_whether_a_docker_answers_is_known_at_once(path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from depsfirst.oci.stores import daemon as subject

    monkeypatch.setattr(subject, "_PROBE_SECONDS", 86_400)  # it would be waited for
    assert not answers(Endpoint(f"unix://{path}"))
    with serve(PING) as (endpoint, _):
        assert answers(endpoint)


def test_what_is_no_docker_is_told(serve: Serve) -> None:
    web = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    with (
        serve(web) as (endpoint, _),
        Connection(endpoint, seconds=300) as connection,
        pytest.raises(DepsfirstError, match="no Docker that works: hello"),
    ):
        DockerApi(connection, "x")


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


ID = f"sha256:{'a' * 64}"
SAID = {
    b'{"stream":"Loaded image ID: %b\\n"}' % ID.encode(): (ID,),
    b'{"status":"Loading"}\r\n{"stream":"Loaded image: %b"}\n{"stream":""}' % ID.encode(): (ID,),
    b'{"stream":"Loaded image: shop:1\\n"}': (),
    b"": (),
}


@pytest.mark.parametrize("body", SAID)
def test_what_was_loaded_is_read_from_the_answer(body: bytes, serve: Serve) -> None:
    with serve(PING, reply(body)) as (endpoint, server), Connection(endpoint, seconds=300) as connection:
        api = DockerApi(connection, "x")
        with Load(endpoint) as load:
            assert api.loaded(load.end()) == SAID[body]
    assert server.received[1].startswith(b"POST /images/load?quiet=1 ")


FAILED = {
    b'{"errorDetail":{"message":"no such layer"},"error":"no such layer"}': "no such layer",
    b'{"stream":"x"}{"error":"write /x: no space left on device"}': "no space left on device",
    b'{"stream":"Error unpacking image shop:1: not found"}': "Error unpacking image shop:1: not found",
    b"panic: at the disco": "panic: at the disco",
}


@pytest.mark.parametrize("body", FAILED)
def test_a_load_that_failed_is_an_error_in_the_daemons_words(body: bytes, serve: Serve) -> None:
    with serve(PING, reply(body)) as (endpoint, _), Connection(endpoint, seconds=300) as connection:
        api = DockerApi(connection, "here")
        with Load(endpoint) as load:
            response = load.end()
        with pytest.raises(DepsfirstError, match=FAILED[body]) as caught:
            api.loaded(response)
    assert caught.value.where == "Docker at here"
    assert ("docker system df" in str(caught.value.hint)) == (b"no space" in body)


@pytest.mark.parametrize(("body", "said"), [(b'{"message":"bad parameter"}', "bad parameter"), (b"x", "status 500")])
def test_an_answer_of_another_status_is_an_error(body: bytes, said: str, serve: Serve) -> None:
    bad = reply(body, b"500 Internal Server Error")
    with serve(PING, bad) as (endpoint, _), Connection(endpoint, seconds=300) as connection:
        api = DockerApi(connection, "x")
        with pytest.raises(DepsfirstError, match=f'looking for the image "shop:1" failed: {said}'):
            api.inspect("shop:1")


def test_a_blob_that_went_ahead_is_not_sent_again(serve: Serve, make: Maker) -> None:
    blob, other = (layer.blob for layer in make.image().layers[:2])
    with serve(PING) as (endpoint, server), Load(endpoint) as load:
        load.send_blob(blob)
        load.flush()
        load.send_blob(other)
        load.send_blob(blob)
        load.end()
    tar = unchunked(server.received[0].partition(b"\r\n\r\n")[2])
    assert [tar.count(f"blobs/sha256/{each.descriptor.hex}".encode()) for each in (blob, other)] == [1, 1]


def test_a_daemon_that_goes_away_while_it_is_sent_to_is_an_error(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(4_000_000))
    with serve(PING) as (endpoint, _), Connection(endpoint, seconds=300) as connection:
        api = DockerApi(connection, "x")
        with Load(endpoint) as load:
            with pytest.raises(ConnectionError) as caught:
                load.send([FileSlice(file, 0, 4_000_000)] * 10, lambda _: None)
            assert "broke" in str(api.broken(load, caught.value))


def test_a_load_begins_before_it_is_known_what_is_loaded(serve: Serve) -> None:
    with serve(reply(b"")) as (endpoint, server), Load(endpoint) as load:
        load.begin()
        load.begin()
        load.send((b"more",), lambda _: None)
        load.end()
    body = unchunked(server.received[0].partition(b"\r\n\r\n")[2])
    assert body == opening() + b"more"


def test_a_load_that_is_left_loads_nothing(serve: Serve) -> None:
    with serve(reply(b"")) as (endpoint, server):
        with Load(endpoint) as load:
            load.begin()
        assert not answers(endpoint)  # the one answer was not taken
    assert b"oci-layout" not in b"".join(server.received)
