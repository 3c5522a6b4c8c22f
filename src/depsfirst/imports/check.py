"""The static import check: every import of the project must be answered by the base, a layer or the project.

Names, not objects: whether a module has an attribute is known only to Python, so it is never judged. Nor is
a module below a regular package of a dependency, for such packages may add modules as they run.
"""

from __future__ import annotations

import gc
import sys
from itertools import chain
from typing import TYPE_CHECKING

from depsfirst.digests import sha256
from depsfirst.errors import DepsfirstError
from depsfirst.imports.answers import Judge, Place, Problem, Stdlib, Surroundings, fault, place
from depsfirst.imports.modules import Names, Provided, absolute, hooks_of, names_of, provided, site_path
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.imports.answers import Row

__all__ = [
    "Checked",
    "Memory",
    "Problem",
    "Provided",
    "Stdlib",
    "Surroundings",
    "check",
    "failure",
    "provided",
    "told",
]

_MEMO = "imports"
_FORMAT = 1
_SHOWN = 10
_SOURCE_FOLDERS = ("", "src/", "lib/", "python/")


class Checked(NamedTuple):
    """What was found.

    Attributes:
        problems: sorted by place.
        imported: all that importing the project asks for, as ``module:name``.
        needed: the modules among it that it cannot do without.
    """

    problems: tuple[Problem, ...]
    imported: frozenset[str]
    needed: frozenset[str]


class Memory(NamedTuple):
    """Where a check remembers what each source imports: a store, and a key of the project."""

    store: ContentStore
    key: str


class _Source(NamedTuple):
    path: str
    content: Path | bytes
    digest: str


class _Scanned(NamedTuple):
    """A scan as it is remembered: words in long strings, which a JSON reader takes faster than many lists.

    Attributes:
        digest: sha256 of the source.
        fault: fields of a ``scan.Fault``, if it does not compile.
        traits: those of a ``scan.Scan``.
        asks: the modules it imports without a way out, absolute; ``.`` for one beyond the top.
        loads: all that importing it may load, as ``module`` or ``module:name``.
        rows: its imports, see ``_packed``.
    """

    digest: str
    fault: tuple[int, str, bool] | None
    traits: str
    asks: str
    loads: str
    rows: str


def check(
    code: Iterable[tuple[str, Path | bytes]],
    around: Surroundings,
    *,
    root: Path | None = None,
    memory: Memory | None = None,
    digests: Mapping[str, str] | None = None,
) -> Checked:
    """Hold every import of a project's sources against what answers it.

    Args:
        code: all files of the project's wheel: path below site-packages, and the file or its bytes.
        around: what the image has.
        root: the project's root, to show paths as its people know them.
        memory: spares sources that it knows from being parsed again.
        digests: sha256 in hex by path, for files whose digest is known already.

    Raises:
        DepsfirstError: a source cannot be read.
    """
    listed = sorted(((site_path(path), content) for path, content in code), key=_path)
    known = digests or {}
    sources = [
        _Source(path, content, known.get(path) or sha256(_read(path, content)).hexdigest())
        for path, content in listed
        if path.endswith(".py") and ".data/" not in path
    ]
    scans = _scans(sources, around.stdlib.python, memory)
    project = _Project(sources, scans, names_of(map(_path, listed)))
    hooked = around._replace(provided=around.provided | Provided(hooks=hooks_of(map(_path, listed))))
    problems = _problems(project, hooked, root)
    imported = frozenset(" ".join([scan.loads for scan in scans.values()]).split())
    asked = frozenset(" ".join([scan.asks for scan in scans.values()]).split())
    return Checked(tuple(problems), imported, asked & {each.partition(":")[0] for each in imported})


def failure(problems: Iterable[Problem]) -> DepsfirstError | None:
    """The error that ends a build, if there is a problem that is certain."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return None
    first, *others = errors
    lines = [first.message, *map(str, others[: _SHOWN - 1])]
    if len(errors) > _SHOWN:
        lines.append(f"and {len(errors) - _SHOWN} more")
    return DepsfirstError("\n".join(lines), where=f"{first.path}:{first.line}", hint=first.hint)


def told(problems: Iterable[Problem]) -> Iterator[str]:
    """A line for each module that is missed, with the place where it is first and how many more there are."""
    by_module: dict[str, list[Problem]] = {}
    for problem in problems:
        by_module.setdefault(problem.module or str(problem), []).append(problem)
    for first, *others in by_module.values():
        files = {other.path for other in others} - {first.path}
        more = f"; {len(files)} more {'file imports' if len(files) == 1 else 'files import'} it" if files else ""
        yield f"{first}{more}"


class _Project(NamedTuple):
    sources: list[_Source]
    scans: dict[str, _Scanned]
    own: Names


def _problems(project: _Project, around: Surroundings, root: Path | None) -> Iterator[Problem]:
    sources, scans, own = project
    dynamic = frozenset(place(path, "").module for path, scan in scans.items() if "modules" in scan.traits)
    judge = Judge(own, around, dynamic, moves_path=any("path" in scan.traits for scan in scans.values()))
    doubted = judge.doubted(" ".join([scan.asks for scan in scans.values()]).split())
    found = {
        source.path: list(_judged(place(source.path, _shown(source, root)), scan, judge))
        for source, scan in zip(sources, scans.values(), strict=True)
        if scan.fault or (doubted and not doubted.isdisjoint(scan.asks.split()))
    }
    softened = _softened(found, project, around, judge)
    yield from chain.from_iterable(softened.values())


def _judged(at: Place, scan: _Scanned, judge: Judge) -> Iterator[Problem]:
    """The problems of a source, each missing module once, where it is met first."""
    if scan.fault:
        if not judge.ignores(at.module):
            yield fault(scan.fault, at)
        return
    told: dict[str | None, str] = {}
    for problem in judge.problems(_unpacked(scan.rows), at):
        if told.get(problem.module) not in {problem.severity, "error"}:
            told[problem.module] = problem.severity
            yield problem


def _softened(
    found: Mapping[str, list[Problem]], project: _Project, around: Surroundings, judge: Judge
) -> Mapping[str, list[Problem]]:
    """Errors become warnings in modules that are optional.

    So they do in modules that what starts the project does not reach, where a group or an extra that was left out would
    help: its people know that this needs more. A module for an extra may lack other packages, too, which that brings.
    What nothing would help stays an error, as does a source that is broken; but among scripts, of which only one is
    started, the others do not count.
    """
    if failure(chain.from_iterable(found.values())) is None:
        return found
    from depsfirst.imports.optional import doubts  # only for bad news

    rows = ((place(path, ""), _unpacked(scan.rows)) for path, scan in project.scans.items())
    optional, unreached = doubts(rows, project.own, around.entries, around.plugins, scripts=around.scripts)

    def softened(path: str, problems: list[Problem]) -> Iterator[Problem]:
        module = place(path, "").module
        missing = [problem.module for problem in problems if problem.module]
        helped = {name for name in missing if judge.is_left_out(name)}
        if any(judge.is_left_out(name, "extra") for name in helped):
            helped = {name for name in missing if judge.is_foreign(name)}
        for problem in problems:
            lost = module in unreached and (around.scripts or problem.module in helped)
            yield _doubted(problem) if problem.severity == "error" and (lost or module in optional) else problem

    return {path: list(softened(path, problems)) for path, problems in found.items()}


def _doubted(problem: Problem) -> Problem:
    return problem._replace(severity="warning", message=f"{problem.message} (in a module that may never be loaded)")


def _path(item: tuple[str, Path | bytes]) -> str:
    return item[0]


def _shown(source: _Source, root: Path | None) -> str:
    """The path as the project's people know it, where a file of that name is in the usual places of a source tree."""
    if root is None:
        return source.path
    if not isinstance(source.content, bytes) and source.content.is_relative_to(root):
        return source.content.relative_to(root).as_posix()
    places = (f"{folder}{source.path}" for folder in _SOURCE_FOLDERS)
    return next((place for place in places if (root / place).is_file()), source.path)


def _scans(sources: list[_Source], python: tuple[int, int], memory: Memory | None) -> dict[str, _Scanned]:
    """What each source imports, by path: remembered, or read now and remembered for the next time."""
    stamp = [_FORMAT, *sys.version_info[:2], *python]
    kept = memory.store.recall(_MEMO, memory.key) if memory else None
    before = kept["files"] if isinstance(kept, dict) and kept.get("stamp") == stamp else {}
    same = {path: entry for path, _, digest in sources if (entry := before.get(path)) and entry[0] == digest}
    made = _read_all([source for source in sources if source.path not in same], python)
    now = {path: _Scanned(*same[path]) if path in same else made[path] for path, _, _ in sources}
    if memory and (made or len(same) != len(before)):
        memory.store.remember(_MEMO, memory.key, {"stamp": stamp, "files": now})
    return now


def _read_all(sources: list[_Source], python: tuple[int, int]) -> dict[str, _Scanned]:
    """What new sources import. Syntax trees have no cycles, and looking for some takes 40 % of the time."""
    if not sources:
        return {}
    collecting = gc.isenabled()
    gc.disable()
    try:
        return {source.path: _scanned(source, python) for source in sources}
    finally:
        if collecting:
            gc.enable()


def _scanned(source: _Source, python: tuple[int, int]) -> _Scanned:
    from depsfirst.imports.scan import GUARDED, LATER, scan  # loads the parser, for new sources

    found = scan(_read(source.path, source.content), python)
    package = place(source.path, "").package
    asks, loads = set(), set()
    for name, _, need, names, _ in found.imports:
        if need != GUARDED and (package is not None or not name.startswith(".")):
            asks.add(absolute(name, package or "") or ".")
        if need != LATER:
            loads |= {f"{name}:{wanted}" for wanted in names} or {name}
    words = (" ".join(found.traits), " ".join(sorted(asks)), " ".join(sorted(loads)))
    return _Scanned(source.digest, found.fault, *words, _packed(found.imports))


def _packed(rows: Iterable[Row]) -> str:
    """Imports as one string; no part of a dotted name is in ``|,/;``."""
    return ";".join(
        f"{name}|{line}|{need}|{','.join(names)}|{'/'.join(unless)}" for name, line, need, names, unless in rows
    )


def _unpacked(rows: str) -> Iterator[Row]:
    for row in filter(None, rows.split(";")):
        name, line, need, names, unless = row.split("|")
        yield (
            name,
            int(line),
            need,
            tuple(filter(None, names.split(","))),
            tuple(filter(None, unless.split("/"))),
        )


def _read(path: str, content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.read_bytes()
    except OSError as error:
        raise DepsfirstError(f'cannot read "{content}": {error.strerror}', where=path) from error
