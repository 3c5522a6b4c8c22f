"""Answers which steps of a build run again after an edit, why, and whether dependencies are installed again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from depsfirst.cache.causes import CauseKind
from depsfirst.cache.changes import KINDS, Change, given
from depsfirst.cache.filters import export_filter
from depsfirst.cache.installing import Installed, installed_by
from depsfirst.cache.keys import ContextContent
from depsfirst.cache.model import Outcome, Status, compare, steps
from depsfirst.cache.packed import wheel_of
from depsfirst.cache.request import Opened, open_build
from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.filetree import find
from depsfirst.dockerfile.selection import selected
from depsfirst.dockerfile.stages import require_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.build import Build
    from depsfirst.cache.causes import Cause
    from depsfirst.cache.changes import ChangeKind, Edit
    from depsfirst.cache.request import Request
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.stages import Stage

Reruns = Literal["yes", "no", "unknown"]
_WORST_FIRST: tuple[Reruns, ...] = ("yes", "unknown")


@dataclass(frozen=True, slots=True)
class Answered:
    """A step, what becomes of it, and what it installs.

    Attributes:
        outcome: what becomes of it.
        installs: what it installs.
        because: why it runs again, from the first cause on; None if it is cached.
    """

    outcome: Outcome
    installs: Installed
    because: str | None

    @property
    def stage(self) -> str:
        """The stage's name; ``stage-N``, as BuildKit says it, where it has none."""
        return stage_name(self.outcome.step.stage)

    @property
    def reinstalls(self) -> Reruns:
        """Whether it installs dependencies again."""
        status = self.outcome.status
        if status is Status.CACHED or not (self.installs.dependencies or self.installs.uncertain):
            return "no"
        return "yes" if status is Status.RERUNS and self.installs.dependencies else "unknown"

    @property
    def text(self) -> str:
        """What stands behind the keyword, heredocs included."""
        syntax = self.outcome.step.instruction.syntax
        start = syntax.start + len(syntax.keyword)
        bodies = (f"\n{each.content}{each.opener.delimiter}" for each in syntax.heredocs)
        return "".join((syntax.text[start:].strip(), *bodies))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an edit does to a build.

    Attributes:
        dockerfile: as the user would write its path.
        context: the same of the main context's directory.
        target: the stage that is built.
        change: the edit.
        steps: in file order.
        notes: what the answer takes for granted.
    """

    dockerfile: str
    context: str
    target: str
    change: Change
    steps: tuple[Answered, ...]
    notes: tuple[str, ...] = ()

    @property
    def reruns_dependencies(self) -> Reruns:
        """Whether dependencies are installed again."""
        verdicts = [step.reinstalls for step in self.steps]
        return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), "no")

    @property
    def reinstalling(self) -> tuple[Answered, ...]:
        """The steps for which that is so; none if the answer is no."""
        worst = self.reruns_dependencies
        return tuple(step for step in self.steps if step.reinstalls == worst != "no")

    def of(self, status: Status) -> tuple[Answered, ...]:
        """The steps of which that becomes."""
        return tuple(step for step in self.steps if step.outcome.status is status)


def why(request: Request, paths: Sequence[str] = (), kind: ChangeKind = "paths") -> Answer:
    """What an edit does to a build.

    Args:
        request: the build.
        paths: what is edited, all of it together, relative to the context.
        kind: the edit that is meant if no path is given.

    Raises:
        DepsfirstError: the build is wrong, a path is outside of its contexts, or the edit that is meant is not found.
    """
    opened = open_build(request)
    change = given(paths, opened.directories) if kind not in KINDS else find_change(opened, kind)
    before = _reading(opened)
    after = changed(before, change)
    outcomes = compare(before, after)
    target = require_target(before.outline.stages, before.target, before.file)
    return Answer(
        before.file,
        opened.context,
        stage_name(target),
        change,
        _answered(opened, after, outcomes),
        (*_notes(opened, change), *_failures(before)),
    )


def stage_name(stage: Stage) -> str:
    """The stage's name; ``stage-N``, as BuildKit says it, where it has none."""
    return stage.name or f"stage-{stage.index}"


def changed(build: Build, change: Change) -> Build:
    """The build after an edit."""
    texts = change.texts()
    unknown = {edit.path for edit in change.edits if not edit.context} - texts.keys()

    def read(path: str) -> bytes | None:
        if path in texts:
            return texts[path].encode(errors="surrogateescape")
        return None if path in unknown else build.read(path)

    contexts = {name: change.apply(context, name) for name, context in build.contexts.items()}
    return replace(build, context=change.apply(build.context), contexts=contexts, read=read)


def find_change(opened: Opened, kind: ChangeKind) -> Change:
    """The edit of a kind that needs no path.

    Raises:
        DepsfirstError: it is not found, or a manifest is broken.
    """
    from depsfirst.cache.main_module import code_edit, readme_edit
    from depsfirst.cache.manifests import Place, places
    from depsfirst.cache.version_lines import version_bump

    build = opened.build
    there = places(build.context, opened.text, build.outline, opened.file)
    if kind == "code":
        return code_edit(build.context, there, build.outline)
    if kind == "readme":
        return readme_edit(there, Place(build.context, opened.text, ""))
    return version_bump(there)


def _reading(opened: Opened) -> Build:
    return replace(opened.build, read=opened.read, filters=(export_filter,), packers=(wheel_of,))


def _answered(opened: Opened, after: Build, outcomes: Sequence[Outcome]) -> tuple[Answered, ...]:
    contexts = {
        id(context.tree): name
        for build in (opened.build, after)
        for name, context in (("", build.context), *build.contexts.items())
    }

    def read(context: Context, path: str) -> bytes | None:
        name = contexts.get(id(context.tree))
        return None if name is None else opened.read(path, name)

    installs = installed_by(after, [outcome.step for outcome in outcomes], read)
    return tuple(
        Answered(outcome, each, "; ".join(chain(outcome, outcomes)) or None)
        for outcome, each in zip(outcomes, installs, strict=True)
    )


def chain(outcome: Outcome, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Why a step is not cached, from the first cause on; what merely stands on another step adds nothing to it."""
    at_line: dict[int, Outcome] = {}
    for each in outcomes:
        at_line.setdefault(each.step.line, each)
    links: list[str] = []
    seen: set[int] = set()
    here: Outcome | None = outcome
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        cause = _decisive(here)
        if cause is None:
            break
        if cause.kind is not CauseKind.PARENT_STEP:
            links.append(cause.text)
        leads = cause.kind in {CauseKind.PARENT_STEP, CauseKind.STAGE_CONTENT}
        here = at_line.get(cause.line) if leads and cause.line is not None else None
    return tuple(reversed(links))


def _decisive(outcome: Outcome) -> Cause | None:
    """The cause that counts most: a certain one before one that may be, the step's own before those below it."""
    return min(outcome.causes, key=lambda cause: not cause.certain, default=None)


def _notes(opened: Opened, change: Change) -> list[str]:
    paths = {edit.path for edit in change.edits if not edit.context}
    notes = []
    if opened.file in paths:
        notes.append(f"it is taken for granted that the edit of {opened.file} changes no instruction")
    ignore = opened.build.context.ignore_file
    if ignore in paths:
        notes.append(f"it is taken for granted that the edit of {ignore} leaves out the same files")
    return [*notes, *(note for edit in change.edits if (note := _unseen(opened.build, edit)))]


def _unseen(build: Build, edit: Edit) -> str | None:
    """Why a builder does not see a path, or that there is nothing yet."""
    context = build.contexts[edit.context] if edit.context else build.context
    if not edit.path or context.find(edit.path) is not None:
        return None
    if find(context.tree, edit.path) is None:
        return f'"{edit.path}" is not there yet: the answer is that for a new file'
    pattern = context.patterns.deciding(edit.path)
    if pattern is None:
        return None
    return f'"{edit.path}" is not sent to the builder: {context.patterns.where}:{pattern.line} leaves it out'


def _failures(build: Build) -> Iterator[str]:
    """Steps that fail for want of a file, whatever is edited."""
    for step in steps(build):
        for content in step.key.contents:
            if isinstance(content, ContextContent):
                for read in selected(content.context, content.request).missing:
                    yield f'{build.file}:{step.line} copies "{read.source}", which fails: {read.missing}'
