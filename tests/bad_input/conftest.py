"""What can go wrong needs something that goes well: an index on loopback, a tiny base, a project that builds."""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import os
import struct
import sys
import tarfile
import threading
import zipfile
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.cli import main
from depsfirst.fetch import Fetcher
from depsfirst.wheels.built.backend import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FORMER = b"what was there before"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"


# The index


@dataclass
class Index:
    """A package index on loopback: files by name, and answers that are no pages, by path."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    held: str | None = None
    """What the path of a file ends with that is begun and never finished."""
    holding: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def simple(self) -> str:
        return f"{self.url}/simple"

    def add(self, name: str, data: bytes) -> str:
        """Offer a file; the sha256 of it."""
        self.files[name] = data
        return hashlib.sha256(data).hexdigest()

    def link(self, name: str) -> str:
        return f"{self.url}/files/{name}"

    def page(self, project: str) -> bytes:
        start = project.replace("-", "_")
        files = [
            {"filename": name, "url": f"/files/{name}", "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}
            for name, data in self.files.items()
            if name.startswith(f"{start}-")
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files}).encode()


def handler(index: Index) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.asked.append(self.path)
            index.authorizations.append(self.headers.get("Authorization", ""))
            status, kind, data = self._answer()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(index.lengths.get(self.path, len(data))))
            self.end_headers()
            if self.command == "HEAD":
                return
            if index.held and self.path.endswith(index.held):
                self.wfile.write(data[:10])
                self.wfile.flush()
                index.holding.set()
                index.released.wait(600)
                self.close_connection = True
                return
            self.wfile.write(data)
            if self.path in index.lengths:
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815 - the name is the library's

        def _answer(self) -> tuple[int, str, bytes]:
            if self.path in index.statuses:
                return index.statuses[self.path], "text/plain", b"no"
            folder, _, name = self.path.strip("/").partition("/")
            if folder == "files" and name in index.files:
                return 200, "application/octet-stream", index.files[name]
            page = json.loads(index.page(name)) if folder == "simple" else {}
            return (200, JSON_PAGE, json.dumps(page).encode()) if page.get("files") else (404, "text/plain", b"")

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def index() -> Iterator[Index]:
    index = Index()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(index)) as server:
        index.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield index
        index.released.set()
        server.shutdown()
        thread.join(10)


class Wheels:
    """Makes wheels and sdists."""

    @staticmethod
    def wheel(
        name: str, files: Mapping[str, bytes], *, version: str = "1.0", tag: str = "py3-none-any", links: str = ""
    ) -> bytes:
        info = f"{name}-{version}.dist-info"
        packed = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        }
        rows = [f"{path},sha256={record_hash(data)},{len(data)}" for path, data in packed.items()]
        packed[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for path, data in packed.items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = (0o120777 if path == links else 0o100644) << 16
                archive.writestr(entry, data)
        return made.getvalue()

    @staticmethod
    def sdist(name: str, files: Mapping[str, bytes], *, version: str = "1.0") -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz") as tar:
            for path, data in files.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        return made.getvalue()


def record_hash(data: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


@pytest.fixture
def wheels() -> type[Wheels]:
    return Wheels


GREET = {"greet/__init__.py": b"def hello() -> str:\n    return 'hello'\n"}


# Bases


def elf(payload: bytes = b"", *, machine: int = 62, loader: str = "/lib64/ld-linux-x86-64.so.2") -> bytes:
    """A little ELF file that names a loader, and what is looked for in it."""
    name = loader.encode() + b"\0" if loader else b""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 1 if loader else 0, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1) + name + payload


def rootfs(version: str | None = "3.13.5", *, machine: int = 62) -> dict[str, bytes | str]:
    """Files of a base, symlinks as text; with a Python of that version, or without."""
    glibc = b"\0GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n\0"
    files: dict[str, bytes | str] = {
        "lib": "usr/lib",
        "usr/lib64/ld-linux-x86-64.so.2": elf(loader="", machine=machine),
        "usr/lib/x86_64-linux-gnu/libc.so.6": elf(glibc, loader="", machine=machine),
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    }
    if version is None:
        return files
    short = ".".join(version.split(".")[:2])
    return {
        **files,
        "usr/bin/python3": f"python{short}",
        f"usr/bin/python{short}": elf(b"\0" + version.encode() + b"\0", machine=machine),
        f"usr/lib/python{short}/os.py": b"",
        f"usr/lib/python{short}/json/__init__.py": b"",
    }


def tar(files: Mapping[str, bytes | str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


class Bases:
    """Writes bases below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def archive(self, layer: bytes | None = None, *, architecture: str = "amd64", name: str = "base.tar") -> str:
        """What ``docker save`` would write of one layer; the base's name for the command line."""
        layer = tar(rootfs()) if layer is None else layer
        config = json.dumps(self.config(layer, architecture)).encode()
        manifest = json.dumps([{"Config": "config.json", "RepoTags": ["base:1"], "Layers": ["layer.tar"]}]).encode()
        path = self.folder / name
        path.write_bytes(tar({"layer.tar": layer, "config.json": config, "manifest.json": manifest}))
        return f"docker-archive:{path}"

    def layout(self, layer: bytes | None = None, *, architecture: str = "amd64", name: str = "base") -> str:
        """An OCI layout of one layer; the base's name for the command line."""
        layer = tar(rootfs()) if layer is None else layer
        folder = self.folder / name
        (folder / "blobs/sha256").mkdir(parents=True)
        kind = "application/vnd.oci.image"
        config = self._blob(folder, json.dumps(self.config(layer, architecture)).encode(), f"{kind}.config.v1+json")
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.manifest.v1+json",
            "config": config,
            "layers": [self._blob(folder, layer, f"{kind}.layer.v1.tar")],
        }
        descriptor = self._blob(folder, json.dumps(manifest).encode(), f"{kind}.manifest.v1+json")
        descriptor["platform"] = {"os": "linux", "architecture": architecture}
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
        return f"oci:{folder}"

    @staticmethod
    def config(layer: bytes, architecture: str) -> dict[str, object]:
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
        return {"os": "linux", "architecture": architecture, "config": {"Env": []}, "rootfs": rootfs}

    @staticmethod
    def _blob(folder: Path, data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (folder / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


@pytest.fixture
def bases(tmp_path: Path) -> Bases:
    folder = tmp_path / "bases"
    folder.mkdir()
    return Bases(folder)


@pytest.fixture
def layer() -> Callable[..., bytes]:
    """``layer("3.12.1")`` is a base's layer with that Python."""
    return lambda version, **options: tar(rootfs(version, **options))


@pytest.fixture
def base(bases: Bases) -> str:
    return bases.archive()


# Projects

BACKEND = """
import base64, hashlib, pathlib, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = "corner_shop-1.0.dist-info"
    files = {str(path.relative_to("src")): path.read_bytes() for path in sorted(pathlib.Path("src").rglob("*.py"))}
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.1\\nName: corner-shop\\nVersion: 1.0\\n"
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\\nshop = shop.main:main\\n"
    rows = [f"{name},sha256={digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(f"{wheel_directory}/corner_shop-1.0-py3-none-any.whl", "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return "corner_shop-1.0-py3-none-any.whl"

def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
"""

MANIFEST = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "corner-shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["greet>=1"]
scripts = { shop = "shop.main:main" }
"""

MAIN = "import json\n\nimport greet\n\n\ndef main() -> None:\n    print(json.dumps(greet.hello()))\n"


class Shop:
    """A project below a folder, with a backend of its own that needs no index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("pyproject.toml", MANIFEST)
        self.write("backend.py", BACKEND)
        self.write("src/shop/__init__.py", "")
        self.write("src/shop/main.py", MAIN)

    def write(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def settings(self, *lines: str) -> None:
        self.write("pyproject.toml", MANIFEST + "\n[tool.depsfirst]\n" + "\n".join(lines) + "\n")

    def pin(self, *lines: str) -> None:
        self.write("requirements.txt", "".join(f"{line}\n" for line in lines))

    def uv_lock(self, *packages: str, wanted: str = ">=1", python: str = ">=3.11") -> None:
        """A uv.lock of the project and ``packages``, which are entries as uv writes them."""
        own = (
            '[[package]]\nname = "corner-shop"\nversion = "1.0"\nsource = { editable = "." }\n'
            'dependencies = [\n    { name = "greet" },\n]\n\n[package.metadata]\n'
            f'requires-dist = [{{ name = "greet", specifier = "{wanted}" }}]\n'
        )
        head = f'version = 1\nrevision = 3\nrequires-python = "{python}"\n'
        self.write("uv.lock", "\n".join((head, own, *packages)))


def locked(name: str, url: str, sha256: str, registry: str, *, version: str = "1.0", kind: str = "wheels") -> str:
    """An entry of uv.lock with one file."""
    file = f'{{ url = "{url}", hash = "sha256:{sha256}" }}'
    files = f"wheels = [\n    {file},\n]\n" if kind == "wheels" else f"sdist = {file}\n"
    return f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "{registry}" }}\n{files}'


@pytest.fixture
def lock_entry() -> object:
    return locked


@pytest.fixture
def bare_shop(tmp_path: Path) -> Shop:
    """The project without a lock."""
    return Shop(tmp_path / "shop")


@pytest.fixture
def shop(bare_shop: Shop, index: Index) -> Shop:
    """The project, locked, with an index that has what the lock names."""
    sha256 = index.add("greet-1.0-py3-none-any.whl", Wheels.wheel("greet", GREET))
    bare_shop.pin(f"greet==1.0 --hash=sha256:{sha256}")
    return bare_shop


# Runs


class Attempt:
    """Builds into a place that something stands in, in this process; says whether that was left alone."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], cache: Path) -> None:
        self.cache = cache
        self.target = folder / "target"
        self.target.mkdir()
        self.archive = self.target / "out.tar"
        self.archive.write_bytes(FORMER)
        self._capture = capture

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command line."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = self._capture.readouterr()
        code = left.value.code
        return code if isinstance(code, int) else 1, out, err

    def build(self, project: Shop | Path, *words: str | Path) -> tuple[int, str, str]:
        root = project.root if isinstance(project, Shop) else project
        return self.run("build", root, "-o", self.archive, "--verify", "never", *words)

    def succeeds(self, project: Shop | Path, *words: str | Path) -> str:
        """Build; what was said on standard error."""
        code, out, err = self.build(project, *words)
        assert (code, out) == (0, "corner-shop:latest\n"), err
        assert self.archive.read_bytes() != FORMER
        self.nothing_left()
        return err

    def refused(self, project: Shop | Path, *words: str | Path) -> str:
        """Build, in vain and without a trace; what was said on standard error."""
        code, out, err = self.build(project, *words)
        assert code == 2, err
        assert not out
        self.unharmed(err)
        return err

    def unharmed(self, err: str) -> None:
        assert str(Path(main.__code__.co_filename).parent) not in err, "what a traceback of ours would name"
        assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1, err
        assert self.archive.read_bytes() == FORMER
        assert os.listdir(self.target) == ["out.tar"]
        self.nothing_left()

    def nothing_left(self) -> None:
        tmp = self.cache / "tmp"
        assert not tmp.is_dir() or not os.listdir(tmp)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the build environments of all tests are kept: making one takes longer than the rest of a test."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def cache(tmp_path: Path, environments: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the test, and a home without any settings."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "DEPSFIRST_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "NETRC", "SOURCE_DATE_EPOCH", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / ENVIRONMENTS).symlink_to(environments)
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(cache))
    return cache


@pytest.fixture
def attempt(tmp_path: Path, capfd: pytest.CaptureFixture[str], cache: Path) -> Attempt:
    return Attempt(tmp_path, capfd, cache)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts at a URL are short."""
    defaults = Fetcher.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "patience", 0.01)


@pytest.fixture
def options(base: str, index: Index) -> list[str]:
    """What makes the project build: a base and an index."""
    return ["--base", base, "--index", index.simple]


_MAY_READ_AND_WRITE_ALL = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@pytest.fixture
def as_anybody() -> object:
    """``with as_anybody():`` the modes of files count for this thread and those it starts, for root as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)

    @contextmanager
    def anybody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        sets = (ctypes.c_uint32 * 6)()
        assert libc.capget(header, sets) == 0
        before = sets[0]
        sets[0] &= ~_MAY_READ_AND_WRITE_ALL
        assert libc.capset(header, sets) == 0
        try:
            yield
        finally:
            sets[0] = before
            assert libc.capset(header, sets) == 0

    return anybody


@pytest.fixture
def command() -> list[str]:
    """The program in a process of its own."""
    return [sys.executable, "-m", "depsfirst"]
