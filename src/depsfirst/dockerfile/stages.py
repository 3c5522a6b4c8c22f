"""The stages of a Dockerfile, the arguments before them, and which stage refers to which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.instructions import Arg, Copy, From, Run, Typed
from depsfirst.dockerfile.interpretation import interpret
from depsfirst.dockerfile.mounts import mount_origin
from depsfirst.dockerfile.syntax import Dockerfile, SyntaxProblem, refusal
from depsfirst.dockerfile.variables import Lexer, LexError, Rules
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its FROM and the instructions behind it; ``index`` counts from 0."""

    index: int
    origin: From
    instructions: tuple[Typed, ...]

    @property
    def name(self) -> str | None:
        """Its name in small letters, if it has one."""
        return self.origin.stage


@dataclass(frozen=True, slots=True)
class Outline:
    """A Dockerfile in stages.

    Attributes:
        dockerfile: what it was read from.
        arguments: the ARGs before the first FROM.
        stages: in their order; names can stand more than once, and the last one counts.
        problems: all that BuildKit refuses before it builds, the one it stops at first.
    """

    dockerfile: Dockerfile
    arguments: tuple[Arg, ...]
    stages: tuple[Stage, ...]
    problems: tuple[SyntaxProblem, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A stage named by ``COPY --from`` or a mount's ``from``; without ``stage`` it is an image or a named context."""

    instruction: Typed
    name: str
    stage: int | None


def outline(dockerfile: Dockerfile) -> Outline:
    """The stages of a Dockerfile; an instruction that BuildKit refuses is a problem and stands in no stage."""
    problems = list(dockerfile.problems)
    arguments: list[Arg] = []
    stages: list[tuple[From, list[Typed]]] = []
    for instruction in dockerfile.instructions:
        typed = interpret(instruction)
        if isinstance(typed, SyntaxProblem):
            if typed is not instruction.problem:
                problems.append(typed)
        elif isinstance(typed, From):
            stages.append((typed, []))
        elif stages:
            stages[-1][1].append(typed)
        elif isinstance(typed, Arg):
            arguments.append(typed)
        else:
            problems.append(_outside(typed))
    result = tuple(Stage(index, origin, tuple(inside)) for index, (origin, inside) in enumerate(stages))
    if not problems:
        problems += _reference_problems(result) if result else [_no_stage(dockerfile)]
    return Outline(dockerfile, tuple(arguments), result, tuple(problems))


def require_outline(dockerfile: Dockerfile, name: str = "Dockerfile") -> Outline:
    """The stages of a Dockerfile that BuildKit accepts.

    Raises:
        DepsfirstError: it does not; says the first problem, at ``name`` and its line.
    """
    read = outline(dockerfile)
    for problem in read.problems:
        raise refusal(problem, name)
    return read


def _outside(typed: Typed) -> SyntaxProblem:
    return SyntaxProblem(
        typed.line, f"{typed.name} stands before the first FROM", "move it behind a FROM; only ARG can stand before it"
    )


def _no_stage(dockerfile: Dockerfile) -> SyntaxProblem:
    return SyntaxProblem(dockerfile.instructions[-1].line, "no FROM begins a stage", "add a FROM behind the ARGs")


def find_stage(stages: tuple[Stage, ...], name: str) -> Stage | None:
    """The stage of this name, in letters of any size; the last, if several have it."""
    return next((stage for stage in reversed(stages) if stage.name == name.lower()), None)


def require_target(stages: tuple[Stage, ...], target: str | None, name: str = "Dockerfile") -> Stage:
    """The stage to build; the last one if no target is named.

    Raises:
        DepsfirstError: no stage has that name.
    """
    if not target:
        return stages[-1]
    if stage := find_stage(stages, target):
        return stage
    known = ", ".join(f'"{stage.name}"' for stage in stages if stage.name)
    raise DepsfirstError(
        f'no stage is called "{target}"',
        where=name,
        hint=f"choose one of {known}" if known else "name a stage with FROM … AS name, or leave the target out",
    )


def base_stage(stages: tuple[Stage, ...], index: int, image: str) -> Stage | None:
    """The stage that ``FROM image`` starts from in the stage of this index; None for an image.

    Only earlier stages count, and ``image``, its variables expanded, has to be written in small letters.
    """
    return next((stage for stage in reversed(stages[:index]) if stage.name == image), None)


def references(stages: tuple[Stage, ...], instruction: Typed) -> tuple[Reference, ...]:
    """What an instruction reads besides the stage it stands in; the stage can be later, which BuildKit refuses."""
    return _references(_indices(stages), instruction)


def _references(indices: Mapping[str, int], instruction: Typed) -> tuple[Reference, ...]:
    return tuple(Reference(instruction, name, _index(indices, name, instruction)) for name in _names(instruction))


def _indices(stages: tuple[Stage, ...]) -> dict[str, int]:
    """The number of each named stage; of several with one name the last."""
    return {stage.name: stage.index for stage in stages if stage.name}


def _names(instruction: Typed) -> Iterator[str]:
    if isinstance(instruction, Copy) and instruction.from_:
        yield instruction.from_
    elif isinstance(instruction, Run):
        yield from filter(None, map(mount_origin, instruction.mount_texts))


def _index(indices: Mapping[str, int], name: str, instruction: Typed) -> int | None:
    """COPY knows a stage by number as well; a mount only by name."""
    if isinstance(instruction, Copy) and _is_number(name):
        return int(name)
    return indices.get(name.lower())


def _is_number(name: str) -> bool:
    return bool(re.fullmatch("[-+]?[0-9]{1,18}", name))


def _reference_problems(stages: tuple[Stage, ...]) -> list[SyntaxProblem]:
    """What BuildKit finds in all stages, those that no target needs included."""
    problems = [
        problem
        for stage in stages
        for instruction in stage.instructions
        if isinstance(instruction, Copy) and (problem := _copy_problem(stages, instruction))
    ]
    return problems or _circles(stages)


def _copy_problem(stages: tuple[Stage, ...], copy: Copy) -> SyntaxProblem | None:
    if not _is_literal(copy):
        return SyntaxProblem(
            copy.line,
            f'"--from={copy.from_}" has a variable, a quote or an escape',
            "give the image a stage of its own, FROM … AS name, and name that",
        )
    if _is_number(copy.from_) and not 0 <= int(copy.from_) < len(stages):
        return SyntaxProblem(
            copy.line, f"there is no stage {copy.from_}", f"the stages have the numbers 0 to {len(stages) - 1}"
        )
    return None


def _is_literal(copy: Copy) -> bool:
    """Whether the name means itself; BuildKit expands it without any variable and compares."""
    try:
        return Lexer(copy.from_, {}, Rules(copy.syntax.escape)).run() == copy.from_
    except LexError:
        return False


def _circles(stages: tuple[Stage, ...]) -> list[SyntaxProblem]:
    """The first circle of stages that copy from one another or mount one another."""
    indices = _indices(stages)
    edges = {
        stage.index: [
            (instruction, reference.stage)
            for instruction in stage.instructions
            for reference in _references(indices, instruction)
            if reference.stage is not None
        ]
        for stage in stages
    }
    done: set[int] = set()
    for stage in stages:
        if found := _closing(edges, stage.index, done):
            hint = "copy from an earlier stage instead"
            return [SyntaxProblem(found.line, f'the stage "{stage.name or stage.index}" needs itself', hint)]
    return []


def _closing(edges: Mapping[int, list[tuple[Typed, int]]], start: int, done: set[int]) -> Typed | None:
    """The instruction that closes a circle on a way from the stage ``start``."""
    path, ways = {start: None}, [iter(edges[start])]
    done.add(start)
    while path:
        for instruction, other in ways[-1]:
            if other in path:
                return instruction
            if other not in done:
                done.add(other)
                path[other] = None
                ways.append(iter(edges[other]))
                break
        else:
            path.popitem()
            ways.pop()
    return None
