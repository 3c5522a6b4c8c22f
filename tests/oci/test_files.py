from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.files import explained, identity, replacing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["nameless", "hidden"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files without a name where the system can, and hidden ones where it cannot."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without names")
    return str(request.param)


def test_a_file_takes_its_place_when_it_is_whole(how: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replacing(path) as file:
        os.write(file, b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_an_error_leaves_what_was(how: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write() -> None:
        with replacing(path) as file:
            os.write(file, b"half of it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_follow_the_umask(how: str, umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "file") as file:
            os.write(file, b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask


KILLED = """
import os, sys
from pathlib import Path
from depsfirst.oci.files import replacing
with replacing(Path(sys.argv[1])) as file:
    os.write(file, b"half of it")
    print("written", flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_killed_writer_leaves_what_was_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("written\n", -signal.SIGKILL), done.stderr
    assert path.read_bytes() == b"old"
    if hasattr(os, "O_TMPFILE"):
        assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "free some space"),
        (errno.EACCES, "may write to"),
        (errno.ENOENT, "make the directory"),
        (errno.EIO, "another place"),
    ],
)
def test_what_the_system_says_is_told_with_a_way_out(number: int, hint: str, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="writing failed: ") as caught, explained(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.where == str(tmp_path)
    assert hint in str(caught.value.hint)


def test_a_directory_that_is_not_there_is_an_error(how: str, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="No such file"), replacing(tmp_path / "gone" / "file"):
        pytest.fail("there is nowhere to write")


def test_a_directory_is_not_replaced(how: str, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(DepsfirstError, match="directory"), replacing(tmp_path / "file") as file:
        os.write(file, b"x")
    assert os.listdir(tmp_path) == ["file"]


def test_an_identity_ends_with_any_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    before = identity(path)
    assert identity(path) == before != identity(path, "a part of it")
    stat = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert identity(path) != before
