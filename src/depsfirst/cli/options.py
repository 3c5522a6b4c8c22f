"""Words of the command line that several verbs share."""

from __future__ import annotations

import os

from depsfirst.errors import DepsfirstError


def pairs(given: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options; a name alone has its value from the environment, as for Docker.

    Raises:
        DepsfirstError: a name is missing, or has no value.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not (equals or name in os.environ):
            raise DepsfirstError(f'"{text}" is no {option}', hint=f"write {option} NAME=VALUE")
        found[name] = value if equals else os.environ[name]
    return found


def words(given: list[str]) -> tuple[str, ...]:
    """The words of an option that can stand several times and take several words, with commas between."""
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())
