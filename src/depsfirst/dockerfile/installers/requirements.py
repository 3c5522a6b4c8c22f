"""What requirements say is installed: those of a command line, and those of a file with what it includes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.installers.call import absolute, normalized

if TYPE_CHECKING:
    from depsfirst.dockerfile.installers.call import Call
    from depsfirst.dockerfile.shell import Word

_DEEPEST = 6
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|git\+|file:", re.IGNORECASE)
_DIRECT = re.compile(r"[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*@\s*(\S+)")
_EXTRAS = re.compile(r"\[[\w\s,.*-]*\]\Z")
_ARCHIVE = re.compile(r"\.(?:whl|tar\.gz|zip|tgz|tar\.bz2)\Z", re.IGNORECASE)
_OPTION = re.compile(r"(?:-([rce])\s*|--(requirement|constraint|editable)[\s=]\s*)(\S.*)\Z")
_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)")

INSTALLERS = frozenset(
    [
        "build",
        "conda",
        "conda-lock",
        "copier",
        "crossenv",
        "flit",
        "flit-core",
        "hatch",
        "hatchling",
        "installer",
        "keyring",
        "mamba",
        "micromamba",
        "pdm",
        "pdm-backend",
        "pip",
        "pip-tools",
        "pipenv",
        "pipx",
        "pixi",
        "poetry",
        "poetry-core",
        "poetry-dynamic-versioning",
        "setuptools",
        "setuptools-scm",
        "uv",
        "uv-build",
        "virtualenv",
        "wheel",
        "poetry-plugin-export",
        "poetry-plugin-bundle",
        "artifacts-keyring",
        "keyrings-google-artifactregistry-auth",
    ]
)
"""Distributions that install others, or that are needed for nothing but that."""


class Requirement(NamedTuple):
    """One requirement.

    Attributes:
        package: as it is written, for one that an index or a URL answers.
        path: absolute, of a directory or an archive; patterns included.
        is_archive: the path is that of archives.
    """

    package: str | None = None
    path: str | None = None
    is_archive: bool = False


class Requirements(NamedTuple):
    """What a command is told to install.

    Attributes:
        files: those of requirements and constraints, what they include too.
        packages: what an index or a URL answers, if the command line names it.
        directories: projects.
        archives: wheels and source archives, patterns included.
        unread: files that could not be read, so that more can be in them.
        included: what files name for an index or a URL to answer.
        extras: a project is asked for with extras.
        unsure: what could not be told, in sentences.
    """

    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

    def with_more(self, other: Requirements) -> Requirements:
        """Both together, each thing once."""
        return Requirements(*(tuple(dict.fromkeys((*mine, *theirs))) for mine, theirs in zip(self, other, strict=True)))

    @property
    def only_installers(self) -> bool:
        """Whether there is something, and nothing but tools that install."""
        named = (*self.packages, *self.included)
        others = self.directories or self.archives or self.unread or self.unsure
        return bool(named) and not others and all(map(is_installer, named))

    @property
    def with_project(self) -> bool | None:
        """Whether a project is among them."""
        if self.directories:
            return True
        return None if self.archives or self.unread or self.unsure else False


def is_installer(package: str) -> bool:
    """Whether a requirement names nothing but a tool that installs."""
    found = _NAME.match(package)
    name = normalized(found[1]) if found else ""
    return name in INSTALLERS or name.startswith(("poetry-plugin-", "pdm-"))


def read_operand(call: Call, word: Word) -> Requirements:
    """What an operand of ``install`` stands for."""
    if word.text is None:
        if not _URL.match(word.head) and re.match(r"[A-Za-z0-9][\w.-]*\s*(?:\[|[=<>~!@])", word.head):
            return Requirements(packages=(word.source,))
        if _URL.match(word.head):
            return Requirements(packages=(word.source,))
        return Requirements(unsure=(f'what "{word.source or "an argument"}" stands for is not known',))
    found = _of(_operand(word.text, call, pattern=word.pattern))
    return found._replace(extras=_extras(word.text)) if found.directories else found


def _extras(text: str) -> tuple[str, ...]:
    found = _EXTRAS.search(text.partition(";")[0].strip())
    return (found[0],) if found else ()


def _of(requirement: Requirement) -> Requirements:
    if requirement.path is None:
        return Requirements(packages=(requirement.package or "",))
    return (
        Requirements(archives=(requirement.path,))
        if requirement.is_archive
        else Requirements(directories=(requirement.path,))
    )


def _operand(text: str, call: Call, *, pattern: bool = False) -> Requirement:
    text = text.strip()
    direct = _DIRECT.match(text)
    target = direct[1] if direct else text
    if target.startswith("file:"):
        return _path(re.sub(r"^file:(?://[^/]*)?", "", target), call, pattern=pattern)
    if direct or _URL.match(target):
        return Requirement(package=text)
    bare = _EXTRAS.sub("", re.split(r"\s*;\s", text, maxsplit=1)[0])
    if bare.startswith(".") or "/" in bare or _ARCHIVE.search(bare) or pattern:
        return _path(bare, call, pattern=pattern and not _EXTRAS.search(text))
    return Requirement(package=text)


def _path(path: str, call: Call, *, pattern: bool) -> Requirement:
    path = re.sub(r"[#?].*$", "", _EXTRAS.sub("", path)) if not pattern else path
    return Requirement(path=call.at(path), is_archive=bool(_ARCHIVE.search(path)) or pattern)


def read_editable(call: Call, word: Word) -> Requirements:
    """What ``-e`` installs: a directory or a repository."""
    if word.text is None:
        return Requirements(unsure=(f'what "-e {word.source}" stands for is not known',))
    return _editable(call, word.text)._replace(extras=_extras(word.text))


def _editable(call: Call, text: str) -> Requirements:
    if _URL.match(text) and not text.startswith("file:"):
        return Requirements(packages=(text,))
    path = _path(re.sub(r"^file:(?://)?", "", text), call, pattern=False).path
    return Requirements(directories=(path or "",))


def read_group(call: Call, word: Word) -> Requirements:
    """What ``--group`` installs: a dependency group of the manifest in the directory, or of the one that it names."""
    if word.text is None:
        return Requirements(unsure=(f'which group "{word.source}" is is not known',))
    path, separator, _ = word.text.rpartition(":")
    return Requirements(files=(call.at(path if separator else "pyproject.toml"),))


def read_file(call: Call, word: Word, *, constraints: bool = False) -> Requirements:
    """A file of requirements with what it includes; its projects count, its packages need not be named."""
    if word.text is None:
        return Requirements(unread=(word.source,), unsure=(f'which file "{word.source}" is is not known',))
    if word.text == "-" or re.match(r"[a-z]+://", word.text):
        return Requirements(files=(word.text,), unread=() if constraints else (word.text,))
    return _file(call, call.at(word.text), 0, constraints=constraints)


def _file(call: Call, path: str, depth: int, *, constraints: bool) -> Requirements:
    found = Requirements(files=(path,))
    if path.endswith((".toml", ".cfg", "setup.py")):
        return found
    text = call.files(path) if path.startswith("/") and depth < _DEEPEST else None
    if text is None:
        return found if constraints else found.with_more(Requirements(unread=(path,)))
    for line in _COMMENT.sub("", text.replace("\\\n", " ")).splitlines():
        if stripped := line.strip():
            found = found.with_more(_line(call, stripped, path, depth, constraints=constraints))
    return found


def _line(call: Call, line: str, path: str, depth: int, *, constraints: bool) -> Requirements:
    """A line of a file; paths of requirements count from the directory of the command, those of files from the file."""
    option = _OPTION.match(line)
    kind, value = ((option[1] or option[2][0]), option[3].strip()) if option else ("", line)
    if kind in ("r", "c"):
        if re.match(r"[a-z]+://", value):
            return Requirements(files=(value,), unread=(value,) if kind == "r" else ())
        included = absolute(path.rpartition("/")[0] or "/", value)
        return _file(call, included, depth + 1, constraints=constraints or kind == "c")
    if constraints or value.startswith("-"):
        return Requirements()
    found = _editable(call, value) if kind else _of(_operand(re.split(r"\s--\w", value, maxsplit=1)[0], call))
    return found._replace(packages=(), included=found.packages)
