"""What tools leave in a project's directory that no image needs, and the steps that would take it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.instructions import Run, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject

COMMON = ("**/__pycache__", "**/*.py[cod]", "**/.venv", "**/.*_cache", "**/*.egg-info")
"""Patterns for what Python and its tools make everywhere."""


def first_patterns(subject: Subject, *, git: bool) -> tuple[str, ...]:
    """What an ignore file should begin with, if there is none yet; ``.git`` only if nothing reads it."""
    if subject.files.exists(subject.ignore_file):
        return ()
    return (*((".git",) if git else ()), *COMMON)


class Leftover(NamedTuple):
    """Something that a tool makes.

    Attributes:
        pattern: that leaves it out wherever it is.
        path: a file of it, below a directory of code or the root.
        in_code: whether it appears beside the code, else in the root.
        sign: what a manifest says if the tool is used; None if it appears without any.
    """

    pattern: str
    path: str
    in_code: bool
    sign: re.Pattern[str] | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.pattern.removeprefix("**/")

    def is_there(self, subject: Subject) -> bool:
        """Whether it is in the context now."""
        path = self.path[: self.path.index(self.name) + len(self.name)]
        return subject.context.find(path) is not None


LEFTOVERS = (
    Leftover("**/__pycache__", "__pycache__/module.cpython-312.pyc", in_code=True, sign=None),
    Leftover(
        "**/.venv",
        ".venv/pyvenv.cfg",
        in_code=False,
        sign=re.compile(r"\[tool\.(?:uv|pdm)\b|uv_build|dependency-groups"),
    ),
    Leftover("**/.pytest_cache", ".pytest_cache/v/cache/lastfailed", in_code=False, sign=re.compile(r"\bpytest\b")),
    Leftover("**/.mypy_cache", ".mypy_cache/CACHEDIR.TAG", in_code=False, sign=re.compile(r"\[tool\.mypy|\bmypy\b")),
    Leftover("**/.ruff_cache", ".ruff_cache/CACHEDIR.TAG", in_code=False, sign=re.compile(r"\[tool\.ruff|\bruff\b")),
    Leftover(
        "**/.coverage", ".coverage", in_code=False, sign=re.compile(r"\[tool\.coverage|\bpytest-cov\b|\bcoverage\b")
    ),
    Leftover("**/.tox", ".tox/.pkg", in_code=False, sign=re.compile(r"\[tool\.tox|\btox\b")),
)
"""What changes between two builds although nothing was edited."""


def whole_readers(subject: Subject) -> tuple[Step, ...]:
    """The steps that take all of the context, less what they exclude."""
    return tuple(step for step in subject.steps if _takes_all(subject, step))


def _takes_all(subject: Subject, step: Step) -> bool:
    if not isinstance(step.instruction, Transfer | Run) or _rests_on_nothing(step.instruction):
        return False
    return any(read.path == "/" for selection in subject.selections(step) for read in selection.reads)


def _rests_on_nothing(instruction: Transfer | Run) -> bool:
    """Whether a source is all of the context only for want of a variable, which whoever builds may give."""
    if not isinstance(instruction, Transfer):
        return False
    written = (token.value for token in instruction.syntax.tokens[:-1])
    return "" in instruction.sources and any(word.startswith("$") for word in written)


def likely(subject: Subject) -> Iterator[Leftover]:
    """What the project's tools make, or what is there already; paths below the context's root."""
    manifests = "\n".join(place.text("pyproject.toml") or "" for place in subject.places)
    code = subject.project.change("code")
    folder = code.edits[0].path.rpartition("/")[0] if code and code.edits else None
    for each in LEFTOVERS:
        name = each.path.partition("/")[0]
        used = subject.context.find(name) is not None or each.sign is None or each.sign.search(manifests)
        if each.in_code and folder is not None:
            yield each._replace(path=f"{folder}/{each.path}".lstrip("/"))
        elif not each.in_code and used:
            yield each
