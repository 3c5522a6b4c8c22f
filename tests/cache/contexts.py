"""Small builds in a few words: files as texts, edits as other texts, and what becomes of the steps as letters."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from depsfirst.cache.model import Build, ImageFacts, Outcome, Status, compare
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.context import Context, ignore_files
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, changed, find
from depsfirst.dockerfile.ignore import read_patterns
from depsfirst.dockerfile.stages import require_outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES: Mapping[str, Any] = {
    "main.py": "print()",
    "notes.md": "notes",
    "run.sh": "#!/bin/sh",
    "src/shop/main.py": "import shop",
    "src/shop/data/prices.csv": "1,2",
    "src/README": "read",
    "copy/main.py": "print()",
}
LETTERS = {Status.CACHED: "c", Status.RERUNS: "R", Status.UNKNOWN: "?"}


def file(text: str, mode: int = 0o644) -> Entry:
    data = text.encode()
    return Entry(Kind.FILE, mode, len(data), hashlib.sha256(data).hexdigest())


def link(target: str) -> Entry:
    return Entry(Kind.SYMLINK, 0o777, link=target)


def folder(mode: int = 0o755) -> Entry:
    return Entry(Kind.DIRECTORY, mode)


def tree(files: Mapping[str, Any], below: Directory | None = None) -> Directory:
    """The tree with these files: texts, entries, or None for what is removed."""
    below = below or Directory({}, mode=0o755)
    for path, content in files.items():
        below = changed(below, path, file(content) if isinstance(content, str) else content)
    return below


@dataclass(frozen=True)
class Project:
    """A Dockerfile, the files beside it, and how it is built."""

    dockerfile: str
    files: Mapping[str, Any] = field(default_factory=lambda: FILES)
    version: Version = CURRENT
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> Build:
        text = self.dockerfile.strip("\n") + "\n"
        if not re.search("^FROM", text, re.MULTILINE):
            text = f"FROM base\n{text}"
        files = {"Dockerfile": text, **self.files}
        everything = tree(files)
        name = next((name for name in ignore_files("Dockerfile") if find(everything, name)), None)
        patterns = read_patterns(str(files[name]) if name else "", name or "", self.version)
        context = Context(everything, patterns, name, self.version)
        options = {"images": lambda _: ImageFacts(environment=()), **self.options}
        return Build(require_outline(parse(text)), context, version=self.version, **options)

    def edited(self, edit: Mapping[str, Any]) -> Project:
        return replace(self, files={**self.files, **edit})


def letters(before: Project, after: Project) -> str:
    """For each step ``c`` for cached, ``R`` for reruns, ``?`` for unknown."""
    return "".join(LETTERS[outcome.status] for outcome in outcomes(before, after))


def outcomes(before: Project, after: Project) -> tuple[Outcome, ...]:
    return compare(before.build(), after.build())


def reasons(before: Project, after: Project) -> list[list[str]]:
    """The causes of each step that is not cached."""
    return [[cause.text for cause in outcome.causes] for outcome in outcomes(before, after) if outcome.causes]
