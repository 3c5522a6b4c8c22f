"""Reads YAML and JSON that other people wrote, and takes from it what has the expected shape."""

from __future__ import annotations

import json
from functools import cache
from typing import Any


def read_yaml(text: str) -> Any:
    """The first document of a YAML text, tags that only other programs know taken off; None where it is none."""
    from yaml import YAMLError, load_all

    try:
        return next(iter(load_all(text, _loader())), None)
    except (YAMLError, ValueError, RecursionError):
        return None


@cache
def _loader() -> Any:
    """PyYAML's safe loader, in C where it was built, which takes values of unknown tags for what they look like."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        """Knows every tag."""

    def plain(loader: Any, _: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        tag = loader.resolve(yaml.ScalarNode, node.value, (not node.style, bool(node.style)))
        return loader.construct_object(yaml.ScalarNode(tag, node.value))

    Loader.add_multi_constructor("", plain)
    return Loader


def read_json(text: str) -> Any:
    """The value of a JSON text; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def mapping_of(value: Any) -> dict[str, Any]:
    """A mapping with its keys as strings; empty for everything else."""
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list; empty for everything else."""
    return value if isinstance(value, list) else []


def scalar(value: Any) -> str | None:
    """A string, number or truth value as the text that YAML and compose make of it; None for everything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def texts_of(value: Any) -> dict[str, str]:
    """Names and values, from a mapping or from a list of ``name=value``; what has no value is left out."""
    if isinstance(value, list):
        pairs = (str(entry).partition("=") for entry in value)
        return {name: text for name, equals, text in pairs if equals}
    return {name: text for name, each in mapping_of(value).items() if (text := scalar(each)) is not None}
