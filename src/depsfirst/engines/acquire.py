"""Gets one locked package into the cache as an installed part: chosen, fetched, built if need be, installed."""

from __future__ import annotations

import json
import os
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.choose import WHEELS, Chooser, fetch
from depsfirst.wheels.parts import find_installed, install_wheel, part_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.engines.tools import Tools
    from depsfirst.project.model import LockedPackage
    from depsfirst.wheels.choose import Choice, Target
    from depsfirst.wheels.install import Venv
    from depsfirst.wheels.parts import InstalledWheel


class Acquirer:
    """Installs packages for one target; many threads may use it at once.

    Args:
        target: what wheels must fit.
        venv: the environment they are installed into.
        root: the lock's directory.
        tools: cache, network and watcher.
        advance: told of each package that is done.
    """

    def __init__(self, target: Target, venv: Venv, root: Path, tools: Tools, advance: Callable[[int], None]) -> None:
        self._chooser = Chooser(target, tools.index, tools.fetcher, root)
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
        if package.source.kind == "git":
            raise DepsfirstError(
                f'"{package.name}" comes from a git repository, which is not supported yet',
                where=package.where,
                hint="lock a release of it, or a wheel by URL",
            )
        choice = self._chooser.choose(package)
        key = part_key(choice.file.sha256 or "", self._venv)
        installed = find_installed(key, self._tools.store)
        if installed is None:
            fetched = self._fetched(choice)
            with self._unpacking:
                wheel, name = (fetched, choice.file.name) if choice.is_wheel else self._built(choice, fetched)
                installed = install_wheel(key, wheel, name, self._venv, self._tools.store, _direct_url(choice))
        self._advance(1)
        return installed

    def _fetched(self, choice: Choice) -> Path:
        found = self._tools.store.find(WHEELS, choice.file.sha256 or "")
        if found is not None:
            return found
        return fetch(self._chooser.locate(choice), self._tools.store, self._tools.fetcher)

    def _built(self, choice: Choice, sdist: Path) -> tuple[Path, str]:
        from depsfirst.wheels.sdist import wheel_of_sdist

        return wheel_of_sdist(choice, sdist, self._tools.store, self._tools.index(), self._tools.progress)


def _direct_url(choice: Choice) -> dict[str, bytes]:
    """The file of PEP 610 for a package that is locked by URL."""
    if choice.package.source.kind != "url" or choice.file.url is None:
        return {}
    origin = {"archive_info": {"hashes": {"sha256": choice.file.sha256}}, "url": choice.file.url}
    return {"direct_url.json": json.dumps(origin, sort_keys=True).encode()}
