"""A built wheel as files of the cache: unpacked while it is checked, and never changed afterwards."""

from __future__ import annotations

import re
from errno import EEXIST, EISDIR, ENAMETOOLONG, ENOTDIR
from typing import TYPE_CHECKING, BinaryIO

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import _Hash
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.wheels.archive import WheelArchive

WHEELS = "project-wheels"
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_LOCAL_REQUIREMENT = re.compile(rb"^(Requires-Dist: [^@\n]*?) *@ *file:[^\s;]*(?: (?=;))?", re.MULTILINE)


class UnpackedFile(NamedTuple):
    """An entry of a wheel: path in it, sha256 in hex, size in bytes, and whether it is executable."""

    path: str
    sha256: str
    size: int
    executable: bool


class Unpacked(NamedTuple):
    """A wheel whose entries stand in a directory of the cache.

    Attributes:
        name: of the distribution, as its ``.dist-info`` directory spells it.
        version: likewise.
        tags: what it runs on, as ``py3-none-any``.
        files: sorted by path; RECORD and bytecode left out.
        directory: where they are.
    """

    name: str
    version: str
    tags: frozenset[str]
    files: tuple[UnpackedFile, ...]
    directory: Path


def content_key(files: Iterable[UnpackedFile]) -> str:
    """The sha256 that stands for the content of a wheel: paths, bytes and executable bits."""
    digest = digests.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.sha256}\0{int(file.executable)}\n".encode())
    return digest.hexdigest()


def unpack(wheel: Path, store: ContentStore) -> Unpacked:
    """Unpack a wheel into the cache.

    Raises:
        DepsfirstError: an entry with a hostile name, or one that its RECORD does not vouch for.
    """
    from packaging.tags import parse_tag

    from depsfirst.wheels.archive import WheelArchive

    with WheelArchive.opened(wheel, wheel.name) as archive, store.scratch_directory() as scratch:
        vouched = _record(archive)
        target = scratch / "wheel"
        target.mkdir()
        files = sorted(
            (_portable(_unpack_one(archive, entry, target, vouched), target) for entry in _entries(archive)),
            key=lambda file: file.path,
        )
        lines = archive.read_dist_info("WHEEL").splitlines()
        tags = [parse_tag(line.partition(":")[2].strip()) for line in lines if line.startswith("Tag:")]
        directory = store.adopt(target, WHEELS, content_key(files))
        found = frozenset(str(tag) for each in tags for tag in each)
        return Unpacked(archive.distribution, archive.version, found, tuple(files), directory)


def _entries(archive: WheelArchive) -> list[tuple[str, bool]]:
    record = f"{archive.dist_info_dir}/RECORD"
    unwanted = {record, *(f"{archive.dist_info_dir}/{name}" for name in _SIGNATURES)}
    return [(path, executable) for (path, _, _), _, executable in archive.get_contents() if path not in unwanted]


def _record(archive: WheelArchive) -> dict[str, str]:
    from installer.records import InvalidRecordEntry, parse_record_file

    try:
        rows = list(parse_record_file(archive.read_dist_info("RECORD").splitlines()))
    except (InvalidRecordEntry, UnicodeDecodeError) as error:
        raise DepsfirstError(f"the wheel's RECORD cannot be read: {error}", where=archive.name) from error
    return {path: hashed for path, hashed, _ in rows}


def _unpack_one(archive: WheelArchive, entry: tuple[str, bool], target: Path, vouched: dict[str, str]) -> UnpackedFile:
    import hashlib
    from base64 import urlsafe_b64encode

    path, executable = entry
    if path not in vouched:
        raise DepsfirstError(f'the wheel\'s RECORD does not list the entry "{path}"', where=archive.name)
    method, _, expected = vouched[path].partition("=")
    sha256 = hashlib.sha256()
    check = sha256 if method == "sha256" else _method(method, archive)
    size = 0
    with _opened(target, path, archive) as file:
        for chunk in archive.open(path)[1]:
            size += file.write(chunk)
            sha256.update(chunk)
            if check is not sha256:
                check.update(chunk)
    if urlsafe_b64encode(check.digest()).decode().rstrip("=") != expected:
        raise DepsfirstError(f'the entry "{path}" does not have the hash of the wheel\'s RECORD', where=archive.name)
    return UnpackedFile(path, sha256.hexdigest(), size, executable)


def _portable(file: UnpackedFile, target: Path) -> UnpackedFile:
    """The file; METADATA without the directories of this machine, which some backends write for path dependencies.

    What it requires is then a name, and that is what the image has.
    """
    if not file.path.endswith(".dist-info/METADATA") or file.path.count("/") != 1:
        return file
    place = target / file.path
    text = place.read_bytes()
    header, blank, body = text.partition(b"\n\n")
    written = _LOCAL_REQUIREMENT.sub(rb"\1", header) + blank + body
    if written == text:
        return file
    place.write_bytes(written)
    return file._replace(sha256=digests.sha256(written).hexdigest(), size=len(written))


def _opened(target: Path, path: str, archive: WheelArchive) -> BinaryIO:
    file = target / path
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("xb")
    except OSError as error:
        if error.errno not in {EEXIST, EISDIR, ENOTDIR, ENAMETOOLONG}:
            raise
        raise DepsfirstError(f'the entry "{path}" cannot stand beside the others', where=archive.name) from error


def _method(name: str, archive: WheelArchive) -> _Hash:
    import hashlib

    if name not in {"sha384", "sha512", "blake2b", "blake2s"}:
        raise DepsfirstError(f'the wheel\'s RECORD uses the hash "{name}", which does not protect', where=archive.name)
    return hashlib.new(name)
