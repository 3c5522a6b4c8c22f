from __future__ import annotations

import csv
import hashlib
import io
import json
import stat
import subprocess
import sys
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from uv import find_uv_bin

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import Blob, Descriptor, FileSlice
from depsfirst.oci.layer import MTIME
from depsfirst.wheels.archive import WheelArchive
from depsfirst.wheels.install import Venv, relative
from depsfirst.wheels.parts import (
    InstalledWheel,
    find_installed,
    install_wheel,
    layer_parts,
    part_as_json,
    part_from_json,
    part_key,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.oci.image import Part

VENV = Venv((sys.version_info.major, sys.version_info.minor))
SITE = VENV.site_packages
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = b"Metadata-Version: 2.1\nName: Shop\nVersion: 1.0\n"
ENTRY_POINTS = b"[console_scripts]\nshop = shop.main:run\nshop-admin = shop.main:admin.run\n[other]\na = b:c\n"

FILES = {
    "shop/__init__.py": b"",
    "shop/main.py": b"print('hi')\n",
    "shop/data/big.bin": bytes(range(256)) * 40000,
    "shop/data/stored.bin": b"x" * 5000,
    "shop/\u00fcnicode.txt": b"\xc3\xbc",
    f"shop/{'deep/' * 30}leaf.txt": b"leaf",
    "shop/tool.sh": b"#!/bin/sh\n",
    "Shop-1.0.data/scripts/hello": b"#!python\nprint('hello')\n",
    "Shop-1.0.data/scripts/gui": b"#!pythonw -E\nprint('hello')\n",
    "Shop-1.0.data/scripts/binary": b"\x7fELF" + bytes(100),
    "Shop-1.0.data/data/share/shop/notes.txt": b"notes",
    "Shop-1.0.data/headers/shop.h": b"#define SHOP\n",
    "Shop-1.0.data/purelib/extra.py": b"",
    "Shop-1.0.data/platlib/native.py": b"",
    "Shop-1.0.dist-info/METADATA": METADATA,
    "Shop-1.0.dist-info/WHEEL": WHEEL,
    "Shop-1.0.dist-info/entry_points.txt": ENTRY_POINTS,
    "Shop-1.0.dist-info/licenses/LICENSE": b"free",
}


def make_wheel(path: Path, files: dict[str, bytes], *, name: str = "Shop-1.0") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("shop/"), b"")
        lines = []
        for entry, data in files.items():
            info = zipfile.ZipInfo(entry)
            executable = entry.endswith(".sh") or "/scripts/" in entry
            info.external_attr = (stat.S_IFREG | (0o755 if executable else 0o600)) << 16
            info.compress_type = zipfile.ZIP_STORED if "stored" in entry else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
            digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{entry},sha256={digest},{len(data)}")
        archive.writestr(f"{name}.dist-info/RECORD", "\n".join([*lines, f"{name}.dist-info/RECORD,,", ""]))
    return path


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


def install(store: ContentStore, wheel: Path, extra: dict[str, bytes] | None = None) -> InstalledWheel:
    return install_wheel(part_key(wheel.name, VENV), wheel, wheel.name, VENV, store, extra or {})


def unpack(installed: InstalledWheel) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    (piece,) = installed.part.pieces
    assert isinstance(piece, FileSlice)
    with tarfile.open(fileobj=io.BytesIO(piece.path.read_bytes() + bytes(1024))) as tar:
        members = {}
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            members[member.name] = (member, file.read() if file else b"")
        return members


def files_below(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_the_tree_is_what_an_installer_makes(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    before = files_below(venv)
    command = [find_uv_bin(), "pip", "install", "--quiet", "--offline", "--no-index", "--no-cache", "--link-mode=copy"]
    subprocess.run([*command, "--python", venv / "bin/python", wheel], check=True)
    notes = {"REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}  # what uv writes down for itself
    theirs = {f"opt/venv/{path}" for path in files_below(venv) - before if Path(path).name not in notes}
    ours = {path: entry for path, entry in unpack(install(store, wheel)).items() if entry[0].isfile()}
    assert set(ours) == theirs
    for path in theirs:
        place = venv / path.removeprefix("opt/venv/")
        assert bool(ours[path][0].mode & 0o111) == bool(place.stat().st_mode & 0o111), path
        if place.name not in {"RECORD", "INSTALLER"} and place.parent.name != "bin":
            assert ours[path][1] == place.read_bytes(), path


def test_entries_are_deterministic(store: ContentStore, tmp_path: Path) -> None:
    members = unpack(install(store, make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)))
    for member, _ in members.values():
        assert (member.uid, member.gid, member.mtime, member.isfile()) == (0, 0, MTIME, True)
        assert member.mode in {0o755, 0o644}


def read_parts(parts: Sequence[Part]) -> list[tarfile.TarInfo]:
    layer = b"".join(chunk for part in parts for chunk in Blob(Descriptor("", "", 0), part.pieces).chunks())
    with tarfile.open(fileobj=io.BytesIO(layer + bytes(1024))) as tar:
        return tar.getmembers()


def test_a_layer_has_each_path_once_and_parents_first(store: ContentStore, tmp_path: Path) -> None:
    one = install(store, make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES))
    other = {name.replace("Shop-1.0", "other-2.0"): data for name, data in FILES.items()}
    two = install(store, make_wheel(tmp_path / "other-2.0-py3-none-any.whl", other, name="other-2.0"))
    warnings: list[str] = []
    parts = layer_parts([one, two], store, warnings.append)
    names = [member.name for member in read_parts(parts)]
    assert len(names) == len(set(names))
    assert set(names) >= {*one.files, *two.files, "opt", SITE, f"{SITE}/shop/data"}
    for place, name in enumerate(names):
        assert name == "opt" or name.rpartition("/")[0] in names[:place]
    assert f'"/{SITE}/shop/main.py" is installed by two packages; the later one stays' in warnings
    assert len(warnings) == len({*one.files} & {*two.files})
    again = [part_from_json(json.loads(json.dumps(part_as_json(part))), store) for part in parts]
    assert again == parts
    store.path("parts", part_key("Shop-1.0-py3-none-any.whl", VENV)).unlink()
    assert part_from_json(part_as_json(parts[1]), store) is None


def test_the_later_of_two_files_stays(store: ContentStore, tmp_path: Path) -> None:
    wheels = []
    for name, text in (("one", b"first, and longer than a block" * 40), ("two", b"second")):
        files = {"same/file.py": text, f"{name}.py": b"", f"{name}-1.0.dist-info/WHEEL": WHEEL}
        files[f"{name}-1.0.dist-info/METADATA"] = METADATA
        wheels.append(install(store, make_wheel(tmp_path / f"{name}-1.0-py3-none-any.whl", files, name=f"{name}-1.0")))
    members = {member.name: member for member in read_parts(layer_parts(wheels, store, lambda _: None))}
    assert members[f"{SITE}/same/file.py"].size == len(b"second")
    assert {f"{SITE}/one.py", f"{SITE}/two.py"} <= set(members)


def test_scripts_start_the_images_interpreter(store: ContentStore, tmp_path: Path) -> None:
    members = unpack(install(store, make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)))
    for name in ("shop", "shop-admin", "hello"):
        member, text = members[f"opt/venv/bin/{name}"]
        assert text.startswith(b"#!/opt/venv/bin/python\n")
        assert member.mode == 0o755
    assert b"from shop.main import admin\n" in members["opt/venv/bin/shop-admin"][1]
    assert members["opt/venv/bin/binary"][1] == FILES["Shop-1.0.data/scripts/binary"]


def test_record_tells_the_truth(store: ContentStore, tmp_path: Path) -> None:
    installed = install(store, make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES), {"direct_url.json": b"{}"})
    members = unpack(installed)
    rows = list(csv.reader(io.StringIO(members[f"{SITE}/Shop-1.0.dist-info/RECORD"][1].decode())))
    files = {path for path, (member, _) in members.items() if member.isfile()}
    assert {str(Path("/") / SITE / row[0]) for row in rows}.issuperset(
        {f"/{path}" for path in files if path.startswith(SITE)}
    )
    assert len(rows) == len(files)
    for name, digest, size in rows:
        path = str(Path(f"/{SITE}/{name}").resolve())[1:] if ".." in name else f"{SITE}/{name}"
        data = members[path][1]
        if name.endswith("RECORD"):
            assert (digest, size) == ("", "")
            continue
        assert digest == f"sha256={urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()}"
        assert int(size) == len(data)
    assert members[f"{SITE}/Shop-1.0.dist-info/INSTALLER"][1] == b"depsfirst\n"
    assert members[f"{SITE}/Shop-1.0.dist-info/direct_url.json"][1] == b"{}"
    assert set(installed.files) == files


def test_an_installed_wheel_is_found_again(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    key = part_key(wheel.name, VENV)
    assert find_installed(key, store) is None
    installed = install(store, wheel)
    assert find_installed(key, store) == installed
    store.path("parts", key).unlink()
    assert find_installed(key, store) is None


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../evil.py", "leads out of its directory"),
        ("shop/../../evil.py", "leads out of its directory"),
        ("/etc/passwd", "is absolute"),
        ("C:/evil.py", "is absolute"),
        ("shop\\..\\evil.py", "leads out of its directory"),
        ("shop//evil.py", "has no proper name"),
    ],
)
def test_hostile_names_are_refused(store: ContentStore, tmp_path: Path, entry: str, reason: str) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", {**FILES, entry: b"evil"})
    with pytest.raises(DepsfirstError, match=reason) as caught:
        install(store, wheel)
    assert caught.value.where == wheel.name
    assert store.find("parts", part_key(wheel.name, VENV)) is None


def test_symbolic_links_are_refused(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    with zipfile.ZipFile(wheel, "a") as archive:
        link = zipfile.ZipInfo("shop/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DepsfirstError, match="is a symbolic link"):
        install(store, wheel)


def test_damaged_entries_are_refused(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    data = bytearray(wheel.read_bytes())
    at = data.index(b"x" * 5000)
    data[at] = ord("y")
    wheel.write_bytes(data)
    with pytest.raises(DepsfirstError, match=r'"shop/data/stored.bin" is damaged'):
        install(store, wheel)
    assert list((store.root / "tmp").iterdir()) == []


def test_a_damaged_stream_is_refused(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    with zipfile.ZipFile(wheel) as archive:
        info = archive.getinfo("shop/data/big.bin")
    data = bytearray(wheel.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start + 10 : start + 60] = bytes(50)
    wheel.write_bytes(data)
    with pytest.raises(DepsfirstError, match="is damaged"):
        install(store, wheel)


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x05\x06" + bytes(5)])
def test_what_is_no_zip_is_refused(store: ContentStore, tmp_path: Path, data: bytes) -> None:
    wheel = tmp_path / "Shop-1.0-py3-none-any.whl"
    wheel.write_bytes(data)
    with pytest.raises(DepsfirstError, match="the wheel cannot be read"):
        install(store, wheel)


def test_a_wheel_without_dist_info_is_refused(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "other-1.0-py3-none-any.whl", FILES)
    with pytest.raises(DepsfirstError, match=r"no \".dist-info\" directory of its own"):
        install(store, wheel)


def test_a_second_dist_info_does_not_confuse(store: ContentStore, tmp_path: Path) -> None:
    files = {**FILES, "vendored-2.0.dist-info/METADATA": b"Name: vendored\n"}
    members = unpack(install(store, make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", files)))
    assert f"{SITE}/vendored-2.0.dist-info/METADATA" in members


def test_large_entries_are_streamed(store: ContentStore, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "Shop-1.0-py3-none-any.whl", FILES)
    with WheelArchive.opened(wheel, wheel.name) as archive:
        size, chunks = archive.open("shop/data/big.bin")
        lengths = [len(chunk) for chunk in chunks]
    assert sum(lengths) == size == len(FILES["shop/data/big.bin"])
    assert max(lengths) <= 1 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compressions_are_read(tmp_path: Path, method: int) -> None:
    path = tmp_path / "Shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("Shop-1.0.dist-info/WHEEL", WHEEL)
    with WheelArchive.opened(path, path.name) as wheel:
        assert wheel.read_dist_info("WHEEL") == WHEEL.decode()
        with pytest.raises(DepsfirstError, match=r'has no "Shop-1.0.dist-info/METADATA"'):
            wheel.read_dist_info("METADATA")


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("opt/venv/lib/a/b.py", "opt/venv/lib", "a/b.py"),
        ("opt/venv/bin/x", "opt/venv/lib/python3.13/site-packages", "../../../bin/x"),
        ("opt/venv/share/a/x", "opt/venv/lib/python3.13/site-packages", "../../../share/a/x"),
    ],
)
def test_relative(path: str, folder: str, name: str) -> None:
    assert relative(path, folder) == name


def test_the_skeleton_is_a_virtual_environment() -> None:
    entries = {entry.path: (entry, data) for entry, data in Venv((3, 13)).skeleton("/usr/bin/python3.13", "3.13.5")}
    assert entries["opt/venv/bin/python"][0].link == "/usr/bin/python3.13"
    assert entries["opt/venv/bin/python3.13"][0].link == "python"
    assert b"home = /usr/bin\n" in entries["opt/venv/pyvenv.cfg"][1]
    assert b"version = 3.13.5\n" in entries["opt/venv/pyvenv.cfg"][1]
