from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.endpoint import Endpoint, find_endpoint

if TYPE_CHECKING:
    from pathlib import Path


def context(home: Path, name: str, host: str, *, current: bool = True, tls: bool = False) -> None:
    folder, key = home / ".docker", hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts/meta" / key
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    if current:
        (folder / "config.json").write_text(json.dumps({"currentContext": name, "auths": {}}))
    if tls:
        (folder / "contexts/tls" / key / "docker").mkdir(parents=True)


def test_without_settings_it_is_the_usual_socket(tmp_path: Path) -> None:
    endpoint = find_endpoint({"HOME": str(tmp_path)})
    assert endpoint.socket == "/var/run/docker.sock"
    assert str(endpoint) == "unix:///var/run/docker.sock"


def test_the_variable_goes_before_the_context(tmp_path: Path) -> None:
    context(tmp_path, "desktop", "unix:///desktop.sock")
    endpoint = find_endpoint({"HOME": str(tmp_path), "DOCKER_HOST": "unix:///mine.sock"})
    assert endpoint.socket == "/mine.sock"
    assert str(endpoint) == "unix:///mine.sock (DOCKER_HOST)"


def test_the_current_context_is_used(tmp_path: Path) -> None:
    context(tmp_path, "desktop", "unix:///desktop.sock")
    endpoint = find_endpoint({"HOME": str(tmp_path)})
    assert endpoint.socket == "/desktop.sock"
    assert endpoint.origin == 'context "desktop"'


def test_a_context_can_be_chosen_by_variable(tmp_path: Path) -> None:
    context(tmp_path, "one", "unix:///one.sock")
    context(tmp_path, "two", "tcp://two.example:2376", current=False, tls=True)
    endpoint = find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "two"})
    assert endpoint.address == ("two.example", 2376)
    assert endpoint.certificates is not None
    assert find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "default"}).socket == "/var/run/docker.sock"


def test_dockers_settings_may_lie_elsewhere(tmp_path: Path) -> None:
    context(tmp_path, "desktop", "unix:///desktop.sock")
    endpoint = find_endpoint({"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker")})
    assert endpoint.socket == "/desktop.sock"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("tcp://10.0.0.1:2375", ("10.0.0.1", 2375)),
        ("tcp://10.0.0.1", ("10.0.0.1", 2375)),
        ("tcp://[::1]:99", ("::1", 99)),
        ("tcp://:99/", ("localhost", 99)),
    ],
)
def test_an_address_has_host_and_port(url: str, address: tuple[str, int]) -> None:
    assert Endpoint(url).address == address
    assert Endpoint(url).socket is None


def test_tls_is_asked_for_by_variable(tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://h.example", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    endpoint = find_endpoint(environ)
    assert endpoint.certificates == tmp_path
    assert endpoint.address == ("h.example", 2376)
    assert find_endpoint({"DOCKER_HOST": "tcp://h.example"}).certificates is None


@pytest.mark.parametrize("host", ["ssh://me@host.example", "npipe:////./pipe/docker", "fd://", "localhost:2375"])
def test_other_ways_are_refused_with_a_way_out(host: str) -> None:
    with pytest.raises(DepsfirstError, match="cannot be reached") as caught:
        find_endpoint({"DOCKER_HOST": host})
    assert caught.value.where == "DOCKER_HOST"
    assert "ssh -L" in str(caught.value.hint)


def test_a_context_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match='context "gone" has no address') as caught:
        find_endpoint({"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert "meta.json" in str(caught.value.where)


def test_damaged_settings_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(DepsfirstError, match="settings of Docker") as caught:
        find_endpoint({"DOCKER_CONFIG": str(tmp_path)})
    assert caught.value.where == str(tmp_path / "config.json")


@pytest.mark.parametrize("text", ["{}", "[]", '{"currentContext": ""}', '{"currentContext": "default"}'])
def test_settings_without_a_context_change_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}).socket == "/var/run/docker.sock"
