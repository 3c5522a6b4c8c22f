"""What is built twice: a project as a value, the same after an edit, and how either is laid out on a disk."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NONCE = "{NONCE}"
"""Stands in a Dockerfile for what no other build of a daemon has: its cache outlives projects."""

BASE = "localbase:1"
VARIANT = "depsfirst-drawn"
"""Name of the images made of the base; their tags say what they add to it."""

VARIANTS = {
    "label": "LABEL a=1",
    "env": "ENV BASE_ENV=1",
    "user": "USER 0",
    "shell": 'SHELL ["/bin/sh", "-ec"]',
    "workdir": "WORKDIR /srv/base",
    "layer": "RUN echo layer > /base-layer",
    "onbuild": "ONBUILD ARG OB=1\nONBUILD COPY a.txt /ob/\nONBUILD RUN echo onbuild > /ob/made",
}
"""Images made of the base before anything is built, by tag."""

WITH_UV = "COPY uv /usr/local/bin/uv"
"""What one more image has, ``depsfirst-drawn:uv``."""


@dataclass(frozen=True, slots=True)
class File:
    """A file; another ``touched`` gives it another time, and nothing else."""

    content: bytes
    mode: int = 0o644
    owner: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A symlink."""

    target: str


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory that is named, for its mode or because it is empty; all others have the mode 755."""

    mode: int = 0o755


Node = File | Link | Folder
Tree = dict[str, Node]
"""Path below the root to what stands there; directories between are implied."""


@dataclass(frozen=True, slots=True)
class Block:
    """An instruction as text, and what a drawer needs to know to go on behind it.

    Attributes:
        keyword: the instruction's name, or "#" for lines that are none.
        text: its lines, without the last line feed.
        gives: absolute paths that stand in the stage behind it, folders with a slash at the end.
        needs: those that have to be there before.
        reads: paths of the context, or of ``origin``, that have to be there.
        origin: what it copies or mounts from: ``stage:NAME``, ``context:NAME``, ``image:NAME``, or none.
        sets: variables that it sets, as they are written.
        cwd: the directory that it changes to.
        name: of a FROM, the stage's name.
        base: of a FROM, what ``origin`` would be.
        pinned: whether no edit moves or removes it.
    """

    keyword: str
    text: str
    gives: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    origin: str = ""
    sets: tuple[tuple[str, str], ...] = ()
    cwd: str = ""
    name: str = ""
    base: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """All that a build is given.

    Attributes:
        blocks: the Dockerfile.
        tree: the context, without the Dockerfile.
        contexts: the named ones.
        arguments: build arguments.
        target: the stage to build.
        dockerfile: where the Dockerfile stands in the context.
        newline: what ends its lines.
        network: of all RUNs.
        hosts: ``--add-host`` name to address.
        secrets: id of a secret to its value.
        ulimits: ``--ulimit``.
        no_cache_stages: ``--no-cache-filter``.
        no_cache: whether ``--no-cache`` is given.
    """

    blocks: tuple[Block, ...]
    tree: Tree
    contexts: Mapping[str, Tree] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    dockerfile: str = "Dockerfile"
    newline: str = "\n"
    network: str = "none"
    hosts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    ulimits: tuple[str, ...] = ()
    no_cache_stages: tuple[str, ...] = ()
    no_cache: bool = False

    def text(self, nonce: str) -> str:
        """The Dockerfile."""
        texts = [block.text for block in self.blocks]
        if texts[0].startswith("# escape"):
            texts = [
                text.replace("\\\n" if text.startswith("RUN") else "\\", "`\n" if text.startswith("RUN") else "`")
                for text in texts
            ]
        return "".join(f"{text}\n" for text in texts).replace(NONCE, nonce).replace("\n", self.newline)

    def context(self, nonce: str) -> Tree:
        """The context with the Dockerfile in it."""
        return {**self.tree, self.dockerfile: File(self.text(nonce).encode())}


@dataclass(frozen=True, slots=True)
class Pair:
    """A project, the same after an edit, and what the edit was, in words."""

    label: str
    before: Project
    after: Project
    edits: tuple[str, ...]

    @property
    def moves(self) -> bool:
        """Whether the second build needs a context of another name, as a daemon overlooks a folder's new mode."""
        return any(
            (mode := _mode(before, path)) is not None and mode != (_mode(after, path) or mode)
            for before, after in self.trees()
            for path in {path for tree in (before, after) for path, node in tree.items() if isinstance(node, Folder)}
        )

    def trees(self) -> Iterator[tuple[Tree, Tree]]:
        """The contexts before and after, side by side."""
        yield self.before.tree, self.after.tree
        for name in self.before.contexts.keys() & self.after.contexts.keys():
            yield self.before.contexts[name], self.after.contexts[name]


def _mode(tree: Tree, path: str) -> int | None:
    """The mode of a directory, named or not; None where there is none."""
    node = tree.get(path)
    if isinstance(node, Folder):
        return node.mode
    implied = node is None and any(other.startswith(f"{path}/") for other in tree)
    return Folder().mode if implied else None


class Places:
    """Where contexts are laid out on the disk: files get times that no file ever had, as an edit gives them."""

    _times = itertools.count(time.time_ns() - 10**15, 10**6)

    def __init__(self, root: Path) -> None:
        """Contexts will stand below ``root``."""
        self.root = root
        self._written: dict[Path, Tree] = {}

    def lay(self, name: str, tree: Tree) -> Path:
        """Make a context hold exactly this tree; what is there and does not change is left alone."""
        place = self.root / name
        known = self._written.get(place, {})
        place.mkdir(parents=True, exist_ok=True)
        for path in sorted(known.keys() - tree.keys(), reverse=True):
            self._remove(place, path, tree)
        for path, node in sorted(tree.items()):
            if known.get(path) != node:
                self._write(place / path, node)
        self._written[place] = dict(tree)
        return place

    def clear(self) -> None:
        """Remove everything."""
        self._written.clear()
        shutil.rmtree(self.root, ignore_errors=True)

    def _remove(self, place: Path, path: str, tree: Tree) -> None:
        target = place / path
        if target.is_dir() and not target.is_symlink():
            if not any(other.startswith(f"{path}/") for other in tree):
                shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        while (path := path.rpartition("/")[0]) and not any(f"{name}/".startswith(f"{path}/") for name in tree):
            shutil.rmtree(place / path, ignore_errors=True)

    def _write(self, path: Path, node: Node) -> None:
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir() and not isinstance(node, Folder):
            shutil.rmtree(path)
        _make_parents(path.parent)
        if isinstance(node, Folder):
            path.mkdir(exist_ok=True)
            path.chmod(node.mode)
        elif isinstance(node, Link):
            path.symlink_to(node.target)
        else:
            path.write_bytes(node.content)
            path.chmod(node.mode)
            os.chown(path, node.owner, node.owner)
        moment = next(self._times)
        os.utime(path, ns=(moment, moment), follow_symlinks=False)


def _make_parents(folder: Path) -> None:
    if not folder.exists():
        _make_parents(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)
