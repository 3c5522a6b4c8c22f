"""The first bytes of a load, sent before anything is imported: to whom, what, and what it costs."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.oci.test_connection import reply, unchunked

from depsfirst.oci.bundle import opening
from depsfirst.oci.endpoint import find_endpoint
from depsfirst.oci.load import Load
from depsfirst.oci.preamble import FIRST, begin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.conftest import Serve


def test_the_daemon_gets_enough_to_start_its_process() -> None:
    assert opening().startswith(FIRST)
    assert len(FIRST) >= 10


def test_the_load_goes_on_where_the_preamble_ended(serve: Serve) -> None:
    with serve(reply(b"")) as (endpoint, server):
        begun = begin(["build", "--load"], {"DOCKER_HOST": endpoint.url})
        assert begun is not None
        assert begun.path == endpoint.socket
        with Load(endpoint, begun) as load:
            load.send((b"more",), lambda _: None)
            load.end()
    (request,) = server.received
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /images/load?quiet=1 HTTP/1.1\r\n")
    assert unchunked(body) == opening() + b"more"


ELSEWHERE: tuple[list[str], ...] = (
    [],
    ["cache", "dir"],
    ["build", "-o", "x.tar"],
    ["build", "-ox.tar"],
    ["build", "--output=oci:x"],
    ["build", "--out", "x.tar"],
    ["build", "--help"],
)


@pytest.mark.parametrize("words", ELSEWHERE, ids=" ".join)
def test_nothing_is_sent_for_an_image_that_goes_elsewhere(words: list[str], path: Path) -> None:
    with _listening(path) as server:
        assert begin(words, {"DOCKER_HOST": f"unix://{path}"}) is None
        server.setblocking(False)  # noqa: FBT003 - the standard library's own way
        with pytest.raises(BlockingIOError):
            server.accept()


def test_nobody_there_is_left_for_others_to_say(path: Path) -> None:
    assert begin(["build"], {"DOCKER_HOST": f"unix://{path}"}) is None


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:1", "ssh://somewhere"])
def test_only_a_socket_is_written_to(host: str) -> None:
    assert begin(["build"], {"DOCKER_HOST": host}) is None


def test_a_context_is_for_those_who_read_json(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depsfirst.oci.preamble._DEFAULT", str(path))
    (tmp_path / "config.json").write_text('{"auths": {}}')
    with _listening(path):
        environ = {"DOCKER_CONFIG": str(tmp_path)}
        begun = begin(["build"], environ)
        assert begun is not None
        begun.connection.close()
        assert begin(["build"], {**environ, "DOCKER_CONTEXT": "far"}) is None
        (tmp_path / "config.json").write_text('{"currentContext": "far"}')
        assert begin(["build"], environ) is None


def test_it_means_the_docker_that_is_meant_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    for environ in ({"DOCKER_HOST": f"unix://{path}"}, {"DOCKER_CONFIG": str(tmp_path)}):
        found = find_endpoint(environ).socket
        assert found is not None
        monkeypatch.setattr("depsfirst.oci.preamble._DEFAULT", str(path))
        with _listening(path):
            begun = begin(["build"], environ)
            assert begun is not None
            begun.connection.close()
            assert begun.path == (found if "DOCKER_HOST" in environ else str(path))
        path.unlink()


def test_it_takes_no_import_of_ours_or_others() -> None:
    program = "import sys; before = set(sys.modules); import depsfirst.oci.preamble; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert set(done.stdout.split()) <= {"__future__", "depsfirst", "depsfirst.oci", "depsfirst.oci.preamble"}


def _listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server
