"""pylock.toml and pylock.NAME.toml (PEP 751)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Dependency, Lock, LockedFile, LockedPackage, Source, normalize
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.pylock import Package, PackageArchive, PackageSdist, PackageVcs, PackageWheel, Pylock

    from depsfirst.project.model import LockText, Project

NAMES: tuple[str, ...] = ("pylock.toml",)
COMMAND = "uv export --format pylock.toml -o pylock.toml"

_HINT = "let its tool write the lock again"


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def read(lock: LockText, project: Project) -> Lock:
    """The lock, if it is what PEP 751 says.

    Whether it fits the manifest no such lock can tell, so what ``[project]`` requires becomes demands.

    Raises:
        DepsfirstError: it is broken, or of a version not known.
    """
    from depsfirst.project.demands import demands

    pylock = _validated(lock)
    packages = tuple(_package(each, _Place(lock.name, index)) for index, each in enumerate(pylock.packages))
    edges = tuple(
        Dependency(package.name, (index,), marker=str(each.marker) if each.marker else None)
        for index, (each, package) in enumerate(zip(pylock.packages, packages, strict=True))
    )
    groups = [normalize(name) for name in pylock.dependency_groups or ()]
    return Lock(
        format="pylock",
        name=lock.name,
        project=normalize(project.name),
        packages=packages,
        roots=dict.fromkeys((MAIN, *groups), edges),
        extras={str(extra): () for extra in pylock.extras or ()},
        requires_python=str(pylock.requires_python) if pylock.requires_python is not None else None,
        environments=tuple(str(marker) for marker in pylock.environments or ()),
        demands=tuple(demands(packages, project)),
        default_groups=frozenset(normalize(name) for name in pylock.default_groups or ()),
        strict_python=True,
    )


def _validated(lock: LockText) -> Pylock:
    from packaging.pylock import Pylock, PylockValidationError

    values = _normalized(parse(lock.text, lock.name))
    try:
        pylock = Pylock.from_dict(values)
    except PylockValidationError as error:
        where = f"{lock.name}: {error.context}" if error.context else lock.name
        message = error.message.partition("\n")[0].rstrip(".")
        raise DepsfirstError(f"this is no pylock file: {message}", where=where, hint=_HINT) from None
    except RecursionError:
        raise DepsfirstError("the values are nested too deep", where=lock.name) from None
    _check_markers(pylock, lock.name)
    return pylock


def _normalized(values: dict[str, Any]) -> dict[str, Any]:
    """The values with normalized names of packages, which PEP 751 wants and pipenv does not write."""
    packages = values.get("packages")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, dict) and isinstance(package.get("name"), str):
            package["name"] = normalize(package["name"])
    return values


def _check_markers(pylock: Pylock, name: str) -> None:
    """Refuse markers that can be parsed and not evaluated."""
    from depsfirst.project.locked import marker_of
    from depsfirst.project.toml import Table

    markers = {f"environments[{index}]": str(each) for index, each in enumerate(pylock.environments or ())}
    markers |= {
        f"packages[{index}].marker": str(each.marker) for index, each in enumerate(pylock.packages) if each.marker
    }
    table = Table(markers, name)
    for key in markers:
        marker_of(table, key)


class _Place:
    """Where a package stands in a lock."""

    def __init__(self, lock: str, index: int) -> None:
        self.where = f"{lock}: packages[{index}]"

    def error(self, path: str, message: str, hint: str = _HINT) -> DepsfirstError:
        return DepsfirstError(message, where=f"{self.where}.{path}", hint=hint)


def _package(package: Package, place: _Place) -> LockedPackage:
    source, files = _origin(package, place)
    return LockedPackage(
        name=package.name,
        version=str(package.version) if package.version is not None else None,
        source=source,
        files=files,
        requires_python=str(package.requires_python) if package.requires_python is not None else None,
        where=place.where,
    )


def _origin(package: Package, place: _Place) -> tuple[Source, tuple[LockedFile, ...]]:
    if package.vcs is not None:
        return Source("git", _commit_url(package.vcs, place)), ()
    if package.directory is not None:
        return _directory(package), ()
    if package.archive is not None:
        return _archive(package.archive, place)
    return Source("index", package.index), tuple(_files(package, place))


def _commit_url(vcs: PackageVcs, place: _Place) -> str:
    from depsfirst.project.locked import is_commit

    if vcs.type != "git":
        raise place.error("vcs.type", f'"{vcs.type}" repositories are not read', "depend on a release or a git commit")
    if not is_commit(vcs.commit_id):
        raise place.error("vcs.commit-id", f'"{vcs.commit_id}" is no commit')
    fragment = f"#subdirectory={vcs.subdirectory}" if vcs.subdirectory else ""
    return f"git+{vcs.url or vcs.path}@{vcs.commit_id.lower()}{fragment}"


def _directory(package: Package) -> Source:
    from posixpath import join, normpath

    directory = package.directory
    if directory is None:
        raise ValueError(package)
    path = normpath(join(directory.path.replace("\\", "/"), directory.subdirectory or ""))
    return Source("project" if path == "." else "directory", path, editable=bool(directory.editable))


def _archive(archive: PackageArchive, place: _Place) -> tuple[Source, tuple[LockedFile, ...]]:
    sha256 = _sha256(archive.hashes, place, "archive.hashes")
    location = archive.url or archive.path or ""
    name = _file_name(location, place, "archive.url" if archive.url else "archive.path")
    fragment = f"#subdirectory={archive.subdirectory}" if archive.subdirectory else ""
    source = Source("url" if archive.url else "file", location + fragment)
    return source, (LockedFile(name, sha256, location, archive.size),)


def _files(package: Package, place: _Place) -> Iterator[LockedFile]:
    for index, wheel in enumerate(package.wheels or ()):
        yield _file(wheel, place, f"wheels[{index}]")
    if package.sdist is not None:
        yield _file(package.sdist, place, "sdist")


def _file(file: PackageWheel | PackageSdist, place: _Place, path: str) -> LockedFile:
    sha256 = _sha256(file.hashes, place, f"{path}.hashes")
    return LockedFile(_file_name(file.filename, place, path), sha256, file.url or file.path, file.size)


def _sha256(hashes: Mapping[str, str], place: _Place, path: str) -> str:
    from depsfirst.project.locked import sha256_of
    from depsfirst.project.toml import Table

    if "sha256" not in hashes:
        raise place.error(path, "no hash is a sha256", "lock against an index that gives sha256 hashes")
    table = Table({f"{path}.sha256": f"sha256:{hashes['sha256']}"}, place.where)
    return sha256_of(table, f"{path}.sha256") or ""


def _file_name(text: str, place: _Place, path: str) -> str:
    from depsfirst.project.locked import file_name_of
    from depsfirst.project.toml import Table

    return file_name_of(Table({path: text.replace("\\", "/")}, place.where), path)
