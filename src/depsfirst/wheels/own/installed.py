"""Installs the project's own wheel as a part, in places that are remembered between builds.

Where the files of a wheel go depends on their names and on the text of a few of them; after an edit of code neither
changed, and the installer, which takes longer to import than the rest of the build, is not asked again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.oci.pieces import FileSlice, chunks
from depsfirst.wheels.install import Placement, Row, write_part
from depsfirst.wheels.parts import PARTS, find_installed, kept_part, part_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.wheels.install import Venv
    from depsfirst.wheels.own.wheel import ProjectWheel
    from depsfirst.wheels.parts import InstalledWheel

_MEMO = "places"
_FORMAT = 1
_DECISIVE = ("WHEEL", "entry_points.txt")
"""The files of a ``.dist-info`` directory whose text decides where things go."""


def install_project(wheel: ProjectWheel, venv: Venv, store: ContentStore) -> InstalledWheel:
    """The project's wheel as an installed part; from the cache, if these very bytes were installed before."""
    key = part_key(wheel.digest, venv)
    found = find_installed(key, store)
    if found is not None:
        return found
    contents = _OwnContents({entry.path: entry.content for entry in wheel.entries})
    with store.write(PARTS, key) as file:
        files = write_part(_placement(wheel, contents, venv, store), contents, file)
    return kept_part(key, files, store)


class _OwnContents:
    """Entries whose bytes are at hand, or in a file of the cache."""

    def __init__(self, entries: dict[str, Path | bytes]) -> None:
        self._entries = entries

    def open(self, entry: str) -> tuple[int, Iterable[bytes]]:
        content = self._entries[entry]
        if isinstance(content, bytes):
            return len(content), (content,)
        size = content.stat().st_size
        return size, chunks((FileSlice(content, 0, size),))


def _placement(wheel: ProjectWheel, contents: _OwnContents, venv: Venv, store: ContentStore) -> Placement:
    """The places of the wheel's files; its version stands in them, and does not make them others."""
    stem = f"{wheel.name}-{wheel.version}."
    key = _key(wheel, contents, venv, stem)
    known = store.recall(_MEMO, key)
    if known is None:
        known = _as_json(_asked(wheel, contents, venv), stem)
        store.remember(_MEMO, key, known)
    return _from_json(known, stem)


def _asked(wheel: ProjectWheel, contents: _OwnContents, venv: Venv) -> Placement:
    from depsfirst.wheels.archive import ProjectSource
    from depsfirst.wheels.placing import place

    executable = {entry.path: entry.executable for entry in wheel.entries}
    return place(ProjectSource(wheel.name, wheel.version, executable, contents), venv, {})


def _key(wheel: ProjectWheel, contents: _OwnContents, venv: Venv, stem: str) -> str:
    scripts = f"{stem}data/scripts/"
    decisive = {f"{stem}dist-info/{name}" for name in _DECISIVE}
    digest = digests.sha256(json.dumps([_FORMAT, venv.python, wheel.name]).encode())
    for entry in wheel.entries:
        digest.update(f"{_without(entry.path, stem)}\0{entry.executable}\0".encode())
        if entry.path in decisive or entry.path.startswith(scripts):
            for chunk in contents.open(entry.path)[1]:
                digest.update(chunk)
    return digest.hexdigest()


_STEM = "\0"


def _without(path: str, stem: str) -> str:
    """A path in the wheel or the image with a mark in place of the directory's name and version."""
    return "/".join(f"{_STEM}{part[len(stem) :]}" if part.startswith(stem) else part for part in path.split("/"))


def _as_json(placement: Placement, stem: str) -> dict[str, Any]:
    return {
        "rows": [
            [
                _without(row.path, stem),
                _without(row.record, stem),
                None if row.entry is None else _without(row.entry, stem),
                row.text.decode("latin-1"),
                row.executable,
            ]
            for row in placement.rows
        ],
        "record": [_without(placement.record_path, stem), _without(placement.record_name, stem)],
    }


def _from_json(value: dict[str, Any], stem: str) -> Placement:
    rows = [
        Row(
            path.replace(_STEM, stem),
            record.replace(_STEM, stem),
            None if entry is None else entry.replace(_STEM, stem),
            text.encode("latin-1"),
            executable,
        )
        for path, record, entry, text, executable in value["rows"]
    ]
    record_path, record_name = (path.replace(_STEM, stem) for path in value["record"])
    return Placement(tuple(rows), record_path, record_name)
