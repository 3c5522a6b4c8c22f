"""What the wheel of a project depends on besides the bytes it packs: settings and files that its backend reads.

The backends below copy files and write metadata from what the manifest declares; that was read in their sources, and
the tests hold it against each of them. For a project that goes beyond (hooks, plugins, a setup.py with a program in it,
a version out of git) there is no telling what the backend looks at, and it is called every time.
"""

from __future__ import annotations

import json
import os
import posixpath
from typing import TYPE_CHECKING, Any

from depsfirst.values import NamedTuple
from depsfirst.wheels.own.ignored import rules
from depsfirst.wheels.own.tree import LEFT_OUT, OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from depsfirst.project.model import BuildSystem
    from depsfirst.wheels.own.tree import Tree

IGNORE_FILES = frozenset({".gitignore", ".hgignore"})
_POETRY_NEEDLESS = frozenset({"group", "dev-dependencies", "source", "requires-plugins", "requires-poetry"})
_REMAPPING = frozenset({"sources", "force-include"})
_HARMLESS = frozenset({"setuptools", "wheel"})


class Always(NamedTuple):
    """Why the backend must be called every time."""

    reason: str


class _Backend(NamedTuple):
    """A backend that packs files as they are.

    Attributes:
        requires: the one distribution that brings it.
        tables: the keys below ``[tool]`` that it reads, as ``poetry`` or ``pdm.build``.
        paths: keys below ``[tool]`` under which paths of files to pack may stand.
        reads: yields files (relative to the root) that it reads into metadata, and ``Always``.
    """

    requires: str
    tables: tuple[str, ...]
    paths: tuple[str, ...]
    reads: Callable[[Subject], Iterator[str | Always]]


class Subject(NamedTuple):
    """The project whose wheel is built: its directory, manifest, build system and tree."""

    root: Path
    manifest: Mapping[str, Any]
    system: BuildSystem
    tree: Tree

    @property
    def project(self) -> Mapping[str, Any]:
        """The table ``[project]``."""
        return table(self.manifest, "project")

    def text(self, path: str, otherwise: str = "") -> str:
        """Text of a file of the tree; ``otherwise`` where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return otherwise


def _value(manifest: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        manifest = manifest.get(key) if isinstance(manifest, dict) else None
    return manifest


def table(manifest: Any, dotted: str) -> Mapping[str, Any]:
    """The table at a dotted key; empty where there is none."""
    found = _value(manifest, dotted)
    return found if isinstance(found, dict) else {}


def settings(manifest: Mapping[str, Any], backend: str) -> dict[str, str]:
    """What of the manifest a backend can read, as JSON by dotted key.

    Everything else (settings of linters and test runners, dependency groups, other tools' tables) is of no consequence
    to the wheel. The order of keys is kept: some backends write in it.
    """
    known = BACKENDS.get(backend)
    found: dict[str, Any] = {}
    for dotted in ("build-system", "project", *(f"tool.{name}" for name in (known.tables if known else ()))):
        for key, value in table(manifest, dotted).items():
            if dotted != "tool.poetry" or key not in _POETRY_NEEDLESS:
                found[f"{dotted}.{key}"] = value
    return {key: json.dumps(value, default=str) for key, value in found.items()}


def remapped(manifest: Mapping[str, Any], backend: str) -> bool:
    """Whether the manifest packs files under other paths than those they have below some directory."""
    if backend == "hatchling.build":
        return any(isinstance(each, dict) for each in _at_any_depth(table(manifest, "tool.hatch.build"), _REMAPPING))
    if backend == "poetry.core.masonry.api":
        packages = table(manifest, "tool.poetry").get("packages")
        return isinstance(packages, list) and any("to" in each for each in packages if isinstance(each, dict))
    return any(table(manifest, "tool.setuptools.package-dir"))


def _at_any_depth(value: Any, keys: frozenset[str]) -> Iterator[Any]:
    for key, each in value.items() if isinstance(value, dict) else ():
        if key in keys:
            yield each
        yield from _at_any_depth(each, keys)


def version_key(manifest: Mapping[str, Any]) -> str | None:
    """The key of ``settings`` that states the version; None where the version is not stated in the manifest."""
    if "version" in table(manifest, "project"):
        return "project.version"
    return "tool.poetry.version" if "version" in table(manifest, "tool.poetry") else None


def reads(subject: Subject) -> tuple[frozenset[str], str | None]:
    """The files whose content goes into metadata or selects what is packed, and why the backend is always called.

    Args:
        subject: the project.

    Returns:
        Paths relative to the root, some of which need not exist; and the reason, or None.
    """
    found = list(_all(subject))
    reasons = [each.reason for each in found if isinstance(each, Always)]
    files = {os.path.relpath(subject.root / each, subject.root) for each in found if isinstance(each, str)}
    return frozenset(files), reasons[0] if reasons else None


def _all(subject: Subject) -> Iterator[str | Always]:
    backend = BACKENDS.get(subject.system.backend)
    if subject.system.backend_path:
        yield Always(f'the backend "{subject.system.backend}" is part of the project')
    elif backend is None:
        yield Always(f'the backend "{subject.system.backend}" is not known to pack files as they are')
    else:
        yield from _plugins(subject.system, backend)
        yield from _outside(subject, backend)
        yield from backend.reads(subject)
    yield from (path for path in subject.tree.kinds if posixpath.basename(path) in IGNORE_FILES)
    yield from rules(subject.root, subject.system.backend, subject.tree)
    for field in ("readme", "license"):
        value = subject.project.get(field)
        yield from _texts(value.get("file") if isinstance(value, dict) else value if field == "readme" else None)


def _plugins(system: BuildSystem, backend: _Backend) -> Iterator[Always]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for text in system.requires:
        try:
            name = canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            name = canonicalize_name(text)
        if name != backend.requires and name not in _HARMLESS:
            yield Always(f'the build requirement "{name}" may add what it likes')


def _outside(subject: Subject, backend: _Backend) -> Iterator[Always]:
    for name in backend.paths:
        for text in _paths(_value(subject.manifest, f"tool.{name}"), keys=name.startswith("hatch")):
            parts = text.strip("/").split("/")
            if ".." in parts or text.startswith("~") or _absolute(subject, text):
                yield Always(f'"{text}" in [tool.{name}] lies outside the project')
            elif parts[0] in OUTPUTS or LEFT_OUT.intersection(parts):
                yield Always(f'"{text}" in [tool.{name}] is not watched')


def _absolute(subject: Subject, text: str) -> bool:
    """Whether a path leads out of the project; one that starts with a slash is mostly a pattern from its root."""
    return text.startswith("/") and os.path.lexists(text) and not os.path.lexists(f"{subject.root}{text}")


def _paths(value: Any, *, keys: bool) -> Iterator[str]:
    """Strings that may be paths, keys too if ``keys``; those that only say what to leave out excepted."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, keys=keys)
    elif isinstance(value, dict):
        for key, each in value.items():
            if "exclude" not in key:
                yield from (key,) if keys else ()
                yield from _paths(each, keys=keys)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def _dependencies(subject: Subject) -> Iterator[str]:
    yield from _texts(subject.project.get("dependencies"))
    for extra in table(subject.project, "optional-dependencies").values():
        yield from _texts(extra)


def _expanded(subject: Subject, mark: str) -> Iterator[Always]:
    for text in _dependencies(subject):
        if mark in text:
            yield Always(f'the dependency "{text}" depends on the environment')


def _poetry(subject: Subject) -> Iterator[str | Always]:
    poetry = table(subject.manifest, "tool.poetry")
    if poetry.get("build"):
        yield Always("[tool.poetry.build] runs a program")
    yield from _texts(poetry.get("readme"))


def _hatchling(subject: Subject) -> Iterator[str | Always]:
    yield "hatch.toml"
    for hatch, where in ((table(subject.manifest, "tool.hatch"), "[tool.hatch]"), _hatch_file(subject)):
        for hooks in ("build.hooks", "build.targets.wheel.hooks", "metadata.hooks"):
            if table(hatch, hooks):
                yield Always(f"{where} has {hooks}")
        version = table(hatch, "version")
        if version.get("source", "regex") != "regex":
            yield Always(f'the version comes from "{version["source"]}"')
        yield from _texts(version.get("path"))
    yield from _expanded(subject, "{")


def _hatch_file(subject: Subject) -> tuple[Mapping[str, Any], str]:
    from tomllib import TOMLDecodeError, loads

    try:
        return loads(subject.text("hatch.toml")), "hatch.toml"
    except TOMLDecodeError:
        return {}, "hatch.toml"


def _pdm(subject: Subject) -> Iterator[str | Always]:
    build = table(subject.manifest, "tool.pdm.build")
    hook = build.get("custom-hook", "pdm_build.py")
    if hook in subject.tree.kinds:
        yield Always(f'"{hook}" is a build hook')
    if build.get("run-setuptools"):
        yield Always("[tool.pdm.build] runs setuptools")
    version = table(subject.manifest, "tool.pdm.version")
    if version.get("source", "file") != "file":
        yield Always(f'the version comes from "{version["source"]}"')
    yield from _texts(version.get("path"))
    yield from _expanded(subject, "$")


def _flit(subject: Subject) -> Iterator[str | Always]:
    from depsfirst.wheels.own import literals

    old = table(subject.manifest, "tool.flit.metadata")
    yield from _texts(old.get("description-file"))
    dynamic = {"version", "description"} if old else {*_texts(subject.project.get("dynamic"))}
    module = table(subject.manifest, "tool.flit.module").get("name") or old.get("module")
    path = str(module or subject.project.get("name")).replace("-", "_").replace(".", "/")
    main = [f"{top}{path}{end}" for top in ("", "src/") for end in (".py", "/__init__.py")]
    beside = [f"{top}{path}/{name}.py" for top in ("", "src/") for name in ("version", "_version", "__version__")]
    found = [each for each in (*main, *beside) if each in subject.tree.kinds]
    if "description" in dynamic and not any(literals.docstring(subject.text(each)) for each in found if each in main):
        yield Always("the description is found by importing the module")
    if "version" in dynamic and not any(literals.version(subject.text(each)) for each in found):
        yield Always("the version is found by importing the module")
    yield from found if dynamic else ()


def _setuptools(subject: Subject) -> Iterator[str | Always]:
    from depsfirst.wheels.own import literals

    yield from ("setup.py", "setup.cfg", "MANIFEST.in")
    if "setup.py" in subject.tree.kinds and not literals.only_calls_setup(subject.text("setup.py")):
        yield Always('"setup.py" is a program')
    own = table(subject.manifest, "tool.setuptools")
    for key in ("cmdclass", "ext-modules", "namespace-packages"):
        if own.get(key):
            yield Always(f"[tool.setuptools] has {key}")
    if table(subject.manifest, "tool.distutils"):
        yield Always("[tool.distutils] configures commands")
    directives = [each for each in table(own, "dynamic").values() if isinstance(each, dict)]
    directives += literals.directives(_setup_cfg(subject))
    tops = {"", "src", *_texts(table(own, "package-dir").get("")), *_texts(table(own, "packages.find").get("where"))}
    tops.update(top for each in directives for top in _texts(each.get("top")))
    for directive in directives:
        yield from _texts(directive.get("file"))
        if reason := directive.get("always"):
            yield Always(reason)
        if isinstance(directive.get("attr"), str):
            yield from _attribute(subject, directive["attr"], tops)


def _setup_cfg(subject: Subject) -> str:
    return subject.text("setup.cfg", "not readable") if "setup.cfg" in subject.tree.kinds else ""


def _attribute(subject: Subject, dotted: str, tops: Iterable[str]) -> Iterator[str | Always]:
    from depsfirst.wheels.own import literals

    module, _, name = dotted.strip().rpartition(".")
    # a package that lies elsewhere than its name says could be another than the one that is found here
    moved = any(table(subject.manifest, "tool.setuptools.package-dir"))
    paths = [posixpath.normpath(f"{top}/{module.replace('.', '/')}").lstrip("/") for top in tops]
    files = [file for path in paths for file in (f"{path}.py", f"{path}/__init__.py") if file in subject.tree.kinds]
    found = sorted({*files}) if module and not moved else []
    yield from found
    if not found or not all(literals.assigned(subject.text(path), name) for path in found):
        yield Always(f'"{dotted}" is found by importing the module')


def _uv(subject: Subject) -> Iterator[str | Always]:
    del subject
    yield from ()


_HATCH = ("hatch.build", "hatch.metadata", "hatch.version")
_PDM = ("pdm.build", "pdm.version")
_POETRY_PATHS = ("poetry.packages", "poetry.include", "poetry.scripts")
_SETUPTOOLS = _Backend("setuptools", ("setuptools", "distutils"), ("setuptools",), _setuptools)

BACKENDS: Mapping[str, _Backend] = {
    "flit_core.buildapi": _Backend("flit-core", ("flit",), ("flit.external-data",), _flit),
    "hatchling.build": _Backend("hatchling", _HATCH, _HATCH, _hatchling),
    "pdm.backend": _Backend("pdm-backend", _PDM, _PDM, _pdm),
    "poetry.core.masonry.api": _Backend("poetry-core", ("poetry",), _POETRY_PATHS, _poetry),
    "setuptools.build_meta": _SETUPTOOLS,
    "setuptools.build_meta:__legacy__": _SETUPTOOLS,
    "uv_build": _Backend("uv-build", ("uv.build-backend",), ("uv.build-backend",), _uv),
}
"""By the name of ``build-backend``; any other backend is called every time."""
