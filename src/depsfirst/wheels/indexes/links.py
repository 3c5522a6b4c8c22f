"""Files that stand in a directory or on a page of links, as ``--find-links`` names them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from depsfirst.errors import DepsfirstError
from depsfirst.fetch import shown
from depsfirst.project.model import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depsfirst.fetch import Fetcher

_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")


def linked_files(place: str, fetcher: Fetcher, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    """The files of a place, sorted by name for a directory, in order for a page.

    Args:
        place: a directory or archive (an absolute path, or a ``file:`` URL), or the URL of a page or archive.
        fetcher: does the requests.
        wanted: by file name; only these are looked into.

    Raises:
        DepsfirstError: it is not there, or cannot be read.
    """
    path = local_path(place)
    if path is None:
        return _of_page(place, fetcher, wanted)
    if path.is_dir():
        return _of_directory(path, wanted)
    if not path.is_file():
        raise DepsfirstError(f'"{path}", which is to be looked for files in, is not there', hint="see --find-links")
    if path.name.endswith(_ARCHIVES):
        return _listed([path], wanted)
    return _of_text(path.read_text("utf-8", "replace"), path.as_uri(), wanted)


def local_path(place: str) -> Path | None:
    """The path of a place on this machine; None for a URL of another."""
    if place.startswith("file:"):
        return Path(unquote(urlsplit(place).path))
    return None if "://" in place else Path(place)


def _of_directory(folder: Path, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    try:
        return _listed(sorted(folder.iterdir()), wanted)
    except OSError as error:
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(folder)) from None


def _listed(paths: Iterable[Path], wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    archives = (path for path in paths if path.name.endswith(_ARCHIVES) and wanted(path.name))
    return tuple(LockedFile(path.name, _sha256(path), path.as_uri()) for path in archives if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_page(url: str, fetcher: Fetcher, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    name = _file_name(url)
    if name.endswith(_ARCHIVES):
        return (_link(url, name),) if wanted(name) else ()
    document = fetcher.get(url, headers={"Accept": "text/html"})
    return _of_text(document.content.decode("utf-8", "replace"), document.url, wanted)


def _of_text(html: str, url: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    from html.parser import HTMLParser

    found: list[str] = []
    base = url

    class Anchors(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            nonlocal base
            href = dict(attributes).get("href")
            if href and tag == "base":
                base = urljoin(url, href)
            elif href and tag == "a":
                found.append(href)

    Anchors().feed(html)
    try:
        links = [urljoin(base, href.strip()) for href in found]
    except ValueError as error:
        raise DepsfirstError(f"a link of this page is none: {error}", where=shown(url)) from None
    named = [(link, _file_name(link)) for link in links]
    return tuple(_link(link, name) for link, name in named if name.endswith(_ARCHIVES) and wanted(name))


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _link(url: str, name: str) -> LockedFile:
    plain, fragment = urldefrag(url)
    algorithm, _, digest = fragment.partition("=")
    return LockedFile(name, digest.lower() if algorithm == "sha256" else None, plain)
