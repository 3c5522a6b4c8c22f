"""What the lock says to a Dockerfile: the packages it installs, how they are exported, and from which indexes."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.generate.exports import Question, export, export_unlocked
from depsfirst.generate.scheme import Indexes
from depsfirst.project.discover import read_lock
from depsfirst.project.manifest import MANIFEST, is_computed
from depsfirst.project.model import MAIN, Environment, UnlockedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from depsfirst.generate.scheme import Export
    from depsfirst.plan import Plan
    from depsfirst.project.model import Lock, LockedPackage, Project, Recipe

_NO_LOCK = "what is installed may change from build to build"
_DIRECTORIES = re.compile(r"(?m)^(-e |--editable|\.|[A-Za-z0-9._-]+(\[.*\])? @ file:)")
_REQUIREMENTS = frozenset({".txt", ".in"})
_EXPORTING_DIRECTORIES = frozenset({"poetry", "pdm", "pipenv", "pylock"})


def lock_of(project: Project) -> tuple[Lock | None, str | None]:
    """The lock; where requirements are no lock, why not.

    Raises:
        DepsfirstError: the lock is broken, or does not fit.
    """
    try:
        return read_lock(project), None
    except UnlockedError as error:
        if is_computed(project) or (project.pyproject.get("tool") or {}).get("uv", {}).get("sources"):
            raise  # what the build backend or uv knows of them stands in no requirement
        return None, f"{error}, so {_NO_LOCK}; {error.hint or 'lock it'}"


def recipe_of(lock: Lock | None, plan: Plan, python: tuple[int, int, int]) -> Recipe | None:
    """What is installed on a version of Python, if there is a lock.

    Raises:
        DepsfirstError: a group or extra does not exist, or the lock is not made for this environment.
    """
    from depsfirst.project.selection import select

    if lock is None:
        return None
    return select(lock, Environment(python, plan.platform), groups=plan.groups, extras=plan.extras)


def export_of(
    plan: Plan, lock: Lock | None, packages: Sequence[LockedPackage], context: Path, python: tuple[int, int]
) -> Export:
    """How the third-party set is had in a build with this context, by a version of Python.

    Raises:
        DepsfirstError: it cannot be had.
    """
    _check_links(lock, packages)
    for package in packages:
        _check_commit(package)
    project = plan.project
    place = project.lock.relative_to(context).as_posix()
    if project.lock.name == MANIFEST:
        return export_unlocked(place, sorted(plan.extras), python)
    text = project.lock.read_text(encoding="utf-8-sig")
    included = dict(_included(project, text))
    beside = posixpath.dirname(place)
    archives = sorted(each.source.location or "" for each in packages if each.source.kind == "file")
    question = Question(
        manifest=project.manifest.relative_to(context).as_posix() if project.manifest else None,
        lock=place,
        text=text,
        name=project.name,
        groups=tuple(sorted(plan.groups - {MAIN})),
        extras=tuple(sorted(plan.extras)),
        member=project.lock.name == "uv.lock" and project.lock.parent != project.root,
        local=_has_directories(lock, [text, *included.values()]),
        hashed=bool(packages) and all(each.is_hashed for each in packages),
        included=tuple(posixpath.normpath(posixpath.join(beside, name)) for name in included),
        directories=tuple(each.name for each in lock.packages if each.source.kind == "directory") if lock else (),
        archives=tuple(posixpath.normpath(posixpath.join(beside, name)) for name in archives),
    )
    made = export(lock.format if lock else "requirements", question)
    if question.member:
        root = (project.lock.parent / MANIFEST).relative_to(context).as_posix()
        return made._replace(files=(root, *made.files))
    return made


def indexes_of(packages: Sequence[LockedPackage], index_url: str | None) -> Indexes:
    """The indexes that packages are locked from, but for the public one."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    used = {each.source.location for each in packages if each.source.kind == "index"}
    public = str(PYPI_SIMPLE_ENDPOINT).rstrip("/")
    private = sorted({_without_credentials(url) for url in used if url and url.rstrip("/") != public})
    if index_url:
        default = _without_credentials(index_url)
        return Indexes(default, tuple(url for url in private if url.rstrip("/") != default.rstrip("/")))
    has_public = None in used or any(url and url.rstrip("/") == public for url in used)
    if private and not has_public:
        return Indexes(private[0], tuple(private[1:]))
    return Indexes(None, tuple(private))


def is_source(package: LockedPackage) -> bool:
    """Whether the lock has no wheel of a package, so that it is built."""
    return bool(package.files) and not any(file.name.endswith(".whl") for file in package.files)


def is_commit_of_server(package: LockedPackage) -> bool:
    """Whether a package is a commit that git fetches by http or https, for which a password may be wanted."""
    return package.source.kind == "git" and (package.source.location or "").startswith(("git+http:", "git+https:"))


def _check_commit(package: LockedPackage) -> None:
    """Refuse a commit that the build cannot reach.

    Raises:
        DepsfirstError: it is fetched by SSH, or from this machine.
    """
    location = (package.source.location or "").removeprefix("git+")
    if package.source.kind != "git" or location.startswith(("http:", "https:", "git:")):
        return
    remote = location.startswith("ssh:") or ("://" not in location and ":" in location.partition("/")[0])
    way = "by SSH" if remote else "from this machine"
    raise DepsfirstError(
        f'the commit of "{package.name}" is fetched {way}, which the build of a Dockerfile has no way to',
        where=package.where,
        hint="lock it by its https URL (a password comes from the secret), or take `depsfirst build`",
    )


def _check_links(lock: Lock | None, packages: Sequence[LockedPackage]) -> None:
    """Refuse packages of a directory that the build has not.

    Raises:
        DepsfirstError: the lock takes some from such a directory.
    """
    named = [each.url for each in lock.indexes if each.kind == "find-links" and _is_local(each.url)] if lock else []
    found = [
        posixpath.dirname(file.url)
        for package in packages
        if package.source.kind == "index"
        for file in package.files
        if file.url and _is_local(file.url)
    ]
    for folder in sorted({*named, *found}):
        raise DepsfirstError(
            f'packages come from the directory "{folder}", which the build of a Dockerfile does not have',
            where=lock.name if lock else None,
            hint="lock these files by their paths, or put them into an index; `depsfirst build` takes them from there",
        )


def _is_local(url: str) -> bool:
    return "://" not in url or url.startswith("file:")


def _has_directories(lock: Lock | None, texts: Sequence[str]) -> bool:
    """Whether what is exported has lines for directories, the project's own among them."""
    if lock is None or lock.format == "requirements":
        return any(_DIRECTORIES.search(text) for text in texts)
    return lock.format in _EXPORTING_DIRECTORIES and any(
        each.source.kind in {"directory", "project"} for each in lock.packages
    )


def _included(project: Project, text: str) -> Iterator[tuple[str, str]]:
    """Files that a requirements file includes, those that they include as well: path beside the lock, and text."""
    if project.lock.suffix not in _REQUIREMENTS:
        return
    from depsfirst.project.locks.requirements import includes

    todo, seen = [(project.lock.name, text)], {project.lock.name}
    while todo:
        for path in sorted(set(includes(*reversed(todo.pop()))) - seen):
            seen.add(path)
            file = project.lock.parent / path
            if file.is_file():
                content = file.read_text(encoding="utf-8-sig")
                todo.append((path, content))
                yield path, content


def _without_credentials(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
