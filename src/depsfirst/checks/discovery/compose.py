"""Reads which builds a compose file describes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from depsfirst.checks.discovery.documents import mapping_of, read_yaml, scalar, texts_of
from depsfirst.checks.discovery.found import Found, Misunderstood, build_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARIABLE = re.compile(r"\$(?:\$|(?P<name>\w+)|\{(?P<braced>\w+)(?:(?P<operator>:?[-+?])(?P<word>[^{}]*))?\})")


def read(text: str, directory: Path, where: str) -> Iterator[Found]:
    """The builds of a compose file.

    Args:
        text: of the file.
        directory: that it stands in.
        where: its name, for origins.
    """
    document = read_yaml(text)
    if document is None:
        yield Misunderstood(where, "this is no YAML that can be read")
        return
    for name, service in mapping_of(mapping_of(document).get("services")).items():
        if build := mapping_of(service).get("build"):
            yield _build(build, directory, f"{where}: services.{name}.build")


def _build(build: Any, directory: Path, origin: str) -> Found:
    entries = mapping_of(build) or {"context": build}
    if "dockerfile_inline" in entries:
        return Misunderstood(origin, "its Dockerfile stands in the compose file")
    words = {key: _expanded(scalar(entries.get(key)) or "") for key in ("context", "dockerfile", "target")}
    for key, value in words.items():
        if value is None:
            return Misunderstood(origin, f'the {key} "{entries[key]}" has a variable without a default')
    return build_of(
        directory,
        words["context"] or ".",
        words["dockerfile"] or None,
        origin=origin,
        target=words["target"],
        arguments=_known(entries.get("args")),
        contexts=_known(entries.get("additional_contexts")),
    )


def _known(value: Any) -> dict[str, str]:
    """Names and values, as a mapping or a list of ``name=value``, of those whose value is known."""
    pairs = {name: _expanded(text) for name, text in texts_of(value).items()}
    return {name: text for name, text in pairs.items() if text is not None}


def _expanded(text: str) -> str | None:
    """The text with the defaults of its variables; None where one has none."""
    unknown = False

    def value(found: re.Match[str]) -> str:
        nonlocal unknown
        if found.group() == "$$":
            return "$"
        if found["operator"] in ("-", ":-"):
            return found["word"]
        unknown = True
        return ""

    expanded = _VARIABLE.sub(value, text)
    return None if unknown else expanded
