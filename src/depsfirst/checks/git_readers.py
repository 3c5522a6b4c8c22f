"""Who reads the repository's history during a build, so that ``.git`` has to be there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.shell import Command

_VERSIONS_FROM_GIT = re.compile(
    r"setuptools[-_.]scm|hatch[-_.]vcs|versioningit|versioneer|dynamic[-_.]versioning|setuptools-git-versioning|dunamai"
    r"|\bpbr\b|pdm\.version.{0,80}\bscm\b",
    re.DOTALL,
)
_VERBS = "rev-parse|describe|log|rev-list|show|status|tag|branch|symbolic-ref|for-each-ref|ls-files|diff|archive"
_CALL = re.compile(rf"""\bgit["']?[\s,]+(?:-C[\s,]+\S+[\s,]+)?["']?(?:{_VERBS})\b""")
_PART = re.compile(r"^\s*!?(?:\*\*/)?/?\.git/\S|^\s*!/?\.git\b", re.MULTILINE)
_NAMED = re.compile(r"(?:\A|[/=])\.git(?:/|\Z)")
_INDIFFERENT = frozenset({"rm", "find", "echo", "printf", "du", "git"})
"""Programs that do no worse where there is no ``.git``, or that are asked about below."""
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


def why_needed(subject: Subject) -> str:
    """What reads the history during the build; empty if nothing seems to."""
    for place in subject.places:
        for name in ("pyproject.toml", "setup.cfg", "setup.py"):
            if found := _VERSIONS_FROM_GIT.search(place.text(name) or ""):
                return f'"{place.path(name)}" takes the version from git ("{found.group().split()[0]}")'
        if _CALL.search(place.text("setup.py") or ""):
            return f'"{place.path("setup.py")}" asks git'
    if subject.files.exists(subject.ignore_file) and _PART.search(subject.files.text(subject.ignore_file)):
        return f'"{subject.ignore_file.name}" speaks of parts of ".git", so somebody wants the others'
    return next(_asking(subject), "")


def _asking(subject: Subject) -> Iterator[str]:
    """The RUNs that run git, by themselves or by a file that they run."""
    for step in subject.runs:
        for command in subject.commands.script(step).commands:
            if command.program == "git" and not _is_about_others(command):
                yield f"line {step.line} runs git"
            if command.program not in _INDIFFERENT and any(_NAMED.search(text or "") for text in command.texts[1:]):
                yield f'line {step.line} names ".git", so somebody wants it in the image'
            for path in _files(command):
                if _CALL.search(subject.commands.text(step, path) or ""):
                    yield f'line {step.line} runs "{command.program}", and "{path}" asks git'


def _is_about_others(command: Command) -> bool:
    """Whether git is used for repositories of the network alone."""
    return command.texts[1:2] == ("clone",) or any((text or "").lower().endswith("insteadof") for text in command.texts)


def _files(command: Command) -> Iterator[str]:
    """The files that a command may run, absolute in the image."""
    if command.cwd is None:
        return
    names = _MAKEFILES if command.program in ("make", "gmake") else [text for text in command.texts if text]
    for name in names:
        if command.program in ("make", "gmake") or "." in name or "/" in name:
            yield name if name.startswith("/") else f"{command.cwd.rstrip('/')}/{name.removeprefix('./')}"
