"""Which files of a project that is no package belong in its image; what was decided is remembered between builds.

An ignore file decides alone, where there is one. Else the patterns that ``init`` would write do, and in a git work tree
what git ignores is left out, too. Version control, bytecode, virtual environments and images that were built are never
taken.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from depsfirst.digests import sha256
from depsfirst.errors import DepsfirstError
from depsfirst.project.ignoring import ignore_file
from depsfirst.values import NamedTuple
from depsfirst.wheels.own.ignored import ASKS_GIT, GitError, git_said, in_work_tree, repository, rules
from depsfirst.wheels.own.tree import (
    DIRECTORY,
    FILE,
    NEVER_PACKED,
    Tree,
    children,
    directories_above,
    is_image,
    is_made,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.dockerfile.ignore import Patterns
    from depsfirst.project.model import Project
    from depsfirst.wheels.own.tree import Hashes

IGNORE_FILE = ".dockerignore"
_MEMO = "own-files"
_FORMAT = 1
_RULES = ".gitignore"


class OwnFiles(NamedTuple):
    """The files of a project.

    Attributes:
        kinds: what each is, by path relative to the project's directory, as in ``wheels.own.tree.Tree``; directories
            that hold none of the others are among them.
        reason: who decided which they are.
    """

    kinds: Mapping[str, str]
    reason: str


class _Earlier(NamedTuple):
    """What was decided, and all that it was decided by.

    Attributes:
        kinds: all that was met.
        passed: directories that were not entered.
        reads: sha256 of each file with rules; None for one that was not there.
        stamp: what else decided.
        chosen: what belongs in the image.
        reason: who decided.
    """

    kinds: Mapping[str, str]
    passed: frozenset[str]
    reads: Mapping[str, str | None]
    stamp: str
    chosen: tuple[str, ...]
    reason: str


def own_files(project: Project, store: ContentStore, hashes: Hashes) -> OwnFiles:
    """The files of a project that belong in its image.

    Args:
        project: is no package.
        store: remembers what was decided.
        hashes: of files below the project's directory.

    Raises:
        DepsfirstError: a directory cannot be read, an ignore file is broken, or git cannot be asked.
    """
    key = sha256(os.fsencode(project.root)).hexdigest()
    context, given = _ignore_file(project)
    stamp = _stamp(project, context, given)
    known = _recalled(store.recall(_MEMO, key))
    if known is not None and known.stamp == stamp and _is_same(known, project.root, hashes):
        return _answer(known)
    decided = _decided(project, context, given, stamp, hashes)
    memo = [sorted(each) if isinstance(each, frozenset) else each for each in decided]
    store.remember(_MEMO, key, [_FORMAT, *memo])
    return _answer(decided)


def _ignore_file(project: Project) -> tuple[Path, str | None]:
    """The directory that an ignore file speaks of, and its text; the project's own goes before its workspace's."""
    for context in dict.fromkeys((project.root, project.lock.parent)):
        try:
            if project.root.is_relative_to(context):
                return context, (context / IGNORE_FILE).read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DepsfirstError(
                f"this cannot be read: {error.strerror or error}", where=str(context / IGNORE_FILE)
            ) from None
    return project.root, None


def _stamp(project: Project, context: Path, given: str | None) -> str:
    """All that decides besides names of files and rules of git."""
    text = given if given is not None else ignore_file(["."], project.readme or "")
    facts = [os.path.relpath(project.root, context), str(given is not None), repository(project.root) or "", text]
    return sha256("\0".join(facts).encode(errors="surrogateescape")).hexdigest()


def _recalled(memo: Any) -> _Earlier | None:
    if not isinstance(memo, list) or memo[:1] != [_FORMAT] or len(memo) != len(_Earlier._fields) + 1:
        return None
    known = _Earlier(*memo[1:])
    return known._replace(passed=frozenset(known.passed), chosen=tuple(known.chosen))


def _is_same(known: _Earlier, root: Path, hashes: Hashes) -> bool:
    kinds, _ = _look(root, lambda path: path not in known.passed)
    return kinds == known.kinds and all(hashes.sha256(path) == sha for path, sha in known.reads.items())


def _answer(known: _Earlier) -> OwnFiles:
    return OwnFiles({path: known.kinds[path] for path in known.chosen}, known.reason)


def _look(root: Path, enters: Callable[[str], bool]) -> tuple[dict[str, str], set[str]]:
    """All that stands below a directory, but for what is never taken; and the directories that were not entered.

    Raises:
        DepsfirstError: a directory cannot be read.
    """
    kinds: dict[str, str] = {}
    passed: set[str] = set()
    pending = [""]
    while pending:
        inside = pending.pop()
        found = children(f"{root}/{inside}")
        if found is None:
            raise DepsfirstError("this directory cannot be read", where=f"{root}/{inside}", hint=_LEAVE)
        if inside and is_made(found):
            del kinds[inside]
            passed.add(inside)
            continue
        for child in found:
            path = f"{inside}/{child.name}" if inside else child.name
            kind = kind_of(child) if child.name not in NEVER_PACKED else None
            if kind == DIRECTORY and not enters(path):
                passed.add(path)
            elif kind is not None and not (kind == FILE and is_image(child)):
                kinds[path] = kind
                pending += [path] if kind == DIRECTORY else []
    return kinds, passed


_LEAVE = f"make it readable, or leave it out in {IGNORE_FILE}"


def _decided(project: Project, context: Path, given: str | None, stamp: str, hashes: Hashes) -> _Earlier:
    from depsfirst.dockerfile.ignore import read_patterns

    text = given if given is not None else ignore_file(["."], project.readme or "")
    patterns = read_patterns(text, IGNORE_FILE if given is not None else "the patterns without an ignore file")
    prefix = os.path.relpath(project.root, context)
    start = "" if prefix == "." else f"{prefix}/"
    kinds, passed = _look(project.root, lambda path: _enters(patterns, start + path))
    kept = [path for path, kind in kinds.items() if not patterns.ignores(start + path, directory=kind == DIRECTORY)]
    asked = None if given is not None else _git_files(project.root)
    if asked is None:
        reason = f"what {IGNORE_FILE} leaves" if given is not None else "all but what no image needs"
        return _Earlier(kinds, frozenset(passed), {}, stamp, _chosen(kept, kinds), reason)
    files = [path for path in kept if kinds[path] != DIRECTORY]
    listed = tuple(sorted(path for path in files if _is_listed(path, asked)))
    rule_files = _rule_files(project.root, kinds, tracking=len(listed) < len(files))
    reads = {path: hashes.sha256(path) for path in rule_files}
    return _Earlier(kinds, frozenset(passed), reads, stamp, listed, "what git does not ignore")


def _enters(patterns: Patterns, directory: str) -> bool:
    return not patterns.ignores(directory) or patterns.enters(directory)


def _chosen(kept: Sequence[str], kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Files, and directories that hold none."""
    holding = {path.rpartition("/")[0] for path in kept}
    return tuple(sorted(path for path in kept if kinds[path] != DIRECTORY or path not in holding))


def _rule_files(root: Path, kinds: Mapping[str, str], *, tracking: bool) -> Iterable[str]:
    """The files by which git decides; what it tracks among them where that could bring back what it ignores."""
    inside = {path for path in kinds if path.rpartition("/")[2] == _RULES}
    return sorted(inside | rules(root, ASKS_GIT, Tree(kinds, frozenset()), tracking=tracking))


def _is_listed(path: str, listed: frozenset[str]) -> bool:
    """Whether git knows a file, or the repository inside the work tree that it is in."""
    return path in listed or any(each in listed for each in directories_above(path))


def _git_files(root: Path) -> frozenset[str] | None:
    """What git tracks or would add; None where there is no work tree of git, or all of the directory is ignored.

    Raises:
        DepsfirstError: there is a work tree, and git cannot be asked.
    """
    if not in_work_tree(root):
        return None
    try:
        said = git_said(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    except GitError as error:
        raise DepsfirstError(
            f"git cannot be asked which files it ignores: {error}",
            where=str(root),
            hint=f"mend that, or write a {IGNORE_FILE}, which decides alone",
        ) from None
    return frozenset(os.fsdecode(name).rstrip("/") for name in said.split(b"\0") if name) or None
