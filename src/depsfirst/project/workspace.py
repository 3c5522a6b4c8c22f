"""Finds the members of a workspace or monorepo by name, and the lock of another project that has one of them in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.manifest import MANIFEST, name_of
from depsfirst.project.model import normalize
from depsfirst.project.reading import is_file, text_of
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Values = Callable[[str, str], Mapping[str, Any]]

SHARED = ("poetry.lock", "pdm.lock")
"""Locks of a project that may have another project in a directory below, with all that it needs."""
_SIGNS = frozenset({"setup.py", "requirements.txt", "Pipfile"})
"""What tells of a project besides a manifest."""
_NOT_ENTERED = frozenset(
    {
        *("node_modules", "__pycache__", "__pypackages__", "site-packages", "venv", "env", "build", "dist"),
        *("tests", "test", "testdata", "fixtures"),
    }
)
"""Where what looks like a project is none of this repository's, or belongs to its tests."""
_DEEPEST = 5
_SHOWN = 6
_REPOSITORY = (".git", ".hg")


def find_member(directory: Path, name: str | None, values: Values = parse) -> Path:
    """The directory of the project of a name: in a directory, or in a workspace or repository that it is part of.

    Members that a workspace or a manifest names go before others.

    Args:
        directory: where to look first; then in those above, up to the top of the repository.
        name: of the project, or of its directory where no project has it; None means the directory itself.
        values: reads the text of a manifest.

    Raises:
        DepsfirstError: there is no such project, or more than one.
    """
    if name is None:
        return directory
    root = Path(os.path.abspath(directory))  # noqa: PTH100 (a symbolic link stays as the user wrote it)
    if not root.is_dir():
        raise DepsfirstError("this is not a directory", where=str(directory), hint="name the workspace's directory")
    known: dict[Path, str] = {}
    for top in _tops(root):
        for members in (_named, _all):
            found = dict(members(top, values))
            known |= found
            same = _matching(found, name)
            if len(same) == 1:
                return same[0]
            if same:
                raise _several(name, same, top)
    raise _unknown(name, known, root)


def members(directory: Path, values: Values = parse) -> tuple[Path, tuple[Path, ...]]:
    """The top of the workspace or repository of projects that a directory is or is in, and its projects, sorted.

    They are those that the manifest names there; where it names none, all below.

    Raises:
        DepsfirstError: there is no project, or a manifest is broken.
    """
    root = Path(os.path.abspath(directory))  # noqa: PTH100 (a symbolic link stays as the user wrote it)
    if not root.is_dir():
        raise DepsfirstError("this is not a directory", where=str(directory), hint="name the workspace's directory")
    for top in _tops(root):
        named = dict(_named(top, values))
        if named.keys() - {top} and (top == root or root in named):
            return top, tuple(sorted(named))
    found = tuple(sorted({path for path, _ in _named(root, values)} or {path for path, _ in _all(root, values)}))
    if not found:
        raise DepsfirstError("there is no project here", where=str(root), hint="name the workspace's directory")
    return root, found


def _tops(root: Path) -> Iterator[Path]:
    """A directory and those above it that it may be part of: up to the top of the repository, else to a workspace."""
    above = [root, *root.parents]
    ends = [place for place, each in enumerate(above) if any(os.path.lexists(each / mark) for mark in _REPOSITORY)]
    if ends:
        yield from above[: ends[0] + 1]
        return
    yield root
    yield from (each for each in root.parents if each != each.parent and (each / MANIFEST).is_file())


def _matching(found: Mapping[Path, str], name: str) -> list[Path]:
    wanted = normalize(name)
    same = [path for path, each in found.items() if normalize(each) == wanted]
    return sorted(same or [path for path in found if normalize(path.name) == wanted])


def _named(top: Path, values: Values) -> Iterator[tuple[Path, str]]:
    """The members that the manifest of a directory names, and its own project."""
    manifest = _manifest(top, values)
    if manifest is None:
        return
    tool = Table(manifest, str(top / MANIFEST)).table("tool")
    workspace = tool.table("uv").table("workspace")
    left_out = matches(top, workspace.texts("exclude"))
    places = matches(top, workspace.texts("members")) - left_out
    places |= {Path(os.path.normpath(top / path)) for path in _paths(tool)}
    for place in sorted(places):
        if (member := _manifest(place, values)) is not None:
            yield place, name_of(member, place)
    if _describes(manifest):
        yield top, name_of(manifest, top)


def _paths(tool: Table) -> Iterator[str]:
    """The directories of path dependencies that uv and Poetry write into tables."""
    poetry = tool.table("poetry")
    groups = poetry.table("group")
    tables = [tool.table("uv").table("sources"), poetry.table("dependencies")]
    tables += [groups.table(name).table("dependencies") for name in groups.values]
    for table in tables:
        for value in table.values.values():
            if isinstance(value, dict) and isinstance(value.get("path"), str):
                yield value["path"]


def _all(top: Path, values: Values) -> Iterator[tuple[Path, str]]:
    """All projects below a directory."""
    pending = [(top, 0)]
    while pending:
        directory, depth = pending.pop()
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        if "pyvenv.cfg" in names:
            continue
        name = _name(directory, values, bare=_SIGNS.isdisjoint(names))
        if name is not None:
            yield directory, name
        if depth < _DEEPEST:
            below = (directory / name for name in names if not name.startswith(".") and name not in _NOT_ENTERED)
            pending += [(path, depth + 1) for path in below if path.is_dir() and not path.is_symlink()]


def _name(directory: Path, values: Values, *, bare: bool) -> str | None:
    """The name of the project in a directory; of one whose manifest is broken that of the directory; None if none is.

    A manifest may hold settings of tools alone, and then ``bare`` says that nothing else tells of a project.
    """
    try:
        manifest = _manifest(directory, values) or {}
        return None if bare and not _describes(manifest) else name_of(manifest, directory)
    except DepsfirstError:
        return directory.name


def _describes(manifest: Mapping[str, Any]) -> bool:
    tool = manifest.get("tool")
    return "project" in manifest or (isinstance(tool, dict) and "poetry" in tool)


def _manifest(directory: Path, values: Values) -> Mapping[str, Any] | None:
    path = directory / MANIFEST
    return values(text_of(path), str(path)) if is_file(path) else None


def matches(directory: Path, patterns: tuple[str, ...]) -> set[Path]:
    """The directories that uv's patterns of members mean.

    Raises:
        DepsfirstError: one is no pattern.
    """
    try:
        return {path for pattern in patterns for path in directory.glob(pattern) if path.is_dir()}
    except (OSError, ValueError, NotImplementedError):
        raise DepsfirstError(
            f"one of {', '.join(patterns)} is no pattern", where=f"{directory / MANIFEST}: tool.uv.workspace"
        ) from None


def elsewhere(root: Path) -> str:
    """Where the lock or the project may be that is not in a directory, as a hint."""
    locks = sorted(path.name for path in root.glob("*requirements*.txt"))
    if locks:
        return f'is it the lock? Then name it in {MANIFEST}: [tool.depsfirst] lock = "{locks[0]}"'
    names = sorted({name for _, name in _all(root, parse)})
    if not names:
        return f"a project has {MANIFEST} or requirements.txt"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there are some below: {', '.join(names[:_SHOWN])}{more}; name one: --package {names[0]}"


def _several(name: str, found: list[Path], top: Path) -> DepsfirstError:
    listed = ", ".join(os.path.relpath(path, top) for path in found)
    return DepsfirstError(
        f'several projects are called "{name}": {listed}', where=str(top), hint="name the directory of one instead"
    )


def _unknown(name: str, known: Mapping[Path, str], root: Path) -> DepsfirstError:
    from difflib import get_close_matches

    names = sorted({*known.values()})
    close = get_close_matches(name, names, 1)
    listed = f"the projects there are: {', '.join(names)}" if names else "there is no project here"
    return DepsfirstError(
        f'there is no project "{name}"',
        where=str(root),
        hint=f'did you mean "{close[0]}"? {listed}' if close else listed,
    )


def shared_lock(root: Path) -> Path | None:
    """The lock of a project in a directory above that has the one in ``root`` in it, as a path dependency."""
    for top in list(_tops(root))[1:]:
        place = os.path.relpath(root, top)
        for lock in (top / name for name in SHARED):
            if lock.is_file() and (top / MANIFEST).is_file() and _mentions(lock, place):
                return lock
    return None


def _mentions(lock: Path, place: str) -> bool:
    try:
        text = lock.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return f'"{place}"' in text or f'"./{place}"' in text
