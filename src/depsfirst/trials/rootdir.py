"""Unpacks layers into a directory, as an engine would, without ever leaving it."""

# Ten thousand entries: their paths stay strings.
# ruff: noqa: PTH101, PTH102, PTH108, PTH112, PTH113, PTH114, PTH115, PTH123, PTH211

from __future__ import annotations

import os
import posixpath
import re
import shutil
import tarfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from depsfirst.bases.rootfs import OPAQUE, WHITEOUT, normal
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BUFFER = 1 << 16
_COPIED = 1 << 20
_MOST_LINKS = 40
_SPARE = re.compile(r"/usr/share/(?:doc|info|man)/.+")
_SPARE_FOR_IMPORT = re.compile(
    r"/usr/(?:include|share/(?:doc|i18n|info|locale|man|perl\S*|terminfo))/.+"
    r"|/var/(?:cache|lib/apt|lib/dpkg)/.+"
    r"|.+/(?:docs?|examples?|idlelib|tests?|turtledemo)/.+"
    r"|.+\.(?:a|c|cc|cmake|cpp|f|f90|h|hh|hpp|map|md|pxd|pyi|pyx|rst)"
)


class RootDir:
    """A directory that becomes the root of an image.

    Devices and extended attributes are left out, and so is documentation. Only root gives files to other users.

    Args:
        top: an empty directory.
        lean: whether to leave out more: what an import hardly ever reads, as tests and headers.
    """

    def __init__(self, top: Path, *, lean: bool = False) -> None:
        self.top = top
        self._top = str(top)
        self._spare = _SPARE_FOR_IMPORT if lean else _SPARE
        self._owned = os.geteuid() == 0
        self._real: dict[str, str] = {}  # folders of the image -> folders on disk, links followed

    def add(self, layers: Iterable[IO[bytes]]) -> None:
        """Unpack uncompressed layers, lowest first; they are closed.

        Raises:
            DepsfirstError: one cannot be read.
            OSError: the directory cannot be written.
        """
        for layer in layers:
            with layer:
                self._add(layer)

    def path(self, path: str) -> str | None:
        """Where a path of the image is on disk, links followed inside it; None if it is not there."""
        done, todo, links = "/", [part for part in path.split("/") if part], 0
        while todo:
            step = posixpath.normpath(posixpath.join(done, todo.pop(0)))
            try:
                text = os.readlink(self._top + step)
            except FileNotFoundError:
                return None
            except OSError:  # no link
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            todo = [part for part in text.split("/") if part] + todo
            done = "/" if text.startswith("/") else done
        return self._top + done

    def text(self, path: str) -> str:
        """The text of a file of the image; empty if there is none."""
        real = self.path(path)
        if real is None or not os.path.isfile(real):
            return ""
        with open(real, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _add(self, layer: IO[bytes]) -> None:
        try:
            with tarfile.open(fileobj=layer, mode="r|", bufsize=_BUFFER) as tar:
                self._read(tar)
        except (tarfile.TarError, EOFError) as error:
            raise DepsfirstError(f"a layer cannot be read: {error}") from error

    def _read(self, tar: tarfile.TarFile) -> None:
        made: set[str] = set()
        for entry in tar:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps every entry in memory
            path = normal(entry.name)
            folder, name = posixpath.split(path)
            if not name or self._spare.fullmatch(path):
                continue
            above = self._folder(folder)
            if name == OPAQUE:
                self._clear(above, made)
            elif name.startswith(WHITEOUT):
                self._hide(posixpath.join(above, name[len(WHITEOUT) :]), made)
            else:
                place = posixpath.join(above, name)
                self._place(entry, tar, place)
                made.add(place)

    def _folder(self, folder: str) -> str:
        """The folder on disk of a folder of the image, made if it is missing."""
        known = self._real.get(folder)
        if known is None:
            found = self.path(folder)
            if found is None or not os.path.isdir(found):
                above = self._folder(posixpath.dirname(folder))
                found = posixpath.join(above, posixpath.basename(folder))
                _discard(found)
                os.mkdir(found)
                os.chmod(found, 0o755)  # noqa: S103 (whatever the umask, other users can enter)
            known = self._real[folder] = found
        return known

    def _place(self, entry: tarfile.TarInfo, tar: tarfile.TarFile, place: str) -> None:
        if entry.isdir():
            self._make_folder(entry, place)
            return
        if os.path.lexists(place):
            self._forget(place)
        if entry.issym():
            os.symlink(entry.linkname, place)
        elif entry.islnk():
            target = self.path(normal(entry.linkname))
            if target:
                os.link(target, place, follow_symlinks=False)
            return
        elif entry.isreg():
            self._write(entry, tar, place)
        else:
            return
        if self._owned:
            os.lchown(place, entry.uid, entry.gid)

    def _make_folder(self, entry: tarfile.TarInfo, place: str) -> None:
        if os.path.islink(place) or not os.path.isdir(place):
            if os.path.lexists(place):
                self._forget(place)
            os.mkdir(place)
        if self._owned:
            os.chown(place, entry.uid, entry.gid)
        os.chmod(place, entry.mode & 0o7777 | (0 if self._owned else 0o700))

    def _write(self, entry: tarfile.TarInfo, tar: tarfile.TarFile, place: str) -> None:
        content = tar.extractfile(entry)
        descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            while content and (data := content.read(_COPIED)):
                file.write(data)
            os.fchmod(descriptor, entry.mode & 0o777)
            os.utime(descriptor, (entry.mtime, entry.mtime))  # else Python would not believe its own .pyc files

    def _hide(self, place: str, made: set[str]) -> None:
        if place not in made and os.path.lexists(place):
            self._forget(place)

    def _clear(self, folder: str, made: set[str]) -> None:
        """Remove what lower layers put into a folder, and below it."""
        for name in os.listdir(folder):
            place = posixpath.join(folder, name)
            if (
                os.path.isdir(place)
                and not os.path.islink(place)
                and any(each.startswith(f"{place}/") for each in made)
            ):
                self._clear(place, made)
            else:
                self._hide(place, made)

    def _forget(self, place: str) -> None:
        _discard(place)
        self._real.clear()


def _discard(place: str) -> None:
    if os.path.isdir(place) and not os.path.islink(place):
        shutil.rmtree(place)
    else:
        with suppress(FileNotFoundError):
            os.unlink(place)
