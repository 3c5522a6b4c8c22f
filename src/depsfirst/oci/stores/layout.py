"""An OCI image layout: a directory of blobs and an index (``oci:DIR``), as ``skopeo`` and ``umoci`` know it."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.oci.files import explained, is_leftover, replacing
from depsfirst.oci.image import (
    INDEX,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    MANIFEST,
    NAME,
    Blob,
    FileSlice,
    canonical,
)
from depsfirst.oci.parse import Platform, choose, load_json, parse_image, read_descriptor, read_json_blob
from depsfirst.oci.pieces import write_all, write_pieces
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from depsfirst.oci.image import Descriptor, Image, Layer

_TAG = re.compile(r"[A-Za-z0-9]+((--|[-._:@/+])[A-Za-z0-9]+)*")


class Layout(NamedTuple):
    """A layout directory, and which image of it is meant: one by tag or digest, or the only one."""

    directory: Path
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read ``DIR``, ``DIR:TAG`` or ``DIR@sha256:…``, as they follow ``oci:``.

        Raises:
            DepsfirstError: it is not of that form.
        """
        directory, at, digest = text.partition("@sha256:")
        tag: str | None = None
        if not at:
            directory, colon, name = text.partition(":")
            tag = name if colon else None
        if not directory or (tag is not None and not _TAG.fullmatch(tag)):
            raise DepsfirstError(f'"oci:{text}" names no layout', hint="write oci:DIR or oci:DIR:TAG")
        return cls(Path(directory), tag, f"sha256:{digest}" if at else None)

    def __str__(self) -> str:
        name = f":{self.tag}" if self.tag else f"@{self.digest}" if self.digest else ""
        return f"oci:{self.directory}{name}"

    def blob_path(self, descriptor: Descriptor) -> Path:
        """Where a blob stands, or would."""
        return self.directory / "blobs" / "sha256" / descriptor.hex

    def read(self, platform: Platform) -> Image:
        """The image for a platform; its layers stay where they are.

        Raises:
            DepsfirstError: there is none, or it is damaged.
        """
        where = str(self)
        descriptor = choose({"manifests": self._meant()}, platform, where)
        while descriptor.media_type == INDEX:
            inner = read_json_blob(self._blob(descriptor, where), self._place(descriptor))
            descriptor = choose(inner, platform, self._place(descriptor))
        if descriptor.media_type not in {MANIFEST, ""}:
            raise DepsfirstError(f'"{descriptor.media_type}" is no image', where=where, hint="name another one")
        return parse_image(self._blob(descriptor, where), self._blob, self._place(descriptor))

    @contextmanager
    def receive(self, image: Image, *, everything: bool = False) -> Iterator[LayoutUpload]:
        """Take an image: blobs first, the index last, one writer at a time.

        A blob that is there with the right size is never wrong, so ``everything`` changes nothing.
        """
        del everything
        if self.digest:
            raise DepsfirstError("a digest cannot be chosen", where=str(self), hint="write to oci:DIR:TAG")
        folders: list[Path] = []
        files: list[Path] = []
        with explained(self.directory), _taken_back(folders):
            _make_folders(self.directory, folders)
            with _locked(self.directory), _taken_back(files):
                _make_files(self.directory, files)
                _sweep(self.directory)
                yield LayoutUpload(self, image, folders, files)

    def read_index(self) -> dict[str, Any]:
        """The index of the layout.

        Raises:
            DepsfirstError: there is none that can be read.
        """
        path = self.directory / INDEX_FILE
        try:
            return load_json(path.read_bytes(), str(path))
        except OSError as error:
            raise DepsfirstError(
                f"there is no OCI layout: {error.strerror}",
                where=str(path),
                hint="name the directory it is in",
            ) from error

    def _meant(self) -> list[dict[str, Any]]:
        """The entries of the index that have the wanted tag or digest."""
        entries = _entries(self.read_index(), str(self.directory / INDEX_FILE))
        found = [entry for entry in entries if self._means(entry)]
        if not found:
            names = sorted({_name(entry) for entry in entries} - {""})
            raise DepsfirstError(
                "the layout does not have this image" if entries else "the layout has no image",
                where=str(self),
                hint=f"its tags: {', '.join(names)}" if names else "its images have no tags: name the directory alone",
            )
        return found

    def _means(self, entry: dict[str, Any]) -> bool:
        if self.tag is not None:
            return _name(entry) == self.tag
        return self.digest is None or entry.get("digest") == self.digest

    def _place(self, descriptor: Descriptor) -> str:
        return str(self.blob_path(descriptor))

    def _blob(self, descriptor: Descriptor, where: str) -> Blob:
        path = self.blob_path(descriptor)
        try:
            size = path.stat().st_size
        except OSError as error:
            raise DepsfirstError(
                f"a blob that the image needs is not there: {error.strerror}",
                where=str(path),
                hint=f"it is named by {where}; fetch or make the image again",
            ) from error
        if size != descriptor.size:
            raise DepsfirstError(
                f"the blob is damaged: it has {size} bytes, not {descriptor.size}",
                where=str(path),
                hint=f"it is named by {where}; fetch or make the image again",
            )
        return Blob(descriptor, (FileSlice(path, 0, size),))


class LayoutUpload:
    """An image on its way into a layout, which is locked meanwhile.

    ``files`` gets what is new; with ``folders`` it is cleared when the image is in.
    """

    def __init__(self, layout: Layout, image: Image, folders: list[Path], files: list[Path]) -> None:
        self._layout = layout
        self.image = image
        self._folders = folders
        self._files = files

    def lacking(self) -> Sequence[Layer]:
        """The layers whose blobs are not there."""
        return [layer for layer in self.image.layers if not self._has(layer.blob.descriptor)]

    def put(self, layer: Layer, sent: Callable[[int], None]) -> None:
        """Write a layer's blob; it takes its name when it is whole."""
        self._put(layer.blob, sent)

    def finish(self) -> str:
        """Write configuration and manifest, then the index; then remove what the replaced image alone had."""
        for blob in (self.image.config_blob, self.image.manifest_blob):
            if not self._has(blob.descriptor):
                self._put(blob, lambda _: None)
        path = self._layout.directory / INDEX_FILE
        before = self._layout.read_index()
        after = _with_entry(before, self._entry(), str(path))
        with replacing(path) as file:
            write_all(file, canonical(after))
        self._folders.clear()
        self._files.clear()
        _remove_unreachable(self._layout, before, after)
        return str(self._layout)

    def _entry(self) -> dict[str, Any]:
        entry = self.image.manifest_blob.descriptor.as_json() | {"platform": self.image.platform}
        return entry | {"annotations": {NAME: self._layout.tag}} if self._layout.tag else entry

    def _has(self, descriptor: Descriptor) -> bool:
        try:
            return self._layout.blob_path(descriptor).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def _put(self, blob: Blob, sent: Callable[[int], None]) -> None:
        path = self._layout.blob_path(blob.descriptor)
        with replacing(path) as file:
            write_pieces(blob.pieces, file, sent)
        self._files.append(path)


@contextmanager
def _taken_back(made: list[Path]) -> Iterator[None]:
    """Discard what was made, if the block ends with an error before ``made`` was cleared."""
    try:
        yield
    except BaseException:
        for path in reversed(made):
            _discard(path)
        raise


def _make_folders(directory: Path, made: list[Path]) -> None:
    """Make what lacks of the directories of a layout, adding it to ``made``."""
    if not (directory / LAYOUT_FILE).exists():
        _refuse_other_use(directory)
    blobs = directory / "blobs"
    for folder in (*reversed(directory.absolute().parents), directory, blobs, blobs / "sha256"):
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            made.append(folder)


def _make_files(directory: Path, made: list[Path]) -> None:
    """Make an empty layout of the directories; with the lock held, lest it take the place of another's index.

    It is a valid one whenever the process ends.
    """
    empty = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})
    for name, data in ((INDEX_FILE, empty), (LAYOUT_FILE, LAYOUT)):
        if not (directory / name).exists():
            with replacing(directory / name) as file:
                write_all(file, data)
            made.append(directory / name)


def _refuse_other_use(directory: Path) -> None:
    """A layout is made in a new or an empty directory, or goes on where a killed process stopped."""
    if not directory.exists():
        return
    ours = {INDEX_FILE, LAYOUT_FILE, "blobs"}
    if not directory.is_dir() or any(path.name not in ours and not is_leftover(path) for path in directory.iterdir()):
        raise DepsfirstError(
            "this is neither an OCI layout nor empty", where=str(directory), hint="choose another directory"
        )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _sweep(directory: Path) -> None:
    """Remove what killed writers left; the lock is held, so nobody writes."""
    for folder in (directory, directory / "blobs" / "sha256"):
        for path in folder.iterdir():
            if is_leftover(path):
                _discard(path)


def _entries(index: dict[str, Any], where: str) -> list[dict[str, Any]]:
    entries = index.get("manifests")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DepsfirstError("this must be a list of descriptors", where=f"{where}: manifests")
    return entries


def _name(entry: dict[str, Any]) -> str:
    return str((entry.get("annotations") or {}).get(NAME, ""))


def _with_entry(index: dict[str, Any], entry: dict[str, Any], where: str) -> dict[str, Any]:
    """The index with an entry at its end, without the one that had the same tag and platform."""
    entries = _entries(index, where)
    return index | {"manifests": [*(each for each in entries if not _replaces(entry, each)), entry]}


def _replaces(new: dict[str, Any], old: dict[str, Any]) -> bool:
    platforms = [Platform.of(each.get("platform") or {}) for each in (new, old)]
    return _name(new) == _name(old) and (not old.get("platform") or platforms[0] == platforms[1])


def _remove_unreachable(layout: Layout, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Remove the blobs of replaced images that no other image has; nothing else in the directory is touched."""
    kept = _reachable(layout, after)
    gone = _reachable(layout, before)
    if kept is not None and gone is not None:
        for path in gone - kept:
            _discard(path)


def _reachable(layout: Layout, value: dict[str, Any]) -> set[Path] | None:
    """The blobs below an index or a manifest; None if one cannot be read."""
    found: set[Path] = set()
    for entry in (*value.get("manifests", ()), value.get("config"), *value.get("layers", ())):
        if entry is None:
            continue
        try:
            descriptor = read_descriptor(entry, "")
            found.add(layout.blob_path(descriptor))
            if descriptor.media_type in {INDEX, MANIFEST}:
                path = layout.blob_path(descriptor)
                below = _reachable(layout, load_json(path.read_bytes(), str(path)))
                if below is None:
                    return None
                found |= below
        except (OSError, DepsfirstError):
            return None
    return found


def _discard(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
