"""Reads what a wheel says of its entry points, whatever manifest they were written in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from depsfirst.wheels.own.wheel import WheelEntry

_FILE = ".dist-info/entry_points.txt"


class EntryPoints(NamedTuple):
    """The entry points of a distribution, name to ``module:attribute``.

    Attributes:
        scripts: on the console; those that ask for an extra are left out unless it was chosen.
        gui_scripts: likewise, without a console.
        plugins: what other programs load, if they are there; values of all other groups.
    """

    scripts: Mapping[str, str]
    gui_scripts: Mapping[str, str]
    plugins: frozenset[str]


def entry_points(entries: Iterable[WheelEntry], extras: frozenset[str] = frozenset()) -> EntryPoints:
    """The entry points that a wheel declares, read from its ``entry_points.txt``.

    Args:
        entries: of the wheel.
        extras: those that were chosen.
    """
    content = next((entry.content for entry in entries if entry.path.endswith(_FILE)), b"")
    text = content.read_bytes() if isinstance(content, Path) else content
    groups = _groups(text.decode("utf-8", "replace"))
    scripts, gui_scripts = (_usable(groups.pop(name, {}), extras) for name in ("console_scripts", "gui_scripts"))
    plugins = (value for named in groups.values() for value in named.values())
    return EntryPoints(scripts, gui_scripts, frozenset(map(_target, plugins)))


def _groups(text: str) -> dict[str, dict[str, str]]:
    """Groups of entry points; by the specification, lines of ``[group]`` and ``name = value``."""
    groups: dict[str, dict[str, str]] = {}
    named: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            named = groups.setdefault(line[1:-1].strip(), {})
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            named[name.strip()] = value.strip()
    return groups


def _usable(named: Mapping[str, str], extras: frozenset[str]) -> dict[str, str]:
    return {name: _target(value) for name, value in named.items() if _extras(value) <= extras}


def _target(value: str) -> str:
    return value.partition("[")[0].strip()


def _extras(value: str) -> frozenset[str]:
    asked = value.partition("[")[2].rpartition("]")[0]
    return frozenset(filter(None, map(str.strip, asked.split(","))))
