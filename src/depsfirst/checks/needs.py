"""What an install needs of the files that a COPY brings, and why that cannot be told."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.filetree import Directory
from depsfirst.dockerfile.instructions import Transfer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject

_TOOLS = frozenset({"pip", "uv", "poetry", "pdm", "pipenv"})
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "uv": ("uv.toml", ".python-version"),
    "poetry": ("poetry.toml",),
    "pdm": ("pdm.toml",),
}
"""What each installer reads besides its inputs from the directory of the manifest, if it is there."""
_INDEXES = frozenset({"pip.conf", "pip.ini", ".netrc", ".pip", ".pypirc", "netrc", ".config"})
_PLAIN = frozenset(
    [
        "true",
        ":",
        "echo",
        "printf",
        "set",
        "export",
        "unset",
        "mkdir",
        "useradd",
        "groupadd",
        "adduser",
        "addgroup",
        "apt-get",
        "apt",
        "apk",
        "dnf",
        "yum",
        "microdnf",
        "dpkg",
        "locale-gen",
        "update-ca-certificates",
        "virtualenv",
    ]
)
_LOCAL_LINE = re.compile(r"^\s*(?:-f|--find-links|--index-url|-i|--extra-index-url)[\s=]+(?![a-z]+://)", re.MULTILINE)
_LOCAL_LOCKED = {
    "uv.lock": re.compile(r"source = \{ (?:(?:editable|directory|virtual) = \"(?!\.\")|path = )"),
    "poetry.lock": re.compile(r'^type = "(?:directory|file)"', re.MULTILINE),
    "pdm.lock": re.compile(r'^path = "', re.MULTILINE),
    "Pipfile.lock": re.compile(r'"(?:path|file)": "(?!https?:)'),
    "Pipfile": re.compile(r"\bpath\s*=|\beditable\s*="),
}


class UnprovenError(Exception):
    """A fix is not proven to be safe; the text says why, as a part of a sentence."""


class Provided(NamedTuple):
    """Where the files that one COPY brings come from.

    Attributes:
        destination: absolute, as a directory.
        roots: directories and files of the context that are copied; those of directories below the destination.
    """

    subject: Subject
    step: Step
    destination: str
    roots: tuple[tuple[str, str], ...]

    def source(self, path: str) -> str | None:
        """What of the context stands at an absolute path of the image; None for nothing."""
        for target, root in reversed(self.roots):
            if path == target or path.startswith(f"{target.rstrip('/')}/"):
                found = posixpath.join(root, path[len(target) :].lstrip("/")).rstrip("/")
                if found in self.files or f"{found}/" in self.folders:
                    return found
        return None

    @property
    def files(self) -> frozenset[str]:
        """The paths of the context that are copied."""
        return frozenset(self.subject.selection(self.step).paths())  # type: ignore[union-attr]

    @property
    def folders(self) -> frozenset[str]:
        """The same with a slash behind them, and the root."""
        return frozenset(f"{path}/" for path in self.files) | {"/"}


def provided(subject: Subject, step: Step) -> Provided:
    """Where the files of a COPY go.

    Raises:
        UnprovenError: that is not known.
    """
    transfer = step.instruction
    selection = subject.selection(step) if isinstance(transfer, Transfer) else None
    if not isinstance(transfer, Transfer) or selection is None:
        raise UnprovenError("the files do not come by a COPY from the context")
    if transfer.documents or getattr(transfer, "parents", False) or transfer.exclude:
        raise UnprovenError(f"line {step.line} chooses its files by more than their names")
    destination = posixpath.normpath(posixpath.join(step.cwd or "/", transfer.destination))
    roots = []
    for read in selection.reads:
        for item in read.items:
            isdir = isinstance(item.node, Directory)
            roots.append(
                (destination if isdir else posixpath.join(destination, item.path.rpartition("/")[2]), item.path)
            )
    return Provided(subject, step, destination, tuple(roots))
