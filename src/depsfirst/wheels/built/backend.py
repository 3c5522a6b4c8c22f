"""Builds a wheel from a source tree with its own PEP 517 backend, in an environment that holds nothing else.

The source tree stays as it was: what backends leave lying about goes into a scratch directory or is taken away again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.progress import Silent
from depsfirst.values import NamedTuple
from depsfirst.wheels.indexes.search import OF_OUR_PYTHON, Search
from depsfirst.wheels.uv import uv_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import BuildSystem

_FILTERS = Lock()
ENVIRONMENTS = "build-environments"
_LOCKS = "build-locks"
_TAIL = 15
_HERE = "mend what its last lines name; `uv build --wheel` in that directory should fail in the same way"
_ELSEWHERE = (
    "see what its last lines name: a compiler, headers or a program may be missing on this machine; else choose a"
    " version that has a wheel for the target, or build one there and put it into an index"
)
_AS_TEXT: Any = {"encoding": "utf-8", "errors": "replace"}

_RESOLUTION = ("UV_EXCLUDE_NEWER", "UV_RESOLUTION", "UV_PRERELEASE")
_CONSTRAINTS = ("UV_CONSTRAINT", "UV_OVERRIDE")
_OBEDIENT_SETUPTOOLS = (65, 4)
"""The first setuptools that reads DIST_EXTRA_CONFIG, by trial; older ones build in the source tree."""


class Source(NamedTuple):
    """What is built: the directory of the source tree, its build system, and what to call it in a message.

    ``place`` is where a message points to if the directory is gone by then, as that of an sdist is.
    """

    directory: Path
    system: BuildSystem
    name: str
    place: str | None = None

    @property
    def where(self) -> str:
        """The manifest, for messages."""
        return self.place or str(self.directory / "pyproject.toml")


@contextmanager
def built_wheel(
    source: Source, store: ContentStore, *, search: Search | None = None, progress: Progress | None = None
) -> Iterator[Path]:
    """A wheel of a source tree, built by the backend that its build system names.

    Args:
        source: what to build.
        store: keeps the environments in which backends run.
        search: where backends come from; the user's settings of uv and pip decide where it is None.
        progress: is told what the backend says.

    Yields:
        The wheel; it is gone after the block.

    Raises:
        DepsfirstError: the backend cannot be installed or fails.
    """
    watcher = progress or Silent()
    with store.scratch_directory() as scratch, _alone(source, store):
        call = _Call(source, store, scratch, search or Search(), watcher)
        yield call.wheel()


@contextmanager
def _alone(source: Source, store: ContentStore) -> Iterator[None]:
    """Hold others off this source tree: some backends work in fixed places of it."""
    path = store.path(_LOCKS, hashlib.sha256(os.fsencode(source.directory.absolute())).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Call(NamedTuple):
    source: Source
    store: ContentStore
    scratch: Path
    search: Search
    progress: Progress

    def wheel(self) -> Path:
        system = self.source.system
        output = self.scratch / "wheel"
        output.mkdir()
        environment = self.environment(system.requires)
        more = self.hook(environment, "get_requires_for_build_wheel")
        if missing := [each for each in more if each not in system.requires]:
            environment = self.environment((*system.requires, *missing))
        title = f"building {self.source.name} with {system.backend}"
        with _cleared(self.source), self.progress.task(title, None, "steps"):
            name = self.hook(environment, "build_wheel", str(output))
        if not isinstance(name, str) or not (output / name).is_file():
            raise self.failure("returned without a wheel", "")
        return output / name

    def environment(self, requires: Sequence[str]) -> Path:
        """The directory of a virtual environment with these requirements."""
        key = _environment_key(requires, self.search)
        elsewhere = any("index" not in each for sources in self.search.tied(requires).values() for each in sources)
        lasting = not elsewhere and not any(_is_direct(each, self.source) for each in requires)
        found = self.store.find(ENVIRONMENTS, key) if lasting else None
        if found is not None:
            return found
        made = self.scratch / f"environment-{key[:16]}"
        title = f"installing {', '.join(requires) or 'nothing'} to build {self.source.name}"
        with self.progress.task(title, None, "steps"):
            self.install(requires, made)
        return self.store.adopt(made, ENVIRONMENTS, key) if lasting else made

    def install(self, requires: Sequence[str], made: Path) -> None:
        """Make a virtual environment that may be moved, and install requirements into it."""
        self.uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(made))
        if requires:
            target = ("--python", str(made / "bin/python"), "--compile-bytecode", "--no-progress")
            self.uv("pip", "install", *target, *self.wanted(requires))

    def wanted(self, requires: Sequence[str]) -> tuple[str, ...]:
        """Requirements as words for uv: themselves, or a manifest where settings say which of them come from where."""
        if not self.search.tied(requires):
            return ("--", *requires)
        (self.scratch / "pyproject.toml").write_text(self.search.manifest(requires))
        return ("-r", "pyproject.toml")

    def uv(self, *arguments: str) -> None:
        from subprocess import PIPE, STDOUT, run

        # away from the project, whose settings of uv are for its own environment
        command = [uv_program(), *arguments]
        variables = self.search.variables()
        done = run(command, check=False, cwd=self.scratch, env=variables, stdout=PIPE, stderr=STDOUT, **_AS_TEXT)
        self.progress.note(done.stdout.strip())
        if done.returncode != 0:
            raise DepsfirstError(
                f'what "{self.source.system.backend}" needs cannot be installed:\n{_tail(done.stdout)}',
                where=f"{self.source.where}: build-system.requires",
                hint="see whether the index has these packages and can be reached (--index, UV_DEFAULT_INDEX)",
            )

    def hook(self, environment: Path, hook: str, *arguments: str) -> Any:
        """Call a hook of the backend in a process of its own."""
        import warnings

        import pyproject_hooks

        system = self.source.system
        directory = self.tree(environment)
        try:
            caller = pyproject_hooks.BuildBackendHookCaller(
                str(directory),
                system.backend,
                backend_path=list(system.backend_path) or None,
                runner=self.runner(environment),
                python_executable=str(environment / "bin/python"),
            )
        except ValueError as error:  # a backend-path that leads out of the tree
            raise self.failure(f"is not to be found: {error}", "") from error
        try:
            # Filters belong to the process, so that of two threads one would see the other's.
            with _FILTERS, warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = getattr(caller, hook)(*arguments)
        except pyproject_hooks.BackendUnavailable as error:
            raise self.failure("cannot be imported", error.traceback) from error
        except (FileNotFoundError, ValueError) as error:
            raise self.failure("ended without an answer", "") from error
        for each in caught:
            self.progress.note(str(each.message))
        return result

    def tree(self, environment: Path) -> Path:
        """The directory to build in: the source tree, or a copy for a setuptools that would leave its traces."""
        version = _setuptools_version(environment) if self.source.system.backend.startswith("setuptools") else None
        if version is None or version >= _OBEDIENT_SETUPTOOLS:
            return self.source.directory
        copy = self.scratch / "source"
        if not copy.exists():
            _copy(self.source.directory, copy)
        return copy

    def runner(self, environment: Path) -> Callable[..., None]:
        from subprocess import DEVNULL, PIPE, STDOUT, run

        variables = _hook_environment(environment, self.scratch)

        def run_hook(
            command: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
        ) -> None:
            both = {**variables, **(extra_environ or {})}
            done = run(command, check=False, cwd=cwd, env=both, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, **_AS_TEXT)
            self.progress.note(done.stdout.strip())
            if done.returncode != 0:
                raise self.failure(f"failed to build {self.source.name}", done.stdout)

        return run_hook

    def failure(self, what: str, output: str) -> DepsfirstError:
        tail = _tail(output)
        return DepsfirstError(
            f'the build backend "{self.source.system.backend}" {what}' + (f":\n{tail}" if tail else ""),
            where=self.source.where,
            hint=_ELSEWHERE if self.source.place else _HERE,
        )


def _environment_key(requires: Sequence[str], search: Search) -> str:
    """Key of an environment: what is asked for and where, what steers the choice of versions, and its interpreter."""
    from sysconfig import get_platform

    chosen = [os.environ.get(name) for name in _RESOLUTION]
    chosen += [_digest(os.environ[name]) for name in _CONSTRAINTS if os.environ.get(name)]
    python = [sys.version, get_platform(), os.path.realpath(sys.executable)]
    return hashlib.sha256(json.dumps([sorted(requires), search.facts, chosen, python]).encode()).hexdigest()


def _digest(files: str) -> str:
    digest = hashlib.sha256()
    for name in files.split():
        try:
            digest.update(Path(name).read_bytes())
        except OSError:
            digest.update(name.encode())
    return digest.hexdigest()


def _is_direct(requirement: str, source: Source) -> bool:
    """Whether a requirement names a place whose content may change, so that its environment must not be kept."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(requirement).url is not None
    except InvalidRequirement as error:
        raise DepsfirstError(
            f'"{requirement}" is no requirement: {error}',
            where=f"{source.where}: build-system.requires",
            hint='write something like "hatchling>=1.26"',
        ) from error


def _hook_environment(environment: Path, scratch: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name not in OF_OUR_PYTHON}
    return {
        **variables,
        "VIRTUAL_ENV": str(environment),
        "PATH": f"{environment / 'bin'}{os.pathsep}{variables.get('PATH', os.defpath)}",
        "PYTHONNOUSERSITE": "1",
        # neither the kept environment nor the source tree (a backend of the project's own) may change
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "TMPDIR": str(_made(scratch / "tmp")),
        "DIST_EXTRA_CONFIG": str(_distutils_config(scratch)),
    }


def _distutils_config(scratch: Path) -> Path:
    """A file that sends what setuptools writes into the scratch directory; the user's own such file comes first."""
    from configparser import ConfigParser

    config = ConfigParser(interpolation=None)
    if named := os.environ.get("DIST_EXTRA_CONFIG"):
        config.read(named)
    for section, option in (("build", "build_base"), ("egg_info", "egg_base")):
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, option, str(_made(scratch / section)).replace("%", "%%"))
    path = scratch / "distutils.cfg"
    with path.open("w") as file:
        config.write(file)
    return path


def _made(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory


def _setuptools_version(environment: Path) -> tuple[int, ...] | None:
    for found in environment.glob("lib/python*/site-packages/setuptools-*.dist-info"):
        numbers = found.name.removesuffix(".dist-info").partition("-")[2].split(".")
        return tuple(int(number) for number in numbers[:2] if number.isdigit())
    return None


def _copy(source: Path, target: Path) -> None:
    """Copy a source tree without what tools wrote; its repository is linked, so that a version can come from it."""
    import shutil

    from depsfirst.wheels.own.tree import LEFT_OUT, NEVER_PACKED, OUTPUTS

    def unwanted(folder: str, names: list[str]) -> set[str]:
        if "pyvenv.cfg" in names:
            return {*names}
        tools = {name for name in names if name in LEFT_OUT | NEVER_PACKED or name.endswith(".egg-info")}
        return tools | (OUTPUTS.intersection(names) if Path(folder) == source else set())

    shutil.copytree(source, target, symlinks=True, ignore=unwanted)
    for repository in (".git", ".hg"):
        if (source / repository).exists():
            (target / repository).symlink_to(source.absolute() / repository)


@contextmanager
def _cleared(source: Source) -> Iterator[None]:
    """Take away what pdm-backend leaves in the source tree, which has no setting for it."""
    leftover = source.directory / ".pdm-build"
    ours = source.system.backend.startswith("pdm.") and not leftover.exists()
    try:
        yield
    finally:
        if ours:
            import shutil

            shutil.rmtree(leftover, ignore_errors=True)


def _tail(output: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_TAIL:])
