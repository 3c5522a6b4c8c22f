"""A load that is sent before it is known to be right: the last image, with the files that were edited since.

Most of what an edit takes is Docker's time after the last byte. So what the image will be, if nothing changed but files
that it has as they are, is sent before the rest of this program is imported, and without a name. The build goes on as
ever meanwhile, and what comes of it is the image: if that is what was sent, it is named; if not, it is sent as ever,
and what was foretold is taken away. Nothing here decides what is built, so that nothing here has to be complete.

Only what the interpreter has at hand is used; ``engines.foretelling`` writes what is read here.
"""

from __future__ import annotations

import marshal
import os

from depsfirst import digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

KIND = "foretold"
"""What the cache calls the notes of what the next image is made of."""
FORMAT = 1
_BLOCK = 512
_END = bytes(1024)
_DIGEST = 32
_REGULAR, _KIND_OF_FILE = 0o100000, 0o170000
_UNFIT = (OSError, ValueError, KeyError, TypeError, EOFError, IndexError)


class Foretold:
    """An image that was sent; ``taken`` once somebody has asked what became of it."""

    __slots__ = ("image_id", "manifest", "taken")

    def __init__(self, image_id: str, manifest: str) -> None:
        self.image_id = image_id
        self.manifest = manifest
        self.taken = False


def key_of(arguments: Sequence[str], socket: str) -> str:
    """The key of the notes for a command line, given here, whose image goes to the Docker at a socket."""
    words = (FORMAT, *arguments, os.getcwd(), socket)  # noqa: PTH109 - pathlib is imported later
    return digests.sha256(repr(words).encode("utf-8", "surrogateescape")).hexdigest()


def place_of(key: str, environ: Mapping[str, str]) -> str | None:
    """Where the cache has the notes of a key; None where that cannot be told without more."""
    home = environ.get("HOME")
    root = environ.get("DEPSFIRST_CACHE_DIR")
    if not root:
        caches = environ.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
        root = caches and f"{caches}/depsfirst"
    return f"{root}/{KIND}/{key[:2]}/{key}" if root and root.startswith("/") else None


def sealed(notes: dict[str, Any]) -> bytes:
    """Notes as a file has them."""
    data = marshal.dumps(notes)
    return digests.sha256(data).digest() + data


def foretell(place: str) -> tuple[Foretold, bytes] | None:
    """The image that these notes lead to, and its tar; None if nothing was edited, or more than they tell of."""
    try:
        notes = _opened(_read(place))
        part = _read(notes["part"])
        edits = [*_edits(notes, part)]
        return _image(notes, part, edits) if edits else None
    except _UNFIT:  # then it is not foretold
        return None


def _read(path: str) -> bytes:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(number)
        if status.st_mode & _KIND_OF_FILE != _REGULAR:
            raise ValueError(path)
        data = os.read(number, status.st_size + 1)
    finally:
        os.close(number)
    if len(data) != status.st_size:
        raise ValueError(path)
    return data


def _opened(data: bytes) -> dict[str, Any]:
    if digests.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        raise ValueError("the notes are damaged")
    notes: dict[str, Any] = marshal.loads(data[_DIGEST:])  # noqa: S302 - of this user's cache, as bytecode is
    return notes


def _edits(notes: Mapping[str, Any], part: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where in the part other bytes stand now: offset and size of the content, and what it becomes. RECORD is one."""
    start, size = notes["record"]
    record = part[start : start + size]
    for path, old, offset, length, name in notes["sources"]:
        data = _read(f"{notes['root']}/{path}")
        if offset is None:
            if _hex(data) != old:
                raise ValueError(path)
        elif data != part[offset : offset + length]:
            yield offset, length, data
            line, after = _line(name, bytes.fromhex(old), length), _line(name, digests.sha256(data).digest(), len(data))
            record = _once(b"\n" + record, b"\n" + line, b"\n" + after)[1:]
    if record != part[start : start + size]:
        yield start, size, record


def _line(name: str, digest: bytes, size: int) -> bytes:
    from binascii import b2a_base64

    text = b2a_base64(digest, newline=False).rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_"))
    return b"%b,sha256=%b,%d\n" % (name.encode(), text, size)


def _once(text: bytes, old: bytes, new: bytes) -> bytes:
    if text.count(old) != 1:
        raise ValueError(old)
    return text.replace(old, new)


def _image(notes: Mapping[str, Any], part: bytes, edits: Iterable[tuple[int, int, bytes]]) -> tuple[Foretold, bytes]:
    """The image with edits: what it is called, and the tar that is loaded, from its first byte."""
    layer = b"".join((notes["directories"], *_patched(part, edits), _END))
    old, size = notes["layer"]
    new = _hex(layer)
    config = _once(notes["config"], old.encode(), new.encode())
    was, now = _hex(notes["config"]), _hex(config)
    manifest = _once(notes["manifest"], was.encode(), now.encode())
    manifest = _once(
        manifest, notes["descriptor"] % (old.encode(), size), notes["descriptor"] % (new.encode(), len(layer))
    )
    if len(manifest) != len(notes["manifest"]):  # the index tells its size
        raise ValueError("the manifest is longer or shorter")
    called = _hex(manifest)
    index = _once(notes["index"], _hex(notes["manifest"]).encode(), called.encode())
    docker = _once(_once(notes["docker"], was.encode(), now.encode()), old.encode(), new.encode())
    files = {f"blobs/sha256/{new}": layer, f"blobs/sha256/{now}": config, f"blobs/sha256/{called}": manifest}
    files |= {"index.json": index, "manifest.json": docker}
    members = [_member(notes["header"], path, data) for path, data in files.items()]
    return Foretold(f"sha256:{now}", f"sha256:{called}"), b"".join((notes["opening"], *members, _END))


def _hex(data: bytes) -> str:
    return digests.sha256(data).hexdigest()


def _patched(part: bytes, edits: Iterable[tuple[int, int, bytes]]) -> Iterator[bytes]:
    """A tar with other contents: before each stands its header, which tells the size."""
    at = 0
    for offset, size, data in sorted(edits):
        yield part[at : offset - _BLOCK]
        yield _sized(part[offset - _BLOCK : offset], len(data))
        yield data
        yield bytes(-len(data) % _BLOCK)
        at = offset + size + -size % _BLOCK
    yield part[at:]


def _member(header: bytes, path: str, data: bytes) -> bytes:
    """An entry like the one that a header is of."""
    named = path.encode().ljust(100, b"\0") + header[100:]
    return _sized(named, len(data)) + data + bytes(-len(data) % _BLOCK)


def _sized(header: bytes, size: int) -> bytes:
    """A header of ustar for a content of another size, with its sum."""
    start, rest = header[:124] + b"%011o\0" % size + header[136:148], header[156:]
    return start + b"%06o\0 " % (sum(start) + sum(rest) + 8 * ord(" ")) + rest
