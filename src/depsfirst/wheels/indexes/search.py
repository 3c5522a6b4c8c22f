"""Where uv looks for what no lock ties to an index, as build backends are: in the project's indexes, then the user's.

The order is that of ``places``: extra indexes first, then the default one, and the public one last. uv takes a package
from the first index that has its name. Where pip's settings name further ones, it takes it from the first that has a
version that suits or, as pip does, from any of them if the project names no index.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import suppress
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Literal

from depsfirst.errors import DepsfirstError
from depsfirst.fetch.credentials import Realm, in_url, with_login
from depsfirst.project.model import UnlockedError, normalize
from depsfirst.project.workspace import find_member
from depsfirst.values import NamedTuple
from depsfirst.wheels.indexes.links import local_path
from depsfirst.wheels.indexes.pdm import pdm_indexes
from depsfirst.wheels.indexes.project import ProjectIndex, manifests, project_indexes, table_of
from depsfirst.wheels.indexes.realms import realms, with_variables
from depsfirst.wheels.indexes.simple import public_index
from depsfirst.wheels.indexes.user import NamedIndex, user_indexes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.project.model import Lock, Project

_WITH_INDEXES = frozenset({"Pipfile.lock", "pixi.lock"})
"""Locks of managers that say where packages are looked for in the lock itself, as requirements do."""
OF_OUR_PYTHON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS", "__PYVENV_LAUNCHER__"})
"""Variables that are meant for the interpreter that runs this program, and for no other."""
_UNWANTED = OF_OUR_PYTHON | frozenset(
    {
        *("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT"),
    }
)
_FROM_PIP = {"PIP_TRUSTED_HOST": "UV_INSECURE_HOST", "PIP_CERT": "SSL_CERT_FILE", "PIP_NO_INDEX": "UV_NO_INDEX"}

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")
_SOURCE_KEYS = frozenset({"git", "rev", "tag", "branch", "subdirectory", "url", "path", "index", "marker"})


class Bound(NamedTuple):
    """An index that something may be tied to: its name, URL, kind, and patterns of names that are."""

    name: str
    url: str
    kind: Literal["index", "find-links"] = "index"
    include: tuple[str, ...] = ()


class Search(NamedTuple):
    """Where uv looks; credentials may stand in the URLs.

    Attributes:
        default: the index in place of the public one; None is the one that the user's settings name.
        extra: indexes that are asked before it.
        links: pages and directories of links.
        no_index: whether only links are left.
        bound: indexes that something may be tied to.
        sources: where single packages come from, by name, in the words of uv's table ``sources``.
    """

    default: str | None = None
    extra: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    no_index: bool = False
    bound: tuple[Bound, ...] = ()
    sources: Mapping[str, list[dict[str, Any]]] = {}

    @property
    def facts(self) -> list[Any]:
        """What tells two of them apart, as JSON and without credentials: other indexes may have other packages."""
        bound = [each._replace(url=_plain(each.url)) for each in self.bound]
        default = self.default and _plain(self.default)
        return [default, [_plain(url) for url in self.extra], self.links, self.no_index, bound, dict(self.sources)]

    def tied(self, requires: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """The sources of those of these requirements that have some, by name."""
        found = {}
        for name in names_in(requires):
            bound = [{"index": each.name} for each in self.bound if any(fnmatch(name, one) for one in each.include)]
            if sources := self.sources.get(name, bound[:1]):
                found[name] = sources
        return found

    def manifest(self, requires: Iterable[str]) -> str:
        """A pyproject.toml by which uv installs requirements from their sources; no credentials stand in it."""
        tied = self.tied(requires)
        named = {source.get("index") for sources in tied.values() for source in sources}
        lines = ["[project]", 'name = "build"', 'version = "0"', f"dependencies = {json.dumps(list(requires))}"]
        lines += ["[tool.uv.sources]", *(f"{name} = [{', '.join(map(_inline, each))}]" for name, each in tied.items())]
        for each in (each for each in self.bound if each.name in named):
            more = {"format": "flat"} if each.kind == "find-links" else {}
            index = {"name": each.name, "url": _plain(each.url), "explicit": True, **more}
            lines += ["[[tool.uv.index]]", *(f"{key} = {json.dumps(value)}" for key, value in index.items())]
        return "\n".join(lines) + "\n"

    def variables(self) -> dict[str, str]:
        """The environment for uv: the user's variables, pip's settings under uv's names, and what is told here.

        It goes into the environment, since others can see the words of a command, and passwords may stand in it.
        """
        found = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        user = user_indexes()
        default = self.default or _default(user.default, found)
        if default:
            found["UV_DEFAULT_INDEX"] = default
        for pip, uv in _FROM_PIP.items():
            if found.get(pip):
                found.setdefault(uv, found[pip])
        of_pip = [each.url for each in user.extra if each.manager == "pip"]
        if of_pip:  # pip takes them all for equal, which is no way to treat a private index of the project
            found.setdefault("UV_INDEX_STRATEGY", f"unsafe-{'first' if self.extra or self.bound else 'best'}-match")
        _put(found, "UV_INDEX", " ", [*self.extra, *found.get("UV_INDEX", "").split(), *of_pip])
        _put(found, "UV_FIND_LINKS", ",", [*self.links, *user.links])
        for each in self.bound:
            found |= _login(each)
        return {**found, **({"UV_NO_INDEX": "1"} if self.no_index else {}), "NO_COLOR": "1"}


def names_in(requires: Iterable[str]) -> list[str]:
    """The names of the packages that requirements name, normalized and sorted."""
    return sorted({normalize(found[0]) for each in requires if (found := _NAME.match(each.strip()))})


def _default(index: NamedIndex | None, variables: Mapping[str, str]) -> str | None:
    """The default index of the user's, if uv would not find it by itself."""
    own = any(variables.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"))
    return index.url if index is not None and index.manager == "pip" and not own else None


def _put(variables: dict[str, str], name: str, between: str, values: Iterable[str]) -> None:
    text = between.join(dict.fromkeys(values))
    if text:
        variables[name] = text


def _login(bound: Bound) -> dict[str, str]:
    """The variables by which uv knows the credentials of an index that is named in a file."""
    realm = in_url(bound.url) if "://" in bound.url else Realm(bound.url)
    start = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', bound.name.upper())}"
    pairs = {f"{start}_USERNAME": realm.name, f"{start}_PASSWORD": realm.password}
    return {variable: value for variable, value in pairs.items() if value is not None}


def _inline(values: Mapping[str, Any]) -> str:
    """A TOML table on one line."""
    return "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + "}"


def _plain(url: str) -> str:
    return in_url(url).url.rstrip("/") if "://" in url else url


def search_of(
    project: Project,
    store: ContentStore,
    chosen: str | None = None,
    *,
    lock: Lock | None = None,
    by_uv: bool = False,
) -> Search:
    """Where what a project's lock does not tie to an index is looked for.

    Args:
        project: names indexes.
        store: remembers the public index.
        chosen: simple URL of the index that the order names in place of the public one.
        lock: the project's lock; None reads it where it may name indexes.
        by_uv: whether uv reads its own settings of the project and the requirements by itself.

    Raises:
        DepsfirstError: settings are broken.
    """
    # those are for the project itself, as uv has it, and not for what packages are built with
    sources = _sources(project) if lock is None and not by_uv else {}
    known = None if by_uv else lock or _lock(project)
    named = [*project_indexes(project), *pdm_indexes(project), *_of_lock(known, project.lock.parent)]
    named = [each for each in named if not by_uv or each.named.manager != "uv"]
    list(realms([each.named for each in named]))  # a URL that is none is said of the file that has it
    public, doors = public_index(store), _Doors()
    others = [each.named for each in named if each.role != "bound" and each.kind == "index"]
    private = [each for each in others if not _same(each.url, public)]
    instead = [each.named for each in named if each.role == "default" and each.named in private][:1]
    is_public_left = not instead or len(private) < len(others)
    extra = [each for each in private if each not in instead] + (instead if is_public_left else [])
    return Search(
        chosen if is_public_left else doors.opened(instead[0]),
        tuple(doors.opened(each) for each in extra),
        tuple(each.named.url for each in named if each.kind == "find-links" and each.role != "bound"),
        lock is not None and lock.no_index,
        tuple(doors.bound(each) for each in named if each.named.name and (each.role == "bound" or sources)),
        sources,
    )


def _lock(project: Project) -> Lock | None:
    """A project's lock, if it is of a kind that may name indexes."""
    from depsfirst.project.discover import read_lock

    if project.lock.suffix != ".txt" and project.lock.name not in _WITH_INDEXES:
        return None
    with suppress(UnlockedError):
        return read_lock(project)
    return None


def _of_lock(lock: Lock | None, folder: Path) -> Iterator[ProjectIndex]:
    """What a lock says itself; what PDM's has is that of its manifest.

    Such an index never takes the public one's place here: pip and pipenv do not build the project with those settings.
    """
    for each in lock.indexes if lock is not None and lock.format != "pdm" else ():
        path = local_path(each.url) if each.kind == "find-links" else None
        url = with_variables(each.url) if path is None else str(folder / path)
        yield ProjectIndex(NamedIndex(url, lock.name if lock else "", None, "lock"), "open", each.kind)


def _same(first: str, second: str) -> bool:
    return _plain(first) == _plain(second)


class _Doors:
    """Puts the credentials of an index into its URL: those of settings, and of a keyring; uv itself reads netrc."""

    def opened(self, index: NamedIndex) -> str:
        realm = next(iter(realms([index])), None)
        if realm is None:
            return index.url
        if realm.login is None and shutil.which("keyring"):
            realm = self._asked(realm)
        return realm.url if realm.name is None else with_login(realm.url, realm.name, realm.password)

    def bound(self, named: ProjectIndex) -> Bound:
        name = _STRANGE.sub("-", named.named.name or "")
        return Bound(name, self.opened(named.named), named.kind, named.include)

    def _asked(self, realm: Realm) -> Realm:
        """A realm with what a keyring has for it, if its server wants credentials."""
        from depsfirst.fetch import Fetcher

        fetcher = Fetcher()
        fetcher.credentials.add(realm)
        with suppress(DepsfirstError):  # uv says what is wrong with it
            fetcher.get(realm.url.rstrip("/") + "/", headers={"Accept": "text/html"})
        login = fetcher.credentials.login(realm.url)
        return realm if login is None else realm._replace(name=login.name, password=login.password)


def _sources(project: Project) -> dict[str, list[dict[str, Any]]]:
    """What uv's tables of sources say of what the project is built with, a member's before its workspace's."""
    requires = names_in(project.build_system.requires) if project.build_system else ()
    found: dict[str, list[dict[str, Any]]] = {}
    for root, manifest in manifests(project):
        uv = table_of(table_of(manifest.get("tool")).get("uv"))
        for name, value in table_of(uv.get("sources")).items():
            if normalize(name) in requires:
                values = value if isinstance(value, list) else [value]
                sources = [_source(each, name, root) for each in values if isinstance(each, dict)]
                found.setdefault(normalize(name), sources)
    return found


def _source(source: Mapping[str, Any], name: str, root: Path) -> dict[str, Any]:
    """A source for a manifest that lies elsewhere: places are absolute paths."""
    known = {key: value for key, value in source.items() if key in _SOURCE_KEYS and isinstance(value, str)}
    if source.get("workspace") is True:
        return {**known, "path": str(find_member(root, name))}
    return {**known, "path": os.path.join(root, known["path"])} if "path" in known else known  # noqa: PTH118
