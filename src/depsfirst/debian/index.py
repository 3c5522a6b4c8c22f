"""Package indexes: read once as a stream, kept in the content store as small databases, asked by name."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from depsfirst.debian.compression import decompressed
from depsfirst.debian.model import Package
from depsfirst.debian.relations import parse_relations
from depsfirst.debian.version import version_key
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import IO

    from depsfirst.content import ContentStore
    from depsfirst.debian.model import Archive

KIND = "debian-indexes"
FORMAT = 1
"""Raise it when the databases change: then every index is read anew."""

_FIELDS = "Package Version Filename Size SHA256 Priority Depends Pre-Depends Provides Conflicts Breaks"
_FIELD = re.compile(rf"^({'|'.join(_FIELDS.split())}):[ \t]*(.*(?:\n[ \t].*)*)".encode(), re.MULTILINE)
_SCHEMA = """
pragma journal_mode = off;
pragma synchronous = off;
create table packages (name, version, path, size, sha256, priority, depends, provides, conflicts);
create table provides (name, provider);
"""
_LOOKUPS = """
create index packages_by_name on packages (name);
create index provides_by_name on provides (name);
"""
_ADD = "insert into packages values (?, ?, ?, ?, ?, ?, ?, ?, ?)"

_Row = tuple[str, str, str, int, str, str, str, str, str]


class Provider(NamedTuple):
    """A package that provides a name, and the version of the name it provides, if it says so."""

    package: Package
    version: str


def keep_index(source: IO[bytes], suffix: str, key: str, store: ContentStore, where: str) -> Path:
    """Read a package index and keep it in the store under ``key``.

    Args:
        source: the index, compressed as ``suffix`` says.
        suffix: ``.xz``, ``.zst``, ``.gz`` or nothing.
        key: of the database.
        store: where the database is kept.
        where: the URL of the index, for messages.

    Raises:
        DepsfirstError: the index cannot be read.
    """
    with store.scratch_file() as file:
        try:
            _write_database(file.name, _rows(source, suffix, where), where)
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error)) from error  # the store says what to do about what it cannot write
        return store.adopt(Path(file.name), KIND, key)


def _write_database(name: str, rows: Iterable[_Row], where: str) -> None:
    database = sqlite3.connect(name)
    try:
        database.executescript(_SCHEMA)
        database.executemany(_ADD, rows)
        providers = database.execute("select name, provides from packages where provides != ''").fetchall()
        database.executemany("insert into provides values (?, ?)", _provided(providers, where))
        database.executescript(_LOOKUPS)
        database.commit()
    finally:
        database.close()


def _provided(providers: Iterable[tuple[str, str]], where: str) -> Iterator[tuple[str, str]]:
    for name, text in providers:
        for alternatives in parse_relations(text, f"{where}: {name}: Provides"):
            yield alternatives[0].name, name


def _rows(source: IO[bytes], suffix: str, where: str) -> Iterator[_Row]:
    for number, paragraph in enumerate(_paragraphs(decompressed(source, suffix, where)), 1):
        fields = {
            name.decode(): " ".join(value.decode("utf-8", "replace").split())
            for name, value in _FIELD.findall(paragraph)
        }
        try:
            yield _row(fields)
        except (KeyError, ValueError) as error:
            raise DepsfirstError(f"no proper value for {error}", where=f"{where}: paragraph {number}") from error


def _row(fields: dict[str, str]) -> _Row:
    depends = ", ".join(filter(None, (fields.get("Pre-Depends"), fields.get("Depends"))))
    conflicts = ", ".join(filter(None, (fields.get("Conflicts"), fields.get("Breaks"))))
    return (
        fields["Package"],
        fields["Version"],
        fields["Filename"],
        int(fields["Size"]),
        fields["SHA256"].lower(),
        fields.get("Priority", "optional"),
        depends,
        fields.get("Provides", ""),
        conflicts,
    )


def _paragraphs(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        yield from (paragraph for paragraph in whole if paragraph.strip())
    if rest.strip():
        yield rest


class Indexes:
    """Several indexes, asked as one; a context manager that closes them.

    Args:
        databases: of each its path, and the archive it is of.
    """

    def __init__(self, databases: Sequence[tuple[Path, Archive]]) -> None:
        self._databases = [
            (sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True), archive)
            for path, archive in databases
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for database, _ in self._databases:
            database.close()

    def find(self, name: str) -> tuple[Package, ...]:
        """The packages of that name, the newest version first."""
        found = self._asked("select * from packages where name = ?", name)
        return tuple(sorted(found, key=lambda package: version_key(package.version), reverse=True))

    def providers(self, name: str) -> tuple[Provider, ...]:
        """The packages that provide that name, in their newest versions, sorted by name."""
        names = {provider for (provider,) in self._rows("select provider from provides where name = ?", name)}
        newest = (self.find(provider)[0] for provider in sorted(names))
        return tuple(
            Provider(package, relation.version)
            for package in newest
            for (relation, *_) in parse_relations(package.provides, f"{package.name}: Provides")
            if relation.name == name
        )

    def names(self) -> tuple[str, ...]:
        """All names of packages, sorted."""
        return tuple(sorted({name for (name,) in self._rows("select distinct name from packages")}))

    def _asked(self, query: str, *values: str) -> list[Package]:
        return [
            Package(name, version, archive, path, size, sha256, *rest)
            for database, archive in self._databases
            for name, version, path, size, sha256, *rest in database.execute(query, values)
        ]

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        for database, _ in self._databases:
            yield from database.execute(query, values)
