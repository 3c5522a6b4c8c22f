"""Installs a wheel into the environment of an image, as entries of a tar part.

What goes where was decided in ``placing``; this room writes it, with a RECORD of what it wrote. A wheel of the lock
and the project's own wheel take the same way; only where their bytes come from differs.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import IO, TYPE_CHECKING, Protocol

from depsfirst import digests
from depsfirst.oci.layer import TarEntry, entry_header, padding
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "opt/venv"
INTERPRETER = f"/{PREFIX}/bin/python"


class Venv(NamedTuple):
    """The environment of an image: ``/opt/venv`` for one minor version of Python."""

    python: tuple[int, int]

    @property
    def site_packages(self) -> str:
        """Where pure and platform packages go, relative to the root of the image."""
        return f"{PREFIX}/lib/python{self.python[0]}.{self.python[1]}/site-packages"

    def scheme(self, name: str, distribution: str) -> str:
        """The directory of an installation scheme (``purelib``, ``scripts``…), relative to the root."""
        if name in {"purelib", "platlib"}:
            return self.site_packages
        if name == "headers":
            return f"{PREFIX}/include/site/python{self.python[0]}.{self.python[1]}/{distribution}"
        return f"{PREFIX}/bin" if name == "scripts" else PREFIX

    def skeleton(self, interpreter: str, version: str) -> Iterator[tuple[TarEntry, bytes]]:
        """What makes a directory a virtual environment: ``pyvenv.cfg`` and links to the base's interpreter.

        Args:
            interpreter: absolute path in the base, as ``/usr/bin/python3.13``.
            version: of that interpreter, as ``3.13.5``.
        """
        home = interpreter.rpartition("/")[0]
        lines = (
            f"home = {home}",
            "include-system-site-packages = false",
            f"version = {version}",
            f"executable = {interpreter}",
        )
        config = "\n".join(lines).encode() + b"\n"
        yield TarEntry(f"{PREFIX}/pyvenv.cfg", size=len(config)), config
        yield TarEntry(f"{PREFIX}/bin/python", kind="symlink", link=interpreter), b""
        for name in ("python3", f"python{self.python[0]}.{self.python[1]}"):
            yield TarEntry(f"{PREFIX}/bin/{name}", kind="symlink", link="python"), b""


class Row(NamedTuple):
    """One file to install.

    Attributes:
        path: where, relative to the root of the image.
        record: what RECORD calls it: relative to site-packages.
        entry: the wheel's entry that holds its bytes; None for a file that ``text`` holds.
        executable: whether it gets mode 755 instead of 644.
    """

    path: str
    record: str
    entry: str | None
    text: bytes
    executable: bool


class Contents(Protocol):
    """Where the bytes of a wheel's entries come from."""

    def open(self, entry: str) -> tuple[int, Iterable[bytes]]:
        """The size in bytes of an entry, and its bytes."""


class Placement(NamedTuple):
    """All files of a wheel in their places, and where its RECORD goes."""

    rows: tuple[Row, ...]
    record_path: str
    record_name: str


def write_part(placement: Placement, contents: Contents, file: IO[bytes]) -> tuple[str, ...]:
    """Write a wheel's files and its RECORD as a tar part, without directories: those are the layer's.

    Returns:
        The installed files, relative to the root of the image.
    """
    lines = [_write_row(row, contents, file) for row in placement.rows]
    record = _record(lines, placement.record_name)
    write_file(TarEntry(placement.record_path, size=len(record)), record, file)
    return (*(row.path for row in placement.rows), placement.record_path)


def directories(files: Iterable[str]) -> bytes:
    """Tar entries of the directories that hold these files, parents first.

    A layer has each of them once: the classic image store of Docker refuses a path that comes twice.
    """
    known: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in files}:
        while folder and folder not in known:
            known.add(folder)
            folder = folder.rpartition("/")[0]  # noqa: PLW2901 - on the way up
    return b"".join(entry_header(TarEntry(path, kind="directory", mode=0o755)) for path in sorted(known))


def write_file(entry: TarEntry, data: bytes, file: IO[bytes]) -> None:
    """Write one tar entry whose bytes are at hand."""
    file.write(entry_header(entry))
    file.write(data)
    file.write(padding(len(data)))


def _write_row(row: Row, contents: Contents, file: IO[bytes]) -> tuple[str, str, int]:
    size, chunks = contents.open(row.entry) if row.entry is not None else (len(row.text), (row.text,))
    file.write(entry_header(TarEntry(row.path, mode=0o755 if row.executable else 0o644, size=size)))
    digest = digests.sha256(size=size)
    for chunk in chunks:
        digest.update(chunk)
        file.write(chunk)
    file.write(padding(size))
    return row.record, _hashed(digest.digest()), size


def _hashed(digest: bytes) -> str:
    return f"sha256={urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def record_line(name: str, digest: bytes, size: int) -> tuple[str, str]:
    """How RECORD writes the name of a file, and its whole line."""
    return _quoted(name), f"{_quoted(name)},{_hashed(digest)},{size}\n"


def _record(lines: list[tuple[str, str, int]], own: str) -> bytes:
    """RECORD: a line a file, as a CSV writer writes it."""
    rows: list[tuple[str, str, int | str]] = sorted([*lines, (own, "", "")], key=lambda row: row[0])
    return "".join(f"{_quoted(name)},{digest},{size}\n" for name, digest, size in rows).encode()


def _quoted(text: str) -> str:
    """A CSV field; spares an edit of code the import of a library for the few names that need quotes."""
    if text.isascii() and text.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum():
        return text
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def relative(path: str, folder: str) -> str:
    """What a path is called from a folder, both relative to the root of the image."""
    if path.startswith(f"{folder}/"):
        return path[len(folder) + 1 :]
    names, base = path.split("/"), folder.split("/")
    shared = 0
    while shared < min(len(names) - 1, len(base)) and names[shared] == base[shared]:
        shared += 1
    return "/".join([".."] * (len(base) - shared) + names[shared:])
