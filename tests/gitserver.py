"""Git repositories for tests: made with the real git, and served on loopback by git's own program for HTTP."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_WHO = {f"GIT_{who}_{what}": "ada@shop.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_WHEN = {f"GIT_{who}_DATE": "2024-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}

BACKEND = '''\
"""A build backend in a file, which needs no other package; the version is stated, or comes from the last tag."""

import os, subprocess, tomllib, zipfile


def build_wheel(directory, settings=None, metadata=None):
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    version = project.get("version")
    if version is None:
        said = subprocess.run(["git", "describe", "--tags"], capture_output=True, text=True, check=True).stdout
        version = said.strip().replace("-", "+", 1).replace("-", ".")
    name = project["name"]
    info = f"{name}-{version}.dist-info"
    tag = "cp30-cp30-linux_ppc" if os.path.exists("compiled") else "py3-none-any"
    wheel = f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as archive:
        for path in sorted(os.listdir()):
            if path.endswith(".py") and path != "backend.py":
                archive.write(path)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel
'''


def project(name: str, version: str | None = "1.0", code: str = "") -> dict[str, str]:
    """The files of a project that builds without an index; None is a version that comes from a tag."""
    stated = f'version = "{version}"' if version else 'dynamic = ["version"]'
    manifest = f'[project]\nname = "{name}"\n{stated}\nrequires-python = ">=3.11"\n'
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    return {"pyproject.toml": manifest + system, "backend.py": BACKEND, f"{name}.py": code}


def git(folder: Path, *words: str | Path) -> str:
    """What git prints, run without any settings of this machine."""
    nothing = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-c", "protocol.file.allow=always", *(str(word) for word in words)]
    environment = {**os.environ, **_WHO, **_WHEN, **nothing}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, str], *, tag: str | None = None) -> str:
    """Commit files to the repository in a folder, which is made if need be; the name of the commit."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=more")
    if tag:
        git(folder, "tag", "--annotate", "--message=release", tag)
    return git(folder, "rev-parse", "HEAD")


@dataclass
class GitServer:
    """A server: its URL, what it was asked for, and the credentials that it was shown."""

    url: str
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


@contextmanager
def served(folder: Path, *, login: str | None = None, dumb: bool = False) -> Iterator[GitServer]:
    """Serve the repositories below a folder; ``login`` is the ``USER:PASSWORD`` that it wants; dumb: files only."""
    found = GitServer("")
    wanted = "Basic " + base64.b64encode((login or "").encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            given = self.headers.get("Authorization")
            if given:
                found.shown.append(given)
            if login is not None and given != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif dumb:
                self._file(folder / unquote(self.path.partition("?")[0]).strip("/"))
            else:
                self._backend()

        do_POST = do_GET  # noqa: N815 - what the server looks for

        def _file(self, path: Path) -> None:
            data = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if path.is_file() else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _backend(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            variables = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "PATH_INFO": unquote(path),
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False
            ).stdout
            head, _, content = done.partition(b"\r\n\r\n")
            lines = [line.decode().partition(": ") for line in head.split(b"\r\n") if line]
            status = next((value for name, _, value in lines if name == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, _, value in lines:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
