"""Asks a package index where a file of the lock can be downloaded (PEP 503 and PEP 691)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

from depsfirst.errors import DepsfirstError
from depsfirst.fetch import shown
from depsfirst.project.model import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_FIELDS_BEFORE, _LONGEST_ENTRY = 4, 1 << 15
"""How many objects may come in an entry before the name of its file, and how long it may be in bytes."""


def public_index(store: ContentStore) -> str:
    """The simple URL of the index that installers ask unless they are told otherwise."""
    known = store.recall("index", "public")
    if isinstance(known, str):
        return known
    found = _endpoint()
    store.remember("index", "public", found)
    return found


def _endpoint() -> str:
    """What pypi-simple says, read from its text: importing it takes a third of a second."""
    from importlib.util import find_spec

    spec = find_spec("pypi_simple")
    text = Path(spec.origin).read_text() if spec and spec.origin else ""
    said = re.search(r'^PYPI_SIMPLE_ENDPOINT(?:: str)? = "([^"]+)"$', text, re.MULTILINE)
    if said:
        return said[1]
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return str(PYPI_SIMPLE_ENDPOINT)


def index_file(index: str, name: str, filename: str, fetcher: Fetcher) -> LockedFile | None:
    """The file of that name as an index lists it for a project; None if it does not.

    Args:
        index: simple URL of the index.
        name: normalized name of the project.
        filename: of the file; a page lists thousands, and only the entry of this one is parsed where that can be done.
        fetcher: does the request.
    """
    page, url = _page(index, name, fetcher)
    entry = _entry(page, filename)
    if entry is not None:
        return _listed(entry, url)
    return next(iter(_files(page, url, name, filename.__eq__)), None)


def index_files(index: str, name: str, fetcher: Fetcher, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    """Files that an index lists for a project, those that were yanked included.

    Args:
        index: simple URL of the index.
        name: normalized name of the project.
        fetcher: does the request.
        wanted: by file name; a page lists thousands, and most callers want one.
    """
    page, url = _page(index, name, fetcher)
    return _files(page, url, name, wanted)


def _page(index: str, name: str, fetcher: Fetcher) -> tuple[bytes, str]:
    """A project's page, and the URL that it came from in the end, to which its links are relative."""
    try:
        url = urljoin(index.rstrip("/") + "/", f"{name}/")
    except ValueError as error:
        raise DepsfirstError(f"the URL of the package index cannot be read: {error}", hint="see --index") from error
    document = fetcher.get(url, headers={"Accept": _ACCEPT})
    return document.content, document.url


def _files(page: bytes, url: str, name: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    return _from_json(page, url, wanted) if _is_json(page) else _from_html(page, url, name, wanted)


def _is_json(page: bytes) -> bool:
    return page.lstrip()[:1] == b"{"


def _entry(page: bytes, filename: str) -> dict[str, Any] | None:
    """The object of a JSON page that names a file, without parsing the rest; None if it is not found so easily."""
    from json import JSONDecoder, dumps

    at = page.find(dumps(filename).encode()) if _is_json(page) else -1
    start = at
    for _ in range(_FIELDS_BEFORE if at >= 0 else 0):
        start = page.rfind(b"{", 0, start)
        if start < 0:
            break
        try:
            value, length = JSONDecoder().raw_decode(page[start : start + _LONGEST_ENTRY].decode(errors="replace"))
        except ValueError:
            continue
        if start + length > at and isinstance(value, dict) and value.get("filename") == filename:
            return value
    return None


def _from_json(page: bytes, url: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    from json import loads

    try:
        return tuple(_listed(file, url) for file in loads(page)["files"] if wanted(file["filename"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(error, url) from error


def _listed(file: dict[str, Any], url: str) -> LockedFile:
    try:
        return LockedFile(
            name=file["filename"],
            sha256=file.get("hashes", {}).get("sha256"),
            url=urljoin(url, file["url"]),
            size=file.get("size"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(error, url) from error


def _unreadable(error: Exception, url: str) -> DepsfirstError:
    return DepsfirstError(f"the index answered with a page that cannot be read: {error!r}", where=shown(url))


def _from_html(page: bytes, url: str, name: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    from pypi_simple import ProjectPage  # only for an index without JSON

    found = ProjectPage.from_html(name, page.decode("utf-8", "replace"), base_url=url)
    return tuple(
        LockedFile(package.filename, package.digests.get("sha256"), urldefrag(package.url).url)
        for package in found.packages
        if wanted(package.filename)
    )
