"""What a manifest requires, as values that can be compared with what a lock says it was made from.

Requirements are compared by what they mean: in each environment in which their markers can differ, the same
extras, versions and sources must be asked for. Spelling, order and the form of markers do not count.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_version

from depsfirst.errors import DepsfirstError
from depsfirst.project.locked import marker_of, url_of
from depsfirst.project.markers import samples
from depsfirst.project.model import normalize
from depsfirst.project.toml import Table
from depsfirst.project.uv_markers import in_pep_508
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.project.markers import Evaluator

    _Meaning = tuple[frozenset[str], str, str]
    """Extras, specifier and source of a requirement that holds."""

ANY = "*"
"""A source of which the manifest alone does not say what it is; it equals every other (of its kind)."""

_DEFAULT = "index"


class Requirement(NamedTuple):
    """One requirement.

    Attributes:
        name: normalized.
        extras: normalized.
        specifier: the versions, in one form; empty where the source decides.
        marker: when it holds; None is always.
        unless: markers that switch it off.
        source: a kind and what it names, as ``url:https://…``; ``index`` where nothing is said.
    """

    name: str
    extras: frozenset[str] = frozenset()
    specifier: str = ""
    marker: str | None = None
    unless: tuple[str, ...] = ()
    source: str = _DEFAULT


def parse_requirement(text: str, where: str) -> PackagingRequirement:
    """The requirement of a text (PEP 508).

    Raises:
        DepsfirstError: it is none.
    """
    try:
        return PackagingRequirement(text)
    except (ValueError, RecursionError) as error:
        message = str(error).partition("\n")[0]
        hint = "write it as `name==1.2`, with a version of PEP 440, or as `name @ URL`"
        raise DepsfirstError(f'"{text}" is no requirement: {message}', where=where, hint=hint) from None


def canonical_specifier(text: str, where: str) -> str:
    """A version specifier in one form.

    Raises:
        DepsfirstError: it is none.
    """
    try:
        specifiers = SpecifierSet(text)
    except ValueError:
        raise DepsfirstError(f'"{text}" is no version specifier', where=where) from None
    return ",".join(
        sorted(
            each.operator + canonicalize_version(each.version, strip_trailing_zero=each.operator != "~=")
            for each in specifiers
        )
    )


class Manifest:
    """Reads the requirements of a pyproject.toml as uv does, ``[tool.uv.sources]`` included.

    Args:
        pyproject: the manifest.
        directory: of the manifest, relative to that of the lock; ``.`` for the same one.
    """

    def __init__(self, pyproject: Mapping[str, Any], directory: str) -> None:
        self._table = Table(pyproject, "pyproject.toml")
        self._uv = self._table.table("tool").table("uv")
        self._directory = directory
        self._sources = {normalize(name): name for name in self._uv.table("sources").values}

    @property
    def dynamic(self) -> frozenset[str]:
        """The fields of ``[project]`` that the build backend fills in."""
        return frozenset(self._table.table("project").texts("dynamic"))

    def extras(self) -> frozenset[str]:
        """The names of ``[project.optional-dependencies]``."""
        optional = self._table.table("project").table("optional-dependencies")
        return frozenset(normalize(extra) for extra in optional.values)

    def dependencies(self) -> list[Requirement]:
        """Of ``[project]``, those of extras included, each under ``extra == "…"``."""
        project = self._table.table("project")
        found = self._lowered(project.texts("dependencies"), project.place("dependencies"))
        optional = project.table("optional-dependencies")
        for extra in optional.values:
            found += self._lowered(optional.texts(extra), optional.place(extra), extra=normalize(extra))
        return found

    def groups(self) -> dict[str, list[Requirement]]:
        """Of ``[dependency-groups]``, and of uv's older ``dev-dependencies``, by normalized name."""
        table = self._table.table("dependency-groups")
        found = {
            normalize(group): self._lowered(resolved_group(table, group), table.place(group), group=normalize(group))
            for group in table.values
        }
        legacy = self._uv.texts("dev-dependencies")
        if legacy:
            found.setdefault("dev", []).extend(self._lowered(legacy, self._uv.place("dev-dependencies"), group="dev"))
        return found

    def optional(self) -> dict[str, tuple[str, str]]:
        """What only extras and groups ask for, by normalized name: ``extra`` or ``group``, and which."""
        extras = self._table.table("project").table("optional-dependencies")
        named = [
            (normalize(parse_requirement(text, extras.place(extra)).name), ("extra", normalize(extra)))
            for extra in extras.values
            for text in extras.texts(extra)
        ]
        named += [(each.name, ("group", group)) for group, asked in self.groups().items() for each in asked]
        return dict(reversed(named))

    def settings(self, key: str) -> list[Requirement] | None:
        """Of a list in ``[tool.uv]``, as ``override-dependencies``; None if it has more than requirements."""
        values = self._uv.get(key, list) or []
        if not all(isinstance(value, str) for value in values):
            return None
        return self._lowered(values, self._uv.place(key))

    def _lowered(
        self, texts: Iterable[str], where: str, *, extra: str | None = None, group: str | None = None
    ) -> list[Requirement]:
        found: list[Requirement] = []
        for index, text in enumerate(texts):
            parsed = parse_requirement(text, f"{where}[{index}]")
            written = in_pep_508(str(parsed.marker)) if parsed.marker else None
            marker = _both(written, f'extra == "{extra}"' if extra else None)
            found += self._with_sources(parsed, marker, extra, group)
        return found

    def _with_sources(
        self, parsed: PackagingRequirement, marker: str | None, extra: str | None, group: str | None
    ) -> Iterator[Requirement]:
        name = normalize(parsed.name)
        extras = frozenset(normalize(each) for each in parsed.extras)
        specifier = canonical_specifier(str(parsed.specifier), name)
        elsewhere = []
        for source in self._sources_of(name, extra, group):
            switched = in_pep_508(marker_of(source, "marker"))
            elsewhere.append(switched)
            key = self._source_key(source)
            kept = specifier if key.startswith(_DEFAULT) else ""
            yield Requirement(name, extras, kept, _both(marker, switched), source=key)
        if None not in elsewhere:
            key = _direct(parsed.url) if parsed.url else self._unnamed(name)
            unless = tuple(each for each in elsewhere if each)
            yield Requirement(name, extras, specifier if key in {_DEFAULT, ANY} else "", marker, unless, key)

    def _sources_of(self, name: str, extra: str | None, group: str | None) -> list[Table]:
        if name not in self._sources:
            return []
        return [
            source
            for source in self._uv.table("sources").forms(self._sources[name])
            if _meant(source, "extra", extra) and _meant(source, "group", group)
        ]

    def _unnamed(self, name: str) -> str:
        """The source where the manifest names none: for a member of a workspace, its root may name one."""
        own = normalize(self._table.table("project").maybe_text("name") or "")
        return _DEFAULT if self._directory == "." or name == own else ANY

    def _source_key(self, source: Table) -> str:
        if "workspace" in source:
            return f"local:{ANY}"
        if "path" in source:
            return _local(posixpath.join(self._directory, source.text("path")))
        if "git" in source:
            refs = [f"{key}={source.text(key)}" for key in ("rev", "tag", "branch") if key in source]
            return _git(source.text("git"), "".join(refs), source.maybe_text("subdirectory"))
        if "url" in source:
            return _url(source.text("url"), source.maybe_text("subdirectory"))
        return f"{_DEFAULT}:{self._index_url(source.text('index'))}"

    def _index_url(self, name: str) -> str:
        """The URL of a named index; ``*`` for one of the user's settings."""
        indexes = self._uv.forms("index")
        found = [index.text("url") for index in indexes if index.maybe_text("name") == name]
        return _plain(found[0]) if found else ANY


def resolved_group(table: Table, group: str) -> tuple[str, ...]:
    """The requirements of one of ``[dependency-groups]``, those of included groups among them (PEP 735).

    Raises:
        DepsfirstError: it includes itself, or what is no group.
    """
    try:
        return resolve_dependency_groups(table.values, group)
    except ExceptionGroup as errors:
        message = str(errors.exceptions[0]).partition("\n")[0]
        raise table.error(group, message) from None


def _both(first: str | None, second: str | None) -> str | None:
    return f"({first}) and ({second})" if first and second else first or second


def _meant(source: Table, key: str, value: str | None) -> bool:
    only = source.maybe_text(key)
    return only is None or normalize(only) == value


def _direct(url: str) -> str:
    if url.startswith("git+"):
        plain, _, fragment = url.partition("#")
        before, at, reference = plain.rpartition("@")
        named = at and "/" not in reference
        subdirectory = dict(parse_qsl(fragment)).get("subdirectory")
        return _git(before if named else plain, f"rev={reference}" if named else "", subdirectory)
    if url.startswith("file:") or "://" not in url or "$" in url:
        return f"local:{ANY}"
    return _url(url, dict(parse_qsl(url.partition("#")[2])).get("subdirectory"))


def _local(path: str) -> str:
    return f"local:{ANY}" if path.startswith(("/", "file:")) else f"local:{posixpath.normpath(path)}"


def _git(url: str, reference: str, subdirectory: str | None) -> str:
    return f"git:{_plain(url.removeprefix('git+'))} {reference} {subdirectory or ''}"


def _url(url: str, subdirectory: str | None) -> str:
    return f"url:{_plain(url)} {subdirectory or ''}"


def _plain(url: str) -> str:
    """A URL without credentials, fragment and closing slash."""
    scheme, separator, rest = url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def from_lock(table: Table) -> Requirement:
    """A requirement as uv writes it into a lock.

    Raises:
        DepsfirstError: a name, specifier or marker is none.
    """
    return Requirement(
        name=normalize(table.text("name")),
        extras=frozenset(normalize(extra) for extra in table.texts("extras")),
        specifier=canonical_specifier(table.maybe_text("specifier") or "", table.place("specifier")),
        marker=in_pep_508(marker_of(table, "marker")),
        source=_locked_source(table),
    )


def _locked_source(table: Table) -> str:
    for key in ("editable", "directory", "virtual", "path"):
        if key in table:
            return _local(table.text(key))
    if "git" in table:
        url = url_of(table, "git")
        query = dict(parse_qsl(url.query))
        refs = [f"{key}={query[key]}" for key in ("rev", "tag", "branch") if key in query]
        return _git(url._replace(query="", fragment="").geturl(), "".join(refs), query.get("subdirectory"))
    if "url" in table:
        return _url(table.text("url"), table.maybe_text("subdirectory"))
    return f"{_DEFAULT}:{_plain(table.text('index'))}" if "index" in table else _DEFAULT


def first_difference(
    asked: Iterable[Requirement],
    locked: Iterable[Requirement],
    requires_python: str | None,
    project: str | None = None,
) -> str | None:
    """The first name, in order, for which two sets of requirements do not mean the same; None if all do.

    Args:
        asked: requirements of a manifest.
        locked: requirements of a lock.
        requires_python: the versions of Python for which they have to mean the same.
        project: name of the project whose extras these are: what it requires of itself stands for what its
            extras require.
    """
    ours, theirs = _Side(asked, project), _Side(locked, project)
    for name in sorted(ours.names | theirs.names):
        markers = [*ours.markers(name), *theirs.markers(name)]
        for evaluator, extras in samples(markers, requires_python):
            if not _same(ours.active(name, evaluator, extras), theirs.active(name, evaluator, extras)):
                return name
    return None


class _Side:
    """Requirements by name, and what they mean in an environment."""

    def __init__(self, requirements: Iterable[Requirement], project: str | None) -> None:
        self._by_name: dict[str, list[Requirement]] = {}
        for requirement in requirements:
            self._by_name.setdefault(requirement.name, []).append(requirement)
        self._own = self._by_name.pop(project, []) if project else []

    @property
    def names(self) -> set[str]:
        return set(self._by_name)

    def markers(self, name: str) -> Iterator[str | None]:
        for requirement in (*self._own, *self._by_name.get(name, ())):
            yield from (requirement.marker, *requirement.unless)

    def active(self, name: str, evaluator: Evaluator, extras: frozenset[str]) -> set[_Meaning]:
        wanted = self._with_own(evaluator, extras)
        return {
            (each.extras, each.specifier, each.source)
            for each in self._by_name.get(name, ())
            if _holds(each, evaluator, wanted)
        }

    def _with_own(self, evaluator: Evaluator, extras: frozenset[str]) -> frozenset[str]:
        for _ in self._own:
            extras = extras.union(*(own.extras for own in self._own if _holds(own, evaluator, extras)))
        return extras


def _holds(requirement: Requirement, evaluator: Evaluator, extras: frozenset[str]) -> bool:
    switched_off = any(evaluator.holds(marker, extras) for marker in requirement.unless)
    return not switched_off and evaluator.holds(requirement.marker, extras)


def _same(ours: set[_Meaning], theirs: set[_Meaning]) -> bool:
    return all(any(_equal(one, other) for other in theirs) for one in ours) and all(
        any(_equal(one, other) for one in ours) for other in theirs
    )


def _equal(ours: _Meaning, theirs: _Meaning) -> bool:
    extras, specifier, source = ours
    if extras != theirs[0]:
        return False
    if source == ANY:
        return specifier == theirs[1] or not theirs[2].startswith(_DEFAULT)
    return specifier == theirs[1] and _same_source(source, theirs[2])


def _same_source(ours: str, theirs: str) -> bool:
    kind, _, what = ours.partition(":")
    return ours == theirs or ((what == ANY or theirs == f"{kind}:{ANY}") and theirs.partition(":")[0] == kind)
