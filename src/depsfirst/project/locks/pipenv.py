"""Pipfile.lock, of pipfile-spec 6."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Dependency, Index, Lock, LockedFile, LockedPackage, Source, normalize
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("Pipfile.lock",)
COMMAND = "pipenv lock"
MANIFEST = "Pipfile"

_HINT = f"run `{COMMAND}`"
_SPEC = 6
_SECTIONS = {"default": MAIN, "develop": "dev"}
_NO_CATEGORIES = frozenset({"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv"})
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_EXACT = re.compile(r"===?\s*(?P<version>[^\s,*]+)")


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def requires_python(table: Table) -> str | None:
    """The Python of a table that has ``requires`` (a Pipfile, or the head of its lock), as a specifier."""
    requires = table.table("requires")
    full, short = requires.maybe_text("python_full_version"), requires.maybe_text("python_version")
    text = full or short
    if text is None or text == "*":
        return None
    specifier = f"=={text}" if full else f"=={text}.*"
    return _admitted(specifier, requires, "python_full_version" if full else "python_version")


def _admitted(specifier: str, table: Table, key: str) -> str:
    from depsfirst.project.markers import admits

    try:
        admits(specifier, "3.12")
    except DepsfirstError as error:
        raise table.error(key, error.message) from None
    return specifier


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if it fits the Pipfile that stands beside it.

    Raises:
        DepsfirstError: it is broken, of a version not known, or made for another Pipfile.
    """
    table = Table(_parse(lock.text, lock.name), lock.name)
    meta = table.table("_meta")
    spec = meta.get("pipfile-spec", int)
    if spec != _SPEC:
        raise meta.error("pipfile-spec", f'pipfile-spec "{spec}" is not known, only {_SPEC}', _HINT)
    if MANIFEST in lock.included:
        _check_fit(meta, Table(parse(lock.included[MANIFEST], MANIFEST), MANIFEST))
    reader = _Reader(table)
    roots = reader.roots()
    return Lock(
        "pipenv",
        lock.name,
        normalize(project.name),
        tuple(reader.packages),
        roots,
        requires_python=requires_python(meta),
        indexes=tuple(Index(each.text("url")) for each in meta.tables("sources")),
    )


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except RecursionError:
        raise DepsfirstError("the values are nested too deep", where=name) from None
    except json.JSONDecodeError as error:
        raise DepsfirstError(
            f"this is no JSON: {error.msg}", where=f"{name}:{error.lineno}:{error.colno}", hint=_HINT
        ) from None
    except ValueError as error:  # a number with too many digits
        raise DepsfirstError(f"this is no JSON: {error}", where=name, hint=_HINT) from None
    if not isinstance(values, dict):
        raise DepsfirstError("this must be a table", where=name, hint=_HINT)
    return values


def _check_fit(meta: Table, pipfile: Table) -> None:
    locked = meta.table("hash").text("sha256")
    if locked not in content_hashes(pipfile.values):
        raise meta.table("hash").error("sha256", "the lock does not fit the Pipfile, which has changed since", _HINT)


def content_hashes(pipfile: Mapping[str, Any]) -> Iterator[str]:
    """The hashes by which pipenv knows whether a lock fits: that of older versions, and that of today."""
    sources = pipfile["source"] if "source" in pipfile else _default_sources()
    categories = {name: each for name, each in pipfile.items() if name not in _NO_CATEGORIES}
    sections = {"default": pipfile.get("packages", {}), "develop": pipfile.get("dev-packages", {})}
    meta = {"_meta": {"sources": sources, "requires": pipfile.get("requires", {})}}
    for normalized in (False, True):
        found = {**sections, **{name: each for name, each in categories.items() if name not in sections}}
        if normalized:
            found = {name: _normalized(each) for name, each in found.items()}
        text = json.dumps({**meta, **found}, sort_keys=True, separators=(",", ":"), default=str)
        yield hashlib.sha256(text.encode()).hexdigest()


def _normalized(section: Any) -> Any:
    return {normalize(name): each for name, each in section.items()} if isinstance(section, dict) else section


def _default_sources() -> list[dict[str, Any]]:
    """What pipenv puts into a Pipfile that names no source."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return [{"name": "pypi", "url": PYPI_SIMPLE_ENDPOINT.rstrip("/"), "verify_ssl": True}]


class _Reader:
    """The packages of a lock, and what each category asks for.

    Where categories lock different versions of a package, the default one's counts, as pipenv has it.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._sources = [(each.maybe_text("name"), each.text("url")) for each in table.table("_meta").tables("sources")]
        self.packages: list[LockedPackage] = []
        self._places: dict[tuple[Any, ...], int] = {}
        self._default: dict[str, int] = {}

    def roots(self) -> dict[str, tuple[Dependency, ...]]:
        names = [name for name in self._table.values if name not in {"_meta", "default"}]
        roots = {MAIN: tuple(self._edges("default"))}
        self._default = {edge.name: edge.candidates[0] for edge in roots[MAIN]}
        for name in names:
            known = _SECTIONS.get(name, normalize(name))
            group = known if known not in roots else name
            roots[group] = tuple(self._edges(name))
        return roots

    def _edges(self, category: str) -> Iterator[Dependency]:
        section = self._table.table(category)
        for key in section.values:
            entry = section.table(key) if not isinstance(section.values[key], str) else _of_text(section, key)
            place = self._place(_package(entry, key, self._location(entry)))
            package = self.packages[place]
            first = self._default.get(package.name, place)
            candidates = (place,) if first == place else (place, first)
            yield Dependency(package.name, candidates, marker=_marker(entry))

    def _place(self, package: LockedPackage) -> int:
        key = (package.name, package.version, package.source, package.hashes)
        if key not in self._places:
            self._places[key] = len(self.packages)
            self.packages.append(package)
        return self._places[key]

    def _location(self, entry: Table) -> str | None:
        """URL of the index of an entry: the one it names, else the first source."""
        name = entry.maybe_text("index")
        if name is None:
            return self._sources[0][1] if self._sources else None
        found = [url for known, url in self._sources if name in {known, url}]
        if not found:
            raise entry.error("index", f'there is no source "{name}"', _HINT)
        return found[0]


def _of_text(section: Table, key: str) -> Table:
    """An entry that is a version only."""
    return Table({"version": f"=={section.text(key)}"}, section.place(key))


def _package(entry: Table, key: str, index: str | None) -> LockedPackage:
    name = _name(entry, key)
    for kind in ("hg", "svn", "bzr"):
        if kind in entry:
            raise entry.error(kind, f'"{kind}" repositories are not read', "depend on a release or a git commit")
    if "git" in entry:
        return LockedPackage(name, None, Source("git", _commit_url(entry)), where=entry.where)
    hashes = _hashes(entry)
    for place in ("file", "path", "url"):
        if place in entry:
            return _placed(name, entry, place, hashes)
    return LockedPackage(name, _version(entry), Source("index", index), hashes=hashes, where=entry.where)


def _name(entry: Table, key: str) -> str:
    from depsfirst.project.locked import name_of

    return name_of(Table({"name": key}, entry.where))


def _version(entry: Table) -> str | None:
    """The version; None for what pipenv could not lock where it ran, because its marker does not hold there."""
    from depsfirst.project.locked import canonical_version

    text = entry.maybe_text("version") or "*"
    if text == "*":
        return None
    found = _EXACT.fullmatch(text.strip())
    if found is None:
        raise entry.error("version", f'"{text}" is not pinned', _HINT)
    try:
        return canonical_version(found["version"])
    except ValueError as error:
        raise entry.error("version", str(error), _HINT) from None


def _hashes(entry: Table) -> frozenset[str]:
    from depsfirst.project.locked import sha256_of

    texts = entry.texts("hashes")
    known = [index for index, text in enumerate(texts) if text.startswith("sha256:")]
    if texts and not known:
        raise entry.error("hashes", "no hash is a sha256", "lock against an index that gives sha256 hashes")
    table = Table({f"hashes[{index}]": texts[index] for index in known}, entry.where)
    return frozenset(sha256_of(table, key) or "" for key in table.values)


def _commit_url(entry: Table) -> str:
    from depsfirst.project.locked import is_commit

    commit = entry.text("ref")
    if not is_commit(commit):
        raise entry.error("ref", f'"{commit}" is no commit', _HINT)
    url = entry.text("git").removeprefix("git+").partition("#")[0].removesuffix(f"@{commit}")
    subdirectory = entry.maybe_text("subdirectory")
    return f"git+{url}@{commit.lower()}" + (f"#subdirectory={subdirectory}" if subdirectory else "")


def _placed(name: str, entry: Table, key: str, hashes: frozenset[str]) -> LockedPackage:
    """A package that is a file, a directory, or an archive at a URL."""
    from posixpath import normpath

    from depsfirst.project.locked import file_name_of

    place, editable = entry.text(key), bool(entry.get("editable", bool))
    if "://" in place and not place.startswith("file:"):
        url = place.partition("#")[0]
        source = Source("url", url)
    else:
        url = normpath(re.sub("^file:(?://(?:localhost)?)?", "", place.partition("#")[0]))
        if not url.endswith(_ARCHIVES):
            source = Source("project" if url == "." else "directory", url, editable)
            return LockedPackage(name, None, source, where=entry.where)
        source = Source("file", url)
    if len(hashes) > 1:
        raise entry.error("hashes", f'"{place}" has several hashes', "leave the right one")
    file_name = file_name_of(Table({"url": url}, entry.where), "url")
    files = (LockedFile(file_name, next(iter(hashes), None), url),)
    return LockedPackage(name, None, source, files, where=entry.where)


def _marker(entry: Table) -> str | None:
    from depsfirst.project.locked import marker_of
    from depsfirst.project.markers import all_of

    return all_of(*(marker_of(entry, key) for key in ("os_markers", "markers")))
