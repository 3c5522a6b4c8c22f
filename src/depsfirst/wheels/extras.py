"""Reads what a wheel asks for only with an extra, whatever manifest that was written in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depsfirst.wheels.project import WheelEntry

_FILE = ".dist-info/METADATA"
_OPTIONAL = re.compile(
    rb"""^Requires-Dist:\s*(?P<name>[A-Za-z0-9._-]+)[^\n]*\bextra\s*==\s*['"](?P<extra>[^'"\n]+)""", re.MULTILINE
)


def asked_with_extras(entries: Iterable[WheelEntry]) -> dict[str, tuple[str, str]]:
    """What the extras of a wheel bring, by normalized name: ``extra``, and the name of the first that does.

    Args:
        entries: of the wheel.
    """
    content = next((entry.content for entry in entries if entry.path.endswith(_FILE)), b"")
    text = content.read_bytes() if isinstance(content, Path) else content
    found: dict[str, tuple[str, str]] = {}
    for each in _OPTIONAL.finditer(text.partition(b"\n\n")[0]):
        found.setdefault(
            normalize(each["name"].decode()), ("extra", normalize(each["extra"].decode("utf-8", "replace")))
        )
    return found
