"""Reads manifests, and remembers what a text came to: the parser takes longer to import than the memo to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from depsfirst import digests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.content import ContentStore
    from depsfirst.project.discover import Values

_MEMO = "manifests"
_FORMAT = 1


def remembering(store: ContentStore) -> Values:
    """What ``discover`` reads TOML with: the values of a text that was read before are recalled."""

    def values(text: str, name: str) -> Mapping[str, Any]:
        key = digests.sha256(f"{_FORMAT}\n{text}".encode()).hexdigest()
        known = store.recall(_MEMO, key)
        if isinstance(known, str):
            remembered: Mapping[str, Any] = json.loads(known)
            return remembered
        from depsfirst.project.toml import parse

        read = parse(text, name)
        if _is_json(read):
            store.remember(_MEMO, key, json.dumps(read))  # a string, since the order of keys means something
        return read

    return values


def _is_json(value: object) -> bool:
    """Whether JSON gives back the same: it knows no dates."""
    if isinstance(value, dict):
        return all(_is_json(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_json(each) for each in value)
    return isinstance(value, str | int | float | bool)
