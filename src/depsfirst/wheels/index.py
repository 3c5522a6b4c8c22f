"""Asks a package index where a file of the lock can be downloaded (PEP 503 and PEP 691)."""

from __future__ import annotations

import os
from configparser import ConfigParser, Error
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import LockedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def default_index(chosen: str | None, store: ContentStore) -> str:
    """The simple URL of the index: ``chosen``, else the user's uv or pip settings, else the public one."""
    return chosen or _from_environment() or _from_pip() or _public(store)


def _from_environment() -> str | None:
    return next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)


def _from_pip() -> str | None:
    home = Path.home()
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config_home / "pip/pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(files)
    except (Error, UnicodeDecodeError) as error:
        raise DepsfirstError(f"pip's settings cannot be read: {error}", hint="mend the file") from error
    return parser.get("global", "index-url", fallback=None)


def _public(store: ContentStore) -> str:
    known = store.recall("index", "public")
    if isinstance(known, str):
        return known
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    store.remember("index", "public", PYPI_SIMPLE_ENDPOINT)
    return str(PYPI_SIMPLE_ENDPOINT)


def index_files(index: str, name: str, fetcher: Fetcher, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    """Files that an index lists for a project, those that were yanked included.

    Args:
        index: simple URL of the index.
        name: normalized name of the project.
        fetcher: does the request.
        wanted: by file name; a page lists thousands, and most callers want one.
    """
    try:
        url = urljoin(index.rstrip("/") + "/", f"{name}/")
    except ValueError as error:
        raise DepsfirstError(f"the URL of the package index cannot be read: {error}", hint="see --index") from error
    page = fetcher.get(url, headers={"Accept": _ACCEPT}).content
    return _from_json(page, url, wanted) if page.lstrip()[:1] == b"{" else _from_html(page, url, name, wanted)


def _from_json(page: bytes, url: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    from json import loads

    try:
        return tuple(
            LockedFile(
                name=file["filename"],
                sha256=file.get("hashes", {}).get("sha256"),
                url=urljoin(url, file["url"]),
                size=file.get("size"),
            )
            for file in loads(page)["files"]
            if wanted(file["filename"])
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DepsfirstError(f"the index answered with a page that cannot be read: {error!r}", where=url) from error


def _from_html(page: bytes, url: str, name: str, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
    from pypi_simple import ProjectPage  # only for an index without JSON

    found = ProjectPage.from_html(name, page.decode("utf-8", "replace"), base_url=url)
    return tuple(
        LockedFile(package.filename, package.digests.get("sha256"), urldefrag(package.url).url)
        for package in found.packages
        if wanted(package.filename)
    )
