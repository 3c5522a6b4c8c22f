"""The base from a real mirror: the interpreter in it is run, and dpkg and ldconfig are asked whether it is right."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.conftest import absent, program, run

from depsfirst.content import ContentStore
from depsfirst.debian.base import build_base
from depsfirst.debian.mirror import find_mirror
from depsfirst.debian.policy import TRIMMED
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Fetcher, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.debian.model import DebianBase

pytestmark = [pytest.mark.debian, pytest.mark.slow]

PYTHONS = {"trixie": (3, 13), "bookworm": (3, 11)}

PROGRAM = r"""
import bz2, ctypes, ctypes.util, curses, dbm, decimal, getpass, hashlib, importlib.metadata, json, locale, lzma
import mimetypes, multiprocessing, os, platform, readline, socket, sqlite3, ssl, sys, tempfile, time, uuid, venv
import zlib, zoneinfo
from datetime import datetime, timezone

def triple(number):
    return 3 * number

def main():
    context = ssl.create_default_context()
    curses.setupterm("xterm", 1)
    with multiprocessing.Pool(2) as pool:
        tripled = pool.map(triple, [1, 2])
    told = {
        "version": list(sys.version_info[:3]),
        "user": [getpass.getuser(), os.getuid(), os.path.expanduser("~app")],
        "authorities": len(context.get_ca_certs()),
        "sqlite": sqlite3.connect(":memory:").execute("select 1 + 1").fetchone()[0],
        "decimal": str(decimal.Decimal(1) / 8),
        "zone": datetime(2026, 7, 1, tzinfo=timezone.utc).astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).hour,
        "local": time.tzname[0],
        "sha256": hashlib.sha256(b"").hexdigest()[:8],
        "packed": [(each.decompress(each.compress(b"a"))).decode() for each in (zlib, lzma, bz2)],
        "libraries": [ctypes.util.find_library(name) for name in ("c", "ssl", "stdc++")],
        "strlen": ctypes.CDLL("libc.so.6").strlen(b"four"),
        "service": socket.getservbyname("https"),
        "localhost": socket.gethostbyname("localhost"),
        "type": mimetypes.guess_type("a.webp")[0],
        "locale": locale.setlocale(locale.LC_ALL, "C.UTF-8"),
        "os": platform.freedesktop_os_release()["VERSION_CODENAME"],
        "libc": platform.libc_ver(),
        "pool": tripled,
        "temporary": tempfile.gettempdir(),
        "shell": os.path.exists("/bin/sh"),
    }
    print(json.dumps(told))

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ContentStore:
    return ContentStore(tmp_path_factory.mktemp("debian"))


def built(cache: ContentStore, suite: str, platform: str = "linux/amd64", *packages: str) -> DebianBase:
    try:
        find_mirror(suite)
    except DepsfirstError as error:
        absent(f"a Debian mirror is needed: {error}")
    try:
        return build_base(suite, platform=platform, store=cache, fetcher=Fetcher(), packages=packages)
    except UnreachableError as error:
        absent(f"a Debian mirror is needed: {error}")


def unpacked(base: DebianBase, folder: Path) -> Path:
    if os.geteuid() != 0:
        absent("root is needed to run what is in a base")
    (folder / "layer.tar").write_bytes(base.layer.open().read())
    root = folder / "root"
    root.mkdir()
    run(program("tar"), "--numeric-owner", "-xpf", folder / "layer.tar", "-C", root)
    return root


def in_root(root: Path, user: int, *command: str) -> str:
    script = 'mount --rbind /dev "$0/dev" && exec chroot --userspec="$1" "$0" "${@:2}"'
    return run(program("unshare"), "-m", program("bash"), "-c", script, root, f"{user}:{user}", *command)


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_the_interpreter_runs(cache: ContentStore, suite: str, tmp_path: Path) -> None:
    base = built(cache, suite)
    root = unpacked(base, tmp_path)
    (root / "tmp" / "program.py").write_text(PROGRAM)
    (root / "tmp" / "program.py").chmod(0o644)
    told = json.loads(in_root(root, 65532, "/usr/bin/python3", "/tmp/program.py"))
    assert tuple(told.pop("version")) == base.python
    assert base.python[:2] == PYTHONS[suite]
    assert told.pop("authorities") > 100
    assert tuple(told.pop("libc")) == ("glibc", ".".join(str(number) for number in base.libc))
    assert told == {
        "user": ["app", 65532, "/home/app"],
        "sqlite": 2,
        "decimal": "0.125",
        "zone": 2,
        "local": "UTC",
        "sha256": "e3b0c442",
        "packed": ["a", "a", "a"],
        "libraries": ["libc.so.6", "libssl.so.3", "libstdc++.so.6"],
        "strlen": 4,
        "service": 443,
        "localhost": "127.0.0.1",
        "type": "image/webp",
        "locale": "C.UTF-8",
        "os": suite,
        "pool": [3, 6],
        "temporary": "/tmp",
        "shell": False,
    }


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_ldconfig_would_write_the_same_cache(cache: ContentStore, suite: str, tmp_path: Path) -> None:
    root = unpacked(built(cache, suite, "linux/amd64", "libblas3", "libcurl4-openssl-dev"), tmp_path)
    ours = in_root(root, 0, "/sbin/ldconfig", "-p").splitlines()
    before = {path: path.readlink() for path in root.rglob("lib*.so*") if path.is_symlink()}
    in_root(root, 0, "/sbin/ldconfig")
    theirs = [line for line in in_root(root, 0, "/sbin/ldconfig", "-p").splitlines() if "generated by" not in line]
    assert ours == theirs
    assert len(ours) > 60
    assert before == {path: path.readlink() for path in root.rglob("lib*.so*") if path.is_symlink()}


def test_dpkg_unpacks_the_same(cache: ContentStore) -> None:
    base = built(cache, "bookworm")
    with tarfile.open(fileobj=io.BytesIO(base.layer.open().read())) as tar:
        ours = {info.name: described(info) for info in tar}
    wanted = {(package.name, package.version) for package in base.packages}
    compared = 0
    for path in sorted((cache.root / "debs").glob("*/*")):
        facts = run(program("dpkg-deb"), "-W", "--showformat", "${Package} ${Version} ${Architecture}", path)
        name, version, of = facts.split()
        if (name, version) not in wanted or of == "arm64":
            continue
        for place, what in theirs(path).items():
            if not place.startswith(TRIMMED) and what[0] != "directory":
                assert ours.get(place) == what, place
                compared += 1
    assert compared > 1500


def theirs(deb: Path) -> dict[str, tuple[str, int, int | str]]:
    target = deb.with_suffix(".unpacked")
    run(program("sh"), "-c", f"dpkg-deb --fsys-tarfile '{deb}' > '{target}'")
    with tarfile.open(target) as tar:
        found = {moved(info.name.removeprefix("./")): described(info) for info in tar}
    target.unlink()
    return found


def moved(path: str) -> str:
    """Where a path of bookworm is on a system with merged /usr."""
    return f"usr/{path}" if path.partition("/")[0] in {"bin", "lib", "lib64", "sbin"} else path


def described(info: tarfile.TarInfo) -> tuple[str, int, int | str]:
    if info.isdir():
        return ("directory", 0, 0)
    return ("link", 0, info.linkname) if info.issym() else ("file", info.mode, info.size)


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_arm64_is_built_on_any_machine(cache: ContentStore, suite: str) -> None:
    base = built(cache, suite, "linux/arm64")
    assert base.python[:2] == PYTHONS[suite]
    with tarfile.open(fileobj=io.BytesIO(base.layer.open().read())) as tar:
        names = set(tar.getnames())
        interpreter = tar.extractfile(f"usr/bin/python{base.python[0]}.{base.python[1]}")
        assert interpreter is not None
        assert int.from_bytes(interpreter.read(20)[18:], "little") == 183  # EM_AARCH64
    assert {"usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu/libc.so.6", "etc/ld.so.cache"} <= names


def test_a_base_needs_no_word_of_warning(cache: ContentStore) -> None:
    assert built(cache, "trixie").notes == ()
    assert built(cache, "bookworm").notes == ()
