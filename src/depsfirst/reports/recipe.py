"""A recipe as text: requirements with hashes, a pylock file, JSON, or what changed since another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from depsfirst import __version__
from depsfirst.errors import DepsfirstError
from depsfirst.project.model import without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.project.model import Environment, LockedFile, LockedPackage, Recipe

_LOCAL = ("file", "directory")


class Selected(NamedTuple):
    """A recipe and what it was selected for.

    Attributes:
        lock: name of the lock.
        environment: version of Python and platform.
        groups: normalized names, the main one included.
        extras: normalized names.
        recipe: what was selected.
        open_ended: whether the lock may leave out what its packages require, as pins without hashes do.
    """

    lock: str
    environment: Environment
    groups: tuple[str, ...]
    extras: tuple[str, ...]
    recipe: Recipe
    open_ended: bool = False

    @property
    def title(self) -> str:
        """The choice, as ``Python 3.13 on linux/amd64, groups main``."""
        python = ".".join(str(number) for number in self.environment.python[:2])
        extras = f", extras {' '.join(self.extras)}" if self.extras else ""
        return f"Python {python} on {self.environment.platform}, groups {' '.join(self.groups)}{extras}"


class Change(NamedTuple):
    """A package that two recipes do not have alike; ``files`` means the version is the same and the files are not."""

    kind: Literal["added", "removed", "changed", "files"]
    name: str
    before: str | None
    after: str | None


def as_requirements(selected: Selected) -> str:
    """Lines for pip and uv, in canonical order: the same recipe gives the same text."""
    lines = [f"# {selected.title}", f"# recipe sha256:{selected.recipe.digest}"]
    lines += [_requirement(package) for package in selected.recipe.third_party]
    lines += [f"# first-party: {package.name} in {package.source.location}" for package in selected.recipe.first_party]
    return "\n".join(lines) + "\n"


def _requirement(package: LockedPackage) -> str:
    hashes = "".join(f" \\\n    --hash=sha256:{value}" for value in _hashes(package))
    if package.source.kind in {"url", "git"}:
        return f"{package.name} @ {_location(package)}{hashes}"
    if package.source.kind == "file":
        return f"./{package.source.location}{hashes}"
    return f"{package.name}=={package.version}{hashes}"


def _location(package: LockedPackage) -> str:
    return without_password(package.source.location or "")


def _hashes(package: LockedPackage) -> list[str]:
    return sorted({file.sha256 for file in package.files if file.sha256} | package.hashes)


def as_pylock(selected: Selected) -> str:
    """A pylock.toml (PEP 751) for this environment alone.

    Raises:
        DepsfirstError: the lock does not say where its files are, which PEP 751 wants.
    """
    markers = selected.environment.markers()
    names = ("sys_platform", "platform_machine", "python_version")
    environment = " and ".join(f"{name} == '{markers[name]}'" for name in names)
    lines = [
        'lock-version = "1.0"',
        f"environments = [{_quoted(environment)}]",
        f"created-by = {_quoted(f'depsfirst {__version__}')}",
    ]
    for package in selected.recipe.third_party:
        lines += ["", "[[packages]]", f"name = {_quoted(package.name)}"]
        lines += [f"version = {_quoted(package.version)}"] if package.version else []
        lines += _origin(package, selected.lock)
    return "\n".join(lines) + "\n"


def _origin(package: LockedPackage, lock: str) -> Iterator[str]:
    if package.source.kind == "git":
        url, _, subdirectory = _location(package).partition("#subdirectory=")
        address, _, commit = url.removeprefix("git+").rpartition("@")
        more = {"subdirectory": subdirectory} if subdirectory else {}
        yield f"vcs = {_inline({'type': 'git', 'url': address, 'commit-id': commit, **more})}"
    elif package.source.kind in {"url", "file"}:
        yield f"archive = {_archive(package, lock)}"
    else:
        yield from _files(package, lock)


def _archive(package: LockedPackage, lock: str) -> str:
    place, _, subdirectory = _location(package).partition("#subdirectory=")
    hashes = _hashes(package)
    if len(hashes) != 1:
        raise DepsfirstError(f'"{lock}" has no hash of "{package.name}"', where=package.where, hint=_OTHER)
    key = "url" if package.source.kind == "url" else "path"
    more = {"subdirectory": subdirectory} if subdirectory else {}
    return _inline({key: place, "hashes": {"sha256": hashes[0]}, **more})


_OTHER = "print it with --format requirements"


def _files(package: LockedPackage, lock: str) -> Iterator[str]:
    files = sorted(package.files, key=lambda file: file.name)
    if not files or not all(file.url and file.sha256 for file in files):
        raise DepsfirstError(
            f'"{lock}" does not say where the files of "{package.name}" are, and a pylock file has to',
            where=package.where,
            hint=_OTHER,
        )
    if package.source.location:
        yield f"index = {_quoted(_location(package))}"
    for file in (each for each in files if not each.name.endswith(".whl")):
        yield f"sdist = {_file(file)}"
    wheels = [_file(each) for each in files if each.name.endswith(".whl")]
    if wheels:
        yield "wheels = ["
        yield from (f"    {wheel}," for wheel in wheels)
        yield "]"


def _file(file: LockedFile) -> str:
    place = {"url" if "://" in (file.url or "") else "path": without_password(file.url or "")}
    size = {"size": file.size} if file.size is not None else {}
    return _inline({"name": file.name, **place, **size, "hashes": {"sha256": file.sha256}})


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _inline(values: Mapping[str, Any]) -> str:
    """A TOML table on one line."""
    texts = {
        key: _inline(value) if isinstance(value, dict) else value if isinstance(value, int) else _quoted(value)
        for key, value in values.items()
    }
    return "{" + ", ".join(f"{key} = {text}" for key, text in texts.items()) + "}"


def as_json(selected: Selected) -> str:
    """The documented object, ``"version": 1``."""
    return json.dumps({**_head(selected), "packages": [_entry(each) for each in selected.recipe.third_party]}, indent=2)


def _head(selected: Selected) -> dict[str, Any]:
    return {
        "version": 1,
        "lock": selected.lock,
        "digest": f"sha256:{selected.recipe.digest}",
        "python": selected.environment.version,
        "platform": selected.environment.platform,
        "groups": list(selected.groups),
        "extras": list(selected.extras),
        "first_party": [{"name": each.name, "path": each.source.location} for each in selected.recipe.first_party],
    }


def _entry(package: LockedPackage) -> dict[str, Any]:
    direct = package.source.kind in {"url", "git", "file"}
    return {
        "name": package.name,
        "version": package.version,
        "source": _location(package) if direct else None,
        "hashes": [f"sha256:{value}" for value in _hashes(package)],
    }


def changes(before: Recipe, after: Recipe) -> tuple[Change, ...]:
    """What differs between the third-party sets of two recipes, by name."""
    old, new = ({package.name: package for package in recipe.third_party} for recipe in (before, after))
    found = [_change(old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]
    return tuple(change for change in found if change is not None)


def _change(before: LockedPackage | None, after: LockedPackage | None) -> Change | None:
    package = after or before
    if package is None:
        return None
    shown = (_shown(before) if before else None, _shown(after) if after else None)
    if before is None or after is None:
        return Change("added" if before is None else "removed", package.name, *shown)
    if shown[0] != shown[1]:
        return Change("changed", package.name, *shown)
    return Change("files", package.name, *shown) if _hashes(before) != _hashes(after) else None


def _shown(package: LockedPackage) -> str:
    direct = package.source.kind in {"url", "git", "file"}
    return _location(package) if direct else str(package.version)


_SIGNS: Mapping[str, Callable[[Change], str]] = {
    "added": lambda change: f"+ {change.name} {change.after}",
    "removed": lambda change: f"- {change.name} {change.before}",
    "changed": lambda change: f"~ {change.name} {change.before} -> {change.after}",
    "files": lambda change: f"~ {change.name} {change.after}: other files",
}


def diff_as_text(before: Selected, after: Selected, revision: str) -> str:
    """A line for each package that changed, and a head that says between what."""
    found = changes(before.recipe, after.recipe)
    if not found:
        return f"# {after.title}: nothing changed since {revision}\n"
    count = "1 package" if len(found) == 1 else f"{len(found)} packages"
    head = f"# {after.title}: {count} changed since {revision}"
    return "\n".join([head, *(_SIGNS[change.kind](change) for change in found)]) + "\n"


def diff_as_json(before: Selected, after: Selected, revision: str) -> str:
    """The documented object of a difference, ``"version": 1``."""
    found = changes(before.recipe, after.recipe)
    value = {
        **_head(after),
        "since": revision,
        "digest_before": f"sha256:{before.recipe.digest}",
        "changes": [change._asdict() for change in found],
    }
    return json.dumps(value, indent=2)
