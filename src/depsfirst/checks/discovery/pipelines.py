"""Reads which images the pipelines of GitLab build, and those of other services whose steps are commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.checks.discovery import command_lines
from depsfirst.checks.discovery.documents import list_of, mapping_of, read_yaml, scalar
from depsfirst.checks.discovery.interpolation import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from depsfirst.checks.discovery.found import Found

_DEEPEST = 12


def read_gitlab(text: str, root: Path, where: str) -> Iterator[Found]:
    """The builds of a ``.gitlab-ci.yml``, or of a file that one includes.

    Args:
        text: of the file.
        root: of the repository.
        where: its name, for origins.
    """
    if not command_lines.worth_reading(text):
        return
    document = mapping_of(read_yaml(text))
    common = {"CI_PROJECT_DIR": str(root)} | _variables(document.get("variables"))
    before = mapping_of(document.get("default")).get("before_script", document.get("before_script"))
    for name, job in document.items():
        entries = mapping_of(job)
        parts = (entries.get("before_script", before), entries.get("script"), entries.get("after_script"))
        script = "\n".join(line for part in parts for line in _lines(part))
        if "script" in entries and command_lines.worth_reading(script):
            variables = _settled({**common, **_variables(entries.get("variables"))})
            yield from command_lines.read(script, root, f"{where}: {name}", variables)


def read_commands(text: str, root: Path, where: str) -> Iterator[Found]:
    """The builds that any text of a pipeline starts whose steps are commands; arguments as of ``read_gitlab``."""
    if command_lines.worth_reading(text):
        for script in dict.fromkeys(_texts(read_yaml(text))):
            yield from command_lines.read(script, root, where)


def _variables(value: Any) -> dict[str, str]:
    """The values of variables, which may have a description."""
    pairs = {name: scalar(mapping_of(each).get("value", each)) for name, each in mapping_of(value).items()}
    return {name: text for name, text in pairs.items() if text is not None}


def _settled(variables: Mapping[str, str]) -> dict[str, str | None]:
    """The variables with those in them filled in."""
    return {name: expanded(text, variables) for name, text in variables.items()}


def _lines(value: Any) -> Iterator[str]:
    """The lines of a script, which is a text or a list of such, in one another."""
    if isinstance(value, str):
        yield value
    for each in list_of(value):
        yield from _lines(each)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """All texts of a document; the commands of a list are one script."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        yield "\n".join(value)
    else:
        for each in value if isinstance(value, list) else mapping_of(value).values():
            yield from _texts(each, depth + 1)
