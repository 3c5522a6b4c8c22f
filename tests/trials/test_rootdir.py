from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.trials.rootdir import RootDir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Entry = bytes | str | None | tuple[str, str]
"""The content of a file, the text of a symlink, a folder, or ``("hardlink", target)``."""


def tar(*entries: tuple[str, Entry]) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mtime = 315532800
            info.uid, info.gid = os.getuid(), os.getgid()
            if isinstance(content, tuple):
                info.type, info.linkname = tarfile.LNKTYPE, content[1]
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            elif content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            else:
                info.size, info.mode = len(content), 0o755 if name.startswith("bin/") else 0o644
            file.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    made.seek(0)
    return made


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "root"
    folder.mkdir()
    before = os.umask(0o077)
    yield folder
    os.umask(before)


def tree(top: Path) -> dict[str, str]:
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def test_files_links_modes_and_times(top: Path) -> None:
    layer = tar(
        ("bin/run", b"program"),
        ("etc", None),
        ("etc/name", b"one"),
        ("etc/same", ("hardlink", "etc/name")),
        ("lib", "usr/lib"),
        ("usr/lib/deep/x.py", b"x"),
    )
    RootDir(top).add([layer])
    assert tree(top) == {
        "bin/run": "program",
        "etc/name": "one",
        "etc/same": "one",
        "lib": "-> usr/lib",
        "usr/lib/deep/x.py": "x",
    }
    assert (top / "bin/run").stat().st_mode & 0o777 == 0o755
    assert (top / "etc/name").stat().st_mode & 0o777 == 0o644
    assert (top / "usr/lib").stat().st_mode & 0o777 == 0o755
    assert (top / "etc/name").stat().st_ino == (top / "etc/same").stat().st_ino
    assert (top / "usr/lib/deep/x.py").stat().st_mtime == 315532800


def test_layers_replace_and_remove(top: Path) -> None:
    lower = tar(
        ("a/file", b"old"),
        ("a/gone", b""),
        ("b/file", b""),
        ("b/sub/old", b""),
        ("c", b"a file"),
        ("d/x", b"a folder"),
        ("e", "a"),
        ("f/x", b""),
    )
    upper = tar(
        ("a/file", b"new"),
        ("a/.wh.gone", b""),
        ("b/new", b"1"),
        ("b/sub/new", b"2"),
        ("b/.wh..wh..opq", b""),
        ("c/x", b"now a folder"),
        ("d", b"now a file"),
        ("e", None),
        ("e/x", b"no link"),
        (".wh.f", b""),
        ("f/y", b"again"),
    )
    RootDir(top).add([lower, upper])
    assert tree(top) == {
        "a/file": "new",
        "b/new": "1",
        "b/sub/new": "2",
        "c/x": "now a folder",
        "d": "now a file",
        "e/x": "no link",
        "f/y": "again",
    }


def test_a_layer_writes_through_the_links_of_a_lower_one(top: Path) -> None:
    lower = tar(("usr/lib/one", b""), ("lib", "usr/lib"), ("opt/abs", "/usr/lib"))
    RootDir(top).add([lower, tar(("lib/two", b""), ("opt/abs/three", b""))])
    assert {path.name for path in (top / "usr/lib").iterdir()} == {"one", "two", "three"}
    assert (top / "lib").is_symlink()


def test_nothing_is_written_outside(top: Path) -> None:
    outside = top.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    lower = tar(
        ("absolute", str(outside)),
        ("upwards", "../outside"),
        ("loop", "loop"),
        ("dangling", "nowhere"),
        ("file", f"{outside}/precious"),
    )
    upper = tar(
        ("absolute/precious", b"1"),
        ("upwards/precious", b"2"),
        ("../outside/precious", b"3"),
        ("/../../outside/other", b"4"),
        ("loop/x", b"5"),
        ("dangling/x", b"6"),
        ("file", b"7"),
        ("stolen", ("hardlink", "../outside/../../../../../../etc/passwd")),
        ("absolute/.wh..wh..opq", b""),
        ("upwards/.wh.precious", b""),
    )
    RootDir(top).add([lower, upper])
    assert tree(outside) == {"precious": "precious"}
    assert sorted(path.name for path in top.parent.iterdir()) == ["outside", "root"]
    assert (top / "file").read_text() == "7"
    assert not (top / "stolen").exists()


def test_what_an_import_does_not_read_can_be_left_out(top: Path) -> None:
    names = ["usr/share/doc/x/copyright", "site/pandas/tests/test_x.py", "site/x.pyi", "site/x.py", "site/x.so"]
    (top / "lean").mkdir()
    (top / "whole").mkdir()
    RootDir(top / "lean", lean=True).add([tar(*((name, b"") for name in names))])
    RootDir(top / "whole").add([tar(*((name, b"") for name in names))])
    assert list(tree(top / "lean")) == ["site/x.py", "site/x.so"]
    assert list(tree(top / "whole")) == sorted(names[1:])


def test_texts_are_found_through_links(top: Path) -> None:
    root = RootDir(top)
    root.add([tar(("etc/passwd", "../usr/etc/passwd"), ("usr/etc/passwd", b"root:x:0:0"), ("etc/loop", "loop"))])
    assert root.text("/etc/passwd") == "root:x:0:0"
    assert root.text("/etc/loop") == ""
    assert root.text("/etc") == ""
    assert root.text("/nowhere") == ""


def test_devices_are_left_out(top: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        device = tarfile.TarInfo("dev/null")
        device.type = tarfile.CHRTYPE
        file.addfile(device)
    made.seek(0)
    RootDir(top).add([made])
    assert list((top / "dev").iterdir()) == []


def test_a_damaged_layer(top: Path) -> None:
    with pytest.raises(DepsfirstError, match="a layer cannot be read"):
        RootDir(top).add([io.BytesIO(b"no tar" * 500)])
