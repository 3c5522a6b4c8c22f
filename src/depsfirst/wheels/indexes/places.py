"""Where a locked package is looked for: in the index that its lock ties it to, or in those that are open to it.

A package that a lock ties to an index is looked for there and nowhere else, so that nobody can put another of its name
into an index that is asked as well. One exception: in place of the public index stands the one that the user's settings
put there. Packages that are tied to none are looked for in links first, then in extra indexes, then in the default one,
and in the public one last.
"""

from __future__ import annotations

from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from depsfirst.errors import DepsfirstError
from depsfirst.fetch.credentials import in_url
from depsfirst.fetch.failures import FetchError, NotFoundError
from depsfirst.project.model import Index
from depsfirst.values import NamedTuple
from depsfirst.wheels.indexes.links import linked_files, local_path
from depsfirst.wheels.indexes.pdm import pdm_indexes
from depsfirst.wheels.indexes.project import project_indexes
from depsfirst.wheels.indexes.realms import expanded, realms
from depsfirst.wheels.indexes.simple import index_file, index_files, public_index
from depsfirst.wheels.indexes.user import NamedIndex, user_indexes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.content import ContentStore
    from depsfirst.fetch import Fetcher
    from depsfirst.project.model import Lock, LockedFile, LockedPackage, Project
    from depsfirst.wheels.indexes.project import ProjectIndex
    from depsfirst.wheels.indexes.user import UserIndexes

_OPEN = frozenset({"requirements", "conda", "pdm"})
"""Formats whose packages are tied to no index; their managers read ``${NAME}`` in URLs, and so does pipenv."""
_READS_VARIABLES = _OPEN | {"pipenv"}


class Place(NamedTuple):
    """An index, or a page or directory of links; ``said`` is whose settings name it, where it is not the lock."""

    url: str
    kind: Literal["index", "find-links"] = "index"
    said: str = ""

    def __str__(self) -> str:
        return f'"{self.url}"' + (f" ({self.said})" if self.said else "")


class Places:
    """Finds files of locked packages.

    Args:
        lock: that the packages are of.
        root: its directory.
        user: what the user's settings say.
        default: stands in place of the public index.
        public: the public index.
        fetcher: does the requests; it is told of credentials.

    Attributes:
        root: as given.
        watched: size and time of change of files on this machine that were taken though no hash is locked, by path.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - facts
        self, lock: Lock, root: Path, user: UserIndexes, default: Place, public: str, fetcher: Fetcher
    ) -> None:
        self._lock = lock
        self.root = root
        self.watched: dict[str, list[int]] = {}
        self._user = user
        self._default = default
        self._public = public
        self._fetcher = fetcher
        self._open = [Place(each.url, "index", each.said) for each in user.extra] if lock.format in _OPEN else []

    def is_elsewhere(self, package: LockedPackage) -> bool:
        """Whether a URL of an index that stands in the lock is not to be asked: the settings name another index."""
        location = package.source.location
        if package.source.kind != "index" or (location is not None and local_path(location) is not None):
            return False
        return self._user.no_index or self._is_replaced(package)

    def _is_replaced(self, package: LockedPackage) -> bool:
        """Whether a package is of the public index, in whose place the settings put another."""
        location = package.source.location
        is_public = location is not None and _same(location, self._public)
        return is_public and not _same(self._default.url, self._public)

    def expanded(self, text: str, package: LockedPackage) -> str:
        """A location of the lock with its variables, if the lock's manager reads them.

        Raises:
            DepsfirstError: one of them is not set.
        """
        return expanded(text, package.where) if self._lock.format in _READS_VARIABLES else text

    def url(self, text: str, package: LockedPackage) -> str:
        """A URL or path of the lock as an absolute URL, with its variables."""
        text = self.expanded(text, package)
        return text if "://" in text else (self.root / text).as_uri()

    def watch(self, file: LockedFile) -> None:
        """Note that a file was taken, if it is one of this machine."""
        path = local_path(file.url) if file.url else None
        if path is not None:
            self.watched[str(path)] = signature(str(path))

    def find(self, package: LockedPackage, name: str, sha256: str) -> LockedFile:
        """The file of that name and sha256 (hex), with a URL.

        Raises:
            DepsfirstError: no place has it, or one cannot be asked.
        """
        places, others = self.of(package), []
        for place in places:
            found = self._file(place, package, name)
            if found is not None and found.sha256 in {None, sha256}:
                return found._replace(sha256=sha256)
            others += [place] if found is not None else []
        if others:
            raise DepsfirstError(
                f'"{name}" of {_listed(others)} is not the file that is locked: its sha256 is another',
                where=package.where,
                hint="somebody put another file of this name there, or the lock was made with another index",
            )
        raise DepsfirstError(
            f'{_does_not(places)} list "{name}" of "{package.name}" {package.version}',
            where=package.where,
            hint=self._hint(package, "lock again, or name the index that has it"),
        )

    def listed(self, package: LockedPackage, wanted: Callable[[str], bool]) -> Iterator[tuple[LockedFile, ...]]:
        """The files that may be installed for a package without files: of the first place that has some.

        Those of further places follow where hashes say which files are meant: there it does not matter who has them.

        Args:
            package: with hashes, or without.
            wanted: by file name.

        Raises:
            DepsfirstError: no place has one that the lock allows, or one cannot be asked.
        """
        places, refused, found = self.of(package), False, False
        for place in places:
            files = self._files(place, package, wanted)
            allowed = tuple(file for file in files if not package.hashes or file.sha256 in {None, *package.hashes})
            refused = refused or bool(files)
            if allowed:
                found = True
                yield allowed
                if not package.hashes:
                    return
        if found:
            return
        raise DepsfirstError(
            f'{_has_no(places)} file of "{package.name}" {package.version}'
            + (" with a sha256 that the lock allows" if refused else ""),
            where=package.where,
            hint=self._hint(package, "check name, version and hashes, or name the index that has it"),
        )

    def of(self, package: LockedPackage) -> tuple[Place, ...]:
        """Where a package is looked for, in order.

        Raises:
            DepsfirstError: a variable is not set that stands in a URL, or there is no such place.
        """
        found = [self._known(place, package) for place in self._ordered(package)]
        unique = tuple({_bare(place.url): place for place in found}.values())
        if not unique:
            raise DepsfirstError(
                f'there is no place to look for "{package.name}": no index may be asked',
                where=package.where,
                hint="take away no-index (PIP_NO_INDEX, UV_NO_INDEX, --no-index), or name a place with --find-links",
            )
        return unique

    def _ordered(self, package: LockedPackage) -> list[Place]:
        location = package.source.location
        own = self._default if location is None or _same(location, self._public) else Place(location)
        if self._lock.format not in _OPEN:
            return [*self._links_of_user(), *([] if self._user.no_index else [own])]
        stated = [each for each in self._lock.indexes if not _excludes(each, package.name)]
        bound = [each for each in stated if _includes(each, package.name)]
        if bound:
            return [Place(each.url, each.kind) for each in bound]
        stated = [each for each in stated if not each.include]
        excluded = any(_excludes(each, package.name) and each.url == location for each in self._lock.indexes)
        indexes = [Place(each.url) for each in stated if each.kind == "index" and each.url != location]
        indexes = [*indexes, *self._open, *([] if excluded else [own])]
        links = [Place(each.url, "find-links") for each in stated if each.kind == "find-links"]
        if self._user.no_index or self._lock.no_index:
            indexes = []
        return [*links, *self._links_of_user(), *sorted(indexes, key=lambda each: _same(each.url, self._public))]

    def _links_of_user(self) -> Iterator[Place]:
        if self._lock.format in _OPEN or self._user.no_index:
            yield from (Place(url, "find-links", "find-links of your settings") for url in self._user.links)

    def _known(self, place: Place, package: LockedPackage) -> Place:
        """A place with an absolute URL without credentials, which the fetcher is told of."""
        url = place.url if place.said else self.expanded(place.url, package)
        path = local_path(url)
        if path is not None:
            folder = self.root / path
            is_index = place.kind == "index" and ((folder / package.name).is_dir() or not folder.is_dir())
            return place._replace(url=folder.as_uri(), kind="index" if is_index else "find-links")
        realm = in_url(url)
        if realm.name is not None:
            self._fetcher.credentials.add(realm._replace(found=place.said or self._lock.name))
            return place._replace(url=realm.url)
        return place._replace(url=url)

    def _file(self, place: Place, package: LockedPackage, name: str) -> LockedFile | None:
        with self._asking(package):
            if place.kind == "find-links":
                return next(iter(linked_files(place.url, self._fetcher, name.__eq__)), None)
            return index_file(place.url, package.name, name, self._fetcher)
        return None

    def _files(self, place: Place, package: LockedPackage, wanted: Callable[[str], bool]) -> tuple[LockedFile, ...]:
        with self._asking(package):
            if place.kind == "find-links":
                return linked_files(place.url, self._fetcher, wanted)
            return index_files(place.url, package.name, self._fetcher, wanted)
        return ()

    @contextmanager
    def _asking(self, package: LockedPackage) -> Iterator[None]:
        """Pass over an index that does not know a package, unless there is no other; say what else was asked for."""
        try:
            yield
        except FetchError as error:
            if isinstance(error, NotFoundError) and len(self.of(package)) > 1:
                return
            error.where = error.where or package.where
            raise

    def _hint(self, package: LockedPackage, hint: str) -> str:
        if self._is_replaced(package):
            return f"the lock names the public index, in whose place {self._default.said} puts another; {hint}"
        return hint


def signature(path: str) -> list[int]:
    """What changes with the content of a file: its size, and when it was changed in nanoseconds; empty without it."""
    try:
        found = Path(path).stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _same(first: str, second: str) -> bool:
    return _bare(first) == _bare(second)


def _bare(url: str) -> str:
    """A URL without credentials and the slash at its end."""
    return (in_url(url).url if "://" in url else url).rstrip("/")


def _includes(index: Index, name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in index.include)


def _excludes(index: Index, name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in index.exclude)


def _listed(places: tuple[Place, ...] | list[Place]) -> str:
    return " and ".join(str(place) for place in places)


def _does_not(places: tuple[Place, ...]) -> str:
    return f"the index {places[0]} does not" if len(places) == 1 else f"none of {_listed(places)} does"


def _has_no(places: tuple[Place, ...]) -> str:
    return f"the index {places[0]} has no" if len(places) == 1 else f"none of {_listed(places)} has a"


def places_of(project: Project, lock: Lock, chosen: str | None, store: ContentStore, fetcher: Fetcher) -> Places:
    """The places of a project's lock, by the settings of project and user.

    Args:
        project: names indexes, for which credentials may be known.
        lock: its lock.
        chosen: simple URL of the index that the order names in place of the public one.
        store: remembers the public index.
        fetcher: does the requests; it is told of credentials.

    Raises:
        DepsfirstError: settings are broken.
    """
    user = user_indexes()
    public = public_index(store)
    of_pdm = list(pdm_indexes(project))
    mirror = next((each.named for each in of_pdm if each.role == "default"), user.default)
    default = NamedIndex(chosen, "--index") if chosen else mirror or NamedIndex(public, "")
    stored = [each for each in of_pdm if each.role != "default"]
    named = [each.named for each in (*project_indexes(project), *stored)]
    for realm in realms([default, *user.extra, *user.named, *named]):
        fetcher.credentials.add(realm)
    if lock.format == "pdm":
        lock = lock._replace(indexes=(*lock.indexes, *map(_as_locked, stored)))
    return Places(lock, project.lock.parent, user, Place(default.url, "index", default.said), public, fetcher)


def _as_locked(named: ProjectIndex) -> Index:
    """An index of settings as a lock would name it; its credentials are known by then."""
    url = named.named.url
    return Index(in_url(url).url if "://" in url else url, named.kind, named.include, named.exclude)
