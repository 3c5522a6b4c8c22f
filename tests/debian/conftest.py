"""A Debian archive made on the fly: packages, indexes and signed releases, and a server with faults on loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import zstandard
from pysequoia import SignatureMode, Tsk, sign

from depsfirst.content import ContentStore
from depsfirst.debian.base import build_base
from depsfirst.fetch import Fetcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from depsfirst.debian.model import DebianBase

DATE = 1_780_000_000.0


@dataclass(frozen=True)
class File:
    """An entry of a package: a file, else a ``link``, else (path with a slash at its end) a directory."""

    path: str
    data: bytes = b""
    mode: int | None = None
    link: str = ""
    hard: bool = False
    owner: tuple[int, str] = (0, "root")
    kind: bytes | None = None

    def info(self) -> tarfile.TarInfo:
        made = tarfile.TarInfo(self.path)
        made.size = len(self.data)
        made.mode = self.mode if self.mode is not None else 0o755 if self.path.endswith("/") else 0o644
        made.uid, made.uname = self.owner
        made.gid, made.gname = self.owner
        made.mtime = 1_700_000_000
        if self.kind is not None:
            made.type = self.kind
        elif self.link:
            made.type, made.linkname = (tarfile.LNKTYPE if self.hard else tarfile.SYMTYPE), self.link
        elif self.path.endswith("/"):
            made.type = tarfile.DIRTYPE
        return made


def make_tar(files: Sequence[File]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for file in files:
            tar.addfile(file.info(), io.BytesIO(file.data))
    return made.getvalue()


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == ".zst":
        return zstandard.ZstdCompressor().compress(data)
    if suffix == ".xz":
        return lzma.compress(data, preset=0)
    return gzip.compress(data, mtime=0) if suffix == ".gz" else data


def make_ar(members: Mapping[str, bytes]) -> bytes:
    made = b"!<arch>\n"
    for name, data in members.items():
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return made


def make_library(soname: str, machine: int = 62) -> bytes:
    """A shared library of 64 bits that says its name and nothing else."""
    strings = b"\0" + soname.encode() + b"\0"
    dynamic = struct.pack("<qQqQqQqQ", 5, 0x1000 + 240, 10, len(strings), 14, 1, 0, 0)
    size = 240 + len(strings)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    head += struct.pack("<IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, size, size, 0x1000)
    head += struct.pack("<IIQQQQQQ", 2, 6, 176, 0x1000 + 176, 0x1000 + 176, len(dynamic), len(dynamic), 8)
    return head + dynamic + strings


@dataclass
class Deb:
    """A package to be made."""

    name: str
    version: str = "1.0-1"
    files: tuple[File, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ".xz"
    architecture: str = "amd64"

    def control(self) -> str:
        fields = {"Package": self.name, "Version": self.version, "Architecture": self.architecture, **self.fields}
        return "".join(f"{name}: {value}\n" for name, value in fields.items())

    def bytes(self) -> bytes:
        sums = "".join(
            f"{hashlib.md5(file.data).hexdigest()}  {file.path.removeprefix('./')}\n"
            for file in self.files
            if not file.link and not file.path.endswith("/")
        )
        control = {"control": self.control(), "md5sums": sums, **self.scripts}
        archive = make_tar([File(f"./{name}", text.encode()) for name, text in control.items()])
        return make_ar(
            {
                "debian-binary": b"2.0\n",
                f"control.tar{self.suffix}": compressed(archive, self.suffix),
                f"data.tar{self.suffix}": compressed(make_tar([File("./"), *self.files]), self.suffix),
            }
        )


def python_packages(architecture: str = "amd64") -> list[Deb]:
    """The smallest set that a base is made of: every root, each with a file or two."""
    triplet = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[architecture]
    machine = {"amd64": 62, "arm64": 183}[architecture]
    return [
        Deb(
            "base-files",
            "13",
            (
                File("./etc/"),
                File("./tmp/", mode=0o1777),
                File("./root/", mode=0o700),
                File("./usr/lib/os-release", b"ID=debian\n"),
                File("./etc/os-release", link="../usr/lib/os-release"),
                File("./lib/"),
                File("./var/lock/", mode=0o1777),
            ),
            {"Pre-Depends": "awk"},
            {"postinst": "#!/bin/sh\nmkdir /mnt\n"},
        ),
        Deb(
            "ca-certificates",
            "2025",
            (
                File("./usr/share/ca-certificates/mozilla/B.crt", b"two"),
                File("./usr/share/ca-certificates/mozilla/A.crt", b"one\n"),
            ),
            {"Depends": "openssl, debconf | debconf-2.0"},
            architecture="all",
        ),
        Deb(
            "libc-bin",
            "2.41-12",
            (
                File("./etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n"),
                File("./etc/ld.so.conf.d/libc.conf", b"# local\n/usr/local/lib\n"),
                File("./usr/share/libc-bin/nsswitch.conf", b"hosts: files dns\n"),
            ),
            {"Depends": "libc6 (>> 2.41), libc6 (<< 2.42)"},
        ),
        Deb(
            "libc6",
            "2.41-12",
            (
                File(f"./lib/{triplet}/libc.so.6", make_library("libc.so.6", machine), 0o755),
                File(f"./etc/ld.so.conf.d/{triplet}.conf", f"/lib/{triplet}\n/usr/lib/{triplet}\n".encode()),
                File("./usr/share/doc/libc6/copyright", b"free"),
                File("./usr/share/doc/libc6/changelog.gz", b"long"),
                File("./usr/share/locale/de/LC_MESSAGES/libc.mo", b"deutsch"),
            ),
            {"Depends": "libgcc-s1"},
        ),
        Deb("libgcc-s1", "14"),
        Deb(
            "libstdc++6",
            "14",
            (File(f"./usr/lib/{triplet}/libstdc++.so.6.0.33", make_library("libstdc++.so.6", machine)),),
        ),
        Deb("media-types", "13", architecture="all"),
        Deb("ncurses-base", "6.5", architecture="all"),
        Deb("netbase", "6.5", architecture="all"),
        Deb("openssl", "3.5"),
        Deb(
            "python3",
            "3.13.5-1",
            fields={"Pre-Depends": "python3-minimal (= 3.13.5-1)", "Provides": "python3-profiler"},
        ),
        Deb(
            "python3-minimal",
            "3.13.5-1",
            (File("./usr/bin/python3", link="python3.13"),),
            {"Depends": "dpkg (>= 1.13.20)", "Pre-Depends": "python3.13-minimal (>= 3.13.5-1~)"},
        ),
        Deb("python3.13-minimal", "3.13.5-2+deb13u5", (File("./usr/bin/python3.13", b"\x7fELF", 0o755),)),
        Deb("tzdata", "2026c", architecture="all"),
    ]


class Archive:
    """An archive: what stands at which path, and how it is made and signed."""

    def __init__(self, key: Tsk) -> None:
        self.key = key
        self.files: dict[str, bytes] = {}

    def publish(
        self,
        suite: str,
        debs: Sequence[Deb],
        *,
        folder: str = "debian",
        architectures: str = "all amd64 arm64",
        architecture: str = "amd64",
        suffix: str = ".xz",
        by_hash: bool = True,
        date: float = DATE,
        valid_until: float | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Put a suite in place, with its packages, or another one in place of it."""
        index = ""
        for deb in debs:
            data = deb.bytes()
            path = f"pool/main/{deb.name}_{deb.version}_{architecture}.deb"
            self.files[f"{folder}/{path}"] = data
            index += f"{deb.control()}Filename: {path}\nSize: {len(data)}\n"
            index += f"SHA256: {hashlib.sha256(data).hexdigest()}\nDescription: x\n\n"
        packed = compressed(index.encode(), suffix)
        name = f"main/binary-{architecture}/Packages{suffix}"
        sha256 = hashlib.sha256(packed).hexdigest()
        dists = f"{folder}/dists/{suite}"
        self.files[f"{dists}/{name}"] = packed
        if by_hash:
            self.files[f"{dists}/main/binary-{architecture}/by-hash/SHA256/{sha256}"] = packed
        release = {
            "Suite": "stable" + suite.removeprefix("trixie"),
            "Codename": suite,
            "Date": formatdate(date, usegmt=True),
            **({"Valid-Until": formatdate(valid_until, usegmt=True)} if valid_until else {}),
            "Acquire-By-Hash": "yes" if by_hash else "no",
            "No-Support-for-Architecture-all": "Packages",
            "Architectures": architectures,
            "Components": "main contrib",
            **(fields or {}),
            "SHA256": f"\n {sha256} {len(packed)} {name}\n {sha256} {len(packed)} main/source/Sources{suffix}",
        }
        self.sign(f"{dists}/InRelease", "".join(f"{key}: {value}\n" for key, value in release.items() if value))

    def sign(self, path: str, text: str, key: Tsk | None = None) -> None:
        self.files[path] = sign((key or self.key).signer(), text.encode(), mode=SignatureMode.CLEAR)


class Mirror(ThreadingHTTPServer):
    """Serves an archive; ``faults`` change the answer for a path, ``cut`` ends it after so many bytes."""

    daemon_threads = True

    def __init__(self, archive: Archive) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archive = archive
        self.asked: list[str] = []
        self.faults: dict[str, Callable[[bytes], tuple[int, bytes]]] = {}
        self.cut: dict[str, int] = {}
        self.validators = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/debian"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Mirror

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        self.server.asked.append(path)
        data = self.server.archive.files.get(path)
        status = 200 if data is not None else 404
        etag = f'"{hashlib.sha256(data or b"").hexdigest()}"'
        if self.server.validators and data is not None and self.headers.get("If-None-Match") == etag:
            status = 304
        body = data if status == 200 and data is not None else b""
        for part, fault in self.server.faults.items():
            if part in path:
                status, body = fault(body)
        end = min([len(body), *(length for part, length in self.server.cut.items() if part in path)])
        self.send_response(status)
        if self.server.validators:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:end])
        self.close_connection = end != len(body)


class Builder:
    """Builds bases from a mirror, each time as a new process would: nothing is kept but the store."""

    def __init__(self, mirror: Mirror, store: ContentStore, keyring: Path) -> None:
        self.mirror, self.store, self.keyring = mirror, store, keyring

    def __call__(
        self,
        suite: str = "trixie",
        *packages: str,
        platform: str = "linux/amd64",
        mirror: str | None = None,
        refresh: bool = False,
        store: ContentStore | None = None,
    ) -> DebianBase:
        fetcher = Fetcher(attempts=2, patience=0.001)
        try:
            return build_base(
                suite,
                platform=platform,
                store=store or self.store,
                fetcher=fetcher,
                packages=packages,
                mirror=mirror or self.mirror.url,
                keyring=self.keyring,
                refresh=refresh,
            )
        finally:
            fetcher.close()


@pytest.fixture(scope="session")
def key() -> Tsk:
    return Tsk.generate("Archive <archive@debian.example>")


@pytest.fixture
def archive(key: Tsk) -> Archive:
    """An archive with the suite trixie and nothing else."""
    made = Archive(key)
    made.publish("trixie", python_packages())
    return made


@pytest.fixture
def keyring(key: Tsk, tmp_path: Path) -> Path:
    path = tmp_path / "keyring.gpg"
    path.write_bytes(bytes(key.extract_certificate()))
    return path


@pytest.fixture
def mirror(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DEPSFIRST_DEBIAN_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    with Mirror(archive) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


@pytest.fixture
def build(mirror: Mirror, store: ContentStore, keyring: Path) -> Builder:
    return Builder(mirror, store, keyring)


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let a day and a minute pass."""

    def pass_by() -> None:
        now = time.time() + 86_460
        monkeypatch.setattr("time.time", lambda: now)

    return pass_by
