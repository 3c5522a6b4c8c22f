"""Which credentials are shown to whom, and what is said where there are none."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Fetcher, NotFoundError, RefusedError
from depsfirst.fetch.credentials import Credentials, Login, Realm, in_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEYRING = """\
#!/bin/sh
echo "$@" >> "{said}"
if test "$1 $2 $3" = "--mode creds get"; then
    case "$4" in {service}) printf 'ada\\ns3cr3t\\n' ;; *) exit 1 ;; esac
elif test "$1 $3" = "get ada"; then
    case "$2" in {service}) echo s3cr3t ;; *) exit 1 ;; esac
else
    exit 2
fi
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything, and no keyring on the path."""
    for name in ("NETRC", "UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def keyring(home: Path) -> Callable[[str], Path]:
    """``keyring(service)`` puts a keyring on the path that knows that service; the file of what it was asked."""

    def made(service: str) -> Path:
        program = home / "bin/keyring"
        program.write_text(KEYRING.format(said=home / "said", service=service))
        program.chmod(0o755)
        return home / "said"

    return made


class Server(ThreadingHTTPServer):
    """Answers 200 to those who show what ``wanted`` says for the start of a path, and 401 (or another) to others."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.daemon_threads = True
        self.wanted: dict[str, str] = {}
        self.moved: dict[str, str] = {}
        self.status = 401
        self.shown: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        text = self.headers.get("Authorization")
        given = base64.b64decode(text.removeprefix("Basic ")).decode() if text else None
        self.server.shown.append((self.path, given))
        wanted = next((login for start, login in self.server.wanted.items() if self.path.startswith(start)), None)
        if self.path in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[self.path])
        else:
            self.send_response(200 if wanted in {None, given} else self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with running() as made:
        yield made


def shown(server: Server) -> list[str | None]:
    return [login for _, login in server.shown]


def test_credentials_of_a_url_are_decoded() -> None:
    assert in_url("https://ada:s%2F3@x.example/simple?a#b") == Realm("https://x.example/simple", "ada", "s/3")
    assert in_url("https://x.example/simple").login is None
    assert in_url("https://ada@x.example/simple").login is None
    assert Login("ada", "é", "x").header == "Basic YWRhOsOp"


def test_what_is_no_url_is_said() -> None:
    with pytest.raises(DepsfirstError, match=r'^"\[x\.example/simple" is no URL: ') as caught:
        in_url("https://ada:s3cr3t@[x.example/simple")
    assert "s3cr3t" not in str(caught.value)


def test_two_realms_of_a_host_have_their_own_credentials(server: Server) -> None:
    server.wanted = {"/one/": "ada:1", "/two/": "ada:2"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/one/simple", "ada", "1"))
    fetcher.credentials.add(Realm(f"{server.url}/two/simple", "ada", "2"))
    for path in ("/one/simple/x/", "/two/simple/x/", "/one/files/x", "/two/files/x"):
        fetcher.get(server.url + path)
    assert shown(server) == ["ada:1", "ada:2", "ada:1", "ada:2"]


def test_a_file_beside_two_realms_is_tried_with_both(server: Server) -> None:
    server.wanted = {"/files/": "ada:1"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/a/simple", "ada", "1"))
    fetcher.credentials.add(Realm(f"{server.url}/b/simple", "ada", "2"))
    fetcher.get(f"{server.url}/files/x")
    assert shown(server) == ["ada:2", "ada:1"]


def test_another_host_sees_nothing(server: Server, elsewhere: Server) -> None:
    server.moved = {"/simple/x/": f"{elsewhere.url}/simple/x/"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/simple", "ada", "s3cr3t"))
    fetcher.get(f"{server.url}/simple/x/")
    fetcher.get(f"{elsewhere.url}/files/x")
    assert shown(elsewhere) == [None, None]


def test_another_host_with_credentials_of_its_own_sees_those(server: Server, elsewhere: Server) -> None:
    server.moved = {"/simple/x/": f"{elsewhere.url}/files/x"}
    elsewhere.wanted = {"/files/": "bob:b"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/simple", "ada", "s3cr3t"))
    fetcher.credentials.add(Realm(f"{elsewhere.url}/files", "bob", "b"))
    fetcher.get(f"{server.url}/simple/x/")
    assert shown(elsewhere) == ["bob:b"]


def test_a_redirect_cannot_put_credentials_in(server: Server, elsewhere: Server) -> None:
    bad = elsewhere.url.replace("//", "//eve:bad@")
    server.moved = {"/simple/x/": f"{bad}/files/x"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{elsewhere.url}/files", "bob", "b"))
    fetcher.get(f"{server.url}/simple/x/")
    fetcher.get(f"{elsewhere.url}/files/y")
    assert shown(elsewhere) == ["eve:bad", "bob:b"]


def test_netrc_for_any_host_is_not_shown_where_a_redirect_leads(server: Server, elsewhere: Server, home: Path) -> None:
    (home / ".netrc").write_text("default login ada password s3cret\n")
    server.moved = {"/x": f"{elsewhere.url}/x"}
    server.moved["/start"] = "/x"
    Fetcher().get(f"{server.url}/start")
    assert shown(server) == ["ada:s3cret", "ada:s3cret"]
    assert shown(elsewhere) == [None]


def test_netrc_of_another_user_than_the_one_asked_for_is_passed_over(server: Server, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login ada password s3cret\n")
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/simple", "bob"))
    fetcher.get(f"{server.url}/simple/")
    assert shown(server) == [None]


def test_a_name_without_a_password_is_shown_when_it_is_asked_for(server: Server) -> None:
    server.wanted = {"/": "token:"}
    Fetcher().get(server.url.replace("//", "//token@") + "/simple/")
    assert shown(server) == [None, "token:"]


def test_a_netrc_file_that_is_no_text_is_named(home: Path) -> None:
    (home / ".netrc").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DepsfirstError, match=r"this is no text") as caught:
        Credentials().login("https://x.example/")
    assert caught.value.where == str(home / ".netrc")


# The keyring


def test_a_keyring_is_asked_once_after_a_refusal(server: Server, keyring: Callable[[str], Path], home: Path) -> None:
    said = keyring(f"{server.url}/simple")
    server.wanted = {"/simple/": "ada:s3cr3t", "/files/": "ada:s3cr3t"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/simple"))
    fetcher.get(f"{server.url}/open/")
    assert not said.exists()
    for path in ("/simple/a/", "/simple/b/", "/files/a"):
        fetcher.get(server.url + path)
    assert shown(server) == [None, None, "ada:s3cr3t", "ada:s3cr3t", "ada:s3cr3t"]
    assert said.read_text() == f"--mode creds get {server.url}/simple\n"


def test_a_keyring_is_told_the_name_and_asked_for_the_host(server: Server, keyring: Callable[[str], Path]) -> None:
    said = keyring("127.0.0.1")
    server.wanted = {"/": "ada:s3cr3t"}
    Fetcher().get(server.url.replace("//", "//ada@") + "/simple/")
    assert said.read_text().splitlines() == [f"get {server.url}/ ada", "get 127.0.0.1 ada"]


def test_a_keyring_is_not_asked_where_other_credentials_were_refused(
    server: Server, keyring: Callable[[str], Path]
) -> None:
    said = keyring("*")
    server.wanted = {"/": "ada:s3cr3t"}
    with pytest.raises(RefusedError):
        Fetcher().get(server.url.replace("//", "//ada:wr0ng@") + "/simple/")
    assert not said.exists()


@pytest.mark.parametrize("variable", ["UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER"])
def test_a_keyring_may_be_switched_off(
    server: Server, keyring: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    said = keyring("*")
    monkeypatch.setenv(variable, "disabled")
    server.wanted = {"/": "ada:s3cr3t"}
    with pytest.raises(RefusedError) as caught:
        Fetcher().get(f"{server.url}/simple/")
    assert "a keyring (switched off)" in (caught.value.hint or "")
    assert not said.exists()


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho only-one-line\n", "no program"])
def test_a_keyring_that_knows_nothing(server: Server, home: Path, text: str) -> None:
    (home / "bin/keyring").write_text(text)
    (home / "bin/keyring").chmod(0o755)
    server.wanted = {"/": "ada:s3cr3t"}
    with pytest.raises(RefusedError) as caught:
        Fetcher().get(f"{server.url}/simple/")
    assert "keyring (knows nothing)" in (caught.value.hint or "")


# What is said


@pytest.mark.parametrize("status", [401, 403])
def test_what_was_looked_for_is_said_by_name(server: Server, home: Path, status: int) -> None:
    server.wanted, server.status = {"/": "ada:s3cr3t"}, status
    fetcher = Fetcher()
    looked = ("UV_INDEX_TEA_USERNAME", "UV_INDEX_TEA_PASSWORD")
    fetcher.credentials.add(Realm(f"{server.url}/simple", looked=looked, title='the index "tea" of pyproject.toml'))
    with pytest.raises(RefusedError, match=f"{status}") as caught:
        fetcher.get(f"{server.url}/simple/x/")
    assert caught.value.hint == (
        'no credentials for the index "tea" of pyproject.toml (127.0.0.1) were found; looked for UV_INDEX_TEA_USERNAME,'
        f' UV_INDEX_TEA_PASSWORD, {home}/.netrc (not there), the program "keyring" (not installed)'
    )


def test_netrc_without_the_host_is_said(server: Server, home: Path) -> None:
    (home / ".netrc").write_text("machine other.example login ada password s3cret\n")
    server.wanted = {"/": "ada:s3cr3t"}
    with pytest.raises(RefusedError) as caught:
        Fetcher().get(f"{server.url}/simple/x/")
    assert f'{home}/.netrc (says nothing of "127.0.0.1")' in (caught.value.hint or "")


def test_whose_credentials_were_refused_is_said(server: Server) -> None:
    server.wanted = {"/": "ada:s3cr3t"}
    fetcher = Fetcher()
    fetcher.credentials.add(Realm(f"{server.url}/simple", "ada", "wr0ng", "UV_INDEX_TEA_PASSWORD"))
    with pytest.raises(RefusedError) as caught:
        fetcher.get(f"{server.url}/simple/x/")
    assert caught.value.hint == ("the credentials were those of UV_INDEX_TEA_PASSWORD: check them, and what they allow")
    assert "wr0ng" not in f"{caught.value}{caught.value.hint}"


def test_what_is_not_there_may_be_hidden(server: Server) -> None:
    server.wanted, server.status = {"/": "ada:s3cr3t"}, 404
    fetcher = Fetcher()
    with pytest.raises(NotFoundError) as caught:
        fetcher.get(f"{server.url}/simple/x/")
    assert caught.value.hint is None, "nothing says that this server wants credentials"
    fetcher.credentials.add(Realm(f"{server.url}/simple", looked=("UV_INDEX_TEA_USERNAME",)))
    with pytest.raises(NotFoundError) as caught:
        fetcher.get(f"{server.url}/simple/x/")
    assert (caught.value.hint or "").startswith('if it is there, it is hidden: no credentials for "127.0.0.1"')


def test_what_is_said_of_a_realm_is_added_up() -> None:
    credentials = Credentials()
    url = "https://x.example/simple"
    credentials.add(Realm(url, looked=("A",), title="first"))
    credentials.add(Realm(url, "ada", found="B"))
    credentials.add(Realm(url, "ada", "s3cr3t", "C", ("D",)))
    credentials.add(Realm(url, "bob", found="E"))
    assert credentials.login(f"{url}/x/") == Login("ada", "s3cr3t", "C")
    assert credentials.login("https://y.example/simple/x/") is None
    assert credentials.login("http://x.example/simple/x/") is None, "another scheme is another origin"
