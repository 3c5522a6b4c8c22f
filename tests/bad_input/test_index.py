"""The network: an index that is not there, says no, or breaks off; and none at all while everything is cached."""

from __future__ import annotations

import shutil
import socket
from typing import Any

import pytest

NAME = "greet-1.0-py3-none-any.whl"
FILE = f"/files/{NAME}"
PAGE = "/simple/greet/"


@pytest.fixture
def from_url(bare_shop: Any, index: Any, wheels: Any, lock_entry: Any) -> Any:
    """The project with a lock that names the URL of the wheel."""
    sha256 = index.add(NAME, wheels.wheel("greet", {"greet.py": b""}))
    bare_shop.uv_lock(lock_entry("greet", index.link(NAME), sha256, index.simple))
    return bare_shop


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (500, 4), (503, 4), (418, 1)])
@pytest.mark.parametrize("path", [FILE, PAGE])
def test_the_index_says_no(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, index: Any, options: Any, path: str, status: int, tries: int
) -> None:
    index.statuses[path] = status
    err = attempt.refused(shop, *options)
    assert f'"{index.url}{path}" was answered with {status}' in err
    assert index.asked.count(path) == tries


def test_a_download_is_cut_short(attempt: Any, from_url: Any, index: Any, options: Any) -> None:
    index.lengths[FILE] = len(index.files[NAME]) + 1000
    err = attempt.refused(from_url, *options)
    assert f'error: uv.lock: package[1]: the connection to "{index.url}{FILE}" broke' in err
    assert index.asked.count(FILE) == 4


def test_nobody_listens(attempt: Any, shop: Any, base: str) -> None:
    url = f"http://127.0.0.1:{closed_port()}/simple"
    err = attempt.refused(shop, "--base", base, "--index", url)
    assert f"{url}/greet/" in err
    assert "hint: is there a network" in err


def test_the_name_does_not_resolve(attempt: Any, shop: Any, base: str) -> None:
    err = attempt.refused(shop, "--base", base, "--index", "http://index.invalid/simple")
    assert "http://index.invalid/simple/greet/" in err
    assert "hint: is there a network" in err


@pytest.mark.parametrize("url", ["ftp://index.example/simple", "index.example/simple", "http://", "[x.example/simple"])
def test_no_url(attempt: Any, shop: Any, base: str, url: str) -> None:
    err = attempt.refused(shop, "--base", base, "--index", f"http://{url}" if url[0] == "[" else url)
    assert url in err


def test_a_page_that_is_none(attempt: Any, shop: Any, index: Any, options: Any) -> None:
    index.page = lambda _: b'{"files": [{"filename": 3}]}'
    assert "error: " in attempt.refused(shop, *options)


def test_without_a_network_what_is_cached_is_enough(
    attempt: Any, shop: Any, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.succeeds(shop, *options)
    before = attempt.archive.read_bytes()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    attempt.archive.unlink()
    attempt.succeeds(shop, *options[:2], "--index", f"http://127.0.0.1:{closed_port()}/simple")
    assert attempt.archive.read_bytes() == before


def test_without_a_network_another_project_takes_what_is_cached(
    attempt: Any, from_url: Any, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.succeeds(from_url, *options)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    other = from_url.root.with_name("other")
    shutil.copytree(from_url.root, other)
    attempt.succeeds(other, *options)


# Credentials


SECRET = "s3cr3t"


@pytest.fixture
def secret_index(index: Any) -> str:
    return str(index.simple.replace("http://", f"http://ada:{SECRET}@"))


def everything_said(attempt: Any, *words: Any) -> str:
    code, out, err = attempt.build(*words, "--verbose")
    assert code in {0, 2}
    return f"{out}{err}"


def test_credentials_reach_the_index_and_nothing_else(
    attempt: Any, shop: Any, index: Any, base: str, secret_index: str
) -> None:
    said = everything_said(attempt, shop, "--base", base, "--index", secret_index)
    assert any(each.startswith("Basic ") for each in index.authorizations)
    assert SECRET not in said
    secrets = (SECRET.encode(), index.authorizations[0].removeprefix("Basic ").encode())
    kept = [attempt.archive, *(path for path in attempt.cache.rglob("*") if path.is_file())]
    assert not [path for path in kept if any(secret in path.read_bytes() for secret in secrets)]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_credentials_are_not_in_errors(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, index: Any, base: str, secret_index: str, status: int
) -> None:
    index.statuses[PAGE] = index.statuses[FILE] = status
    said = everything_said(attempt, shop, "--base", base, "--index", secret_index)
    assert "error: " in said
    assert SECRET not in said


def test_credentials_of_a_lock_are_not_shown(  # noqa: PLR0917 - fixtures
    attempt: Any, bare_shop: Any, index: Any, wheels: Any, lock_entry: Any, options: Any
) -> None:
    sha256 = index.add(NAME, wheels.wheel("greet", {"greet.py": b""}))
    url = index.link(NAME).replace("http://", f"http://ada:{SECRET}@")
    bare_shop.uv_lock(lock_entry("greet", url, sha256, index.simple))
    index.statuses[FILE] = 404
    said = everything_said(attempt, bare_shop, *options)
    assert "was answered with 404" in said
    assert SECRET not in said


@pytest.mark.parametrize("form", ["greet @ {url}#sha256={sha256}", "greet==1.0 --index-url {url}"])
def test_credentials_of_requirements_are_not_shown(  # noqa: PLR0917 - fixtures
    attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: Any, form: str
) -> None:
    sha256 = index.add(NAME, wheels.wheel("greet", {"greet.py": b""}))
    url = index.link(NAME).replace("http://", f"http://ada:{SECRET}@")
    bare_shop.pin(form.format(url=url, sha256=sha256))
    said = everything_said(attempt, bare_shop, *options)
    assert SECRET not in said
    kept = attempt.archive.read_bytes()
    assert SECRET.encode() not in kept


@pytest.mark.parametrize("status", [200, 403])
def test_credentials_of_netrc_are_used_and_not_shown(  # noqa: PLR0917 - fixtures
    attempt: Any, shop: Any, index: Any, options: Any, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    netrc = shop.root.parent / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login ada password {SECRET}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    if status != 200:
        index.statuses[PAGE] = status
    said = everything_said(attempt, shop, *options)
    assert any(each.startswith("Basic ") for each in index.authorizations)
    assert SECRET not in said
