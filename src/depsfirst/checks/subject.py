"""What a rule asks about one Dockerfile; every answer is computed once, when somebody asks for it first."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from depsfirst.cache.definitions import is_remote
from depsfirst.cache.filters import export_filter
from depsfirst.cache.model import Build, Outcome, Status, Step, compare, steps
from depsfirst.checks.commands import Commands
from depsfirst.checks.places import place_of
from depsfirst.checks.reach import reached
from depsfirst.checks.stand_ins import stand_ins
from depsfirst.dockerfile.context import IGNORE_FILE
from depsfirst.dockerfile.gopath import has_wildcards
from depsfirst.dockerfile.inclusion import literal_part
from depsfirst.dockerfile.instructions import Add, Copy, Run, Transfer
from depsfirst.dockerfile.mounts import Mount
from depsfirst.dockerfile.scope import global_arguments, platform_arguments, resolve_origin
from depsfirst.dockerfile.selection import Selection, affects, select, select_mount
from depsfirst.dockerfile.source import Source, Span
from depsfirst.dockerfile.stages import base_stage, references, require_target
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from pathlib import Path

    from depsfirst.cache.changes import Change
    from depsfirst.cache.manifests import Place
    from depsfirst.checks.files import Files
    from depsfirst.checks.model import Invocation
    from depsfirst.checks.project import ProjectFacts
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.stages import Outline, Stage
    from depsfirst.dockerfile.syntax import Dockerfile

Value = TypeVar("Value")

CHANGES = ("code", "version-bump", "readme", "settings")
"""The edits that nobody should wait for: of the main module, the version, the readme, a tool's settings."""

_WEIGHT = {Status.CACHED: 0, Status.UNKNOWN: 1, Status.RERUNS: 2}


class Outcomes(NamedTuple):
    """What becomes of each step after a change, and the change; None where the project has no such file."""

    change: Change | None
    outcomes: tuple[Outcome, ...]

    def of(self, step: Step) -> Outcome | None:
        """What becomes of one step."""
        place = place_of(step)
        return next((each for each in self.outcomes if place_of(each.step) == place), None)

    @property
    def rerun(self) -> tuple[Outcome, ...]:
        """The steps that run again for certain."""
        return tuple(each for each in self.outcomes if each.status is Status.RERUNS)


class Subject:
    """A Dockerfile with its context, as it is built.

    Attributes:
        path: of the Dockerfile, absolute.
        invocation: how it is built, one of several with the same context and arguments.
        targets: the stages that are built; None stands for the last.
        files: of this run.
    """

    def __init__(self, files: Files, invocation: Invocation, targets: tuple[str | None, ...] = (None,)) -> None:
        self.files = files
        self.invocation = invocation
        self.path: Path = invocation.dockerfile
        self.targets = targets

    def once(self, key: Hashable, find: Callable[[], Value]) -> Value:
        """What ``find`` says; asked once for each key, which is known to nobody else."""
        if key not in self._found:
            self._found[key] = find()
        found: Value = self._found[key]
        return found

    @cached_property
    def _found(self) -> dict[Hashable, Any]:
        return {}

    # What stands there

    @cached_property
    def outline(self) -> Outline:
        """Its stages."""
        return self.files.outline(self.path)

    @property
    def dockerfile(self) -> Dockerfile:
        """Its instructions and comments."""
        return self.outline.dockerfile

    @property
    def text(self) -> str:
        """Its text."""
        return self.dockerfile.text

    @cached_property
    def _source(self) -> Source:
        return Source(self.text)

    def span(self, offset: int, end: int) -> Span:
        """The characters of the Dockerfile from one offset up to another."""
        return self._source.span(offset, end)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that the targets need, in file order."""
        every = self.outline.stages
        ahead = [require_target(every, target, self.name) for target in self.targets]
        needed: set[int] = set()
        while ahead:
            stage = ahead.pop()
            if stage.index not in needed:
                needed.add(stage.index)
                base = base_stage(every, stage.index, self.origin(stage))
                named = [each.stage for typed in stage.instructions for each in references(every, typed)]
                ahead += [every[index] for index in named if index is not None and index < len(every)]
                ahead += [base] if base else []
        return tuple(stage for stage in every if stage.index in needed)

    def origin(self, stage: Stage) -> str:
        """The image or stage that a stage starts from, its variables expanded.

        Raises:
            DepsfirstError: nothing is left of it.
        """
        return resolve_origin(stage.origin, self._global_arguments, self.name).image

    @cached_property
    def _global_arguments(self) -> dict[str, str]:
        build = self.builds[0]
        platform = platform_arguments(build.builder, build.platform, build.target, build.arguments)
        return global_arguments(self.outline, platform, build.arguments, self.name)

    @property
    def name(self) -> str:
        """The Dockerfile's name, for messages."""
        return self.path.name

    # What is sent to the builder

    @property
    def directory(self) -> Path:
        """The context's directory."""
        return self.invocation.context or self.path.parent

    @cached_property
    def context(self) -> Context:
        """The build context.

        Raises:
            DepsfirstError: it cannot be read.
        """
        return self.files.context(self.directory, self.path)

    @cached_property
    def ignore_file(self) -> Path:
        """The ignore file that counts, or would if it were there."""
        own = self.path.parent / (self.path.name + IGNORE_FILE)
        return own if self.files.exists(own) else self.directory / IGNORE_FILE

    @cached_property
    def own_path(self) -> str | None:
        """The Dockerfile's path below the context's root; None if it is outside."""
        inside = self.path.is_relative_to(self.directory)
        return self.path.relative_to(self.directory).as_posix() if inside else None

    def read(self, path: str) -> str | None:
        """The text of a file by its path below the context's root, sent or not; None for no file or no text."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    @cached_property
    def _texts(self) -> dict[str, str | None]:
        return {}

    def _read(self, path: str) -> str | None:
        full = self.directory / path
        if posixpath.normpath(path).startswith(("/", "..")) or not self.files.exists(full):
            return None
        try:
            return self.files.text(full)
        except DepsfirstError:
            return None

    # What is built

    @cached_property
    def builds(self) -> tuple[Build, ...]:
        """One for each target."""
        return tuple(self._build(target) for target in self.targets)

    @cached_property
    def stand_ins(self) -> dict[str, str]:
        """Values for what names a base image and has none."""
        return stand_ins(self.outline, dict(self.invocation.arguments))

    def _build(self, target: str | None) -> Build:
        from depsfirst.cache.packed import wheel_of

        named = ((name, self.files.directory(value)) for name, value in self.invocation.contexts)
        return Build(
            self.outline,
            self.context,
            target=target,
            arguments={**self.stand_ins, **dict(self.invocation.arguments)},
            contexts={name: self.files.context(place, self.path) for name, place in named if place},
            filters=(export_filter,),
            packers=(wheel_of,),
            read=self.bytes,
            file=self.name,
        )

    def bytes(self, path: str) -> bytes | None:
        """The content of a text file, as ``read`` finds it."""
        text = self.read(path)
        return None if text is None else text.encode(errors="surrogateescape")

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """RUN, COPY, ADD and WORKDIR of all targets with their variables expanded, in file order.

        Raises:
            DepsfirstError: BuildKit refuses the build; says where.
        """
        return _merged(self._walks)

    @cached_property
    def _walks(self) -> tuple[tuple[Step, ...], ...]:
        """The steps of each target."""
        return tuple(steps(build) for build in self.builds)

    @cached_property
    def runs(self) -> tuple[Step, ...]:
        """The steps that are a RUN."""
        return tuple(step for step in self.steps if isinstance(step.instruction, Run))

    @cached_property
    def transfers(self) -> tuple[Step, ...]:
        """The steps that are a COPY or an ADD."""
        return tuple(step for step in self.steps if isinstance(step.instruction, Transfer))

    def selection(self, step: Step) -> Selection | None:
        """What a COPY or ADD reads of the main context; None if it reads something else."""
        transfer = step.instruction
        if not isinstance(transfer, Transfer) or (isinstance(transfer, Copy) and transfer.from_):
            return None
        sources = [each for each in transfer.sources if not (isinstance(transfer, Add) and is_remote(each))]
        place = place_of(step)
        if place not in self._selections:
            parents = isinstance(transfer, Copy) and transfer.parents
            self._selections[place] = select(self.context, sources, exclude=transfer.exclude, parents=parents)
        return self._selections[place]

    @cached_property
    def _selections(self) -> dict[tuple[int, str], Selection]:
        return {}

    @cached_property
    def missing_sources(self) -> frozenset[str]:
        """What COPY, ADD and bind mounts name of the context and is not sent."""
        selections = [selection for step in self.steps for selection in self.selections(step)]
        return frozenset(read.source for selection in selections for read in selection.missing)

    def selections(self, step: Step) -> Iterator[Selection]:
        """What a COPY, an ADD, or the bind mounts of a RUN read of the main context."""
        selection = self.selection(step)
        if selection:
            yield selection
        if isinstance(step.instruction, Run):
            for mount in step.instruction.mounts:
                if isinstance(mount, Mount) and mount.type == "bind" and not mount.from_:
                    yield select_mount(self.context, mount.source)

    # What commands do

    @cached_property
    def commands(self) -> Commands:
        """What each RUN runs and installs."""
        return Commands(self)

    # What an edit costs

    @cached_property
    def project(self) -> ProjectFacts:
        """The Python project that is built, and its lock."""
        from depsfirst.checks.project import ProjectFacts

        return ProjectFacts(self)

    @cached_property
    def places(self) -> list[Place]:
        """The directories of the context that hold a Python project, the likeliest first."""
        from depsfirst.cache.manifests import places

        return places(self.context, self.read, self.outline, self.own_path)

    @property
    def changes(self) -> tuple[str, ...]:
        """The names that ``reruns`` takes."""
        return CHANGES

    def reruns(self, change: str) -> Outcomes:
        """What becomes of each step after an edit: ``code``, ``version-bump``, ``readme`` or ``settings``.

        Raises:
            DepsfirstError: BuildKit refuses the build, or the context cannot be read.
        """
        if change not in self._reruns:
            self._reruns[change] = self.after(self.project.change(change))
        return self._reruns[change]

    @cached_property
    def _reruns(self) -> dict[str, Outcomes]:
        return {}

    def after(self, change: Change | None) -> Outcomes:
        """What becomes of each step after any change; all are cached after None."""
        if change is None or not change.edits:
            return Outcomes(change, tuple(Outcome(step, Status.CACHED) for step in self.steps))
        from depsfirst.cache.why import changed

        found: dict[tuple[int, str], Outcome] = {}
        for build, made in zip(self.builds, self._walks, strict=True):
            for outcome in compare(build, changed(build, change), made):
                place = place_of(outcome.step)
                if place not in found or _WEIGHT[outcome.status] > _WEIGHT[found[place].status]:
                    found[place] = outcome
        return Outcomes(change, tuple(found[place] for place in sorted(found)))

    @staticmethod
    def edited(*paths: str) -> Change:
        """The change of some files of the context, which need not exist."""
        from depsfirst.cache.changes import Change, Edit

        return Change("paths", tuple(Edit(path) for path in paths))

    def readers(self, path: str) -> tuple[Step, ...]:
        """The steps that notice an edit of a path of the context themselves, not by what ran before them."""
        if path not in self._readers:
            self._readers[path] = tuple(step for step in self.steps if self._reads(step, path))
        return self._readers[path]

    @cached_property
    def _readers(self) -> dict[str, tuple[Step, ...]]:
        return {}

    def _reads(self, step: Step, path: str) -> bool:
        return any(can_read(selection, path) and affects(selection, path) for selection in self.selections(step))

    @cached_property
    def installing(self) -> tuple[Step, ...]:
        """The steps that install third-party packages of Python."""
        return tuple(step for step in self.runs if self.commands.installs_dependencies(step))

    def reinstalled(self, change: Change | str) -> tuple[Step, ...]:
        """The steps that install third-party packages and run again for certain after a change."""
        return tuple(step for step, status in self._installs_after(change) if status is Status.RERUNS)

    def reinstalls(self, change: str) -> int:
        """How much third-party software an edit installs again: 2 for each such step, 1 where it is not known."""
        return sum(_WEIGHT[status] for _, status in self._installs_after(change))

    def _installs_after(self, change: Change | str) -> tuple[tuple[Step, Status], ...]:
        """What becomes of the installing steps; the keys are compared only where no short way tells."""
        asked = self.project.change(change) if isinstance(change, str) else change
        if not self.installing or asked is None:
            return ()
        readers = self._noticing(asked)
        found = tuple((step, self._told(step, readers)) for step in self.installing)
        if all(status is not Status.UNKNOWN for _, status in found):
            return found
        same = (readers, *(edit if edit.after is not None else edit.path for edit in asked.edits))
        if readers is None or same not in self._known_installs:
            self._known_installs[same] = tuple(self._compared(change, found))
        return self._known_installs[same]

    @cached_property
    def _known_installs(self) -> dict[Hashable, tuple[tuple[Step, Status], ...]]:
        """By the steps that notice an edit, and what is edited."""
        return {}

    def _compared(self, change: Change | str, told: Iterable[tuple[Step, Status]]) -> Iterator[tuple[Step, Status]]:
        for step, status in told:
            found = None
            if status is Status.UNKNOWN:
                found = (self.reruns(change) if isinstance(change, str) else self.after(change)).of(step)
            yield step, found.status if found else Status.CACHED if status is Status.UNKNOWN else status

    @staticmethod
    def _told(step: Step, readers: frozenset[int] | None) -> Status:
        return Status.UNKNOWN if readers is None else reached(step.key, readers)

    def _noticing(self, change: Change) -> frozenset[int] | None:
        """The keys of the steps that read what is edited; None where a named context is."""
        if len(self.builds) > 1 or any(edit.context for edit in change.edits):
            return None
        return frozenset(id(step.key) for edit in change.edits for step in self.readers(edit.path))


def can_read(selection: Selection, path: str) -> bool:
    """Whether an edit of a path may be noticed: it is near what is read, before anything is compared."""
    for read in selection.reads:
        start = literal_part(read.path) if has_wildcards(read.path) else read.path
        near = [start[1:], *(item.path for item in read.items)]
        if any(_related(each.rstrip("/"), path) for each in near):
            return True
    return False


def _related(one: str, other: str) -> bool:
    return not one or one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _merged(walks: Iterable[tuple[Step, ...]]) -> tuple[Step, ...]:
    found: dict[tuple[int, str], Step] = {}
    for walk in walks:
        for step in walk:
            found.setdefault(place_of(step), step)
    return tuple(found[place] for place in sorted(found))
