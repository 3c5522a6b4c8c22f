from __future__ import annotations

import hashlib
import stat
import zipfile
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.own.unpacked import content_key, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.content import ContentStore

INFO = "shop-1.0.dist-info"
WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2.py3-none-any\nTag: cp311-abi3-linux_x86_64\n"
FILES = {
    "shop/__init__.py": b"",
    "shop/tool.sh": b"#!/bin/sh\n",
    f"{INFO}/METADATA": b"Name: shop\n",
    f"{INFO}/WHEEL": WHEEL,
}


def row(path: str, data: bytes, method: str = "sha256") -> str:
    digest = urlsafe_b64encode(hashlib.new(method, data).digest()).decode().rstrip("=")
    return f"{path},{method}={digest},{len(data)}"


def wheel(folder: Path, files: dict[str, bytes], rows: list[str] | None = None, *, links: tuple[str, ...] = ()) -> Path:
    path = folder / "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            kind = stat.S_IFLNK if name in links else stat.S_IFREG
            info.external_attr = (kind | (0o755 if name.endswith(".sh") else 0o600)) << 16
            archive.writestr(info, data)
        lines = [row(name, data) for name, data in files.items()] if rows is None else rows
        archive.writestr(f"{INFO}/RECORD", "\n".join([*lines, f"{INFO}/RECORD,,"]))
    return path


def test_a_wheel_becomes_files(tmp_path: Path, store: ContentStore) -> None:
    found = unpack(wheel(tmp_path, FILES), store)
    assert (found.name, found.version) == ("shop", "1.0")
    assert found.tags == {"py2-none-any", "py3-none-any", "cp311-abi3-linux_x86_64"}
    assert [file.path for file in found.files] == sorted(FILES)
    assert {file.path: (found.directory / file.path).read_bytes() for file in found.files} == FILES
    assert {file.path: (file.sha256, file.size) for file in found.files} == {
        path: (hashlib.sha256(data).hexdigest(), len(data)) for path, data in FILES.items()
    }
    assert [file.path for file in found.files if file.executable] == ["shop/tool.sh"]
    assert found.directory == store.path("project-wheels", content_key(found.files))


def test_the_same_content_has_one_place(tmp_path: Path, store: ContentStore) -> None:
    one = unpack(wheel(tmp_path, FILES), store)
    other = unpack(wheel(tmp_path, dict(reversed(FILES.items()))), store)
    assert one == other
    assert not list((store.root / "tmp").iterdir())


def test_bytecode_and_signatures_are_left_out(tmp_path: Path, store: ContentStore) -> None:
    more = {"shop/__pycache__/main.cpython-311.pyc": b"code", f"{INFO}/RECORD.jws": b"{}"}
    found = unpack(wheel(tmp_path, {**FILES, **more}, [row(name, data) for name, data in FILES.items()]), store)
    assert [file.path for file in found.files] == sorted(FILES)


@pytest.mark.parametrize("method", ["sha384", "sha512", "blake2b"])
def test_strong_hashes_are_checked(tmp_path: Path, store: ContentStore, method: str) -> None:
    rows = [row(name, data, method) for name, data in FILES.items()]
    assert unpack(wheel(tmp_path, FILES, rows), store).files
    rows[0] = row("shop/__init__.py", b"other", method)
    with pytest.raises(DepsfirstError, match="does not have the hash"):
        unpack(wheel(tmp_path, FILES, rows), store)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[1:], 'does not list the entry "shop/__init__.py"'),
        (lambda rows: [row("shop/__init__.py", b"other"), *rows[1:]], "does not have the hash"),
        (lambda rows: [row("shop/__init__.py", b"", "md5"), *rows[1:]], "does not protect"),
        (lambda rows: ["shop/__init__.py,,", *rows[1:]], "does not protect"),
        (lambda rows: ["a,b,c,d,e", *rows], "cannot be read"),
    ],
)
def test_a_record_that_does_not_vouch_is_refused(
    tmp_path: Path, store: ContentStore, change: Callable[[list[str]], list[str]], said: str
) -> None:
    rows = change([row(name, data) for name, data in FILES.items()])
    with pytest.raises(DepsfirstError, match=said) as caught:
        unpack(wheel(tmp_path, FILES, rows), store)
    assert caught.value.where == "shop-1.0-py3-none-any.whl"
    assert not list((store.root / "tmp").iterdir())
    assert store.usage().get("project-wheels") is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.py", "shop/../../up.py", "shop\\up.py", "C:/up.py"])
def test_hostile_names_are_refused(tmp_path: Path, store: ContentStore, name: str) -> None:
    with pytest.raises(DepsfirstError, match="entry"):
        unpack(wheel(tmp_path, {**FILES, name: b"bad"}), store)
    assert not (tmp_path / "up.py").exists()


def test_symbolic_links_are_refused(tmp_path: Path, store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="symbolic link"):
        unpack(wheel(tmp_path, {**FILES, "shop/link": b"/etc/passwd"}, links=("shop/link",)), store)


@pytest.mark.parametrize("name", ["shop", "shop/__init__.py/below.py", f"shop/{'x' * 300}.py"])
def test_entries_in_each_others_way_are_refused(tmp_path: Path, store: ContentStore, name: str) -> None:
    with pytest.raises(DepsfirstError, match="cannot stand beside the others"):
        unpack(wheel(tmp_path, {**FILES, name: b"x"}), store)


def test_what_is_no_wheel_is_refused(tmp_path: Path, store: ContentStore) -> None:
    (tmp_path / "shop.whl").write_text("not a zip file")
    with pytest.raises(DepsfirstError, match="cannot be read"):
        unpack(tmp_path / "shop.whl", store)
