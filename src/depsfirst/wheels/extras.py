"""Reads what wheels ask for only with an extra, or only in some environments, whatever manifest says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depsfirst.wheels.own.wheel import WheelEntry

_FILE = ".dist-info/METADATA"
_OPTIONAL = re.compile(
    rb"""^Requires-Dist:\s*(?P<name>[A-Za-z0-9._-]+)[^\n]*\bextra\s*==\s*['"](?P<extra>[^'"\n]+)""", re.MULTILINE
)

_CONDITIONAL = re.compile(
    rb"^Requires-Dist:\s*(?P<name>[A-Za-z0-9._-]+)[^\n;]*;(?P<marker>(?![^\n]*\bextra\s*==)[^\n]+)", re.MULTILINE
)
_NAMED = re.compile(rb"^Name:\s*([A-Za-z0-9._-]+)", re.MULTILINE)


def asked_with_extras(entries: Iterable[WheelEntry]) -> dict[str, tuple[str, str]]:
    """What the extras of a wheel bring, by normalized name: ``extra``, and the name of the first that does.

    Args:
        entries: of the wheel.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, extra in _optional(_metadata(entries)):
        found.setdefault(name, ("extra", extra))
    return found


def asked_elsewhere(entries: Iterable[WheelEntry]) -> dict[str, tuple[str, str]]:
    """What a wheel asks for only where a marker holds, by normalized name: ``marker``, and the marker."""
    found: dict[str, tuple[str, str]] = {}
    for each in _CONDITIONAL.finditer(_metadata(entries).partition(b"\n\n")[0]):
        found.setdefault(
            normalize(each["name"].decode()), ("marker", each["marker"].decode("utf-8", "replace").strip())
        )
    return found


def asked_with_extras_of_packages(metadata: Iterable[bytes]) -> dict[str, tuple[str, str]]:
    """What extras of installed packages would bring, by normalized name: ``package``, and ``NAME[EXTRA]``.

    Args:
        metadata: the texts of their METADATA.
    """
    found: dict[str, tuple[str, str]] = {}
    for text in metadata:
        named = _NAMED.search(text)
        title = named[1].decode() if named else ""
        for name, extra in _optional(text):
            found.setdefault(name, ("package", f"{title}[{extra}]"))
    return found


def _metadata(entries: Iterable[WheelEntry]) -> bytes:
    content = next((entry.content for entry in entries if entry.path.endswith(_FILE)), b"")
    return content.read_bytes() if isinstance(content, Path) else content


def _optional(metadata: bytes) -> Iterator[tuple[str, str]]:
    """What is asked for with an extra, and with which, both normalized."""
    for each in _OPTIONAL.finditer(metadata.partition(b"\n\n")[0]):
        yield normalize(each["name"].decode()), normalize(each["extra"].decode("utf-8", "replace"))
