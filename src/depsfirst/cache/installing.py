"""What each step of a build installs, seen together with what the steps before it have installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from depsfirst.cache.effects import _mounted
from depsfirst.cache.keys import ResultContent
from depsfirst.cache.nodes import File, LostError, Node, find_node, put
from depsfirst.cache.results import Results
from depsfirst.dockerfile.commands import Installation, Installs, installations, only_project
from depsfirst.dockerfile.filetree import Kind as EntryKind
from depsfirst.dockerfile.instructions import Copy, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from depsfirst.cache.build import Build
    from depsfirst.cache.keys import Key, Step
    from depsfirst.dockerfile.commands import Reading
    from depsfirst.dockerfile.context import Context

    Reader = Callable[[Context, str], bytes | None]

Kind = Literal["dependencies", "project", "system"]
_KINDS: dict[Installs, Kind] = {
    Installs.DEPENDENCIES: "dependencies",
    Installs.PROJECT: "project",
    Installs.SYSTEM: "system",
}
_LARGEST = 1_000_000
"""Bytes of the largest script or manifest that is read."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What a step installs.

    Attributes:
        kinds: all that it installs for certain.
        uncertain: why it may install dependencies besides, for each thing that cannot be told.
        reading: all that is known of its commands; None for a step that runs none.
    """

    kinds: frozenset[Kind] = frozenset()
    uncertain: tuple[str, ...] = ()
    reading: Reading | None = None

    @property
    def dependencies(self) -> bool:
        """Whether it installs third-party packages of the project."""
        return "dependencies" in self.kinds

    @property
    def main(self) -> Kind | None:
        """The one that matters most."""
        return next((kind for kind in _KINDS.values() if kind in self.kinds), None)


def installed_by(build: Build, steps: Sequence[Step], read: Reader) -> list[Installed]:
    """What each of the steps installs.

    Args:
        build: what the steps are of.
        steps: in file order.
        read: bytes of a file of a build context, by its path; None where there is none.
    """
    known = _Known(build, read)
    return [known.of(step) for step in steps]


class _Hopeful(Results):
    """The files of a build, where a RUN that nobody can follow is taken to leave alone what was copied before."""

    def _changed(self, key: Key, below: Node) -> Node:
        try:
            return super()._changed(key, below)
        except LostError:
            return below


class _Known:
    """What the steps so far have installed, and the texts that they found."""

    def __init__(self, build: Build, read: Reader) -> None:
        self._build = build
        self._read = read
        self._results = _Hopeful(build)
        self._readings: dict[Key, Reading] = {}

    def of(self, step: Step) -> Installed:
        run = step.instruction
        if not isinstance(run, Run):
            return Installed()
        reading = installations(
            run,
            shell=step.shell,
            variables=step.scope.variables,
            cwd=step.cwd,
            user=step.user,
            files=self._files(step.key, run),
        )
        self._readings[step.key] = reading
        earlier = list(self._earlier(step.key))
        kinds: set[Kind] = set()
        perhaps: list[str] = []
        for each in reading.installations:
            kind = _kind_of(each, earlier)
            earlier.append(each)
            if kind == "dependencies" and not _surely(each, reading):
                perhaps.append(f'"{each.tool} {each.verb}" runs under a condition')
            elif kind is not None:
                kinds.add(kind)
        reasons = (*perhaps, *(unknown.reason for unknown in reading.unknown))
        return Installed(frozenset(kinds), tuple(dict.fromkeys(reasons)), reading)

    def _files(self, key: Key, run: Run) -> Callable[[str], str | None]:
        """Reads what a RUN finds at an absolute path."""
        root: list[Node] = []

        def text(path: str) -> str | None:
            if not root:
                root.append(self._found(key, run))
            try:
                node = find_node(root[0], path)
            except LostError:
                return None
            data = self._data(node)
            return None if data is None or len(data) > _LARGEST else data.decode(errors="surrogateescape")

        return text

    def _found(self, key: Key, run: Run) -> Node:
        root = self._results.root(key.parent) if key.parent is not None else find_node(self._results.root(key), "/")
        if root is None or key.place is None:
            raise LostError("/")
        try:
            for target, node in _mounted(key, run, key.place, self._build, self._results.root):
                root = put(root, target, node)
        except LostError:
            return root
        return root

    def _data(self, node: Node | None) -> bytes | None:
        if not isinstance(node, File) or node.entry.kind is not EntryKind.FILE:
            return None
        if node.text is not None or node.place is None:
            return node.text
        return self._read(*node.place)

    def _earlier(self, key: Key) -> Iterator[Installation]:
        """What the steps below have installed, and what was installed into directories that were copied from others."""
        for each in key.chain():
            if each in self._readings and each is not key:
                yield from self._readings[each].installations
            for content in each.contents:
                if isinstance(content, ResultContent) and isinstance(each.instruction, Copy):
                    yield from self._brought(each.instruction, content)

    def _brought(self, copy: Copy, content: ResultContent) -> Iterator[Installation]:
        """What was installed below a path that was copied to the same path."""
        kept = [source for source in copy.sources if source.rstrip("/") == copy.destination.rstrip("/")]
        for key in content.key.chain():
            for each in self._readings[key].installations if key in self._readings else ():
                if any(_is_below(each.target or each.project or "", source) for source in kept):
                    yield each


def _is_below(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def _kind_of(installation: Installation, earlier: Sequence[Installation]) -> Kind | None:
    if installation.kind is Installs.DEPENDENCIES and only_project(installation, earlier):
        return "project"
    return _KINDS.get(installation.kind)


def _surely(installation: Installation, reading: Reading) -> bool:
    """Whether an installation takes place; of several under conditions one does, as those are the branches."""
    if installation.command.always:
        return True
    alike = [each for each in reading.installations if each.kind is installation.kind]
    return len(alike) > 1
