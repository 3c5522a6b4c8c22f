"""Puts together what is to be judged: Dockerfiles of the command line and of trees, and how each of them is built."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.discovery import bake, command_lines, compose, pipelines, search, workflows
from depsfirst.checks.discovery.found import Found, Misunderstood
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from depsfirst.checks.files import Files
    from depsfirst.checks.model import Invocation


_MAY_BUILD = re.compile(r"\b(?:build|extends|include)\b")


class Candidate(NamedTuple):
    """A Dockerfile to be judged.

    Attributes:
        path: absolute.
        invocations: the builds of it that its repository tells of; none where nothing does.
        named: whether the user named it; one that was found in a tree may be no Dockerfile after all.
    """

    path: Path
    invocations: tuple[Invocation, ...]
    named: bool


class Survey(NamedTuple):
    """What was found, sorted by path, and what could not be understood."""

    candidates: tuple[Candidate, ...]
    misunderstood: tuple[Misunderstood, ...]


def survey(paths: Sequence[Path], files: Files) -> Survey:
    """The Dockerfiles that some files and trees come to.

    Args:
        paths: as the user names them.
        files: of this run.

    Raises:
        DepsfirstError: a path does not exist.
    """
    reader, nearby = _Reader(files), search.Nearby()
    named: list[Path] = []
    found: list[Path] = []
    for path in (Path(os.path.abspath(path)) for path in paths):  # noqa: PTH100 - symlinks stay as they are written
        if path.is_dir():
            walked = list(search.walk(path))
            found += [each for each in walked if search.is_dockerfile(each.name)]
            reader.read_all(each for each in walked if not search.is_dockerfile(each.name))
            found += [each for each in reader.dockerfiles() if each.is_relative_to(path) and each.is_file()]
        elif path.exists():
            named.append(path)
        else:
            raise DepsfirstError("there is no such file or directory", where=str(path), hint="name a Dockerfile")
    for path in dict.fromkeys([*named, *found]):
        reader.read_all(nearby.of(path, reader.root_of(path)))
    candidates = [
        Candidate(path, reader.invocations(path), path in named) for path in sorted(dict.fromkeys([*named, *found]))
    ]
    return Survey(tuple(candidates), tuple(reader.misunderstood))


class _Reader:
    """Reads each compose, bake or CI file once."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._seen: set[Path] = set()
        self._roots = search.Roots()
        self._found: dict[Path, dict[Invocation, None]] = {}
        self.misunderstood: list[Misunderstood] = []

    def root_of(self, dockerfile: Path) -> Path:
        """The repository of a Dockerfile; its directory where there is none."""
        return self._roots.of(dockerfile.parent) or dockerfile.parent

    def read_all(self, sources: Iterable[Path]) -> None:
        """Read the files that were not read yet."""
        for path in sources:
            if path not in self._seen:
                self._seen.add(path)
                for found in self._read(path):
                    self._keep(found)

    def _keep(self, found: Found) -> None:
        if isinstance(found, Misunderstood):
            self.misunderstood.append(found)
            return
        known = self._found.setdefault(found.dockerfile, {})
        if found.context:
            self._files.contexts.add(found.context)
        if not any(each._replace(origin="") == found._replace(origin="") for each in known):
            known[found] = None

    def _read(self, path: Path) -> Iterator[Found]:
        try:
            text = self._files.text(path)
        except DepsfirstError as error:
            yield Misunderstood(str(path), error.message)
            return
        root = self._roots.of(path.parent) or path.parent
        where = path.relative_to(root).as_posix()
        kind = search.kind_of(path.name)
        if path.parent.as_posix().endswith(search.WORKFLOWS):
            yield from workflows.read(text, path.parents[2], where)
        elif kind == "compose":
            yield from compose.read(text, path, where, self._text) if _MAY_BUILD.search(text) else ()
        elif kind == "bake":
            yield from bake.read(text, path.parent, where)
        elif kind == "makefile":
            yield from command_lines.read_makefile(text, path.parent, where)
        elif kind == "gitlab":
            yield from pipelines.read_gitlab(text, root, where)
        elif kind == "script":
            yield from command_lines.read(text, root, where, own=path.parent)
        else:
            yield from pipelines.read_commands(text, root, where)

    def _text(self, path: Path) -> str | None:
        """The text of another file that one names; None if there is none."""
        try:
            return self._files.text(path) if self._files.exists(path) else None
        except DepsfirstError:
            return None

    def dockerfiles(self) -> Iterator[Path]:
        """Those that something is built of."""
        yield from self._found

    def invocations(self, dockerfile: Path) -> tuple[Invocation, ...]:
        """The builds of a Dockerfile whose context is there."""
        return tuple(each for each in self._found.get(dockerfile, ()) if each.context and each.context.is_dir())
