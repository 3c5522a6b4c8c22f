"""Resolves the requirements of a project that has no lock, with uv, for one environment; remembers what came of it."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import lock_fingerprint
from depsfirst.project.model import MAIN, LockText, Source, normalize
from depsfirst.wheels.indexes.search import search_of
from depsfirst.wheels.own.stated import Stated, wanted
from depsfirst.wheels.uv import uv_program

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import Environment, Lock, Project
    from depsfirst.wheels.indexes.search import Search

_MEMO = "resolutions"
_FORMAT = 4
_PLATFORMS = {"linux/amd64": "x86_64-unknown-linux-gnu", "linux/arm64": "aarch64-unknown-linux-gnu"}
_OPTIONS = (
    *("--quiet", "--no-progress", "--no-header", "--no-annotate", "--generate-hashes"),
    *("--no-emit-index-url", "--emit-index-annotation"),
)
_NAME = re.compile(r"[^A-Za-z0-9._-]")
_TAIL = 12


class Wish(NamedTuple):
    """What is to be resolved: a project without a lock, for an environment, with groups and extras; and why.

    ``stated`` is what its wheel says that it requires, where its manifest does not.
    """

    project: Project
    environment: Environment
    groups: frozenset[str] = frozenset({MAIN})
    extras: frozenset[str] = frozenset()
    because: str = "there is no lock"
    stated: Stated | None = None

    @property
    def lines(self) -> tuple[str, ...] | None:
        """What the wheel asks for, as lines of requirements; None where a file asks for it."""
        return None if self.stated is None else wanted(self.stated, self.environment, self.extras)


def resolved(
    wish: Wish, store: ContentStore, progress: Progress, *, index_url: str | None = None, refresh: bool = False
) -> Lock:
    """A lock of what suits a wish now, or did when it was asked for first: manifest and choice are its key.

    Args:
        wish: what is to be resolved.
        store: remembers the result.
        progress: is told that there is no lock.
        index_url: simple URL of the package index; the user's settings of uv and pip decide where it is None.
        refresh: whether to resolve again what is remembered.

    Raises:
        DepsfirstError: no set of packages suits, or the index cannot be reached.
    """
    from depsfirst.project.locks import requirements

    search = search_of(wish.project, store, index_url, by_uv=True)
    key = _key(wish, search)
    text = None if refresh else store.recall(_MEMO, key)
    if not isinstance(text, str):
        with store.scratch_directory() as scratch:
            text = _compiled(wish, search, scratch)
        store.remember(_MEMO, key, text)
        count = _count(text)
        if count:  # nothing at all is the same wherever it is built
            progress.warn(_told(wish, count))
    lock = _tied(requirements.read(LockText("what uv resolved", text), wish.project), text)
    edges = lock.roots[MAIN]
    return lock._replace(roots=dict.fromkeys({MAIN, *wish.groups}, edges), extras=dict.fromkeys(wish.extras, ()))


def _tied(lock: Lock, text: str) -> Lock:
    """The lock with each package tied to the index that uv took it from, which it says behind each."""
    indexes, name = {}, ""
    for line in text.splitlines():
        start, _, origin = line.strip().partition("# from ")
        if line[:1].isalnum():
            name = normalize(_NAME.split(line, maxsplit=1)[0])
        elif origin and not start:
            indexes[name] = origin
    packages = tuple(
        package._replace(source=Source("index", indexes[package.name]))
        if package.source.kind == "index" and package.name in indexes
        else package
        for package in lock.packages
    )
    return lock._replace(format="uv", packages=packages)


def _key(wish: Wish, search: Search) -> str:
    environment, groups, extras = wish.environment, sorted(wish.groups), sorted(wish.extras)
    facts = [
        _FORMAT,
        lock_fingerprint(wish.project),
        wish.lines,
        environment.version,
        environment.platform,
        groups,
        extras,
        search.facts,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _count(text: str) -> int:
    return sum(not line.startswith((" ", "#", "-")) for line in text.splitlines() if line)


def _told(wish: Wish, count: int) -> str:
    packages = "1 package" if count == 1 else f"{count} packages"
    environment = f"Python {wish.environment.version} on {wish.environment.platform}"
    return f"{wish.because}: uv resolved {packages} for {environment}; lock them for a build that others can repeat"


def _compiled(wish: Wish, search: Search, scratch: Path) -> str:
    """Requirements with hashes, as uv resolves them in the project's directory, where its settings for uv hold."""
    from subprocess import DEVNULL, run

    lock, lines = wish.project.lock, wish.lines
    if lines is not None:
        (scratch / "requirements.in").write_text("".join(f"{line}\n" for line in lines))
    python = ("--python", sys.executable, "--python-version", wish.environment.version)
    platform = ("--python-platform", _PLATFORMS[wish.environment.platform])
    groups = [f"--group={name}" for name in sorted(wish.groups - {MAIN})]
    extras = [f"--extra={name}" for name in sorted(wish.extras)] if lines is None else []
    command = [uv_program(), "pip", "compile", *_OPTIONS, *python, *platform, *groups, *extras]
    done = run(
        [*command, "--", lock.name if lines is None else str(scratch / "requirements.in")],
        check=False,
        cwd=lock.parent,
        env=search.variables(),
        stdin=DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise _failure(wish, done.stderr)
    return done.stdout


def _failure(wish: Wish, output: str) -> DepsfirstError:
    lines = [f"  {line.rstrip()}" for line in output.splitlines() if line.strip()][-_TAIL:]
    return DepsfirstError(
        f"{wish.because}, and uv cannot resolve what is wanted:\n" + "\n".join(lines),
        where=str(wish.project.lock),
        hint="mend what its last lines name, or see whether the index can be reached (--index, UV_DEFAULT_INDEX)",
    )
