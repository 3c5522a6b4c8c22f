"""What a Python project, a lock and a recipe are. Pure: nothing here reads a disk or a network.

The words are those of PEP 751 (lock files) and PEP 508 (markers). The *recipe* is the locked third-party
set: names, versions and hashes of what will be installed for one environment, the chosen groups and extras,
in canonical order. It is the key of the dependency layers.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from depsfirst.project.in_place import InPlace

MAIN = "main"
"""The group of what the project itself needs at run time."""

SourceKind = Literal["index", "url", "git", "file", "directory", "virtual", "project"]

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_SEPARATORS = re.compile(r"[-_.]+")


def normalize(name: str) -> str:
    """The name of a package, a group or an extra as PEP 503 and PEP 685 compare it."""
    return _SEPARATORS.sub("-", name).lower()


def without_password(location: str) -> str:
    """A location without the name and password that stand in it; variables of the environment stay."""
    return re.sub(r"(https?://)(?!\$\{)[^/@]+@", r"\1", location)


class UnlockedError(DepsfirstError):
    """Nothing is locked, but what is wanted stands in a file, so that somebody may resolve it."""


class Source(NamedTuple):
    """Where a locked package comes from, and its ``location``.

    ``index``: a package index (its simple URL, or None for the default one); ``url``: one archive (its URL,
    a ``#subdirectory=`` included); ``git``: a commit, as ``git+URL@COMMIT#subdirectory=DIR``; ``file``: a
    wheel or sdist, and ``directory``: a source tree (paths, relative to the lock's directory unless they are
    absolute); ``virtual``: a directory whose dependencies are wanted but which is never installed;
    ``project``: the project itself.
    """

    kind: SourceKind
    location: str | None = None
    editable: bool = False


class LockedFile(NamedTuple):
    """A wheel or sdist the lock allows: file name, sha256 in hex, and the URL and size in bytes if locked.

    For a file on this machine, ``url`` is its path: absolute, or relative to the lock's directory.
    """

    name: str
    sha256: str | None
    url: str | None = None
    size: int | None = None


class Dependency(NamedTuple):
    """An edge of a lock's graph.

    Attributes:
        name: of the package wanted, normalized.
        candidates: the locked packages it allows, as positions in ``Lock.packages``, best first.
        extras: what is wanted of the package besides, normalized.
        marker: when the edge holds; None is always. ``extra == "x"`` in it asks whether extra x is wanted.
    """

    name: str
    candidates: tuple[int, ...]
    extras: frozenset[str] = frozenset()
    marker: str | None = None


class LockedPackage(NamedTuple):
    """One ``[[package]]`` of a lock.

    Attributes:
        name: normalized (PEP 503).
        version: as locked; None for a package whose version is dynamic, or known only when it is built.
        source: where it comes from.
        files: what may be installed. Empty for a git commit or directory, and where the lock names no files.
        hashes: for locks that name no files, the sha256 (hex) of those that may be installed. A package of an
            index with neither files nor hashes may be any file of its version.
        dependencies: edges that hold always; empty throughout in locks that are flat.
        extras: edges that hold when an extra of this package is wanted, by extra.
        requires_python: versions of Python it is locked for (PEP 440); tells candidates of an edge apart.
        where: the place in the lock, as ``poetry.lock: package[3]``, for messages.
    """

    name: str
    version: str | None
    source: Source = Source("index")
    files: tuple[LockedFile, ...] = ()
    hashes: frozenset[str] = frozenset()
    dependencies: tuple[Dependency, ...] = ()
    extras: Mapping[str, tuple[Dependency, ...]] = {}
    requires_python: str | None = None
    where: str = ""

    @property
    def is_hashed(self) -> bool:
        """Whether what may be installed is known by its sha256."""
        listed = bool(self.files) and all(file.sha256 for file in self.files)
        return listed or (self.source.kind == "index" and bool(self.hashes))


class Demand(NamedTuple):
    """What the manifest requires and a selection of the main group has to meet, where the lock cannot prove it.

    ``candidates`` are the packages that meet it; one of them must be selected wherever ``marker`` holds.
    """

    requirement: str
    where: str
    candidates: tuple[int, ...]
    marker: str | None = None


class Index(NamedTuple):
    """Where a lock says that packages are looked for: the URL of a simple index, or of a page or directory of links.

    Variables of the environment that stand in it as ``${NAME}`` are left as they are.

    Attributes:
        url: a URL, or a path relative to the lock's directory.
        kind: what stands there.
        include: patterns of names; packages of such a name are looked for here and nowhere else.
        exclude: patterns of names that are not looked for here.
    """

    url: str
    kind: Literal["index", "find-links"] = "index"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Lock(NamedTuple):
    """A lock as a graph; a flat lock is one whose packages all hang on the roots.

    Attributes:
        format: ``poetry``, ``uv``, ``pdm``, ``pipenv``, ``pixi``, ``pylock``, ``conda``, ``requirements``.
        name: of the file, for messages.
        project: name of the project that the roots belong to, normalized.
        packages: everything that is locked, in the order of the file.
        roots: what each group asks for; its keys are the groups there are.
        extras: what each extra of the project asks for; its keys are the extras there are.
        requires_python: versions of Python it was made for (PEP 440).
        environments: markers of which one must hold; empty is any environment.
        conflicts: sets of items (``conflict_item``) of which at most one may be chosen.
        demands: what has to be checked against the selection.
        default_groups: what the main group is called in markers that ask for groups (PEP 751).
        indexes: where packages of an index may come from besides the one that they name, or the default one.
        no_index: whether no index may be asked, so that only links are left.
        strict_python: whether a selected package that does not allow the environment's Python is an error, as
            PEP 751 has it; else ``requires_python`` of packages only tells candidates apart.
    """

    format: str
    name: str
    project: str
    packages: tuple[LockedPackage, ...]
    roots: Mapping[str, tuple[Dependency, ...]]
    extras: Mapping[str, tuple[Dependency, ...]] = {}
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    conflicts: tuple[frozenset[str], ...] = ()
    demands: tuple[Demand, ...] = ()
    default_groups: frozenset[str] = frozenset({MAIN})
    indexes: tuple[Index, ...] = ()
    no_index: bool = False
    strict_python: bool = False


def conflict_item(kind: Literal["project", "extra", "group"], package: str, name: str = "") -> str:
    """What uv calls a chosen project, extra or group in markers: ``extra-4-shop-cpu``."""
    return f"{kind}-{len(package)}-{package}{f'-{name}' if name else ''}"


class Environment(NamedTuple):
    """What the image will run: a version of CPython, and ``linux/amd64`` or ``linux/arm64``."""

    python: tuple[int, int, int]
    platform: str = "linux/amd64"

    @property
    def version(self) -> str:
        """The version of Python, as ``3.12.4``."""
        return ".".join(str(part) for part in self.python)

    def markers(self) -> dict[str, str]:
        """Every variable of PEP 508 but ``extra``, as on the target; nothing of this machine.

        Release and version of the kernel are those of the machine that will run the image, so they are empty.

        Raises:
            DepsfirstError: the platform is another.
        """
        if self.platform not in _MACHINES:
            raise DepsfirstError(
                f'the platform "{self.platform}" is not supported',
                hint=f"choose one of {', '.join(sorted(_MACHINES))}",
            )
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": "posix",
            "platform_machine": _MACHINES[self.platform],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.version,
            "python_version": f"{self.python[0]}.{self.python[1]}",
            "sys_platform": "linux",
        }


class Recipe(NamedTuple):
    """What will be installed: third-party packages and first-party directories, each sorted by name."""

    third_party: tuple[LockedPackage, ...]
    first_party: tuple[LockedPackage, ...] = ()

    def canonical(self) -> bytes:
        """The third-party set in one form: the same packages give the same bytes, whatever the lock.

        A package is its name, version and hashes. Where it comes from counts only if no hash says what it is, and
        stands in place of the version for a commit or archive, of which many locks do not tell it.
        """
        entries = [_canonical(package) for package in self.third_party]
        return json.dumps(entries, separators=(",", ":"), sort_keys=True).encode()

    @property
    def digest(self) -> str:
        """The sha256 of the canonical form, in hex."""
        return digests.sha256(self.canonical()).hexdigest()


def _canonical(package: LockedPackage) -> dict[str, Any]:
    hashes = {file.sha256 for file in package.files if file.sha256} | package.hashes
    entry: dict[str, Any] = {"name": package.name, "version": package.version, "hashes": sorted(hashes)}
    unnamed = not hashes or any(file.sha256 is None for file in package.files)
    location = package.source.location and re.sub(r"(https?://)[^/@]+@", r"\1", package.source.location)
    if package.source.kind in {"url", "git"}:
        entry |= {"version": None, "source": location}
    elif unnamed and location:
        entry["source"] = location
    return entry


class BuildSystem(NamedTuple):
    """The table ``[build-system]`` (PEP 518): requirements, backend and the directories it stands in."""

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()


class LockText(NamedTuple):
    """The text of a lock.

    Attributes:
        name: path of its file, relative to the project's directory.
        text: of that file.
        included: texts of the files that it includes, by path relative to the lock's directory.
        named: names of the projects in directories that it tells by their path alone, by that path.
    """

    name: str
    text: str
    included: Mapping[str, str] = {}
    named: Mapping[str, str] = {}


class Project(NamedTuple):
    """A Python project as its manifest describes it.

    Attributes:
        root: absolute directory of the project.
        manifest: its pyproject.toml; None where requirements.txt is all there is.
        lock: the lock, which may stand in a directory above (a workspace).
        name: as written; the directory's name where nothing gives one.
        version: None where it is dynamic or not given.
        description: one line about it.
        readme: path of the readme, relative to the root.
        license: SPDX expression, or what stands in its place.
        authors: each as ``Name <address>``, or one of the two.
        urls: by label, as written.
        requires_python: PEP 440, also where the manifest speaks Poetry's dialect.
        scripts: console scripts, name to ``module:attribute``.
        gui_scripts: the same for scripts without a console.
        build_system: None for a project that is no package, whose code is run where it stands.
        settings: the table ``[tool.depsfirst]`` as it stands.
        pyproject: the whole manifest as it stands.
        python_version: first entry of the file ``.python-version``.
        in_place: how code that is no package is run where it stands.
        holder: the project that the lock is made for, if it has this one in it as a path dependency.
    """

    root: Path
    manifest: Path | None
    lock: Path
    name: str
    version: str | None = None
    description: str | None = None
    readme: str | None = None
    license: str | None = None
    authors: tuple[str, ...] = ()
    urls: Mapping[str, str] = {}
    requires_python: str | None = None
    scripts: Mapping[str, str] = {}
    gui_scripts: Mapping[str, str] = {}
    build_system: BuildSystem | None = None
    settings: Mapping[str, Any] = {}
    pyproject: Mapping[str, Any] = {}
    python_version: str | None = None
    in_place: InPlace | None = None
    holder: Project | None = None
