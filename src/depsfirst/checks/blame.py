"""Which step makes an install run again after an edit: the first one that brings the edited file to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.cache.keys import ResultContent
from depsfirst.cache.model import Status
from depsfirst.checks.places import place_of
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.filetree import Directory
from depsfirst.dockerfile.instructions import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from depsfirst.cache.changes import Change
    from depsfirst.cache.keys import Key
    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.stages import Stage

_PACKAGE = "__init__.py"
_CODE = (".py", ".pyx")
_ARCHIVES = (".whl", ".tar.gz", "/*")
Mark = tuple[int, str]


class Blame(NamedTuple):
    """A step that reads what is edited, and the installs that run again for it.

    Attributes:
        reader: a COPY or ADD, or a RUN that binds the files.
        installs: of third-party packages, in file order; the reader itself, if it binds.
        paths: the edited ones that it reads, below the context's root.
        sure: whether the edit is one of the project's main module, and not of any module.
    """

    reader: Step
    installs: tuple[Step, ...]
    paths: tuple[str, ...]
    sure: bool = True

    @property
    def lowers(self) -> tuple[str, ...]:
        """The edits that a fix has to lower, as far as they have names."""
        return ("code",) if self.sure else ()

    @property
    def binds(self) -> bool:
        """Whether the files are mounted, and not copied."""
        return not isinstance(self.reader.instruction, Transfer)


def blamed(subject: Subject, change: Change | str) -> tuple[Blame, ...]:
    """The steps that make installs run again for certain after a change, in file order."""
    if isinstance(change, str):
        return subject.once(("blamed", change), lambda: _blamed(subject, change))
    return _blamed(subject, change)


def _blamed(subject: Subject, change: Change | str) -> tuple[Blame, ...]:
    asked = subject.project.change(change) if isinstance(change, str) else change
    if asked is None or not subject.installing:
        return ()
    return _gathered(subject, subject.reinstalled(change), [edit.path for edit in asked.edits if not edit.context])


def _gathered(subject: Subject, installs: Sequence[Step], paths: Sequence[str]) -> tuple[Blame, ...]:
    read: dict[Mark, list[str]] = {}
    steps: dict[Mark, Step] = {}
    for path in paths if installs else ():
        for step in subject.readers(path):
            read.setdefault(_mark(step.key), []).append(path)
            steps[_mark(step.key)] = step
    found: dict[Mark, list[Step]] = {}
    for install in installs:
        mark = _first(install.key, read)
        if mark is not None:
            found.setdefault(mark, []).append(install)
    return tuple(Blame(steps[mark], tuple(found[mark]), tuple(read[mark])) for mark in sorted(found))


def _mark(key: Key) -> Mark:
    """Tells the keys of the steps of a Dockerfile apart, those of several targets not."""
    return (key.instruction.line, key.instruction.name) if key.instruction else (0, "")


def _first(key: Key, read: Mapping[Mark, object]) -> Mark | None:
    """The step nearest to the base image that reads what is edited; else one that a stage it reads from has."""
    chain = list(key.chain())
    for each in reversed(chain):
        if _mark(each) in read:
            return _mark(each)
    for each in reversed(chain):
        for content in each.contents:
            if isinstance(content, ResultContent) and (found := _first(content.key, read)):
                return found
    return None


def of_code(subject: Subject) -> tuple[Blame, ...]:
    """The steps that make an edit of code install again: of the main module, else of any module in their reach."""

    def ask() -> tuple[Blame, ...]:
        return blamed(subject, "code") or _of_built_wheels(subject) or _of_any_code(subject)

    return subject.once("blamed for code", ask)


def _of_built_wheels(subject: Subject) -> tuple[Blame, ...]:
    """The same for installs of wheels that are built of the code, whose content only the build knows."""
    asked = subject.project.change("code")
    if asked is None or not any(_takes_wheels(subject, step) for step in subject.installing):
        return ()
    unknown = {place_of(each.step) for each in subject.reruns("code").outcomes if each.status is Status.UNKNOWN}
    installs = [step for step in subject.installing if place_of(step) in unknown and _takes_wheels(subject, step)]
    found = _gathered(subject, installs, [edit.path for edit in asked.edits if not edit.context])
    return tuple(blame._replace(sure=False) for blame in found if _builds(subject, blame.reader.stage))


def _takes_wheels(subject: Subject, step: Step) -> bool:
    """Whether a step installs wheels or source archives, with what they ask for."""
    found = subject.commands.dependencies(step)
    return any(
        each.with_dependencies and each.inputs and all(path.endswith(_ARCHIVES) for path in each.inputs)
        for each in found
    )


def _builds(subject: Subject, stage: Stage) -> bool:
    """Whether the project's wheel is built in a stage."""
    runs = (step for step in subject.runs if step.stage is stage)
    return any(each.output for step in runs for each in subject.commands.installations(step, Installs.PROJECT))


def _of_any_code(subject: Subject) -> tuple[Blame, ...]:
    """The same for modules that stand in a directory which is copied or bound before an install."""
    for step in subject.steps if subject.installing else ():
        if not any(_first(install.key, {_mark(step.key): None}) for install in subject.installing):
            continue
        path = next((path for path in _modules(subject, step)), None)
        if path and (found := blamed(subject, subject.edited(path))):
            return tuple(blame._replace(sure=False) for blame in found)
    return ()


def _modules(subject: Subject, step: Step) -> Iterable[str]:
    """Modules of packages that a step takes with a directory."""
    for selection in subject.selections(step):
        for path in selection.paths():
            folder, _, name = path.rpartition("/")
            if name == _PACKAGE and subject.context.find(path) is not None:
                yield f"{folder}/{name}"


def is_whole(subject: Subject, blame: Blame) -> bool:
    """Whether a step takes all of the context, or all of the directory that holds the project's manifest."""
    roots = {"", *(place.directory for place in subject.places)}
    return any(
        read.path.strip("/") in roots
        for selection in subject.selections(blame.reader)
        for read in selection.reads
        if not read.path.strip("/") or subject.context.find(read.path.strip("/")) is not None
    )


def companions(subject: Subject, blame: Blame) -> tuple[Step, ...]:
    """The other steps that copy code, or whole directories, between the stage's beginning and the same install."""
    first = blame.installs[0]
    return tuple(
        step
        for step in subject.transfers
        if step.stage is blame.reader.stage is first.stage
        and step.line < first.line
        and step.line != blame.reader.line
        and not step.trigger
        and _takes_code(subject, step)
    )


def _takes_code(subject: Subject, step: Step) -> bool:
    selection = subject.selection(step)
    if selection is None:
        return False
    folders = (isinstance(subject.context.find(read.path.strip("/")), Directory) for read in selection.reads)
    return any(folders) or any(path.endswith(_CODE) for path in selection.paths())


def with_project(subject: Subject, install: Step) -> bool:
    """Whether all that installs dependencies in a step installs the project along with them."""
    found = subject.commands.dependencies(install)
    return bool(found) and all(each.with_project is True for each in found)
