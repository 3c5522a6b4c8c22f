"""What is known of a place in a stage while pairs are drawn, and what a stage is drawn on."""

from __future__ import annotations

import copy
import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.cache.pairs import File

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tests.cache.pairs import Block, Tree

Version = tuple[int, int]

HEREDOCS: Version = (0, 9)
LINKS: Version = (0, 10)
TRIMMING: Version = (0, 13)


@dataclass
class Place:
    """What is known of one place in a stage.

    Attributes:
        files: absolute paths.
        folders: the same, without the slash.
        doubtful: those of the files whose content no model can know.
        cwd: the working directory.
        scratch: whether nothing can run here.
        root: whether commands run as root.
    """

    files: dict[str, None] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=lambda: {"/tmp": None})
    doubtful: set[str] = field(default_factory=set)
    cwd: str = "/"
    scratch: bool = False
    root: bool = True

    def advance(self, block: Block) -> None:
        """Go on behind a block."""
        for path in block.gives:
            (self.folders if path.endswith("/") else self.files)[path.rstrip("/") or "/"] = None
            parent = path.rstrip("/")
            while (parent := posixpath.dirname(parent)) != "/":
                self.folders[parent] = None
        if block.cwd:
            self.cwd = block.cwd
            self.folders[block.cwd] = None
        if block.keyword == "USER":
            self.root = block.text.split()[-1] in {"root", "0", "0:0", "${U:-0}"}

    def copy(self) -> Place:
        """The same place for another stage."""
        return copy.deepcopy(self)


@dataclass
class Ground:
    """What a stage is drawn on: chance, the builder's version, the contexts, the stages above with their ends."""

    random: Random
    version: Version
    tree: Tree
    contexts: Mapping[str, Tree] = field(default_factory=dict)
    stages: list[tuple[str, Place]] = field(default_factory=list)
    secrets: bool = False

    def chance(self, share: float) -> bool:
        """True as often as said."""
        return self.random.random() < share


def known_files(tree: Tree) -> list[str]:
    """Paths of files that no link is needed for."""
    return [path for path, node in tree.items() if isinstance(node, File) and not path.endswith("dockerignore")]


def pick_of_stage(ground: Ground, *, folders: bool = True) -> tuple[str, str] | None:
    """A named stage above and a path in it, seldom one whose content nobody can know."""
    stages = [(name, place) for name, place in ground.stages if name and (place.files or len(place.folders) > 1)]
    if not stages:
        return None
    name, place = ground.random.choice(stages)
    paths = [path for path in place.files if path not in place.doubtful or ground.chance(0.1)]
    if folders:
        paths += [f"{path}/" for path in place.folders if path not in {"/tmp", "/"} and not _doubtful(place, path)]
    return (name, ground.random.choice(paths)) if paths else None


def _doubtful(place: Place, folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in place.doubtful)
