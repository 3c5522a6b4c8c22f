"""What commands of a RUN do to an image's packages, as values."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from depsfirst.dockerfile.shell import Command  # noqa: TC001 -- typing.get_type_hints has to find it


class Installs(Enum):
    """What is installed; an INSTALLER is a tool that installs or builds others, or one that is run and not kept."""

    DEPENDENCIES = "dependencies"
    PROJECT = "project"
    SYSTEM = "system"
    FRONTEND = "frontend"
    INSTALLER = "installer"


class Cache(NamedTuple):
    """Where an installer keeps what it has downloaded.

    Attributes:
        directories: absolute paths; none if they are not known.
        used: it is; False for ``--no-cache-dir`` and its like, None if that is not known.
    """

    directories: tuple[str, ...] = ()
    used: bool | None = True


class Installation(NamedTuple):
    """A command that installs, or that builds what is installed later.

    Paths are absolute in the image; where the directory of the command is not known they are as they are written.

    Attributes:
        tool: the installer, as ``pip``.
        verb: what it is told to do, as ``install`` or ``sync``.
        kind: what it installs; DEPENDENCIES with the project or without, INSTALLER only if there is nothing else.
        command: the command.
        inputs: files that it reads (requirements, constraints, manifest, lock), directories, patterns of wheels.
        packages: requirements that it names; a URL is one.
        with_project: it installs the project itself; None if that is not known.
        with_dependencies: it installs what the project or the requirements ask for; None if that is not known.
        project: directory of the project; None if there is none, or if it is not known.
        selection: what groups, extras and the like it is told, sorted: those of another command can be compared.
        target: where it installs to, if it is told; None for the installer's own choice.
        output: directory or file that it leaves packages in, for verbs that build or download.
        cache: where it keeps downloads.
        link_mode: how uv puts files into an environment; None where nothing is said.
        via: what was followed to find it: ``make bootstrap``, the path of a script.
        unsure: what could not be told, in sentences.
        bare: of a build: it is certain that the project asks for no other distributions.
    """

    tool: str
    verb: str
    kind: Installs
    command: Command
    inputs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    with_project: bool | None = False
    with_dependencies: bool | None = True
    project: str | None = None
    selection: tuple[str, ...] = ()
    target: str | None = None
    output: str | None = None
    cache: Cache = Cache()
    link_mode: str | None = None
    via: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    bare: bool = False

    @property
    def bootstrap(self) -> bool:
        """It installs an installer and nothing else."""
        return self.kind is Installs.INSTALLER


class Export(NamedTuple):
    """A command that writes what a lock holds as requirements.

    Attributes:
        tool: the exporter, as ``uv`` or ``pip-compile``.
        command: the command.
        inputs: manifest, lock and what else it reads.
        output: absolute path of the file it writes; None if it goes elsewhere, or if that is not known.
        selection: groups, extras and the like, sorted.
        with_project: the project itself is in what it writes; None if that is not known.
        hashes: hashes are; None if that is not known.
        locks: it resolves anew and does not only read a lock.
        exact: all of its options are known, and it does nothing but write the selected set.
        via: as of ``Installation``.
    """

    tool: str
    command: Command
    inputs: tuple[str, ...] = ()
    output: str | None = None
    selection: tuple[str, ...] = ()
    with_project: bool | None = False
    hashes: bool | None = None
    locks: bool = False
    exact: bool = True
    via: tuple[str, ...] = ()


class Download(NamedTuple):
    """A command that fetches something that no installer keeps.

    Attributes:
        tool: ``curl``, ``wget``, ``git``, ``playwright``, ``spacy`` and so on.
        what: ``url``, ``repository``, ``browser``, ``model`` or ``data``.
        command: the command.
        sources: URLs or names, as far as they are known.
        checked: its content is fixed by a checksum or a commit; None if that cannot be told.
        output: absolute path of where it goes; None if it goes elsewhere, or if that is not known.
        via: as of ``Installation``.
        revision: the branch, tag or commit that is asked for, as it is written where it is not known; None for none.
    """

    tool: str
    what: str
    command: Command
    sources: tuple[str, ...] = ()
    checked: bool | None = False
    output: str | None = None
    via: tuple[str, ...] = ()
    revision: str | None = None


class Ownership(NamedTuple):
    """``chown -R`` or ``chmod -R``: the files below ``paths`` are written once more.

    Attributes:
        tool: ``chown`` or ``chmod``.
        command: the command.
        paths: absolute, as far as they are known.
        recursive: all that is below them as well.
        via: as of ``Installation``.
    """

    tool: str
    command: Command
    paths: tuple[str, ...] = ()
    recursive: bool = False
    via: tuple[str, ...] = ()


class Unknown(NamedTuple):
    """Something that cannot be told.

    Attributes:
        reason: what, and why, as a sentence without its end.
        command: the command that it is about.
        via: as of ``Installation``.
        path: absolute, of the file that could not be read, if that is the reason; without a copy of it in the image
            before, it is none of the repository's.
    """

    reason: str
    command: Command
    via: tuple[str, ...] = ()
    path: str | None = None


Finding = Installation | Export | Download | Ownership | Unknown
