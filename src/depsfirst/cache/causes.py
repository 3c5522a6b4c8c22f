"""Why a step is not found in the cache, as sentences that name lines, paths and variables."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from depsfirst.cache.keys import Content, ContextContent, Definition, Key, RemoteContent, ResultContent, Step
from depsfirst.cache.paths import differing_paths
from depsfirst.cache.verdict import Verdict
from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.instructions import Arg, Env

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from depsfirst.cache.compare import Comparison


class CauseKind(Enum):
    """What kind of reason it is."""

    READS_PATH = "reads-path"
    DEFINITION = "definition"
    VARIABLE = "variable"
    PARENT_STEP = "parent-step"
    STAGE_CONTENT = "stage-content"
    REMOTE_CONTENT = "remote-content"
    BASE_IMAGE = "base-image"
    NEW_STEP = "new-step"
    NO_CACHE = "no-cache"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason.

    Attributes:
        kind: what kind it is.
        text: a part of a sentence, which can stand alone.
        line: of the step or the variable that it comes from, from 1; None for what stands in no line.
        paths: of the build context, that differ, sorted; of another stage or image, what is copied from it.
        certain: the step runs again for it; otherwise it may.
    """

    kind: CauseKind
    text: str
    line: int | None
    paths: tuple[str, ...] = ()
    certain: bool = True


class Twins:
    """Finds for a step of one build the step of an earlier one that it was."""

    def __init__(self, before: Sequence[Step], after: Sequence[Step]) -> None:
        self._before = before
        self._after = after

    @cached_property
    def _by_key(self) -> dict[Key, Step]:
        return {step.key: step for step in self._before}

    @cached_property
    def _pairs(self) -> dict[Key, Step]:
        return dict(_paired(self._before, self._after))

    def of(self, step: Step, closest: Key | None) -> Step | None:
        """The step that it was: that with the closest key, or that in its place."""
        return self._pairs.get(step.key) or (self._by_key.get(closest) if closest else None)


def _paired(before: Sequence[Step], after: Sequence[Step]) -> Iterator[tuple[Key, Step]]:
    for steps, others in _stage_pairs(before, after):
        texts, wanted = [_wording(step) for step in steps], [_wording(step) for step in others]
        if texts == wanted:
            yield from ((other.key, step) for step, other in zip(steps, others, strict=True))
            continue
        from difflib import SequenceMatcher

        for tag, first, last, start, end in SequenceMatcher(None, texts, wanted, autojunk=False).get_opcodes():
            if tag == "equal":
                yield from ((others[start + place].key, steps[first + place]) for place in range(last - first))
            elif tag == "replace":
                yield from _in_turn(steps[first:last], others[start:end])


def _stage_pairs(before: Sequence[Step], after: Sequence[Step]) -> Iterator[tuple[list[Step], list[Step]]]:
    """The steps of each stage that both have: of the same name, or without one in the same place."""
    stages: dict[object, tuple[list[Step], list[Step]]] = {}
    for place, steps in enumerate((before, after)):
        for step in steps:
            name = step.stage.name or step.stage.index
            stages.setdefault(name, ([], []))[place].append(step)
    lonely = [[pair for pair in stages.values() if not pair[1 - place]] for place in (0, 1)]
    yield from (pair for pair in stages.values() if pair[0] and pair[1])
    yield from ((gone[0], new[1]) for gone, new in zip(*lonely, strict=False))


def _in_turn(before: Sequence[Step], after: Sequence[Step]) -> Iterator[tuple[Key, Step]]:
    """What was reworded: steps of one kind, in their order."""
    rest = list(before)
    for step in after:
        other = next((each for each in rest if each.instruction.name == step.instruction.name), None)
        if other is not None:
            del rest[: rest.index(other) + 1]
            yield step.key, other


def _wording(step: Step) -> tuple[str, str]:
    return step.instruction.name, " ".join(step.instruction.syntax.text.split())


def causes_of(comparison: Comparison, step: Step, twin: Step | None, lines: Mapping[Key, int]) -> tuple[Cause, ...]:
    """Why a step is not in the cache, its own reasons first.

    Args:
        comparison: of the two builds.
        step: not cached, or perhaps not.
        twin: the step that it was; None for a new one.
        lines: of the steps that are not cached, those before it.
    """
    if step.key.forced:
        return (
            Cause(CauseKind.NO_CACHE, "it always runs, as the build is told not to use the cache for it", step.line),
        )
    if twin is None:
        own = [Cause(CauseKind.NEW_STEP, f"{step.title} (line {step.line}) is new", step.line)]
    else:
        own = [*_definition_causes(twin, step), *_content_causes(comparison, twin, step)]
    return (*own, *_parent_causes(comparison, twin, step, lines)) or (
        Cause(CauseKind.NEW_STEP, f"{step.title} (line {step.line}) was not built like this before", step.line),
    )


def _definition_causes(twin: Step, step: Step) -> Iterator[Cause]:
    before, after = twin.key.definition, step.key.definition
    if before.kind != after.kind:
        yield Cause(CauseKind.DEFINITION, f"line {step.line} was {twin.title}", step.line)
        return
    for name in after.differing(before):
        if name == "environment":
            yield from _variable_causes(before, after, step)
        else:
            yield _field_cause(name, before, after, step)


def _field_cause(name: str, before: Definition, after: Definition, step: Step) -> Cause:
    was, now = before.value(name), after.value(name)
    if name in ("working directory", "user", "destination", "path", "network", "platform"):
        text = f'its {name} is "{_shown(now)}" and was "{_shown(was)}"'
    elif name == "command":
        text = "its command is another"
    elif name == "SOURCE_DATE_EPOCH":
        text = "SOURCE_DATE_EPOCH has another value"
    else:
        text = f"its {name} differ" if name.endswith("s") else f"its {name} differs"
    kind = CauseKind.VARIABLE if name == "SOURCE_DATE_EPOCH" else CauseKind.DEFINITION
    return Cause(kind, f"{text} (line {step.line})", step.line)


def _shown(value: object) -> str:
    return ":".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _variable_causes(before: Definition, after: Definition, step: Step) -> Iterator[Cause]:
    """Which variables differ, and where they are set."""
    was, now = dict(_pairs(before)), dict(_pairs(after))
    changed = [name for name in now if name not in was or was[name] != now[name]]
    for name in changed:
        keyword, line = _setter(step, name)
        place = f"{keyword} {name} (line {line})" if line else f"the variable {name}"
        text = f"{place} has another value" if name in was else f"{place} is new"
        yield Cause(CauseKind.VARIABLE, text, line)
    for name in was.keys() - now.keys():
        yield Cause(CauseKind.VARIABLE, f"the variable {name} is no longer set", None)
    if not changed and was.keys() == now.keys():
        yield Cause(CauseKind.VARIABLE, "its variables are set in another order", step.line)


def _pairs(definition: Definition) -> tuple[tuple[str, str], ...]:
    value = definition.value("environment")
    return value if isinstance(value, tuple) else ()


def _setter(step: Step, name: str) -> tuple[str, int | None]:
    """The last instruction before a step that sets a variable, in its own stage."""
    for typed in reversed(step.stage.instructions):
        if typed.line < step.line and isinstance(typed, Arg | Env) and any(pair.name == name for pair in typed.pairs):
            return typed.name, typed.line
    return "", None


def _content_causes(comparison: Comparison, twin: Step, step: Step) -> Iterator[Cause]:
    if len(twin.key.contents) != len(step.key.contents):
        return
    for before, after in zip(twin.key.contents, step.key.contents, strict=True):
        verdict = comparison.contents(before, after)
        if verdict is not Verdict.SAME:
            yield _content_cause(comparison, (before, after), step, certain=verdict is Verdict.DIFFERENT)


def _content_cause(comparison: Comparison, contents: tuple[Content, Content], step: Step, *, certain: bool) -> Cause:
    before, after = contents
    reads = f"{step.title} (line {step.line})"
    if isinstance(after, RemoteContent):
        return Cause(CauseKind.REMOTE_CONTENT, f"{reads} reads {after.url}", step.line, certain=certain)
    if isinstance(after, ContextContent) and isinstance(before, ContextContent):
        selections = [comparison.selection(each.context, each.request) for each in (before, after)]
        paths = differing_paths(*selections)
        lost = selections[1].missing and not selections[0].missing
        verb = "does not find" if lost else "reads"
        of_context = f' of the context "{after.name}"' if after.name else ""
        objects = _list(paths or tuple(read.source for read in selections[1].reads))
        return Cause(CauseKind.READS_PATH, f"{reads} {verb} {objects}{of_context}", step.line, paths)
    if isinstance(after, ResultContent):
        may = "differ" if certain else "may differ"
        reason = comparison.reason(before, after)
        text = f'the files that line {step.line} takes from "{after.name}" {may}: {reason.text}'
        return Cause(CauseKind.STAGE_CONTENT, text, reason.line, after.request.sources, certain)
    return Cause(CauseKind.DEFINITION, f"{reads} took its files from elsewhere", step.line, certain=certain)


def _list(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_MOST_SHOWN])
    rest = len(paths) - _MOST_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


_MOST_SHOWN = 3


def _parent_causes(comparison: Comparison, twin: Step | None, step: Step, lines: Mapping[Key, int]) -> Iterator[Cause]:
    """The step below, if that is not cached either."""
    parent = step.key.parent
    if parent is None:
        return
    if parent.instruction is not None or parent.others:
        line = next((lines[key] for key in _steps_of(parent) if key in lines), None)
        if line is not None:
            yield Cause(CauseKind.PARENT_STEP, f"line {step.line} runs on what line {line} made", line)
            return
    below = twin.key.parent if twin else None
    verdict = Verdict.SAME if below is None else comparison.keys(below, parent)
    if verdict is not Verdict.SAME and below is not None:
        yield from _origin_cause(below, parent, step, certain=verdict is Verdict.DIFFERENT)


def _steps_of(parent: Key) -> Iterator[Key]:
    """The steps that a parent is made of, the last first; of merges all that they join."""
    while parent.others:
        yield from parent.others
        if parent.parent is None:
            return
        parent = parent.parent
    yield parent


def _origin_cause(before: Key, after: Key, step: Step, *, certain: bool) -> Iterator[Cause]:
    line = step.stage.origin.line
    if after.definition.kind == before.definition.kind == "image":
        was, now = before.definition.value("name"), after.definition.value("name")
        text = f'it starts from "{now}" (line {line}), which was "{was}"'
        if was == now:
            text = f'it starts from "{now}" (line {line}), of which the layers or the platform differ'
        elif not certain:
            text += ", and whether they have the same layers is not known"
        yield Cause(CauseKind.BASE_IMAGE, text, line, certain=certain)
    elif after.definition.kind == "local":
        yield Cause(CauseKind.BASE_IMAGE, f"it starts from a build context (line {line}), which is always new", line)
    else:
        yield Cause(
            CauseKind.PARENT_STEP, f"line {step.line} runs on something else than before", line, certain=certain
        )
