"""What the text of a Dockerfile is made of: a plan's facts, as a Dockerfile's terms need them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.project.exporters import NEWEST_POETRY_PLUGIN, POETRY_PLUGIN
from depsfirst.project.target import MINORS
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from depsfirst.plan import Runtime

_OLDEST = 9
CACHE = "/root/.cache/uv"
"""Where uv keeps what it downloaded."""
PYTHONS = tuple(f"3.{minor}" for minor in MINORS if minor >= _OLDEST)
"""Versions of Python that have an official image, the embedded engine's first."""


class Pin(NamedTuple):
    """A tool that a Dockerfile installs.

    Attributes:
        name: of its distribution.
        argument: the build argument that has its version.
        version: the argument's default.
        extra: what is installed with it, as ``[locked]``.
    """

    name: str
    argument: str
    version: str
    extra: str = ""

    @property
    def requirement(self) -> str:
        """What the installer is told."""
        return f"{self.name}{self.extra}==${{{self.argument}}}"


UV = Pin("uv", "UV_VERSION", "0.13.9")
POETRY = Pin("poetry", "POETRY_VERSION", "2.5.1")
POETRY_EXPORT = Pin(POETRY_PLUGIN, "POETRY_EXPORT_VERSION", NEWEST_POETRY_PLUGIN)
PDM = Pin("pdm", "PDM_VERSION", "2.29.3", "[locked]")
PIPENV = Pin("pipenv", "PIPENV_VERSION", "2026.10.3")
TOMLI = Pin("tomli", "TOMLI_VERSION", "2.5.0")


class Own(NamedTuple):
    """A first-party project.

    Attributes:
        name: of its distribution.
        directory: relative to the context; ``.`` is the context itself.
        manifest: path of its pyproject.toml, relative to the context; None if it has none.
        requires: requirements of its build.
        package: whether it is built and installed; else its code runs where it stands.
        version_variable: environment variable that tells the build backend the version, if it comes from git.
    """

    name: str
    directory: str
    manifest: str | None
    requires: tuple[str, ...]
    package: bool
    version_variable: str | None = None


class Export(NamedTuple):
    """How the third-party set is had. Paths are relative to the context.

    Attributes:
        files: those that tell it.
        result: what the installer reads.
        tools: what is installed to write it: the manager, then what it needs besides.
        command: the shell command that writes it, in lines; none where one of the files is it.
        options: what the installer is told besides.
        hashed: whether each package has hashes that the installer has to be told to insist on.
        complete: whether the set is closed, so that nothing is left to be resolved.
        archives: wheels and sdists that are installed from their paths.
    """

    files: tuple[str, ...]
    result: str
    tools: tuple[Pin, ...] = ()
    command: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    hashed: bool = True
    complete: bool = True
    archives: tuple[str, ...] = ()


class Indexes(NamedTuple):
    """Package indexes that are named to the installer, without credentials.

    Attributes:
        default: in place of the installer's own; None keeps that.
        others: besides.
    """

    default: str | None = None
    others: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """All of them."""
        return (*((self.default,) if self.default else ()), *self.others)


class Scheme(NamedTuple):
    """All that decides on the text of a Dockerfile.

    Attributes:
        image: name of the base image.
        python: its version of Python, as far as that is known.
        own: the project.
        libraries: first-party projects that it needs, sorted by directory.
        export: how the third-party set is had.
        indexes: private package indexes.
        secret: whether an index may want a password.
        system: Debian packages that the image needs.
        build_system: those that only installing needs.
        sources: packages that come as source, without a wheel.
        imports: statements that prove that the project works.
        started: the file that starts code that is no package, relative to the project's directory, if one is known.
        unsaid: what a person should know of the command of the image, where nobody has named it.
        runtime: how the image runs.
        tag: name of the image in the example.
        dockerfile: path of the Dockerfile, relative to the context.
        readme: path of the readme, relative to the project's directory; empty if there is none.
    """

    image: str
    python: tuple[int, int]
    own: Own
    libraries: tuple[Own, ...]
    export: Export
    indexes: Indexes
    secret: bool
    system: tuple[str, ...]
    build_system: tuple[str, ...]
    sources: tuple[str, ...]
    imports: tuple[str, ...]
    started: str | None
    unsaid: str
    runtime: Runtime
    tag: str
    dockerfile: str
    readme: str = ""

    @property
    def packages(self) -> tuple[Own, ...]:
        """The first-party projects that are built: libraries, then the project if it is a package."""
        return (*self.libraries, *((self.own,) if self.own.package else ()))
