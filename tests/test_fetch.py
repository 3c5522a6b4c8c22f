"""The fetcher against a real server on loopback that misbehaves on purpose."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import socket
import ssl
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tests.conftest import program, run

from depsfirst.errors import DepsfirstError
from depsfirst.fetch import (
    Document,
    Fetcher,
    FetchError,
    MismatchError,
    NotFoundError,
    UnreachableError,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Counts what it is asked, and keeps the headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/")
        self.server.asked[name] += 1
        self.server.headers.append(dict(self.headers))
        getattr(self, f"answer_{name}")()

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", headers.get("length", str(len(body))))
        self.end_headers()
        self.wfile.write(body)

    def answer_plain(self) -> None:
        self.send(200, BODY)

    def answer_missing(self) -> None:
        self.send(404)

    def answer_private(self) -> None:
        expected = "Basic " + base64.b64encode(b"ann:s3cret/").decode()
        self.send(200 if self.headers.get("Authorization") == expected else 401, b"yes")

    def answer_busy(self) -> None:
        self.send(503 if self.server.asked["busy"] < 3 else 200, BODY)

    def answer_down(self) -> None:
        self.send(502)

    def _cut(self, name: str, *, validator: bool) -> None:
        wanted = self.headers.get("Range")
        offset = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {offset}-{len(BODY) - 1}/{len(BODY)}")
        if validator:
            self.send_header("ETag", '"v1"')
        self.send_header("Content-Length", str(len(BODY) - offset))
        self.end_headers()
        end = offset + 2_000_000 if self.server.asked[name] < 3 else len(BODY)
        self.wfile.write(BODY[offset:end])
        self.close_connection = True

    def answer_cut(self) -> None:
        self._cut("cut", validator=True)

    def answer_cutplain(self) -> None:
        self._cut("cutplain", validator=False)

    def answer_changed(self) -> None:
        if self.server.asked["changed"] == 1:
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(b"old" * 1000)
            self.close_connection = True
        elif wanted := self.headers.get("Range"):
            offset = int(wanted.removeprefix("bytes=").rstrip("-"))
            rest = BODY[offset:]
            self.send(206, rest, Content_Range=f"bytes {offset}-{len(BODY) - 1}/{len(BODY)}")
        else:
            self.send(200, BODY)

    def answer_always_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000])
        self.close_connection = True

    def answer_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(10_000):
                self.wfile.write(BODY)
        except OSError:
            self.server.asked["hung up"] += 1
        self.close_connection = True

    def answer_document(self) -> None:
        if self.headers.get("If-None-Match") == '"d1"':
            self.send(304)
        else:
            self.send(200, gzip.compress(b"text"), ETag='"d1"', Content_Encoding="gzip")

    def answer_dated(self) -> None:
        date = "Sat, 11 Jul 2026 10:16:37 GMT"
        known = self.headers.get("If-Modified-Since") == date
        self.send(304 if known else 200, b"" if known else b"text", Last_Modified=date)

    def answer_moved(self) -> None:
        self.send(302, Location="/private")

    def answer_loop(self) -> None:
        self.send(302, Location="/loop")

    def answer_ftp(self) -> None:
        self.send(302, Location="ftp://files.example/x")

    def answer_teapot(self) -> None:
        self.send(418)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Fetcher]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Fetcher(patience=0.001)
    yield made
    made.close()


def received(fetcher: Fetcher, url: str, *, sha256: str | None = SHA256, size: int | None = len(BODY)) -> bytes:
    file = io.BytesIO()
    fetcher.download(url, file, sha256=sha256, size=size)
    return file.getvalue()


def test_a_download_is_streamed_and_verified(fetcher: Fetcher, server: Server) -> None:
    counts: list[int] = []
    file = io.BytesIO(b"head")
    file.seek(4)
    fetcher.download(f"{server.url}/plain", file, sha256=SHA256, size=len(BODY), received=counts.append)
    assert file.getvalue() == b"head" + BODY
    assert sum(counts) == len(BODY)
    assert max(counts) <= 1 << 20
    assert server.headers[0]["Accept-Encoding"] == "identity"


def test_a_connection_is_used_again(fetcher: Fetcher, server: Server) -> None:
    for _ in range(3):
        received(fetcher, f"{server.url}/plain")
    (pool,) = fetcher._connections._pools.values()
    (connections,) = (pool.pools[key] for key in pool.pools.keys())  # noqa: SIM118 - a RecentlyUsedContainer
    assert connections.num_connections == 1


def test_a_wrong_hash_is_refused(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(MismatchError, match="sha256") as caught:
        received(fetcher, f"{server.url}/plain", sha256="0" * 64)
    assert "plain" in str(caught.value)
    assert server.asked["plain"] == 1


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_a_wrong_size_is_refused(fetcher: Fetcher, server: Server, size: int) -> None:
    with pytest.raises(MismatchError, match="bytes"):
        received(fetcher, f"{server.url}/plain", size=size)


def test_an_endless_answer_is_cut_off(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(MismatchError, match="larger than"):
        received(fetcher, f"{server.url}/endless", sha256=None)


def test_a_busy_server_is_asked_again(fetcher: Fetcher, server: Server) -> None:
    assert received(fetcher, f"{server.url}/busy") == BODY
    assert server.asked["busy"] == 3


def test_attempts_are_bounded(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(UnreachableError, match="502"):
        received(fetcher, f"{server.url}/down")
    assert server.asked["down"] == 4


@pytest.mark.parametrize("name", ["cut", "cutplain"])
def test_a_cut_download_goes_on_where_it_stopped(fetcher: Fetcher, server: Server, name: str) -> None:
    assert received(fetcher, f"{server.url}/{name}") == BODY
    assert [headers.get("Range") for headers in server.headers] == [None, "bytes=2000000-", "bytes=4000000-"]
    assert server.headers[1].get("If-Range") == ('"v1"' if name == "cut" else None)


def test_what_cannot_be_checked_is_not_resumed(fetcher: Fetcher, server: Server) -> None:
    assert received(fetcher, f"{server.url}/cutplain", sha256=None) == BODY
    assert [headers.get("Range") for headers in server.headers] == [None, None, None]


def test_a_rest_that_does_not_fit_is_fetched_anew(fetcher: Fetcher, server: Server) -> None:
    counts: list[int] = []
    file = io.BytesIO()
    fetcher.download(f"{server.url}/changed", file, sha256=SHA256, size=len(BODY), received=counts.append)
    assert file.getvalue() == BODY
    assert sum(counts) == len(BODY)


def test_a_server_that_always_cuts_is_given_up(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(UnreachableError, match="broke"):
        received(fetcher, f"{server.url}/always_cut")
    assert server.asked["always_cut"] == 4


def test_missing_is_told_apart(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(NotFoundError, match="404"):
        received(fetcher, f"{server.url}/missing")
    with pytest.raises(FetchError, match="418"):
        fetcher.get(f"{server.url}/teapot")


def test_a_closed_port_reads_no_network(fetcher: Fetcher) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://u:p@127.0.0.1:{held.getsockname()[1]}/x?token=t"
        with pytest.raises(UnreachableError) as caught:
            fetcher.get(url)
    assert "network" in (caught.value.hint or "")
    assert ":p@" not in str(caught.value)
    assert "token" not in str(caught.value)


def test_an_unknown_host_reads_no_network(fetcher: Fetcher) -> None:
    with pytest.raises(UnreachableError, match=r"nowhere\.invalid"):
        fetcher.get("http://nowhere.invalid/x")


def test_documents_are_revalidated(fetcher: Fetcher, server: Server) -> None:
    for name in ("document", "dated"):
        first = fetcher.get(f"{server.url}/{name}")
        assert first.content == b"text"
        assert fetcher.get(f"{server.url}/{name}", known=first) is first
        assert fetcher.get(f"{server.url}/{name}", known=Document(b"old", first.url, '"d0"')) == first


def test_credentials_of_the_url_serve_its_origin(fetcher: Fetcher, server: Server) -> None:
    with pytest.raises(FetchError, match="401") as caught:
        fetcher.get(f"{server.url}/private")
    assert "netrc" in (caught.value.hint or "")
    with_login = server.url.replace("//", "//ann:s3cret%2F@")
    document = fetcher.get(f"{with_login}/moved")
    assert document.content == b"yes"
    assert document.url == f"{server.url}/private"
    assert fetcher.get(f"{server.url}/private").content == b"yes"


def test_credentials_of_the_netrc_file(fetcher: Fetcher, server: Server, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password s3cret/\n")
    assert fetcher.get(f"{server.url}/private").content == b"yes"


def test_a_broken_netrc_file_is_named(fetcher: Fetcher, server: Server, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1\nnonsense here\n")
    with pytest.raises(DepsfirstError, match=r"netrc:2"):
        fetcher.get(f"{server.url}/private")


def test_credentials_do_not_follow_to_another_origin(fetcher: Fetcher, server: Server) -> None:
    with Server() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        location = f"{other.url}/plain"
        server.RequestHandlerClass.answer_away = lambda self: self.send(302, Location=location)  # type: ignore[attr-defined]
        fetcher.get(server.url.replace("//", "//ann:s3cret%2F@") + "/away")
        other.shutdown()
        thread.join()
    assert "Authorization" in server.headers[0]
    assert "Authorization" not in other.headers[0]


@pytest.mark.parametrize(("name", "words"), [("loop", "redirects more than"), ("ftp", "sends away")])
def test_strange_redirects_are_refused(fetcher: Fetcher, server: Server, name: str, words: str) -> None:
    with pytest.raises(FetchError, match=words):
        fetcher.get(f"{server.url}/{name}")


def test_a_proxy_of_the_environment_is_used(fetcher: Fetcher, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def through_proxy(self: Handler) -> None:
        seen.append(self.path + " " + self.headers.get("Proxy-Authorization", ""))
        self.send(200, b"proxied")

    monkeypatch.setattr(Handler, "do_GET", through_proxy)
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//u:p@"))
    monkeypatch.setenv("no_proxy", "inside.example")
    assert fetcher.get("http://files.example/x").content == b"proxied"
    assert seen == ["http://files.example/x Basic " + base64.b64encode(b"u:p").decode()]


def test_a_socks_proxy_is_refused(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(FetchError, match="socks5"):
        fetcher.get("http://files.example/x")


def test_files_are_fetched_too(fetcher: Fetcher, tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_bytes(BODY)
    assert received(fetcher, path.as_uri()) == BODY
    assert fetcher.get(path.as_uri()).content == BODY
    with pytest.raises(MismatchError):
        received(fetcher, path.as_uri(), sha256="0" * 64)
    with pytest.raises(NotFoundError, match="does not exist"):
        received(fetcher, (tmp_path / "other").as_uri())
    with pytest.raises(FetchError, match="cannot be read"):
        fetcher.get(tmp_path.as_uri())


def test_other_schemes_are_refused(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="no http"):
        fetcher.get("ftp://files.example/x")


def test_many_threads_share_a_fetcher(fetcher: Fetcher, server: Server) -> None:
    results: list[bool] = []

    def fetch() -> None:
        results.append(received(fetcher, f"{server.url}/plain") == BODY)

    threads = [threading.Thread(target=fetch) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 12


def test_certificates_are_verified(
    fetcher: Fetcher, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, secret = tmp_path / "own.pem", tmp_path / "secret.pem"
    words = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"]
    run(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", *words, "-keyout", secret, "-out", own)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, secret)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    url = f"https://127.0.0.1:{server.server_address[1]}"
    with pytest.raises(FetchError, match="certificate") as caught:
        fetcher.get(f"{url}/document")
    assert "SSL_CERT_FILE" in (caught.value.hint or "")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    trusting = Fetcher(patience=0.001)
    assert trusting.get(f"{url}/document").content == b"text"
    location = f"http://127.0.0.1:{server.server_address[1]}/plain"
    monkeypatch.setattr(Handler, "answer_down", lambda self: self.send(302, Location=location))
    with pytest.raises(FetchError, match="sends away from https"):
        trusting.get(f"{url}/down")
    trusting.close()


def test_a_document_has_a_limit(fetcher: Fetcher, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depsfirst.fetch.DOCUMENT_LIMIT", 2 << 20)
    with pytest.raises(FetchError, match="larger than 2 MiB"):
        fetcher.get(f"{server.url}/plain")


def test_shown_urls_carry_no_secret() -> None:
    assert shown("https://u:p@files.example:8443/a?sig=1#sha256=2") == "https://files.example:8443/a"
    assert shown("https://u:p@[::bad/a?x") == "[::bad/a"
