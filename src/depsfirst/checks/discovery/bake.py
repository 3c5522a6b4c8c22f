"""Reads which builds a bake file describes, in JSON or HCL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.checks.discovery import hcl
from depsfirst.checks.discovery.documents import mapping_of, read_json
from depsfirst.checks.discovery.found import Found, Misunderstood, build_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_Targets = dict[str, dict[str, Any]]


def read(text: str, directory: Path, where: str) -> Iterator[Found]:
    """The builds of a bake file.

    Args:
        text: of the file.
        directory: that it stands in, where ``docker buildx bake`` is run.
        where: its name, for origins; ends with ``.json`` or ``.hcl``.
    """
    try:
        targets, variables = _of_json(text) if where.endswith(".json") else _of_hcl(text)
    except hcl.HclError as error:
        yield Misunderstood(where, f"it cannot be read: {error}")
        return
    for name in targets:
        origin = f'{where}: target "{name}"'
        entries = _inherited(targets, name)
        if not name.startswith("_") and "dockerfile-inline" not in entries:
            yield _build(entries, variables, directory, origin)


def _of_json(text: str) -> tuple[_Targets, Mapping[str, str]]:
    document = mapping_of(read_json(text))
    if not document:
        raise hcl.HclError("this is no JSON object")
    targets = {name: mapping_of(entries) for name, entries in mapping_of(document.get("target")).items()}
    variables = {name: mapping_of(entries) for name, entries in mapping_of(document.get("variable")).items()}
    return targets, _defaults(variables)


def _of_hcl(text: str) -> tuple[_Targets, Mapping[str, str]]:
    found = hcl.blocks(text)
    targets = {block.label: block.attributes for block in found if block.kind == "target"}
    return targets, _defaults({block.label: block.attributes for block in found if block.kind == "variable"})


def _defaults(variables: _Targets) -> dict[str, str]:
    """The variables whose default is known; one can name others."""
    known: dict[str, str] = {}
    for name, entries in variables.items():
        value = hcl.resolved(entries.get("default"), known)
        if value is not None:
            known[name] = value
    return known


def _inherited(targets: _Targets, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """A target's attributes over those that it inherits; mappings are merged."""
    own = targets.get(name, {})
    merged: dict[str, Any] = {}
    parents = own.get("inherits")
    for parent in parents if isinstance(parents, list) else []:
        if isinstance(parent, str) and parent not in above:
            merged = _merged(merged, _inherited(targets, parent, (*above, name)))
    return _merged(merged, own)


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {**one, **other}
    for key in ("args", "contexts"):
        if key in one and key in other:
            both[key] = {**mapping_of(one[key]), **mapping_of(other[key])}
    return both


def _build(entries: Mapping[str, Any], variables: Mapping[str, str], directory: Path, origin: str) -> Found:
    words: dict[str, str | None] = {}
    for key in ("context", "dockerfile", "target"):
        words[key] = hcl.resolved(entries.get(key, ""), variables)
        if words[key] is None:
            return Misunderstood(origin, f"its {key} is known only when it runs")
    return build_of(
        directory,
        words["context"] or ".",
        words["dockerfile"] or None,
        origin=origin,
        target=words["target"],
        arguments=_known(entries.get("args"), variables),
        contexts=_known(entries.get("contexts"), variables),
    )


def _known(value: Any, variables: Mapping[str, str]) -> dict[str, str]:
    pairs = {name: hcl.resolved(each, variables) for name, each in mapping_of(value).items()}
    return {name: text for name, text in pairs.items() if text is not None}
