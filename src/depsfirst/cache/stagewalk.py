"""Walks the stages that a target needs, and gives each step its key."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from depsfirst.cache.build import familiar_name
from depsfirst.cache.definitions import (
    directory_definition,
    files_definition,
    is_remote,
    run_definition,
    workdir_of,
)
from depsfirst.cache.keys import Content, ContextContent, Definition, Key, Place, RemoteContent, ResultContent, Step
from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.gopath import clean
from depsfirst.dockerfile.instructions import (
    Add,
    Copy,
    From,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Transfer,
    Typed,
    User,
    Workdir,
)
from depsfirst.dockerfile.interpretation import interpret
from depsfirst.dockerfile.mounts import Mount, mount_origin
from depsfirst.dockerfile.scope import (
    Origin,
    global_arguments,
    image_scope,
    platform_arguments,
    resolve,
    resolve_origin,
    stage_scope,
)
from depsfirst.dockerfile.selection import Request
from depsfirst.dockerfile.stages import Reference, Stage, base_stage, references, require_target
from depsfirst.dockerfile.syntax import SyntaxProblem, parse, refusal
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from depsfirst.cache.build import Build, ImageFacts
    from depsfirst.dockerfile.buildkit import Version
    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.platforms import Platform

_SHELL = ("/bin/sh", "-c")
_STAGE_ARGUMENT: Version = (0, 17)  # before, TARGETSTAGE is not set
_LINKS: Version = (0, 10)  # before, there is no --link
_CONFUSED_SECRETS: tuple[Version, Version] = ((0, 13), (0, 15))  # from the first, and no longer in the second


@dataclass(frozen=True, slots=True)
class _State:
    """What is in force behind an instruction, and the key of the files there."""

    key: Key
    place: Place


class StageWalk:
    """The steps of one build."""

    def __init__(self, build: Build) -> None:
        for problem in build.outline.problems:
            raise refusal(problem, build.file)
        self._build = build
        self._stages = build.outline.stages
        self._target = require_target(self._stages, build.target, build.file)
        self._images: dict[tuple[str, str], Key] = {}
        self._scratch = Key(Definition("scratch"))
        self._states: dict[int, _State] = {}
        self._contexts = {familiar_name(name): context for name, context in build.contexts.items()}
        self.steps: list[Step] = []

    def run(self) -> tuple[Step, ...]:
        """All steps that the target needs, in file order, those of triggers where they fire.

        Raises:
            DepsfirstError: BuildKit refuses the build.
        """
        needed = self._needed()
        for stage in self._stages:
            if stage.index in needed:
                self._states[stage.index] = self._walk(stage)
        return tuple(self.steps)

    @cached_property
    def _arguments(self) -> dict[str, str]:
        build = self._build
        target = build.target or self._stages[-1].name
        platform = platform_arguments(build.builder, build.platform, target, build.arguments)
        if build.version < _STAGE_ARGUMENT:
            for name in ("TARGETSTAGE", "TARGETOSVERSION", "BUILDOSVERSION"):
                platform.pop(name)
        return global_arguments(build.outline, platform, build.arguments, build.file)

    @cached_property
    def _origins(self) -> tuple[Origin, ...]:
        return tuple(resolve_origin(stage.origin, self._arguments, self._build.file) for stage in self._stages)

    def _base(self, stage: Stage) -> Stage | None:
        return base_stage(self._stages, stage.index, self._origins[stage.index].image)

    def _needed(self) -> set[int]:
        """The stages that the target needs, itself included."""
        needed: set[int] = set()
        ahead = [self._target]
        while ahead:
            stage = ahead.pop()
            if stage.index in needed or stage.index >= len(self._stages):
                continue
            needed.add(stage.index)
            if self._replacement(stage) is not None:
                continue
            base = self._base(stage)
            others = [reference.stage for typed in self._inside(stage) for reference in references(self._stages, typed)]
            ahead += [self._stages[index] for index in others if index is not None and index < len(self._stages)]
            ahead += [base] if base else []
        return needed

    def _replacement(self, stage: Stage) -> str | None:
        """The named context that stands for a stage of its name."""
        return stage.name if stage.name in self._contexts else None

    def _inside(self, stage: Stage) -> tuple[Typed, ...]:
        return (*self._triggers(stage), *stage.instructions)

    def _triggers(self, stage: Stage) -> tuple[Typed, ...]:
        """What ONBUILD of the stage or image that a stage starts from puts before its instructions."""
        base = self._base(stage)
        if base is None:
            facts = self._facts(self._origins[stage.index].image)
            return _parsed_triggers(facts, stage, self._build.file) if facts and facts.onbuild else ()
        found = []
        for typed in base.instructions:
            if isinstance(typed, Onbuild):
                if isinstance(typed.trigger, SyntaxProblem):
                    raise refusal(typed.trigger, self._build.file)
                found.append(typed.trigger)
        return tuple(found)

    def _facts(self, image: str) -> ImageFacts | None:
        if image == "scratch" or familiar_name(image) in self._contexts:
            return None
        return self._build.images(image)

    def _walk(self, stage: Stage) -> _State:
        if (name := self._replacement(stage)) is not None:
            return self._origin_state(stage, self._local(name), None)
        state = self._origin(stage)
        triggers = self._triggers(stage)
        for typed in triggers:
            state = self._step(state, typed, trigger=True)
        for typed in stage.instructions:
            state = self._step(state, typed, trigger=False)
        return state

    def _origin(self, stage: Stage) -> _State:
        origin = self._origins[stage.index]
        base = self._base(stage)
        if base is not None:
            below = self._states[base.index]
            return _State(below.key, replace(below.place, stage=stage, scope=stage_scope(below.place.scope)))
        key = self._image(origin.image, origin.platform or self._build.platform)
        return self._origin_state(stage, key, origin.platform)

    def _origin_state(self, stage: Stage, key: Key, platform: Platform | None) -> _State:
        facts = key.facts
        environment = facts.environment if facts and facts.environment else ()
        scope = image_scope(environment, self._arguments, self._build.arguments, self._build.file)
        cwd, user, shell = (facts.cwd, facts.user, facts.shell) if facts else ("", "", ())
        return _State(key, Place(stage, scope, cwd or "/", user, shell or _SHELL, platform or self._build.platform))

    def _image(self, name: str, platform: Platform) -> Key:
        if name == "scratch":
            return self._scratch
        familiar = familiar_name(name)
        if familiar in self._contexts:
            return self._local(familiar)
        facts = self._facts(name)
        fields = (("name", familiar), ("platform", str(platform)), ("layers", facts.layers if facts else None))
        return self._once((familiar, str(platform)), Key(Definition("image", fields), facts=facts))

    def _local(self, name: str) -> Key:
        key = Key(Definition("local", (("name", name),)), context=self._contexts[name])
        return self._once((name, "context"), key)

    def _once(self, names: tuple[str, str], key: Key) -> Key:
        return self._images.setdefault(names, key)

    def _step(self, state: _State, typed: Typed, *, trigger: bool) -> _State:
        resolved = resolve(typed, state.place.scope)
        after = replace(state.place, scope=resolved.scope)
        match resolved.instruction:
            case Run() as run:
                key = self._run(state, run)
                self._note(state, key, trigger=trigger)
                return _State(key, state.place)
            case Copy() | Add() as transfer if isinstance(typed, Transfer):
                return self._files(state, typed, transfer, trigger=trigger)
            case Workdir() as workdir:
                return self._workdir(state, workdir, trigger=trigger)
            case User() as user:
                after = replace(after, user=user.user)
            case Shell() as shell:
                after = replace(after, shell=shell.command)
            case _:
                pass
        return _State(state.key, after)

    def _note(self, state: _State, key: Key, *, trigger: bool) -> None:
        if key.instruction is not None:
            self.steps.append(Step(state.place.stage, key.instruction, key, state.place, trigger))

    def _forced(self, state: _State) -> bool:
        build = self._build
        names = {name.lower() for name in build.no_cache_stages}
        return build.no_cache or state.place.stage.name in names

    def _workdir(self, state: _State, workdir: Workdir, *, trigger: bool) -> _State:
        path = workdir_of(workdir, state.place.cwd)
        after = replace(state.place, cwd=path)
        if path == "/":
            return _State(state.key, after)
        definition = directory_definition(path, state.place, self._build)
        key = Key(definition, state.key, instruction=workdir, place=state.place)
        self._note(state, key, trigger=trigger)
        return _State(key, after)

    def _files(self, state: _State, typed: Transfer, transfer: Transfer, *, trigger: bool) -> _State:
        linked = transfer.link and not transfer.chmod and self._build.version >= _LINKS
        parent = self._scratch if linked else state.key
        contents = self._contents(state, transfer)
        kept = tuple(each for each in contents if not (isinstance(each, ResultContent) and each.key is parent))
        sources = tuple(each in kept for each in contents)
        definition = files_definition(transfer, typed, state.place, self._build, sources)
        key = Key(definition, parent, kept, instruction=transfer, place=state.place, forced=self._forced(state))
        self._note(state, key, trigger=trigger)
        if not linked or state.key is self._scratch:
            return _State(key, state.place)
        return _State(Key(Definition("merge"), state.key, others=(key,), place=state.place), state.place)

    def _contents(self, state: _State, transfer: Transfer) -> tuple[Content, ...]:
        """What COPY or ADD reads: its paths together, and each of the others."""
        remote = [source for source in transfer.sources if isinstance(transfer, Add) and is_remote(source)]
        paths = tuple(source for source in transfer.sources if source not in remote)
        checksum = transfer.checksum if isinstance(transfer, Add) else ""
        others = tuple(RemoteContent(source, checksum) for source in remote)
        if not paths:
            return others
        parents = isinstance(transfer, Copy) and transfer.parents
        request = Request(paths, transfer.exclude, parents)
        if isinstance(transfer, Copy) and transfer.from_:
            return (self._elsewhere(state, references(self._stages, transfer)[0], request), *others)
        return (ContextContent(self._build.context, request), *others)

    def _elsewhere(self, state: _State, reference: Reference, request: Request) -> Content:
        """What a stage, an image or a named context holds."""
        name = familiar_name(reference.name)
        if reference.stage is not None:
            key = self._stage_key(state, reference)
            label = self._stages[reference.stage].name or str(reference.stage)
        else:
            key, label = self._image(reference.name, self._build.platform), name
        if key.context is not None:
            return ContextContent(key.context, request, label)
        return ResultContent(key, request, label)

    def _stage_key(self, state: _State, reference: Reference) -> Key:
        if reference.stage is None or reference.stage >= state.place.stage.index:
            raise DepsfirstError(
                f'the stage "{reference.name}" does not stand before the one that takes files from it',
                where=f"{self._build.file}:{reference.instruction.line}",
                hint="move it up, above the FROM of this stage",
            )
        return self._states[reference.stage].key

    def _run(self, state: _State, run: Run) -> Key:
        inputs = _Inputs(state.key)
        named = iter(references(self._stages, run))
        mounts = []
        for mount, text in zip(run.mounts, run.mount_texts, strict=True):
            reference = next(named) if mount_origin(text) else None
            if isinstance(mount, Mount):
                mounts.append((mount, self._mounted(state, mount, reference, inputs)))
        return Key(
            run_definition(run, mounts, state.place, self._build),
            state.key,
            inputs.contents(),
            instruction=run,
            place=state.place,
            forced=self._forced(state),
            loose=inputs.shows_root or self._takes_secrets_for_roots(run),
        )

    def _takes_secrets_for_roots(self, run: Run) -> bool:
        """Whether a mount of secrets makes BuildKit compare the root file system by content; so some releases do."""
        mounts = [mount for mount in run.mounts if isinstance(mount, Mount)]
        special = any(
            mount.type == "ssh" or (mount.type == "secret" and (mount.env is None or mount.target)) for mount in mounts
        )
        return special and _CONFUSED_SECRETS[0] <= self._build.version < _CONFUSED_SECRETS[1]

    def _mounted(self, state: _State, mount: Mount, reference: Reference | None, inputs: _Inputs) -> int | None:
        """The number of the input that a mount shows; what it shows is noted there."""
        if mount.type not in ("bind", "cache") or (mount.type == "cache" and reference is None):
            return None
        source = clean("/" + mount.source)
        if reference is None:
            return inputs.add(ContextContent(self._build.context, Request((source,), literal=True)))
        return inputs.add(self._elsewhere(state, reference, Request((source,), literal=True)))


class _Inputs:
    """What the mounts of a RUN show, those of one origin together."""

    def __init__(self, root: Key) -> None:
        self._root = root
        self._origins: list[Context | Key] = [root]
        self._contents: list[Content] = []
        self.shows_root = False

    def add(self, content: Content) -> int:
        """Note what a mount shows; the number of its input, where 0 is the root file system."""
        if isinstance(content, RemoteContent):
            raise TypeError("a mount shows no URL")
        origin = content.key if isinstance(content, ResultContent) else content.context
        number = next((place for place, known in enumerate(self._origins) if known is origin), None)
        if number == 0:
            self.shows_root = True
            return 0
        if number is None:
            self._origins.append(origin)
            self._contents.append(content)
            return len(self._contents)
        known = self._contents[number - 1]
        if not isinstance(known, RemoteContent):
            sources = (*known.request.sources, *content.request.sources)
            self._contents[number - 1] = replace(known, request=replace(known.request, sources=sources))
        return number

    def contents(self) -> tuple[Content, ...]:
        """Each input with all that is shown of it."""
        return tuple(self._contents)


def _parsed_triggers(facts: ImageFacts, stage: Stage, file: str) -> tuple[Typed, ...]:
    """The triggers of an image, as if they stood in a Dockerfile."""
    found = []
    for text in facts.onbuild:
        typed = [interpret(instruction) for instruction in parse(text + "\n").instructions]
        if len(typed) != 1 or isinstance(typed[0], SyntaxProblem | From | Onbuild | Maintainer):
            raise DepsfirstError(
                f'the trigger "{text}" of the image "{stage.origin.image}" cannot be read',
                where=f"{file}:{stage.origin.line}",
                hint="BuildKit refuses it as well; use another image",
            )
        found.append(typed[0])
    return tuple(found)
