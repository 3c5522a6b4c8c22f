"""Commands that write one file of which a part of their input decides, as an exporter of the locked packages does."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Protocol

from depsfirst.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.cache.exported import Locked
    from depsfirst.cache.keys import Place
    from depsfirst.dockerfile.commands import Export
    from depsfirst.dockerfile.shell import Command

    Texts = Mapping[str, "str | None"]
    """Texts by absolute path in the image; None for a file that is not there. What nobody knows is not in it."""


UNSEEN = "\0"
"""Stands for a text that nobody knows and that is the same before and after."""


class Filtered(Protocol):
    """What one command writes; two are equal if they do the same to the same paths."""

    @property
    def output(self) -> str:
        """Absolute path in the image of the file."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Absolute paths in the image of all that can decide on its content; some may not be there."""

    @property
    def reason(self) -> str:
        """What the command does, as a part of a sentence."""

    def same(self, before: Texts, after: Texts) -> bool | None:
        """Whether the file is the same after its inputs changed; None if that is not known."""


class Filter(Protocol):
    """Knows some commands."""

    def __call__(self, command: Command, place: Place) -> Filtered | None:
        """What a command writes; None for a command that it does not know.

        Args:
            command: of a RUN.
            place: the variables, user and directory of the RUN.
        """


_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "uv": ("uv.toml",),
    "poetry": ("poetry.toml",),
    "pdm": ("pdm.toml", ".pdm.toml"),
    "pipenv": (),
}
"""Files besides manifest and lock that each exporter reads where they are."""
_LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"})
_FORMATS = frozenset(
    {"requirements.txt", "requirements-txt", "requirements", "constraints.txt", "pylock.toml", "pylock"}
)
"""What says nothing of the project but its name; a bill of materials has its version, and a time."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The file that an exporter writes.

    Attributes:
        manager: whose exporter it is: ``uv``, ``poetry``, ``pdm`` or ``pipenv``.
        manifest: absolute path in the image.
        lock: the same.
        output: the same.
        selection: the options that choose groups and extras.
        frozen: whether it takes the lock as it is.
    """

    manager: str
    manifest: str
    lock: str
    output: str
    selection: tuple[str, ...] = ()
    frozen: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Manifest, lock, and settings that may be there."""
        directory = posixpath.dirname(self.manifest)
        return (self.manifest, self.lock, *(posixpath.join(directory, name) for name in _SETTINGS[self.manager]))

    @property
    def reason(self) -> str:
        """What it does."""
        return f"the export of {self.manager} writes the third-party packages alone"

    def same(self, before: Texts, after: Texts) -> bool | None:
        """Whether the file is the same after its inputs changed; None if that is not known."""
        if any(path not in texts for texts in (before, after) for path in self.inputs):
            return None
        if any(before[path] != after[path] for path in self.inputs[2:]):
            return None
        from depsfirst.cache.exported import same_export

        old, new = self._locked(before), self._locked(after)
        if old is None or new is None:
            return None
        return same_export(old, new, self.selection, frozen=self.frozen, exact=True)

    def _locked(self, texts: Texts) -> Locked | None:
        manifest, lock = texts[self.manifest], texts[self.lock]
        if manifest in (None, UNSEEN) or lock in (None, UNSEEN):
            return None
        from depsfirst.cache.exported import Locked

        return Locked(self.manager, posixpath.dirname(self.manifest), manifest, lock)


def export_filter(command: Command, place: Place) -> Exported | None:
    """What an exporter writes, if all of its options are understood; None for any other command."""
    return next((found for export in _exports(command, place) if (found := _known(export))), None)


def _exports(command: Command, place: Place) -> list[Export]:
    from depsfirst.dockerfile.installers import ALIASES, findings
    from depsfirst.dockerfile.installers.call import Call
    from depsfirst.dockerfile.installers.model import Export
    from depsfirst.dockerfile.installers.tools import Tool, tool_of

    tool = tool_of(command)
    if not isinstance(tool, Tool) or ALIASES.get(tool.name, tool.name) not in _SETTINGS:
        return []
    call = Call(tool.name, tool.words, command, place.scope.variables, lambda _: None, None)
    return [finding for finding in findings(call) if isinstance(finding, Export)]


def _known(export: Export) -> Exported | None:
    formats = [each.partition("=")[2] for each in export.selection if each.startswith("--format=")]
    if not export.exact or export.output is None or not set(formats) <= _FORMATS:
        return None
    if len(export.inputs) != 2 or posixpath.basename(export.inputs[1]) not in _LOCKS:  # noqa: PLR2004 (two files)
        return None
    selection = tuple(each for each in export.selection if not each.startswith("--format="))
    return Exported(export.tool, *export.inputs, export.output, selection, frozen=not export.locks)
