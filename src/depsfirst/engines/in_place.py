"""Code that is no package, as the last layer of an image: its files, in the working directory.

What its files answer for imports is told in the words of a wheel, so that it is checked and reported as any other code.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from depsfirst.digests import sha256
from depsfirst.engines.own_files import own_files
from depsfirst.errors import DepsfirstError
from depsfirst.imports.answers import ASIDE
from depsfirst.imports.modules import Provided, names_of, provided
from depsfirst.oci.layer import TarEntry, entry_header, padding
from depsfirst.oci.pieces import FileSlice, chunks
from depsfirst.project.in_place import MANAGE, TOOLS, module_of
from depsfirst.values import NamedTuple
from depsfirst.wheels.own import earlier
from depsfirst.wheels.own.tree import DIRECTORY, FILE, LINK, SPECIAL, Hashes, directories_above
from depsfirst.wheels.own.wheel import ProjectWheel, WheelEntry
from depsfirst.wheels.parts import PARTS, find_installed, kept_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.engines.own_files import OwnFiles
    from depsfirst.engines.tools import Tools
    from depsfirst.imports.answers import Problem
    from depsfirst.project.in_place import InPlace
    from depsfirst.project.model import Project
    from depsfirst.wheels.parts import InstalledWheel

_FORMAT = 1
_IN_MEMORY = 1 << 25
_SUFFIX = ".py"


class Code(NamedTuple):
    """Code that is run where it stands.

    Attributes:
        wheel: its files in the words of a wheel: as they are called from the directories that modules are found in.
        installed: its files in the working directory, with the directories that they are in.
        answers: what else importing finds.
    """

    wheel: ProjectWheel
    installed: InstalledWheel
    answers: Provided


class _Item(NamedTuple):
    """A file, link or directory of the project: ``state`` is the sha256 of a file, or what a link leads to."""

    path: str
    kind: str
    state: str = ""
    executable: bool = False
    content: Path | bytes = b""


def code_in_place(project: Project, place: Sequence[TarEntry], tools: Tools) -> Code:
    """The code of a project that is no package.

    Args:
        project: the project.
        place: the directories of the image down to the one that it is run in.
        tools: cache and watcher.

    Raises:
        DepsfirstError: it has no code, or a file cannot be read.
    """
    hashes = Hashes(project.root, earlier.recall_signatures(tools.store, project.root))
    files = own_files(project, tools.store, hashes)
    items = list(_items(project.root, files, hashes, tools))
    earlier.remember_signatures(tools.store, project.root, hashes)
    if not any(item.path.endswith(_SUFFIX) for item in items):
        raise DepsfirstError(
            "there is no Python code here", where=str(project.root), hint=f"it was looked for in {files.reason}"
        )
    digest = _digest(items)
    key = sha256(f"in place {_FORMAT} {[*map(tuple, place)]} {digest}".encode()).hexdigest()
    found = find_installed(key, tools.store)
    wheel = ProjectWheel(
        name=project.name,
        version=project.version or "",
        tags=frozenset({"py3-none-any"}),
        entries=tuple(_entries(items, project)),
        digest=digest,
        how="reused" if found else "copied",
        reason="nothing in it changed" if found else f"{len(items)} files: {files.reason}",
    )
    return Code(wheel, found or _installed(key, items, place, project.root, tools.store), _answers(items, project))


def _installed(
    key: str, items: Sequence[_Item], place: Sequence[TarEntry], root: Path, store: ContentStore
) -> InstalledWheel:
    with store.write(PARTS, key) as file:
        paths = _write(items, place, root, file)
    return kept_part(key, paths, store)


def _items(root: Path, files: OwnFiles, hashes: Hashes, tools: Tools) -> Iterator[_Item]:
    held = 0
    for path, kind in sorted(files.kinds.items()):
        if not _is_text(path):
            raise DepsfirstError("the name of a file is not UTF-8", where=f"{root}/{path!a}", hint="rename it")
        if kind == FILE:
            seen = hashes.look(path)
            if seen is None:
                raise _changed(root, path)
            held += len(seen.data or b"")
            content = seen.data if seen.data is not None and held <= _IN_MEMORY else root / path
            yield _Item(path, kind, seen.sha256, bool(seen.mode), content)
        elif kind == DIRECTORY:
            yield _Item(path, kind)
        elif kind != SPECIAL or (root / path).is_symlink():
            yield _Item(path, LINK, os.readlink(root / path), content=root / path)  # noqa: PTH115 - as text
        else:
            tools.progress.warn(f'"{path}" is neither a file nor a link, and is left out')


def _is_text(path: str) -> bool:
    """Whether a name was UTF-8 on the disk, as all names in an image are."""
    return not any("\udc80" <= letter <= "\udcff" for letter in path)


def _changed(root: Path, path: str) -> DepsfirstError:
    return DepsfirstError(f'"{path}" changed while it was read', where=str(root), hint="build again")


def _digest(items: Sequence[_Item]) -> str:
    digest = sha256()
    for item in items:
        line = f"{item.path}\0{item.kind}\0{item.state}\0{int(item.executable)}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _write(items: Sequence[_Item], place: Sequence[TarEntry], root: Path, file: IO[bytes]) -> tuple[str, ...]:
    """Write the tar entries, directories before what is in them; the paths of all but directories.

    The directories above are among them: an engine makes those that a layer lacks anew, and they would be root's.
    """
    for entry in place:
        file.write(entry_header(entry))
    workdir = place[-1].path
    listed = {item.path: item for item in items}
    for path in list(listed):
        for folder in directories_above(path):
            listed.setdefault(folder, _Item(folder, DIRECTORY))
    for path, item in sorted(listed.items()):
        target = f"{workdir}/{path}"
        if item.kind == DIRECTORY:
            file.write(entry_header(TarEntry(target, kind="directory", mode=0o755)))
        elif item.kind == LINK:
            file.write(entry_header(TarEntry(target, kind="symlink", link=item.state)))
        else:
            _write_file(item, target, root, file)
    return tuple(f"{workdir}/{item.path}" for item in items if item.kind != DIRECTORY)


def _write_file(item: _Item, target: str, root: Path, file: IO[bytes]) -> None:
    """Write a file; one that was not read before is held against what was told of it."""
    mode = 0o755 if item.executable else 0o644
    if isinstance(item.content, bytes):
        file.write(entry_header(TarEntry(target, mode=mode, size=len(item.content))))
        file.write(item.content)
        file.write(padding(len(item.content)))
        return
    size = item.content.stat().st_size
    file.write(entry_header(TarEntry(target, mode=mode, size=size)))
    digest = sha256(size=size)
    for chunk in chunks((FileSlice(item.content, 0, size),)):
        digest.update(chunk)
        file.write(chunk)
    if digest.hexdigest() != item.state:
        raise _changed(root, item.path)
    file.write(padding(size))


def _entries(items: Sequence[_Item], project: Project) -> Iterator[WheelEntry]:
    """Files by what they are called below the first directory that modules are found in."""
    starts = _starts(project)
    for item in items:
        if item.kind == FILE or (item.kind == LINK and (project.root / item.path).is_file()):
            start = next((each for each in starts if item.path.startswith(each)), "")
            state = item.state if item.kind == FILE else ""
            yield WheelEntry(item.path[len(start) :], item.content, item.executable, state)


def _starts(project: Project) -> tuple[str, ...]:
    paths = project.in_place.paths if project.in_place else ()
    return tuple(f"{path}/" for path in paths if path != ".")


def _answers(items: Sequence[_Item], project: Project) -> Provided:
    """What importing finds besides: what stands beside a script, what links lead to, and all from the top."""
    files = [item.path for item in items if item.kind != DIRECTORY]
    packages = {path.rpartition("/")[0] for path in files if path.endswith("/__init__.py")}
    aside = {path.rpartition("/")[0] for path in files if path.endswith(_SUFFIX)} - packages - {""}
    beside = (path[len(folder) + 1 :] for path in files for folder in directories_above(path) if folder in aside)
    from_top = provided(path for path in files if path.startswith(_starts(project)))
    linked = {item.path.rpartition("/")[2] for item in items if item.kind == LINK}
    return provided(beside) | from_top | Provided(frozenset(name for name in linked if name.isidentifier()))


def softened(problems: Sequence[Problem], project: Project) -> tuple[Problem, ...]:
    """Errors become warnings where the code is a tool of the developers, or a script in a directory of scripts."""
    return tuple(_doubted(each) if _is_aside(each.path, project) else each for each in problems)


def _doubted(problem: Problem) -> Problem:
    return problem._replace(severity="warning") if problem.severity == "error" else problem


def _is_aside(path: str, project: Project) -> bool:
    folder, _, name = path.rpartition("/")
    if name in TOOLS:
        return True
    tops = {"", *(project.in_place.paths if project.in_place else ())}
    return folder not in tops and not (project.root / folder / "__init__.py").is_file()


def started(layout: InPlace, words: Sequence[str], entries: Sequence[WheelEntry]) -> frozenset[str]:
    """The modules that a command names, or that the project's own start is, if either is known.

    Django loads by names in its settings, so that its program tells nothing.
    """
    names = names_of(entry.path for entry in entries)
    starts: list[tuple[str, ...]] = [(word.partition(":")[0],) for word in words] or [layout.start]
    found = {module_of(start) or "" for start in starts if start != (MANAGE,)}
    return frozenset(found & (names.modules | names.packages))


def tried(layout: InPlace, entries: Sequence[WheelEntry], needed: Iterable[str]) -> tuple[str, ...]:
    """What is imported to prove that an image works: a module alone may be a script, which would be run by it.

    So these are the modules of dependencies that the code cannot do without, and its own packages; of these, what their
    surroundings lack, as a variable or a database, is no failure. Django is asked to load the applications it knows.
    """
    names = names_of(entry.path for entry in entries)
    own = sorted(name for name in names.packages if "." not in name and name not in ASIDE)
    django = []
    if layout.settings and "django" in needed:
        django = [f"DJANGO_SETTINGS_MODULE={layout.settings}", "?django:setup()"]
    return (*sorted(needed), *django, *(f"?{name}" for name in own))
