"""Finds a project: its root, manifest, lock and entry points. With ``in_place`` all that reads the disk here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.project.in_place import in_place
from depsfirst.project.locks import EXPORTS, MANAGERS, UNLOCKED, format_of
from depsfirst.project.manifest import MANIFEST, computes, name_of, poetry_module, read_manifest
from depsfirst.project.model import LockText
from depsfirst.project.reading import is_directory, is_file, text_of
from depsfirst.project.toml import Table, parse
from depsfirst.project.workspace import SHARED, matches, shared_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from depsfirst.project.locks import Format
    from depsfirst.project.model import Lock, Project

    Values = Callable[[str, str], Mapping[str, Any]]
    """Reads a text of TOML; the second argument is what its file is called in a message."""

_FINGERPRINT_FORMAT = 2
_NO_PACKAGE = "package-mode = false in [tool.poetry] says that it is meant so"
_SIGNS = ("requirements.txt", "setup.py", "setup.cfg", "Pipfile", "pixi.toml", *MANAGERS, *EXPORTS)
"""What else tells that a directory is a project."""
_MANAGED = frozenset({"pdm", "poetry", "uv"})
"""Tables below ``[tool]`` by which a manifest without ``[project]`` is more than the settings of linters."""
_LAYOUT = "requirements"
_MAIN_NAMES = ("requirements.txt", "main.txt", "default.txt", "base.txt", "prod.txt", "production.txt")
"""What the file for production is called in a directory of requirements files."""
_DEPENDENCY_KEYS = (
    ("dependency-groups",),
    ("project", "name"),
    ("project", "dependencies"),
    ("project", "dynamic"),
    ("project", "optional-dependencies"),
    ("project", "requires-python"),
    ("tool", "pdm", "dev-dependencies"),
    ("tool", "pdm", "overrides"),
    ("tool", "pdm", "resolution"),
    ("tool", "pdm", "source"),
    ("tool", "poetry", "name"),
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "poetry", "extras"),
    ("tool", "poetry", "group"),
    ("tool", "poetry", "source"),
    ("tool", "uv"),
)
"""What of a manifest a lock can depend on; the fit of a lock is judged by nothing else."""


def discover(directory: Path, values: Values = parse) -> Project:
    """The project in a directory.

    Args:
        directory: where pyproject.toml or requirements.txt stands.
        values: reads the text of a manifest; a caller may know what it came to before.

    Raises:
        DepsfirstError: there is no project, no lock or more than one, or the manifest is broken.
    """
    if not directory.is_dir():
        raise DepsfirstError("this is not a directory", where=str(directory), hint="name the project's directory")
    root = Path(os.path.abspath(directory))  # noqa: PTH100 (a symbolic link stays as the user wrote it)
    manifest = root / MANIFEST
    pyproject = values(_text(manifest), MANIFEST) if is_file(manifest) else None
    lock = _lock(root, Table(pyproject, MANIFEST) if pyproject is not None else None)
    project = read_manifest(
        root,
        lock,
        pyproject,
        python_version=_python_version(root, lock.parent),
        has_setup=is_file(root / "setup.py") and lock.name != "uv.lock",  # uv wants a build system named
    )
    if lock.name == "Pipfile.lock" and project.requires_python is None:
        project = project._replace(requires_python=_pipfile_python(lock))
    if lock.name in SHARED and lock.parent != root:
        project = project._replace(holder=_holder(lock, values))
    return _placed(project)


def _placed(project: Project) -> Project:
    """The project; code that is no package with how it is run where it stands.

    Many who install with ``poetry install --no-root`` never say that there is no package.
    """
    module, root = poetry_module(project), project.root
    places = [f"{root}/{top}{name}" for top in ("", "src/") for name in (module, f"{module}.py")]
    if module and not any(os.path.exists(place) for place in places):  # noqa: PTH110 (which a long name is no error to)
        why = f'Poetry has no "{module}" to make a package of, so the code is run where it stands'
        return project._replace(build_system=None, in_place=in_place(root)._replace(why=f"{why} ({_NO_PACKAGE})"))
    return project if project.build_system else project._replace(in_place=in_place(root))


def _holder(lock: Path, values: Values) -> Project:
    """The project that a lock in a directory above is made for."""
    manifest = lock.parent / MANIFEST
    return read_manifest(lock.parent, lock, values(_text(manifest), str(manifest)))


def _pipfile_python(lock: Path) -> str | None:
    from depsfirst.project.locks.pipenv import MANIFEST as PIPFILE
    from depsfirst.project.locks.pipenv import requires_python

    pipfile = lock.parent / PIPFILE
    return requires_python(Table(parse(_text(pipfile), PIPFILE), PIPFILE)) if is_file(pipfile) else None


def discover_library(directory: Path, lock: Path, values: Values = parse) -> Project:
    """The project in a directory that the lock of another one names: it needs no lock of its own.

    Raises:
        DepsfirstError: there is no project, or its manifest is broken.
    """
    manifest, setup = directory / MANIFEST, directory / "setup.py"
    if not is_file(manifest) and not setup.is_file():
        raise DepsfirstError(
            "there is no Python project here", where=str(directory), hint=f"{lock.name} names it: lock again"
        )
    pyproject = values(_text(manifest), str(manifest)) if is_file(manifest) else None
    return read_manifest(directory, lock, pyproject, has_setup=True)  # by PEP 517, which builds whatever is locked


def _text(path: Path) -> str:
    return text_of(path, path.name)


def _python_version(*directories: Path) -> str | None:
    """The first entry of the first ``.python-version`` there is."""
    for directory in directories:
        path = directory / ".python-version"
        if is_file(path):
            lines = (line.partition("#")[0].strip() for line in _text(path).splitlines())
            return next((line for line in lines if line), None)
    return None


def _lock(root: Path, pyproject: Table | None) -> Path:
    settings = (pyproject or Table({}, MANIFEST)).table("tool").table("depsfirst")
    if "lock" in settings:
        return _chosen_lock(root, settings)
    found = [name for name in MANAGERS if is_file(root / name)]
    if len(found) > 1:
        raise _several(found, root)
    if found:
        return root / found[0]
    lock = (_workspace_lock(root) if pyproject else None) or _export(root)
    return lock or (shared_lock(root) if pyproject else None) or _unlocked(root, pyproject)


def _chosen_lock(root: Path, settings: Table) -> Path:
    name = settings.text("lock")
    if format_of(Path(name).name) is None:
        known = ", ".join((*MANAGERS, *EXPORTS))
        raise settings.error("lock", f'"{name}" is of no known format', f"the formats are {known} and other .txt")
    if not is_file(root / name):
        raise settings.error("lock", f'there is no file "{name}"', "name the lock relative to the project's directory")
    return root / name


def _several(names: list[str], root: Path) -> DepsfirstError:
    return DepsfirstError(
        f"there are several locks: {', '.join(names)}",
        where=str(root),
        hint=f'remove all but one, or choose one in {MANIFEST}: [tool.depsfirst] lock = "{names[0]}"',
    )


def _export(root: Path) -> Path | None:
    """A lock that no manager keeps for itself: pylock.toml, or requirements files."""
    named = sorted(path.name for path in root.glob("pylock.*.toml"))
    for name in EXPORTS:
        if is_file(root / name):
            return root / name
        if name == "pylock.toml" and len(named) > 1:
            raise _several(named, root)
        if name == "pylock.toml" and named:
            return root / named[0]
    return _layout(root)


def _layout(root: Path) -> Path | None:
    """The file for production in a directory of requirements files, as pip-tools' users lay them out."""
    names = sorted(path.name for path in (root / _LAYOUT).glob("*.txt"))
    main = [name for name in names if name in _MAIN_NAMES] or names
    if len(main) > 1:
        raise _several([f"{_LAYOUT}/{name}" for name in main], root)
    return root / _LAYOUT / main[0] if main else None


def _workspace_lock(root: Path) -> Path | None:
    """The lock of the uv workspace of which the project is a member."""
    for parent in root.parents:
        if is_file(parent / "uv.lock") and is_file(parent / MANIFEST):
            workspace = Table(parse(_text(parent / MANIFEST), str(parent / MANIFEST)), str(parent / MANIFEST))
            members = workspace.table("tool").table("uv").table("workspace")
            if root in matches(parent, members.texts("members")):
                return None if root in matches(parent, members.texts("exclude")) else parent / "uv.lock"
    return None


def _unlocked(root: Path, pyproject: Table | None) -> Path:
    """What stands in for a lock where there is none, if it says all that is wanted."""
    if is_file(root / "requirements.in"):
        return root / "requirements.in"
    if pyproject is not None and "project" in pyproject and not computes(pyproject.values):
        return root / MANIFEST
    for name, module in UNLOCKED.items():
        if module == "conda" and is_file(root / name):
            return root / name
    computed = _computed(root, pyproject or Table({}, MANIFEST))
    if computed is not None:
        return computed
    raise _no_lock(root, pyproject)


def _computed(root: Path, pyproject: Table) -> Path | None:
    """The manifest of a package whose build backend alone knows what it depends on, and that no manager keeps."""
    managed = ("poetry" in pyproject.table("tool")) or any(is_file(root / name) for name in ("Pipfile", "pixi.toml"))
    has_setup = is_file(root / "setup.py")
    if managed or not (has_setup or "build-system" in pyproject):
        return None
    if "project" in pyproject:
        return root / MANIFEST
    name = "setup.py" if has_setup else "setup.cfg"
    return root / name if is_file(root / name) else None


def _no_lock(root: Path, pyproject: Table | None) -> DepsfirstError:
    from depsfirst.project.locks import requirements, unlocked

    bare = pyproject is None or (
        "project" not in pyproject and not _MANAGED.intersection(pyproject.table("tool").values)
    )
    if bare and not any(is_file(root / name) for name in _SIGNS):
        from depsfirst.project.workspace import elsewhere

        return DepsfirstError("there is no Python project here", where=str(root), hint=elsewhere(root))
    if is_file(root / "Pipfile"):
        command = "pipenv lock"
    elif is_file(root / "pixi.toml"):
        command = "pixi lock"
    elif bare:
        source = next((name for name in ("setup.py", "setup.cfg") if is_file(root / name)), MANIFEST)
        command = requirements.COMMAND.replace(MANIFEST, source)
    else:
        command = unlocked.command_for(pyproject.values if pyproject else {}, MANIFEST)
    return DepsfirstError("there is no lock", where=str(root), hint=f"run `{command}`")


def read_lock(project: Project) -> Lock:
    """What the project's lock says.

    Raises:
        DepsfirstError: the lock is broken, or does not fit the manifest.
    """
    if project.holder is None:
        return _format(project).read(_lock_text(project), project)
    from depsfirst.project.member import lock_of_member

    return lock_of_member(_format(project).read(_lock_text(project), project), project)


def lock_fingerprint(project: Project, values: Values = parse) -> str:
    """The sha256 (hex) of all that ``read_lock`` depends on: equal fingerprints read equal locks.

    A new version of the project changes neither, although some managers write it into the lock. ``values`` is that of
    ``discover``.
    """
    lock = _lock_text(project, values)
    parts = [
        str(_FINGERPRINT_FORMAT),
        lock.name,
        os.path.relpath(project.root, project.lock.parent),
        _format(project).stable_text(lock.text, project),
        *(part for item in sorted(lock.included.items()) for part in item),
        *(part for item in sorted(lock.named.items()) for part in item),
        *(repr(_value(project.pyproject, keys)) for keys in _DEPENDENCY_KEYS),
        *(repr(_value(project.holder.pyproject, keys)) for keys in _DEPENDENCY_KEYS if project.holder),
    ]
    digest = digests.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def _value(values: Mapping[str, Any], keys: tuple[str, ...]) -> object:
    value: Any = values
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _format(project: Project) -> Format:
    found = format_of(project.lock.name)
    if found is None:
        raise DepsfirstError("this is a lock of no known format", where=str(project.lock))
    return found


def _lock_text(project: Project, values: Values = parse) -> LockText:
    name = os.path.relpath(project.lock, project.root)
    text = _text(project.lock)
    if project.lock.name == "Pipfile.lock":
        pipfile = project.lock.parent / "Pipfile"
        return LockText(name, text, {"Pipfile": _text(pipfile)} if is_file(pipfile) else {})
    if project.lock.suffix not in {".txt", ".in"}:
        return LockText(name, text)
    included = _included(project.lock.parent, project.lock.name, text)
    return LockText(name, text, included, dict(_named([text, *included.values()], project, values)))


def _named(texts: Iterable[str], project: Project, values: Values) -> Iterator[tuple[str, str]]:
    """The names of projects in directories that requirements give by their path alone."""
    from depsfirst.project.locks.requirements import directories

    for path in sorted({path for text in texts for path in directories(text)}):
        directory = Path(os.path.normpath(project.root / path))
        if is_directory(directory):
            manifest = directory / MANIFEST
            described = values(_text(manifest), str(manifest)) if is_file(manifest) else {}
            yield path, name_of(described, directory)


def _included(directory: Path, name: str, text: str) -> dict[str, str]:
    from depsfirst.project.locks.requirements import includes

    found: dict[str, str] = {}
    todo = [(name, text)]
    while todo:
        name, text = todo.pop()
        for path in includes(text, name):
            if path not in found and is_file(directory / path):
                found[path] = _text(directory / path)
                todo.append((path, found[path]))
    return found
