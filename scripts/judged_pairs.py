"""Holds the cache model against what an engine did with a pair of builds, step by step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from tests.cache.pairs import NONCE as MARK
from tests.cache.pairs import File

from depsfirst.cache.filters import export_filter
from depsfirst.cache.keys import ContextContent, ResultContent
from depsfirst.cache.model import Build, Outcome, Status, compare, steps
from depsfirst.cache.packed import wheel_of
from depsfirst.dockerfile.context import read_context
from depsfirst.dockerfile.instructions import Workdir
from depsfirst.dockerfile.selection import selected
from depsfirst.dockerfile.stages import require_outline
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError
from scripts.built_pairs import failing_line, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.cache.pairs import Pair, Places, Project, Tree

    from depsfirst.cache.model import ImageFacts, Step
    from scripts.built_pairs import Built, Observation, Vertex

    Images = Callable[[str], ImageFacts | None]

NONCE = "anybody"


class Ending(Enum):
    """What came of a pair."""

    COMPARED = "compared"
    REFUSED_ALIKE = "refused by both"
    FAILED = "failed in the engine, by what no model reads"
    ACCEPTED = "refused by the engine only"
    REFUSED = "refused by the model only"
    UNMATCHED = "shows other steps than the model"


WRONG = frozenset({Ending.ACCEPTED, Ending.REFUSED, Ending.UNMATCHED})
"""The endings in which model and engine do not agree."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A step: its line in the Dockerfile after the edit, its text, what was predicted and why, and whether it ran."""

    line: int
    title: str
    predicted: Status
    reasons: tuple[str, ...]
    cached: bool

    @property
    def right(self) -> bool:
        """Whether what was said is what happened; what is not known is not wrong."""
        return self.predicted is Status.UNKNOWN or (self.predicted is Status.CACHED) == self.cached


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair: what came of it, in words where that is no comparison, and its steps."""

    ending: Ending
    words: str = ""
    steps: tuple[Judged, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether something is to be mended."""
        return self.ending in WRONG or any(not step.right for step in self.steps)

    @property
    def faults(self) -> frozenset[str]:
        """Kinds of what is wrong."""
        kinds = {
            f"{'cached' if step.predicted is Status.CACHED else 'reruns'}" for step in self.steps if not step.right
        }
        return frozenset(kinds | ({self.ending.value} if self.ending in WRONG else set()))


def judge(pair: Pair, seen: Observation, places: Places, version: tuple[int, int], images: Images) -> Verdict:
    """Whether the model says of a pair what an engine of this version did.

    Args:
        pair: what was built.
        seen: what the engine did.
        places: where the model may find the contexts.
        version: of the engine's BuildKit.
        images: what is known of the images that Dockerfiles name.
    """
    try:
        before, refused = _read(pair.before, places, version, images)
        if seen.before.error or refused:
            return _unbuilt(seen.before, before, refused)
        after, refused = _read(pair.after, places, version, images)
        if seen.after.error or refused:
            return _unbuilt(seen.after, after, refused)
        assert before is not None
        assert after is not None
        outcomes = compare(before, after)
        shown = _matched([outcome.step for outcome in outcomes], seen.after.vertices)
    finally:
        places.clear()
    return _compared(outcomes, shown, seen.after.vertices)


def _compared(outcomes: Sequence[Outcome], shown: Sequence[Vertex | None], vertices: Sequence[Vertex]) -> Verdict:
    """What is to be said of a pair that both accept."""
    absent = [outcome.step.title for outcome, vertex in zip(outcomes, shown, strict=True) if vertex is None]
    if absent:
        return Verdict(Ending.UNMATCHED, f"not shown: {absent}, but {[vertex.text for vertex in vertices]}")
    if extra := _extra(outcomes, vertices):
        return Verdict(Ending.UNMATCHED, extra)
    pairs = [(outcome, vertex) for outcome, vertex in zip(outcomes, shown, strict=True) if vertex]
    for outcome, vertex in pairs:
        if not vertex.cached and (missing := _missing(outcome.step)):
            return Verdict(Ending.REFUSED, f"{outcome.step.title}: {', '.join(missing)}")
    judged = [_judged(outcome, vertex) for outcome, vertex in pairs if _tells(outcome.step)]
    return Verdict(Ending.COMPARED, "", tuple(judged))


def _read(
    project: Project, places: Places, version: tuple[int, int], images: Images
) -> tuple[Build | None, DepsfirstError | None]:
    """The build as the model takes it, or why it refuses it."""
    context, named = lay_out(project, places, NONCE, NONCE)
    dockerfile = context / project.dockerfile
    try:
        build = Build(
            require_outline(parse(dockerfile.read_bytes().decode(), version)),
            read_context(context, dockerfile, version=version, contents=True),
            target=project.target,
            arguments=project.arguments,
            contexts={name: read_context(path, version=version, contents=True) for name, path in named.items()},
            network=project.network,
            add_hosts=tuple(f"{name}:{address}" for name, address in project.hosts.items()),
            ulimits=project.ulimits,
            no_cache=project.no_cache,
            no_cache_stages=frozenset(project.no_cache_stages),
            version=version,
            images=images,
            filters=(export_filter,),
            packers=(wheel_of,),
            read=partial(_content, project.context(NONCE)),
        )
        steps(build)
        compare(build, build)
    except DepsfirstError as error:
        return None, error
    return build, None


def _content(tree: Tree, path: str) -> bytes | None:
    node = tree.get(path)
    return node.content.replace(MARK.encode(), NONCE.encode()) if isinstance(node, File) else None


_COMMANDS = re.compile(
    "executor failed running|did not complete successfully|/etc/(passwd|group): no such file|unable to find user"
    "|invalid user|cannot copy to non-directory|not a directory"
)
"""How an engine says that something failed that files of an image decide, which no model has."""

_ABSENT = re.compile(r'"(?P<path>[^"]+)"(?:: | )not found|lstat \S*/buildkit-mount\d+/(?P<place>\S*): no such file')
"""How it says that there is no such source."""


def _unbuilt(built: Built, build: Build | None, refused: DepsfirstError | None) -> Verdict:
    """What is to be said of a side that the engine or the model refuses."""
    if refused and built.error:
        line = failing_line(built.error)
        words = f"{refused.where}: {refused.message} | {built.error}"
        alike = line is None or str(refused.where).endswith(f":{line}")
        return Verdict(Ending.REFUSED_ALIKE if alike else Ending.REFUSED, words)
    if refused or not built.error or not build:
        return Verdict(Ending.REFUSED, f"{refused and refused.where}: {refused and refused.message}")
    if _COMMANDS.search(built.error):
        return Verdict(Ending.FAILED, built.error)
    if absent := _ABSENT.search(built.error):
        return _absent(build, absent["path"] or absent["place"], built.error)
    return Verdict(Ending.ACCEPTED, built.error)


def _absent(build: Build, path: str, error: str) -> Verdict:
    """What is to be said of a build that lacks a source, of which the model knows nothing if a stage should make it."""
    if any(_missing(step) for step in steps(build)):
        return Verdict(Ending.REFUSED_ALIKE, error)
    # a pattern's directory is sent for other sources alone, and may be left from an earlier build
    elsewhere = any(isinstance(content, ResultContent) for step in steps(build) for content in step.key.contents)
    return Verdict(Ending.FAILED if elsewhere or "lstat" in error else Ending.ACCEPTED, f"{path}: {error}")


def _missing(step: Step) -> list[str]:
    """Sources of a step that its context does not have."""
    contents = [content for content in step.key.contents if isinstance(content, ContextContent)]
    found = [selected(content.context, content.request) for content in contents]
    return [f"{read.source}: {read.missing}" for selection in found for read in selection.missing]


def _judged(outcome: Outcome, vertex: Vertex) -> Judged:
    reasons = tuple(f"{cause.kind.value}: {cause.text}" for cause in outcome.causes)
    return Judged(outcome.step.line, outcome.step.title, outcome.status, reasons, vertex.cached)


def _matched(wanted: Sequence[Step], shown: Sequence[Vertex]) -> list[Vertex | None]:
    """What an engine shows of each step.

    An engine numbers the steps of a stage from 2, and from 1 where it starts from no image. Equal steps of two
    stages are one, which it shows in one of them.
    """
    stages: dict[int, list[Step]] = {}
    for step in wanted:
        stages.setdefault(step.stage.index, []).append(step)
    found: dict[int, Vertex] = {}
    for inside in stages.values():
        labels = _labels(inside[0], alone=len(stages) == 1)
        vertices = {vertex.number: vertex for vertex in shown if vertex.stage.lower() in labels}
        first = _first(inside, vertices)
        found |= {id(step): vertices[first + place] for place, step in enumerate(inside) if first + place in vertices}
    result: list[Vertex | None] = []
    for step in wanted:
        twins = (found[id(other)] for other in wanted if id(other) in found and _same_step(step, other))
        result.append(found.get(id(step)) or next(twins, None))
    return result


def _tells(step: Step) -> bool:
    """Whether an engine tells how a step went; of a folder made in nothing it does not, as of FROM."""
    parent = step.key.parent
    return not (isinstance(step.instruction, Workdir) and parent and parent.definition.kind == "scratch")


def _labels(step: Step, *, alone: bool) -> set[str]:
    labels = {step.stage.name or f"stage-{step.stage.index}"}
    return {*labels, ""} if alone else labels


def _first(inside: Sequence[Step], vertices: Mapping[int, Vertex]) -> int:
    """The number of a stage's first step."""
    if len(vertices) == len(inside):
        return min(vertices)
    total = next((vertex.total for vertex in vertices.values()), 0)
    whole = len(inside) if any(number > total for number in vertices) else len([s for s in inside if not s.trigger])
    return 1 + max(0, total - whole)


def _same_step(one: Step, other: Step) -> bool:
    return (one.key.definition, one.key.parent, one.key.contents) == (
        other.key.definition,
        other.key.parent,
        other.key.contents,
    )


def _extra(outcomes: Sequence[Outcome], shown: Sequence[Vertex]) -> str:
    """What the engine shows in a stage beyond the model's steps."""
    count: dict[str, int] = {}
    for vertex in shown:
        count[vertex.stage.lower()] = count.get(vertex.stage.lower(), 0) + 1
    inside: dict[str, int] = {}
    for outcome in outcomes:
        for label in _labels(outcome.step, alone="" in count):
            inside[label] = inside.get(label, 0) + 1
    return ", ".join(
        f"{count[label]} steps in stage {label!r}" for label in count if count[label] > inside.get(label, 0)
    )
