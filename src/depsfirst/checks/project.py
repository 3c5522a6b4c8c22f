"""What a Dockerfile's Python project and its lock say: the edits to ask about, and what an install costs."""

from __future__ import annotations

import re
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from depsfirst.cache.changes import Change
    from depsfirst.cache.manifests import Place
    from depsfirst.checks.subject import Subject
    from depsfirst.project.model import LockedFile, Recipe

_PYTHON = (3, 12, 0)
"""The version that a lock is read for where no image says one; which packages it has differs little."""
_FITTING = re.compile(r"-(?:none-any|(?:cp312|abi3|none)-manylinux[^-]*x86_64[^-]*)\.whl$")
_MEGABYTE = 10**6
_EDITED_SETTING = "\n# edited\n"


class Installed(NamedTuple):
    """What an install of the locked dependencies comes to; ``size`` in bytes, None where the lock has no sizes."""

    packages: int
    size: int | None

    def __str__(self) -> str:
        packages = f"{self.packages} package{'s' * (self.packages != 1)}"
        if self.size is None:
            return packages
        size = f"{self.size / 1e6:.0f} MB" if self.size >= _MEGABYTE else f"{self.size / 1e3:.0f} kB"
        return f"{packages}, {size} to download"


class ProjectFacts:
    """The projects of one Dockerfile."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._changes: dict[str, Change | None] = {}

    @property
    def places(self) -> Sequence[Place]:
        """The directories of the context that hold a project, the likeliest first."""
        return self._subject.places

    def change(self, name: str) -> Change | None:
        """The edit of this name; None where there is no such file, or the manifest is broken."""
        if name not in self._changes:
            self._changes[name] = self._find_change(name)
        return self._changes[name]

    def _find_change(self, name: str) -> Change | None:
        from depsfirst.cache.main_module import code_edit, readme_edit
        from depsfirst.cache.manifests import Place
        from depsfirst.cache.version_lines import version_bump

        subject = self._subject
        try:
            if name == "code":
                return code_edit(subject.context, self.places, subject.outline)
            if name == "version-bump":
                return version_bump(self.places)
            if name == "readme":
                return readme_edit(self.places, Place(subject.context, subject.read, ""))
        except DepsfirstError:
            return None
        return self._settings_edit()

    def _settings_edit(self) -> Change | None:
        """An edit of pyproject.toml that changes nothing which is installed."""
        from depsfirst.cache.changes import Change, Edit

        for place in self.places:
            text = place.text("pyproject.toml")
            if text is not None:
                edit = Edit(place.path("pyproject.toml"), text, text + _EDITED_SETTING)
                return Change("paths", (edit,), "the manifest of the project")
        return None

    @cached_property
    def installed(self) -> Installed | None:
        """What an install of the main dependencies comes to; None where no lock says it."""
        for place in self.places:
            directory = self._subject.directory / place.directory
            found = self._subject.files.remember(("installed", directory), partial(_installed, directory))
            if found is not None:
                return found
        return None

    @property
    def cost(self) -> str:
        """The same for people; empty where nobody knows it."""
        return str(self.installed) if self.installed else ""


def _installed(directory: Path) -> Installed | None:
    from depsfirst.project.discover import discover, read_lock
    from depsfirst.project.model import Environment
    from depsfirst.project.selection import select

    try:
        project = discover(directory)
        recipe = select(read_lock(project), Environment(_PYTHON))
    except DepsfirstError:
        return None
    return Installed(len(recipe.third_party), _size(recipe))


def _size(recipe: Recipe) -> int | None:
    sizes = [_download(package.files) for package in recipe.third_party]
    known = [size for size in sizes if size]
    return sum(known) if known and len(known) == len(sizes) else None


def _download(files: Sequence[LockedFile]) -> int | None:
    """Bytes of the file that would be downloaded, or of one that is much like it."""
    wheels = [file for file in files if file.name.endswith(".whl") and file.size]
    best = next((file for file in wheels if _FITTING.search(file.name)), None)
    rest = sorted((file.size for file in wheels or files if file.size), reverse=True)
    return best.size if best else next(iter(rest), None)
