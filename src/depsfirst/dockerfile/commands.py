"""What a RUN installs, exports and fetches: its commands, each judged by the family of its tool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.installers import ALIASES, findings, is_known
from depsfirst.dockerfile.installers.call import Call
from depsfirst.dockerfile.installers.following import Followed, follow
from depsfirst.dockerfile.installers.model import (
    Cache,
    Download,
    Export,
    Finding,
    Installation,
    Installs,
    Ownership,
    Unknown,
)
from depsfirst.dockerfile.installers.together import only_project, settled
from depsfirst.dockerfile.installers.tools import Tool, tool_of
from depsfirst.dockerfile.shell import Command, Script, argv_command, read_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.dockerfile.instructions import Run

    Files = Callable[[str], str | None]

__all__ = [
    "Cache",
    "Download",
    "Export",
    "Installation",
    "Installs",
    "Ownership",
    "Reading",
    "Unknown",
    "installations",
    "only_project",
    "run_script",
]

_DEEPEST = 3
_REMEMBERED = 4096
_READ: dict[tuple[object, ...], list[tuple[dict[str, str | None], Reading]]] = {}
"""What was read before, by all that decides on it but the files, and what the files said; several rooms ask."""

_SHELLS = re.compile(r"(?:.*/)?(?:ba|da|a|z|k)?sh\Z")
_SHEBANG = re.compile(r"#!\s*(\S+)(?:[ \t]+(\S+))?")
_ROOT = frozenset({"", "root", "0", "root:root", "0:0", "root:0", "0:root"})
_RANKS = (Installs.DEPENDENCIES, Installs.PROJECT, Installs.FRONTEND, Installs.SYSTEM, Installs.INSTALLER)


class Reading(NamedTuple):
    """What a RUN does, as far as it can be told.

    Attributes:
        script: its commands.
        installations: in their order, those behind ``make`` and scripts included; likewise the others.
        exports: what it writes of locks.
        downloads: what it fetches past the installers.
        ownership: ``chown`` and ``chmod``.
        unknown: what cannot be told.
    """

    script: Script
    installations: tuple[Installation, ...] = ()
    exports: tuple[Export, ...] = ()
    downloads: tuple[Download, ...] = ()
    ownership: tuple[Ownership, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def installs(self) -> Installs | None:
        """The one word for all of it: dependencies before the project, before the front end, before the system."""
        kinds = {installation.kind for installation in self.installations}
        return next((kind for kind in _RANKS if kind in kinds), None)


def no_file(_: str) -> None:
    """Knows no file."""


def installations(  # noqa: PLR0913 -- all that a RUN runs in
    run: Run,
    *,
    shell: tuple[str, ...] = ("/bin/sh", "-c"),
    variables: Mapping[str, str | None] | None = None,
    cwd: str | None = "/",
    user: str = "",
    home: str | None = None,
    files: Files = no_file,
) -> Reading:
    """What a RUN installs, and what else it does that counts.

    Args:
        run: the instruction.
        shell: the one in force.
        variables: those in force; a name that is not there counts as not set where a tool asks for it.
        cwd: the directory in force.
        user: who it runs as; empty for the image's first user, which is root.
        home: that user's directory, if somebody knows it; that of root is known, and a variable comes before.
        files: gives the text that stands at an absolute path of the image when the RUN begins; None if there is none,
            or if it is not known.
    """
    variables = variables or {}
    text = run.command if run.exec_form else (run.script(), *(run.inline_file() or ()))
    key = (run.exec_form, text, shell, tuple(variables.items()), cwd, user, home)
    for answers, reading in _READ.get(key, ()):
        if all(files(path) == answer for path, answer in answers.items()):
            return reading
    asked = _Asked(files)
    reading = _read(run_script(run, shell, variables, cwd), _Reader(variables, user, home, asked))
    if len(_READ) >= _REMEMBERED:
        _READ.clear()
    _READ.setdefault(key, []).append((asked.answers, reading))
    return reading


class _Asked:
    """Reads files, each once, and keeps what was asked: the same answers give the same reading."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.answers: dict[str, str | None] = {}

    def __call__(self, path: str) -> str | None:
        if path not in self.answers:
            self.answers[path] = self._files(path)
        return self.answers[path]


def _read(script: Script, reader: _Reader) -> Reading:
    found = [finding for command in script.commands for finding in reader.read(command, (), 0)]
    if script.reason:
        where = script.commands[-1] if script.commands else Command(())
        found.append(Unknown(f"not all of it can be read: {script.reason}", where))
    return _sorted(script, settled(found, script))


def run_script(
    run: Run, shell: tuple[str, ...], variables: Mapping[str, str | None] | None = None, cwd: str | None = "/"
) -> Script:
    """The commands of a RUN. The places in them count from the start of ``run.script()`` in the shell form."""
    if run.exec_form:
        return argv_command(run.command, variables, cwd)
    if document := run.inline_file():
        return _program(document[1], variables, cwd)
    if len(shell) > 1 and _SHELLS.match(shell[0]) and re.match("-[a-z]*c", shell[-1]):
        return read_script(run.script(), variables, cwd)
    if any(_SHELLS.match(word) for word in shell):
        return argv_command(run.argv(shell), variables, cwd)
    return Script((), whole=False, reason=f'the shell "{shell[0] if shell else ""}" is not one that can be read')


def _program(text: str, variables: Mapping[str, str | None] | None, cwd: str | None) -> Script:
    """The commands of a file that begins with ``#!``."""
    interpreter = interpreter_of(text)
    if interpreter and _SHELLS.match(interpreter):
        return read_script(text, variables, cwd)
    return Script((), whole=False, reason=f'it is a program for "{interpreter}"')


def interpreter_of(text: str) -> str | None:
    """The program that a file asks for in its first line; None if it asks for none."""
    found = _SHEBANG.match(text)
    if not found:
        return None
    return found[2] if found[1].endswith("/env") and found[2] else found[1]


def _sorted(script: Script, found: list[Finding]) -> Reading:
    return Reading(
        script,
        tuple(finding for finding in found if isinstance(finding, Installation)),
        tuple(finding for finding in found if isinstance(finding, Export)),
        tuple(finding for finding in found if isinstance(finding, Download)),
        tuple(finding for finding in found if isinstance(finding, Ownership)),
        tuple(finding for finding in found if isinstance(finding, Unknown)),
    )


class _Reader:
    """Judges commands, and what they run."""

    def __init__(self, variables: Mapping[str, str | None], user: str, home: str | None, files: Files) -> None:
        self._variables = variables
        self._files = files
        self._home = variables.get("HOME") or ("/root" if user in _ROOT else home)

    def read(self, command: Command, via: tuple[str, ...], depth: int) -> Iterator[Finding]:
        """What a command installs; what it runs is followed."""
        tool = tool_of(command)
        if tool is None:
            return
        if isinstance(tool, Unknown):
            yield tool._replace(via=via)
            return
        if is_known(tool.name):
            yield from (finding._replace(via=via) for finding in findings(self._call(tool, command)))
        followed = follow(self._call(tool, command))
        if isinstance(followed, Unknown):
            yield followed._replace(via=via)
        elif followed:
            yield from self._follow(followed, command, via, depth)

    def _call(self, tool: Tool, command: Command) -> Call:
        home = self._home
        if command.user != "":
            home = "/root" if command.user in _ROOT else None
        name = ALIASES.get(tool.name, tool.name)
        return Call(name, tool.words, command, self._variables, self._files, home)

    def _follow(self, followed: Followed, command: Command, via: tuple[str, ...], depth: int) -> Iterator[Finding]:
        if depth >= _DEEPEST or followed.name in via:
            yield Unknown(f'"{followed.name}" is not followed any further', command, via)
            return
        variables = {**self._variables, **command.variables, **followed.variables}
        inner = (*via, followed.name)
        for text in followed.texts:
            script = read_script(text, variables, followed.cwd, followed.parameters)
            for each in script.commands:
                always = each.always and command.always
                user = command.user if each.user == "" else each.user
                moved = each._replace(always=always, user=user, start=command.start, end=command.end, nested=True)
                yield from self.read(moved, inner, depth + 1)
            if script.reason:
                yield Unknown(f'not all of "{followed.name}" can be read: {script.reason}', command, inner)
