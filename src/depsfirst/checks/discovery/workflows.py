"""Reads which images the workflows of GitHub build."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

from depsfirst.checks.discovery import command_lines
from depsfirst.checks.discovery.documents import list_of, mapping_of, read_yaml, scalar, texts_of
from depsfirst.checks.discovery.found import Found, Misunderstood, below, build_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_ACTIONS = ("docker/build-push-action", "redhat-actions/buildah-build")
_MOST_COMBINATIONS = 64

Values = dict[str, str]


def worth_reading(text: str) -> bool:
    """Whether a workflow can build an image at all."""
    return "build-push-action" in text or "buildah-build" in text or command_lines.worth_reading(text)


def read(text: str, root: Path, where: str) -> Iterator[Found]:
    """The builds of a workflow.

    Args:
        text: of the workflow.
        root: of the repository.
        where: its name, for origins.
    """
    if not worth_reading(text):
        return
    document = mapping_of(read_yaml(text))
    for name, job in mapping_of(document.get("jobs")).items():
        entries = mapping_of(job)
        given = {**texts_of(document.get("env")), **texts_of(entries.get("env"))}
        known = _flat("env", {key: value for key, value in given.items() if "${{" not in value})
        for values in _combinations(mapping_of(entries.get("strategy")).get("matrix")):
            yield from _job(entries, root, f"{where}: jobs.{name}", {**known, **values})


def _combinations(matrix: Any) -> list[Values]:
    """What a matrix gives its variables, one set for each run."""
    axes = {key: list_of(value) for key, value in mapping_of(matrix).items() if key not in ("include", "exclude")}
    sets = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if all(axes.values()) else [{}]
    extra = [mapping_of(entry) for entry in list_of(mapping_of(matrix).get("include"))]
    merged = [{**some, **entry} for some in sets for entry in extra if _agree(some, entry)] if extra else sets
    merged += [entry for entry in extra if not any(_agree(some, entry) for some in sets)]
    return [_flat("matrix", each) for each in merged[:_MOST_COMBINATIONS]] or [{}]


def _agree(some: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(entry[key] == value for key, value in some.items() if key in entry)


def _flat(prefix: str, value: Any) -> Values:
    """The scalars of nested mappings, by their path with dots."""
    if isinstance(value, dict):
        return {name: text for key, each in value.items() for name, text in _flat(f"{prefix}.{key}", each).items()}
    text = scalar(value)
    return {} if text is None else {prefix: text}


def _job(job: Mapping[str, Any], root: Path, origin: str, values: Values) -> Iterator[Found]:
    for index, step in enumerate(list_of(job.get("steps"))):
        entries = mapping_of(step)
        where = f"{origin}.steps[{index}]"
        uses = scalar(entries.get("uses")) or ""
        if uses.partition("@")[0] in _ACTIONS:
            yield _action(mapping_of(entries.get("with")), root, where, values)
        elif isinstance(entries.get("run"), str) and command_lines.worth_reading(entries["run"]):
            yield from _script(entries, root, where, values)


def _action(given: Mapping[str, Any], root: Path, origin: str, values: Values) -> Found:
    words: dict[str, str | None] = {}
    for key in ("context", "file", "target"):
        words[key] = _expanded(scalar(given.get(key)) or "", values)
        if words[key] is None:
            return Misunderstood(origin, f'the {key} "{given[key]}" is known only when it runs')
    return build_of(
        root,
        re.sub(r"^\{\{defaultContext\}\}:?", "", words["context"] or "") or ".",
        words["file"] or None,
        origin=origin,
        beside_context=False,
        target=words["target"],
        arguments=_lines(given.get("build-args"), values),
        contexts=_lines(given.get("build-contexts"), values),
    )


def _lines(value: Any, values: Values) -> dict[str, str]:
    """Names and values, one pair a line, of those whose value is known."""
    pairs = (line.strip().partition("=") for line in (scalar(value) or "").splitlines())
    known = {name: _expanded(text, values) for name, equals, text in pairs if equals}
    return {name: text for name, text in known.items() if text is not None}


def _script(step: Mapping[str, Any], root: Path, origin: str, values: Values) -> Iterator[Found]:
    folder = _expanded(scalar(step.get("working-directory")) or ".", values)
    if folder is None:
        yield Misunderstood(origin, "its directory is known only when it runs")
        return
    script = _EXPRESSION.sub(lambda found: _value(found[1], values) or "${UNKNOWN_EXPRESSION}", step["run"])
    yield from command_lines.read(script, below(root, folder), origin)


def _expanded(text: str, values: Values) -> str | None:
    """The text with the values of its expressions; None where one is not known."""
    parts = [_value(name, values) for name in _EXPRESSION.findall(text)]
    if None in parts:
        return None
    ahead = iter(parts)
    return _EXPRESSION.sub(lambda _: next(ahead) or "", text)


def _value(expression: str, values: Values) -> str | None:
    if expression in ("github.workspace", "defaultContext"):
        return "."
    return values.get(expression)
