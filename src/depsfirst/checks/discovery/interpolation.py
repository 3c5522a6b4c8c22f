"""Fills in the variables of compose files as compose does: from ``.env`` beside them, else from their defaults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:\$|(?P<name>\w+)|\{(?P<braced>\w+)(?:(?P<operator>:?[-+?])(?P<word>[^{}]*))?\})")
_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*[=:][ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_COMMENT = re.compile(r"\s#.*")
_DEEPEST = 5
_DOLLAR = "\0"


def expanded(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with the values of its variables; None where one has neither a value nor a default.

    Args:
        text: with ``$NAME``, ``${NAME:-default}`` and their kin; a default may hold others.
        variables: what is known.
    """
    for _ in range(_DEEPEST):
        unknown = False

        def value(found: re.Match[str]) -> str:
            nonlocal unknown
            known = _DOLLAR if found.group() == "$$" else _value(found, variables)
            unknown = unknown or known is None
            return known or ""

        changed = _VARIABLE.sub(value, text)
        if unknown:
            return None
        if changed == text:
            break
        text = changed
    return text.replace(_DOLLAR, "$")


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str | None:
    given = variables.get(found["name"] or found["braced"])
    operator, word = found["operator"] or "", found["word"] or ""
    if operator.startswith(":") and given == "":
        given = None
    if operator.endswith("+"):
        return None if given is None else word
    if operator.endswith("-") and given is None:
        return word
    return given


def read_env(text: str) -> dict[str, str]:
    """The variables of an ``.env`` file; those that are made of others which are not known are left out."""
    found: dict[str, str] = {}
    for name, written in _LINE.findall(text):
        value = _unquoted(written, found)
        if value is not None:
            found[name] = value
    return found


def _unquoted(written: str, known: Mapping[str, str]) -> str | None:
    for quote in "'\"":
        if written.startswith(quote) and (end := written.find(quote, 1)) > 0:
            inside = written[1:end]
            return inside if quote == "'" else expanded(inside, known)
    return expanded(_COMMENT.sub("", f" {written}").strip(), known)
