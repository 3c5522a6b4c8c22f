"""Gets one locked package into the cache as an installed part: chosen, fetched, built if need be, installed."""

from __future__ import annotations

import json
import os
from functools import cache, partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from depsfirst.fetch.connections import without_userinfo
from depsfirst.fetch.failures import FetchError
from depsfirst.values import NamedTuple
from depsfirst.wheels.built.kept import MadeWheel, Workshop, find_made
from depsfirst.wheels.choose import WHEELS, Chooser, check_tags, fetch, measured
from depsfirst.wheels.parts import find_installed, install_wheel, part_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from depsfirst.engines.tools import Tools
    from depsfirst.project.model import LockedPackage
    from depsfirst.wheels.choose import Choice, Target
    from depsfirst.wheels.indexes.places import Places
    from depsfirst.wheels.indexes.search import Search
    from depsfirst.wheels.install import Venv
    from depsfirst.wheels.parts import InstalledWheel


class _Wanted(NamedTuple):
    """A package that is to be had.

    Attributes:
        key: of what it is: the sha256 of a file, or what stands for a commit.
        extra: further files of its ``.dist-info`` directory.
        fetch: gets what has to be fetched, and gives what makes a wheel of it.
    """

    key: str
    extra: Mapping[str, bytes]
    fetch: Callable[[], Callable[[], MadeWheel]]


class Acquirer:
    """Installs packages for one target; many threads may use it at once.

    Args:
        target: what wheels must fit.
        venv: the environment they are installed into.
        places: where packages are looked for.
        search: tells where the backends of packages come from that have to be built.
        tools: cache, network and watcher.
        advance: told of each package that is done.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is installed from where, on what
        self,
        target: Target,
        venv: Venv,
        places: Places,
        search: Callable[[], Search],
        tools: Tools,
        advance: Callable[[int], None],
    ) -> None:
        self._chooser = Chooser(target, places, partial(measured, store=tools.store, fetcher=tools.fetcher))
        self._target = target
        self._places = places
        self._search = cache(search)
        self._venv = venv
        self._tools = tools
        self._advance = advance
        # Unpacking takes processors, fetching takes connections: more threads than processors slow each other down.
        self._unpacking = BoundedSemaphore(os.cpu_count() or 1)

    def install(self, package: LockedPackage) -> InstalledWheel:
        """The package as an installed part; what the cache has is not fetched.

        Raises:
            DepsfirstError: no file fits, it cannot be had, or it is not what the lock says.
        """
        try:
            return self._installed(self._commit(package) if package.source.kind == "git" else self._file(package))
        except FetchError as error:
            error.where = error.where or package.where
            raise

    def _installed(self, wanted: _Wanted) -> InstalledWheel:
        key = part_key(wanted.key, self._venv, wanted.extra)
        installed = find_installed(key, self._tools.store)
        if installed is None:
            wheel_at_hand = wanted.fetch()
            with self._unpacking:
                wheel = wheel_at_hand()
                installed = install_wheel(key, wheel.path, wheel.name, self._venv, self._tools.store, wanted.extra)
        self._advance(1)
        return installed

    def _file(self, package: LockedPackage) -> _Wanted:
        choice = self._chooser.choose(package)

        def fetched() -> Callable[[], MadeWheel]:
            path = self._fetched(choice)
            return lambda: MadeWheel(path, choice.file.name) if choice.is_wheel else self._built(choice, path)

        return _Wanted(choice.key, _direct_url(choice), fetched)

    def _fetched(self, choice: Choice) -> Path:
        found = self._tools.store.find(WHEELS, choice.file.sha256 or "")
        if found is not None:
            return found
        return fetch(self._chooser.locate(choice), self._tools.store, self._tools.fetcher)

    def _built(self, choice: Choice, sdist: Path) -> MadeWheel:
        from depsfirst.wheels.built.sources import wheel_of_sdist

        return self._fitting(wheel_of_sdist(choice, sdist, self._workshop()), choice.package)

    def _commit(self, package: LockedPackage) -> _Wanted:
        from depsfirst.wheels.built.commit import parse_commit
        from depsfirst.wheels.built.git import fetched
        from depsfirst.wheels.built.sources import wheel_of_commit

        location = self._places.expanded(package.source.location or "", package)
        commit = parse_commit(location, self._places.root, package.where)
        if commit.login is None and os.environ.get("NETRC"):  # git reads no other file than that of the home
            login = self._tools.fetcher.credentials.of_netrc(commit.url)
            commit = commit._replace(login=login and (login.name, login.password))

        def prepared() -> Callable[[], MadeWheel]:
            made = find_made(commit.key, self._tools.store)
            if made is not None:
                return lambda: self._fitting(made, package)
            repository = fetched(commit, self._tools.store)
            return lambda: self._fitting(wheel_of_commit(package, commit, repository, self._workshop()), package)

        return _Wanted(commit.key, commit.direct_url, prepared)

    def _workshop(self) -> Workshop:
        return Workshop(self._tools.store, self._search(), self._tools.progress)

    def _fitting(self, wheel: MadeWheel, package: LockedPackage) -> MadeWheel:
        from packaging.utils import parse_wheel_filename

        tags = [str(tag) for tag in parse_wheel_filename(wheel.name)[3]]
        check_tags(tags, self._target, wheel.name, package.where)
        return wheel


def _direct_url(choice: Choice) -> dict[str, bytes]:
    """The file of PEP 610 for a package that is locked by URL."""
    if choice.package.source.kind != "url" or choice.file.url is None:
        return {}
    url = without_userinfo(choice.file.url).partition("#")[0]
    origin = {"archive_info": {"hashes": {"sha256": choice.file.sha256}}, "url": url}
    inside = {"subdirectory": choice.subdirectory} if choice.subdirectory else {}
    return {"direct_url.json": json.dumps({**origin, **inside}, sort_keys=True).encode()}
