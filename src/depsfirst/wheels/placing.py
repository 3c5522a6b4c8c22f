"""Decides where each file of a wheel goes: ``pypa/installer``, with a destination that notes and writes nothing.

Kept apart from ``install``, since the library takes longer to import than a rebuild has time: after an edit of code the
places are those of the build before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from installer import install
from installer.destinations import WheelDestination
from installer.records import RecordEntry
from installer.scripts import Script
from installer.utils import Scheme, fix_shebang
from packaging.utils import canonicalize_name

from depsfirst.wheels.install import INTERPRETER, Placement, Row, Venv, relative

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from installer.scripts import ScriptSection
    from installer.sources import WheelSource

SHEBANG = b"#!python"
_INSTALLER = b"depsfirst\n"


def place(source: WheelSource, venv: Venv, extra: Mapping[str, bytes]) -> Placement:
    """Ask ``pypa/installer`` where each file of a wheel goes.

    Args:
        source: the wheel. A stream of its contents has the attribute ``entry``; of one with an ``entry`` nothing is
            read but the start of a script, and all of it where that is ``#!python``.
        venv: the environment to install into.
        extra: further files of the ``.dist-info`` directory, by name, besides INSTALLER.
    """
    destination = _PlacingDestination(venv, source)
    install(source, destination, {"INSTALLER": _INSTALLER, **extra})
    return destination.placement()


class _PlacingDestination(WheelDestination):
    """Collects a ``Row`` for each file that the installer would write."""

    def __init__(self, venv: Venv, source: WheelSource) -> None:
        self._venv = venv
        self._distribution = str(canonicalize_name(source.distribution))
        self._rows: list[Row] = []
        self._record = ("", "")

    def write_script(self, name: str, module: str, attr: str, section: ScriptSection) -> RecordEntry:
        """Note a script that is made from an entry point."""
        made, text = Script(name, module, attr, section).generate(INTERPRETER, "posix")
        return self._note(Scheme("scripts"), made, None, text, executable=True)

    def write_file(
        self,
        scheme: Scheme,
        path: str | os.PathLike[str],
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - the library's signature
    ) -> RecordEntry:
        """Note a file of the wheel, or one that the installer adds to it."""
        entry = getattr(stream, "entry", None)
        if entry is None:
            return self._note(scheme, os.fspath(path), None, stream.read(), executable=is_executable)
        if scheme == "scripts" and stream.read(len(SHEBANG)) == SHEBANG:
            with fix_shebang(stream, INTERPRETER) as fixed:
                return self._note(scheme, os.fspath(path), None, fixed.read(), executable=is_executable)
        return self._note(scheme, os.fspath(path), entry, b"", executable=is_executable)

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """Note where RECORD goes; its lines are known when the bytes are."""
        del records
        self._record = self._names(scheme, record_file_path)

    def placement(self) -> Placement:
        """What was noted, sorted by path."""
        return Placement(tuple(sorted(self._rows, key=lambda row: row.path)), *self._record)

    def _note(self, scheme: Scheme, path: str, entry: str | None, text: bytes, *, executable: bool) -> RecordEntry:
        target, record = self._names(scheme, path)
        self._rows.append(Row(target, record, entry, text, executable))
        return RecordEntry(path, None, None)

    def _names(self, scheme: Scheme, path: str) -> tuple[str, str]:
        target = f"{self._venv.scheme(scheme, self._distribution)}/{path}"
        return target, relative(target, self._venv.site_packages)
