"""The suites of a base, from the mirror or from what is remembered of it: signed releases and package indexes."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from depsfirst.dataclass import dataclass
from depsfirst.debian.index import FORMAT, KIND, keep_index
from depsfirst.debian.release import check_release, index_files, parse_release
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Document, NotFoundError, RefusedError, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.debian.model import Archive, Mirror, Tools
    from depsfirst.debian.release import IndexFile, Release
    from depsfirst.debian.signature import Keyring

_TOPIC = "debian-releases"
_WITHOUT_UPDATES = frozenset({"sid", "experimental"})


@dataclass(frozen=True, slots=True)
class Suites:
    """What a mirror has for one architecture.

    Attributes:
        codename: of the main suite.
        databases: the package indexes in the store, each with the archive it is of.
        notes: what could not be had.
    """

    codename: str
    databases: tuple[tuple[Path, Archive], ...]
    notes: tuple[str, ...]


class Archives:
    """The archives of a mirror, asked for suites.

    Args:
        mirror: where they are.
        keyring: of the certificates that releases are signed with.
        tools: the store keeps releases and indexes.
    """

    def __init__(self, mirror: Mirror, keyring: Keyring, tools: Tools) -> None:
        self._mirror, self._keyring = mirror, keyring
        self._store, self._fetcher, self._progress = tools.store, tools.fetcher, tools.progress

    def suites(self, suite: str, architecture: str) -> Suites:
        """The main suite, its security updates and its updates.

        Raises:
            UnreachableError: the mirror does not answer.
            DepsfirstError: it has no such suite or architecture, or what it has is not signed or has expired.
        """
        notes: list[str] = []
        main = self._main(suite)
        found: list[tuple[Release, Archive]] = [(main, "main")]
        if main.codename not in _WITHOUT_UPDATES:
            found += self._updates(main.codename, notes)
        databases = tuple(
            (self._database(release, file, archive), archive)
            for release, archive in found
            for file in index_files(release, architecture)
        )
        return Suites(main.codename, databases, tuple(notes))

    def _main(self, suite: str) -> Release:
        try:
            return self._release("main", suite)
        except NotFoundError as error:
            raise DepsfirstError(
                f'the mirror has no suite "{suite}": {error.message}',
                where=self._mirror.origin,
                hint="a suite is named by its code name, as trixie or bookworm",
            ) from error

    def _updates(self, codename: str, notes: list[str]) -> list[tuple[Release, Archive]]:
        found: list[tuple[Release, Archive]] = []
        places: tuple[tuple[Archive, str], ...] = (
            ("security", f"{codename}-security"),
            ("main", f"{codename}-updates"),
        )
        for archive, suite in places:
            if self._url(archive) is None:
                notes.append(f'"{suite}" is left out: no archive of security updates is known')
                continue
            try:
                found.append((self._release(archive, suite), archive))
            except (NotFoundError, RefusedError) as error:  # some servers refuse what they do not have
                notes.append(f'"{suite}" is left out: {error.message}')
        return found

    def _release(self, archive: Archive, suite: str) -> Release:
        """The newest release of a suite that this mirror has had."""
        url = f"{self._url(archive)}/dists/{suite}/InRelease"
        key = hashlib.sha256(f"{shown(url)} {self._keyring.digest}".encode()).hexdigest()
        known = _document(self._store.recall(_TOPIC, key))
        document = self._fetcher.get(url, known=known)
        release = self._parsed(document, shown(url))
        if known is not None and document is not known:
            before = self._parsed(known, shown(url))
            if before.date > release.date:  # an old release, replayed or from a mirror that lags behind
                document, release = known, before
        check_release(release, suite, expires=self._mirror.check_valid_until)
        if document is not known:
            self._store.remember(_TOPIC, key, _fact(document))
        return release

    def _parsed(self, document: Document, where: str) -> Release:
        return parse_release(self._keyring.verify(document.content, where), where)

    def _database(self, release: Release, file: IndexFile, archive: Archive) -> Path:
        key = hashlib.sha256(f"{FORMAT} {file.sha256}".encode()).hexdigest()
        found = self._store.find(KIND, key)
        if found is not None:
            return found
        where = f"{release.where.rpartition('/')[0]}/{file.path}"
        folder = f"{self._url(archive)}/dists/{release.where.split('/')[-2]}"
        with self._store.scratch_file() as scratch:
            with self._progress.task(f"index of {release.codename}", file.size, "bytes") as advance:
                self._download(folder, release, file, scratch, advance)
            scratch.seek(0)
            return keep_index(scratch, PurePosixPath(file.path).suffix, key, self._store, where)

    def _download(
        self, folder: str, release: Release, file: IndexFile, target: IO[bytes], advance: Callable[[int], None]
    ) -> None:
        """Fetch an index by its hash, else by its name, since partial mirrors leave the hashes out."""
        places = dict.fromkeys((release.place(file), file.path))
        for place in places:
            try:
                self._fetcher.download(
                    f"{folder}/{place}", target, sha256=file.sha256, size=file.size, received=advance
                )
            except NotFoundError:
                if place == file.path:
                    raise
            else:
                return

    def _url(self, archive: Archive) -> str | None:
        return self._mirror.main if archive == "main" else self._mirror.security


def _fact(document: Document) -> dict[str, str | None]:
    content = document.content.decode("latin-1")
    return {"content": content, "url": document.url, "etag": document.etag, "modified": document.modified}


def _document(fact: Any) -> Document | None:
    if not isinstance(fact, dict):
        return None
    return Document(fact["content"].encode("latin-1"), fact["url"], fact["etag"], fact["modified"])
