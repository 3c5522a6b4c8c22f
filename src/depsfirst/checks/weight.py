"""Estimates from a lock's text what an install of it comes to; reading locks exactly takes a hundred times as long."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MEGABYTE = 10**6
_NAME = re.compile(r'^name = "([^"]+)"', re.MULTILINE)
_GROUPS = re.compile(r"^groups = \[(.*?)\]", re.MULTILINE | re.DOTALL)
_OPTIONAL = re.compile(r"^optional = true", re.MULTILINE)
_DEPENDENCIES = re.compile(r"^dependencies = \[\n(.*?)^\]", re.MULTILINE | re.DOTALL)
_DEPENDENCY = re.compile(r'\{ name = "([^"]+)"')
_OWN = re.compile(r"^source = \{ (?:editable|virtual|directory) =", re.MULTILINE)
_ROOT = re.compile(r'^source = \{ (?:editable|virtual) = "\."', re.MULTILINE)
_WHEEL = re.compile(r'url = "[^"]*-([^-"]+-[^-"]+)\.whl"[^}]*?\bsize = (\d+)')
_ARCHIVE = re.compile(r"^sdist = \{[^}]*\bsize = (\d+)", re.MULTILINE)
_FITTING = re.compile(r"none-any$|-manylinux[^-]*x86_64")
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*", re.MULTILINE)


class Weight(NamedTuple):
    """About how many third-party packages there are, and how many bytes are fetched; None where no sizes are known."""

    packages: int
    size: int | None = None

    def __str__(self) -> str:
        packages = f"about {self.packages} packages" if self.packages != 1 else "1 package"
        if not self.size:
            return packages
        size = f"{self.size / 1e6:.0f} MB" if self.size >= _MEGABYTE else f"{self.size / 1e3:.0f} kB"
        return f"{packages}, {size} to download"


def weight_of(name: str, text: str) -> Weight | None:
    """What the lock of this name comes to for the main dependencies on x86-64; None for a text that says nothing."""
    found = _READERS[name](text)
    return found if found and found.packages else None


def weight_of_requirements(text: str, lock: str) -> Weight | None:
    """What files of requirements come to; None where they name a part of what a lock holds, which is resolved anew.

    Args:
        text: of the files.
        lock: the uv.lock of the project, for sizes; empty for none.
    """
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in _REQUIREMENT.findall(text)}
    blocks = {found[1]: block for block in _blocks(lock) if (found := _NAME.search(block))}
    if names and names <= blocks.keys():
        if len(names) * 2 < len(sizes_of(lock)):
            return None
        return Weight(len(names), sum(_size(blocks[name]) for name in names) or None)
    return Weight(len(names)) if names else None


def _of_uv(text: str) -> Weight:
    sizes = sizes_of(text)
    return Weight(len(sizes), sum(sizes.values()) or None)


def sizes_of(text: str) -> dict[str, int]:
    """The third-party packages that the main dependencies of a uv.lock come to, with the bytes that each is fetched as.

    0 stands for a size that the lock does not give.
    """
    blocks = {found[1]: block for block in _blocks(text) if (found := _NAME.search(block))}
    own = [name for name, block in blocks.items() if _OWN.search(block)]
    roots = [name for name in own if _ROOT.search(blocks[name])] or own
    wanted = _closure(roots, blocks) if roots else blocks.keys()
    return {name: _size(blocks[name]) for name in wanted if name not in own}


def _blocks(text: str) -> list[str]:
    return text.split("\n[[package]]\n")[1:]


def _closure(names: Iterable[str], blocks: dict[str, str]) -> set[str]:
    seen: set[str] = set()
    ahead = list(names)
    while ahead:
        name = ahead.pop()
        if name not in seen and name in blocks:
            seen.add(name)
            found = _DEPENDENCIES.search(blocks[name].partition("\n[package.")[0] + "\n")
            ahead += _DEPENDENCY.findall(found[1]) if found else []
    return seen


def _size(block: str) -> int:
    wheels = [(tag, int(size)) for tag, size in _WHEEL.findall(block)]
    if not wheels:
        archive = _ARCHIVE.search(block)
        return int(archive[1]) if archive else 0
    fitting = [size for tag, size in wheels if _FITTING.search(tag)]
    return max(fitting or [size for _, size in wheels])


def _of_groups(main: str) -> Callable[[str], Weight]:
    """A reader of locks whose packages say in which groups they are, or nothing of groups at all."""

    def read(text: str) -> Weight:
        blocks = [block for block in _blocks(text) if not _OPTIONAL.search(block)]
        groups = [_GROUPS.search(block) for block in blocks]
        return Weight(sum(1 for found in groups if found is None or f'"{main}"' in found[1]))

    return read


def _of_pipenv(text: str) -> Weight | None:
    try:
        packages = json.loads(text).get("default")
    except (ValueError, AttributeError):
        return None
    return Weight(len(packages)) if isinstance(packages, dict) else None


def _of_requirements(text: str) -> Weight:
    return Weight(len(_REQUIREMENT.findall(text)))


_READERS: dict[str, Callable[[str], Weight | None]] = {
    "uv.lock": _of_uv,
    "poetry.lock": _of_groups("main"),
    "pdm.lock": _of_groups("default"),
    "Pipfile.lock": _of_pipenv,
    "requirements.txt": _of_requirements,
}

LOCKS = tuple(_READERS)
"""Names of the locks that can be weighed, the likeliest to be installed first."""
