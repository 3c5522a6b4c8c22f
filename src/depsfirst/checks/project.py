"""What a Dockerfile's Python project and its lock say: the edits to ask about, and what an install costs."""

from __future__ import annotations

import re
from functools import cached_property, partial
from typing import TYPE_CHECKING

from depsfirst.checks.weight import LOCKS, Weight, weight_of, weight_of_requirements
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from depsfirst.cache.changes import Change
    from depsfirst.cache.manifests import Place
    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject

_CONSTRAINS = re.compile(r"constraint|limit[^/]*\Z")
"""Files that say which version is meant, and not what is installed, are called so."""
_EDITED_SETTING = "\n# edited\n"


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
    def weight(self) -> Weight | None:
        """About what an install of the main dependencies comes to; None where no lock says it."""
        for place in self.places:
            for folder in place.folders():
                for name in LOCKS:
                    path = f"{folder}/{name}".lstrip("/")
                    found = self._subject.files.remember(
                        ("weight", self._subject.directory / path), partial(self._weigh, path, name)
                    )
                    if found:
                        return found
        return None

    def _weigh(self, path: str, name: str) -> Weight | None:
        text = self._subject.read(path)
        return weight_of(name, text) if text else None

    def cost(self, *steps: Step) -> str:
        """What installs come to, for people; empty where nobody knows it, as for packages that a command names."""
        found = [each for step in steps for each in self._subject.commands.dependencies(step)]
        read = {path: step for step in steps for path in self._inputs(step)}
        if found and not read and not any(each.with_project for each in found):
            return ""
        weight = self._of_requirements(read) or self.weight
        return str(weight) if weight else ""

    def _inputs(self, step: Step) -> list[str]:
        """What the installs of a step read, constraints aside."""
        found = self._subject.commands.dependencies(step)
        return [path for each in found for path in each.inputs if not _CONSTRAINS.search(path)]

    def _of_requirements(self, read: Mapping[str, Step]) -> Weight | None:
        """What files of requirements come to; None where something else is read, or a lock knows them better."""
        if not read or not all(path.endswith(".txt") for path in read):
            return None
        texts = [self._subject.commands.found(step, path) or "" for path, step in read.items()]
        return weight_of_requirements("\n".join(texts), self._uv_lock)

    @cached_property
    def _uv_lock(self) -> str:
        """The text of the project's uv.lock; empty for none."""
        paths = [f"{folder}/uv.lock".lstrip("/") for place in self.places for folder in place.folders()]
        return next((text for path in paths if (text := self._subject.read(path))), "")
