"""Guesses the context of a Dockerfile of which nothing says how it is built: where its sources are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.model import Invocation
from depsfirst.dockerfile.filetree import find
from depsfirst.dockerfile.gopath import has_wildcards
from depsfirst.dockerfile.instructions import Add, Copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from depsfirst.checks.files import Files
    from depsfirst.dockerfile.stages import Outline


_INSTALLS = re.compile(
    r"\bpip3?\s+(?:install|wheel)\b(?:[^\n&|;]|\\\n)*?\s(?:-r|-e|--requirement|--editable|\.(?=[\s\[]|\Z))"
    r"|\b(?:uv\s+(?:sync|build)|(?:poetry|pdm|pipenv)\s+(?:install|sync))\b|-m\s+build\b"
)
"""Installs of what stands in the context."""
_MANIFESTS = ("pyproject.toml", "setup.py", "requirements.txt", "Pipfile")


def guess(dockerfile: Path, root: Path, files: Files) -> Invocation:
    """The directory of the Dockerfile, or the nearest above it, up to ``root``, that has more of its sources."""
    outline = files.outline(dockerfile)
    sources = list(dict.fromkeys(_sources(outline)))
    above = [each for each in (dockerfile.parent, *dockerfile.parent.parents) if each.is_relative_to(root)]
    if _wants_all(outline):
        sources += _manifests(above, files)
    best = max(above, key=lambda directory: (_present(sources, directory, files), -above.index(directory)))
    if best == dockerfile.parent:
        why = "the Dockerfile's directory, as nothing says another"
    else:
        why = f'the nearest directory that has "{_told_apart(sources, best, dockerfile.parent, files)}"'
    return Invocation(dockerfile, best, origin=why, guessed=True)


def _wants_all(outline: Outline) -> bool:
    """Whether the whole context is copied, and packages of Python are installed of what is in it."""
    whole = any(
        isinstance(each, Add | Copy) and not getattr(each, "from_", None) and {".", "./", "/"} & set(each.sources)
        for stage in outline.stages
        for each in stage.instructions
    )
    return whole and bool(_INSTALLS.search(outline.dockerfile.text))


def _manifests(directories: list[Path], files: Files) -> list[str]:
    """The manifest of the nearest directory that has one, as a source that nobody names."""
    for directory in directories:
        tree = files.tree(directory)
        for name in _MANIFESTS:
            if find(tree, name) is not None:
                return [name]
    return []


def _sources(outline: Outline) -> Iterator[str]:
    """What is copied from the context and stands there in plain words."""
    for stage in outline.stages:
        for instruction in stage.instructions:
            if isinstance(instruction, Add) or (isinstance(instruction, Copy) and not instruction.from_):
                yield from (each for each in map(_plain, instruction.sources) if each)


def _plain(source: str) -> str:
    path = source.strip("/").removeprefix("./")
    plain = "$" not in path and "://" not in path and not has_wildcards(path) and path not in ("", ".")
    return path if plain else ""


def _present(sources: list[str], directory: Path, files: Files) -> int:
    tree = files.tree(directory)
    return sum(1 for source in sources if find(tree, source) is not None)


def _told_apart(sources: list[str], best: Path, own: Path, files: Files) -> str:
    here, there = files.tree(own), files.tree(best)
    return next(each for each in sources if find(there, each) is not None and find(here, each) is None)
