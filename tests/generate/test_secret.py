"""A password for a private index is used by a build and kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import secrets
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tests.conftest import completed, run
from tests.generate.managed import DEV, HATCHLING, PACKAGE, PROJECT, SCRIPTS, Kind, Managed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.index, pytest.mark.slow]

BASE = "localbase:1"
USER = "reader"


@dataclass
class Private:
    """A package index that wants a password: its URL, the password, and how often it let somebody in and did not."""

    url: str
    password: str
    served: int = 0
    refused: int = 0


def wheel() -> bytes:
    """A wheel of a package that is on no other index."""
    name = "depsfirst_private_tea-1.0"
    files = {
        "depsfirst_private_tea.py": "PRICE = 3\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: depsfirst-private-tea\nVersion: 1.0\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}.dist-info/RECORD": "",
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return data.getvalue()


@pytest.fixture
def private() -> Iterator[Private]:
    file_name, data = "depsfirst_private_tea-1.0-py3-none-any.whl", wheel()
    found = Private("", f"pw-{secrets.token_hex(16)}")
    wanted = "Basic " + base64.b64encode(f"{USER}:{found.password}".encode()).decode()
    page = f'<a href="/files/{file_name}#sha256={hashlib.sha256(data).hexdigest()}">{file_name}</a>'.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                found.refused += 1
                self._send(401, b"", {"WWW-Authenticate": 'Basic realm="private"'})
            elif self.path == "/simple/depsfirst-private-tea/":
                found.served += 1
                self._send(200, page, {"Content-Type": "text/html"})
            elif self.path == f"/files/{file_name}":
                found.served += 1
                self._send(200, data, {"Content-Type": "application/octet-stream"})
            else:
                self._send(404, b"", {})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - what the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def managed(private: Private, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Managed:
    """A project of uv's that has one package from the private index."""
    monkeypatch.setenv("UV_INDEX_PRIVATE_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_PRIVATE_PASSWORD", private.password)
    index = f'\n[[tool.uv.index]]\nname = "private"\nurl = "{private.url}"\nexplicit = true\n'
    index += '\n[tool.uv.sources]\ndepsfirst-private-tea = { index = "private" }\n'
    manifest = PROJECT.replace('"click>=8.1"', '"click>=8.1", "depsfirst-private-tea"')
    code = PACKAGE["src/shop/main.py"].replace("import click", "import click\nimport depsfirst_private_tea")
    files = PACKAGE | {"pyproject.toml": manifest + SCRIPTS + DEV + HATCHLING + index, "src/shop/main.py": code}
    root = tmp_path / f"secret-{secrets.token_hex(4)}"
    root.mkdir()
    made = Managed(Kind(files, (("uv", "lock"),)), root)
    assert private.password not in (root / "uv.lock").read_text()
    run(sys.executable, "-m", "depsfirst", "init", root, "--base", BASE)
    return made


def saved(url: str, tag: str) -> bytes:
    """All that an image is: layers, configuration and history, one after the other, without compression."""
    done = subprocess.run(["docker", "-H", url, "save", tag], capture_output=True, check=True, timeout=300)
    parts = []
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            parts.append(file.read() if file else b"")
    return b"\n".join(parts)


STAGES = ("base", "tools", "recipe", "installed", "dependencies", "backend", "code", "final")


def test_password_is_in_no_layer_no_configuration_and_no_history(
    managed: Managed, private: Private, docker_classic: str, tmp_path: Path
) -> None:
    text = (managed.root / "Dockerfile").read_text()
    assert "--mount=type=secret,id=netrc" in text
    assert private.url in text
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {private.password}\n")
    tag = managed.root.name
    before = private.served
    said = ""
    for stage in STAGES:
        command = [sys.executable, "-m", "depsfirst", "build", str(managed.root), "--engine", "buildkit"]
        command += ["-t", f"{tag}:{stage}", "--", "--network=host", f"--secret=id=netrc,src={netrc}"]
        command += [f"--target={stage}", "--progress=plain"]
        environment = {**os.environ, "DOCKER_HOST": docker_classic}
        done = completed(command, env=environment)
        assert done.returncode == 0, done.stderr[-4000:]
        said += done.stdout + done.stderr
    assert private.served > before
    encoded = base64.b64encode(f"{USER}:{private.password}".encode())
    try:
        for stage in STAGES:
            everything = saved(docker_classic, f"{tag}:{stage}")
            assert private.password.encode() not in everything
            assert encoded not in everything
            history = run("docker", "-H", docker_classic, "history", "--no-trunc", f"{tag}:{stage}")
            assert private.password not in history
        assert b"PRICE = 3" in everything
        assert private.url.encode() not in everything, "nor does the image tell of the index"
        assert private.password not in said
    finally:
        names = [f"{tag}:{stage}" for stage in STAGES]
        run("docker", "-H", docker_classic, "image", "rm", "--force", *names)


def test_without_the_secret_the_build_says_so(managed: Managed, docker_classic: str) -> None:
    command = [sys.executable, "-m", "depsfirst", "build", str(managed.root), "--engine", "buildkit"]
    command += ["-t", managed.root.name, "--", "--network=host", "--progress=plain", "--no-cache"]
    environment = {**os.environ, "DOCKER_HOST": docker_classic}
    done = completed(command, env=environment)
    assert done.returncode == 2
    assert "401" in done.stderr
    assert "ended with status" in done.stderr
