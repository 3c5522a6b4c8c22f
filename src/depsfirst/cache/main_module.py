"""Which file of a project an edit of its code would most likely be in, and which one is its readme."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.cache.changes import Change, Edit
from depsfirst.cache.manifests import context_sources
from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.selection import select, select_mount
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.manifests import Place
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.stages import Outline

_ROOTS = ("", "src", "python", "lib")
_MODULES = ("main.py", "app.py", "__main__.py", "cli.py", "server.py", "manage.py", "wsgi.py", "asgi.py", "run.py")
_FOLDERS = ("", "app", "src", "src/app", "server", "api", "backend")
_ASIDE = frozenset(
    {"test", "tests", "docs", "doc", "migrations", "scripts", "examples", "benchmarks", ".github", ".git"}
)
_NO_CODE = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py"})
_SUFFIX = ".py"


def code_edit(context: Context, places: Sequence[Place], outline: Outline) -> Change:
    """The edit of the project's main module.

    That is the module of its first entry point, else one of its package, else one with a usual name, else the module
    that most of the Dockerfile's instructions read. One that the builder is sent goes before one that it is not.

    Raises:
        DepsfirstError: there is no Python file, or a manifest is broken.
    """
    left_out: Change | None = None
    for place in places:
        for path, origin in (*_entry_points(place), *_packaged(place), *_usual(place)):
            change = Change("code", (Edit(path, place.texts(path)),), origin)
            if context.find(path) is not None:
                return change
            left_out = left_out or change
    if left_out is None:
        read = _most_read(context, outline)
        if read is not None:
            return Change("code", (Edit(read),), "it is the module that most instructions read")
    if left_out is None:
        raise DepsfirstError(
            "no Python file is found in the build context", hint="name the file that is edited instead of --change code"
        )
    return left_out


def readme_edit(places: Sequence[Place], root: Place) -> Change:
    """The edit of the project's readme: the one that its manifest names, else the one beside it, else the context's.

    Raises:
        DepsfirstError: there is none, or a manifest is broken.
    """
    for place in places:
        for name in _declared(place):
            if place.is_file(name):
                return _readme(place, name, f"{place.path('pyproject.toml')} names it")
    for place in (*places, root):
        for name in place.names():
            if name.lower().partition(".")[0] == "readme" and place.is_file(name):
                return _readme(
                    place,
                    name,
                    "it stands beside the manifest" if place in places else "it is that of the build context",
                )
    raise DepsfirstError(
        "there is no readme in the build context", hint="name the file that is edited instead of --change readme"
    )


def _readme(place: Place, name: str, origin: str) -> Change:
    return Change("readme", (Edit(place.path(name)),), origin)


def _declared(place: Place) -> Iterator[str]:
    """The readmes that pyproject.toml names, in any of its dialects."""
    for value in (place.project.values.get("readme"), place.tool("poetry").values.get("readme")):
        values = value if isinstance(value, list) else [value]
        for each in values:
            name = each.get("file") if isinstance(each, dict) else each
            if isinstance(name, str):
                yield name


def _entry_points(place: Place) -> Iterator[tuple[str, str]]:
    """The modules of the console scripts that are found."""
    for table in (place.project, place.tool("poetry")):
        for name, value in table.table("scripts").values.items():
            target = value.get("reference", value.get("callable")) if isinstance(value, dict) else value
            if isinstance(target, str):
                module = target.partition(":")[0].strip().replace(".", "/")
                for root in _roots(place):
                    for path in (f"{root}/{module}.py", f"{root}/{module}/__init__.py"):
                        if place.is_file(path.lstrip("/")):
                            yield place.path(path.lstrip("/")), f'the entry point "{name}" is in it'


def _packaged(place: Place) -> Iterator[tuple[str, str]]:
    """The usual modules of the package that is named like the project, or that its manifest names."""
    for package in _packages(place):
        names = [name for name in place.names(package) if name.endswith(_SUFFIX)]
        first = sorted(names, key=lambda name: (_rank(name), name))[:1]
        if first:
            yield place.path(f"{package}/{first[0]}"), f'it is in the package "{posixpath.basename(package)}"'


def _packages(place: Place) -> Iterator[str]:
    listed = place.tool("poetry").values.get("packages")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("include"), str):
            yield posixpath.join(str(each.get("from") or ""), each["include"])
    hatch = place.tool("hatch").table("build").table("targets").table("wheel")
    yield from hatch.texts("packages")
    declared = place.tool("setuptools").values.get("packages")
    named = [each for each in declared if isinstance(each, str)] if isinstance(declared, list) else []
    for name in (*named, place.name):
        for root in _roots(place) if name else ():
            yield f"{root}/{name.replace('.', '/')}".lstrip("/")


def _roots(place: Place) -> Iterator[str]:
    """Where packages may stand, the configured directory first."""
    setuptools = place.tool("setuptools")
    package_dir = setuptools.table("package-dir").values.get("")
    if isinstance(package_dir, str):
        yield package_dir
    packages = setuptools.values.get("packages")
    find = packages.get("find") if isinstance(packages, dict) else None
    where = find.get("where") if isinstance(find, dict) else None
    yield from (each for each in (where if isinstance(where, list) else []) if isinstance(each, str))
    module_root = place.tool("uv").table("build-backend").values.get("module-root")
    if isinstance(module_root, str):
        yield module_root
    yield from _ROOTS


def _usual(place: Place) -> Iterator[tuple[str, str]]:
    """Modules with a usual name, in the usual folders."""
    for folder in _FOLDERS:
        there = frozenset(place.names(folder))
        for name in _MODULES:
            path = f"{folder}/{name}".lstrip("/")
            if name in there and place.is_file(path):
                yield place.path(path), "it has a usual name"


def _most_read(context: Context, outline: Outline) -> str | None:
    """The module that most COPYs, ADDs and mounts of the Dockerfile read; of several the most prominent one."""
    counts: dict[str, int] = {path: 0 for path, _ in context.walk() if path.endswith(_SUFFIX)}
    for stage in outline.stages:
        for instruction in stage.instructions:
            for source in context_sources(instruction):
                mount = isinstance(instruction, Run)
                selection = select_mount(context, source) if mount else select(context, [source])
                for path in set(selection.paths()) & counts.keys():
                    counts[path] += 1
    return min(counts, key=lambda path: (_aside(path), -counts[path], path.count("/"), *_order(path)), default=None)


def _aside(path: str) -> bool:
    folders = path.split("/")
    return (
        bool(_ASIDE.intersection(folders[:-1]))
        or folders[-1] in _NO_CODE
        or folders[-1].startswith("test_")
        or "_pb2" in path
    )


def _order(path: str) -> tuple[int, str]:
    return _rank(posixpath.basename(path)), path


def _rank(name: str) -> int:
    """The place of a module's name among the usual ones; ``__init__`` is behind them and before all others."""
    return (*_MODULES, "__init__.py", name).index(name)
