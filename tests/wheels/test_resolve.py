"""A project without a lock: uv resolves it once, from an index on loopback, and the result is kept."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import pytest

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.progress import Silent
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import MAIN, Environment, UnlockedError
from depsfirst.project.selection import select
from depsfirst.wheels.resolve import Wish, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = Environment((3, 12, 4), "linux/amd64")
MANIFEST = """
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["greet>=1", "tell; python_version < '3.12'"]
[project.optional-dependencies]
fast = ["quick"]
[dependency-groups]
dev = ["check"]
"""


def wheel(name: str, version: str, *requires: str) -> bytes:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return made.getvalue()


FILES = {
    f"{name}-{version}-py3-none-any.whl": wheel(name, version, *requires)
    for name, version, *requires in (
        ("greet", "1.0"),
        ("greet", "1.1", "words>=2"),
        ("words", "2.0"),
        ("tell", "1.0"),
        ("quick", "1.0"),
        ("check", "1.0"),
    )
}


class Index(NamedTuple):
    url: str
    asked: list[str]


@contextmanager
def served() -> Iterator[Index]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            folder, _, name = self.path.strip("/").partition("/")
            data = FILES.get(name, b"") if folder == "files" else page(name.strip("/"))
            self.send_response(200 if data else 404)
            kind = "application/octet-stream" if folder == "files" else "application/vnd.pypi.simple.v1+json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Index(f"http://127.0.0.1:{server.server_port}/simple", asked)
        server.shutdown()
        thread.join(10)


def page(project: str) -> bytes:
    files = [
        {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
        for name, data in FILES.items()
        if name.startswith(f"{project}-")
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files}).encode() if files else b""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with served() as found:
        yield found


class Heard(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "pyproject.toml").write_text(MANIFEST)
    return root


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


def chosen(wish: Wish, store: ContentStore, index: Index, heard: Heard | None = None, **options: bool) -> list[str]:
    lock = resolved(wish, store, heard or Heard(), index_url=index.url, **options)
    recipe = select(lock, wish.environment, groups=wish.groups, extras=wish.extras)
    assert all(package.hashes for package in recipe.third_party)
    return [f"{package.name}=={package.version}" for package in recipe.third_party]


def test_what_is_wanted_is_resolved_for_the_target(root: Path, store: ContentStore, index: Index) -> None:
    project = discover(root)
    with pytest.raises(UnlockedError, match="there is no lock"):
        read_lock(project)
    assert chosen(Wish(project, HERE), store, index) == ["greet==1.1", "words==2.0"]
    older = HERE._replace(python=(3, 11, 2))
    assert chosen(Wish(project, older), store, index) == ["greet==1.1", "tell==1.0", "words==2.0"]
    everything = Wish(project, HERE, frozenset({MAIN, "dev"}), frozenset({"fast"}))
    assert chosen(everything, store, index) == ["check==1.0", "greet==1.1", "quick==1.0", "words==2.0"]


def test_a_project_that_wants_nothing_needs_no_lock(root: Path, store: ContentStore, index: Index) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.0"\n')
    heard = Heard()
    assert chosen(Wish(discover(root), HERE), store, index, heard) == []
    assert heard.warnings == []


def test_it_is_said_and_kept_until_the_manifest_asks_for_more(root: Path, store: ContentStore, index: Index) -> None:
    heard = Heard()
    first = chosen(Wish(discover(root), HERE), store, index, heard)
    (said,) = heard.warnings
    assert said.startswith("there is no lock: uv resolved 2 packages for Python 3.12.4 on linux/amd64; lock them")
    index.asked.clear()
    (root / "pyproject.toml").write_text(MANIFEST.replace('version = "1.0"', 'version = "2.0"'))
    assert chosen(Wish(discover(root), HERE), store, index, heard) == first
    assert (index.asked, len(heard.warnings)) == ([], 1)
    (root / "pyproject.toml").write_text(MANIFEST.replace("greet>=1", "greet<1.1"))
    assert chosen(Wish(discover(root), HERE), store, index, heard) == ["greet==1.0"]
    assert len(heard.warnings) == 2


def test_refreshing_resolves_again(root: Path, store: ContentStore, index: Index) -> None:
    wish = Wish(discover(root), HERE)
    chosen(wish, store, index)
    heard = Heard()
    chosen(wish, store, index, heard, refresh=True)
    assert len(heard.warnings) == 1


@pytest.mark.parametrize("name", ["requirements.in", "requirements.txt"])
def test_requirements_without_pins(name: str, tmp_path: Path, store: ContentStore, index: Index) -> None:
    root = tmp_path / "loose"
    (root / "more").mkdir(parents=True)
    (root / name).write_text("-r more/base.txt\nquick\n")
    (root / "more/base.txt").write_text("greet<1.1\n")
    assert chosen(Wish(discover(root), HERE), store, index) == ["greet==1.0", "quick==1.0"]
    (root / "more/base.txt").write_text("greet\n")
    assert chosen(Wish(discover(root), HERE), store, index) == ["greet==1.1", "quick==1.0", "words==2.0"]


def test_a_file_of_hashes_that_misses_a_pin_is_no_wish(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"greet==1.0 --hash=sha256:{'0' * 64}\nquick\n")
    with pytest.raises(DepsfirstError, match='"quick" is not pinned') as caught:
        read_lock(discover(tmp_path))
    assert not isinstance(caught.value, UnlockedError)


def test_what_cannot_be_resolved_is_said(root: Path, store: ContentStore, index: Index) -> None:
    (root / "pyproject.toml").write_text(MANIFEST.replace("greet>=1", "greet>=7"))
    with pytest.raises(DepsfirstError, match="uv cannot resolve what is wanted") as caught:
        chosen(Wish(discover(root), HERE), store, index)
    assert "greet>=7" in str(caught.value)
    assert caught.value.where == str(root / "pyproject.toml")
