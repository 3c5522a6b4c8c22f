"""Finds what installed wheels require of each other and their set does not have.

A requirements file in which every line is pinned may still leave out what those packages require: pip resolves that
whenever it installs from such a file. Only one with hashes is complete for sure, since pip insists on it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from depsfirst.oci.image import FileSlice
from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.requirements import Requirement

    from depsfirst.oci.image import Part
    from depsfirst.project.markers import Evaluator
    from depsfirst.wheels.parts import InstalledWheel

_METADATA = ".dist-info/METADATA"


def unmet(
    installed: Mapping[str, InstalledWheel], extras: Iterable[tuple[str, str]], evaluator: Evaluator
) -> dict[str, str]:
    """The normalized names of what is required and not installed, each with a package that requires it.

    Args:
        installed: the set, by normalized name.
        extras: what is wanted of its packages besides, as name and extra, both normalized.
        evaluator: of markers, for the environment that it is installed into.
    """
    requires = {name: _requirements(each.part) for name, each in installed.items()}
    asked: set[tuple[str, str]] = set()
    found: dict[str, str] = {}
    todo = [(name, "") for name in installed] + [each for each in extras if each[0] in installed]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        for requirement in requires[name]:
            marker = str(requirement.marker) if requirement.marker else None
            if not evaluator.holds(marker, frozenset({extra} - {""})):
                continue
            other = normalize(requirement.name)
            if other in installed:
                todo += [(other, normalize(each)) for each in requirement.extras]
            else:
                found.setdefault(other, name)
    return dict(sorted(found.items()))


def _requirements(part: Part) -> list[Requirement]:
    from packaging.metadata import parse_email
    from packaging.requirements import InvalidRequirement, Requirement

    raw, _ = parse_email(metadata_of(part))
    found = []
    for text in raw.get("requires_dist", ()):
        with suppress(InvalidRequirement):  # old wheels have some that no tool of today reads
            found.append(Requirement(text))
    return found


def metadata_of(part: Part) -> bytes:
    """The text of the METADATA file in a part; empty if there is none."""
    from depsfirst.oci.tarread import TarReader

    for piece in part.pieces:
        if isinstance(piece, FileSlice):
            with piece.path.open("rb") as file:
                reader = TarReader(file)
                for member in reader:
                    if member.name.endswith(_METADATA):
                        return reader.read()
    return b""
