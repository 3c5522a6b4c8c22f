"""Debian version numbers: their order, as Debian Policy 5.6.12 defines it."""

from __future__ import annotations

import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_END = 0
_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">>": operator.gt,
    "<": operator.le,  # deprecated spellings, which mean "or equal"
    ">": operator.ge,
}

Key = tuple[int, tuple[object, ...], tuple[object, ...]]


@lru_cache(maxsize=1024)
def version_key(version: str) -> Key:
    """A key that sorts versions, oldest first.

    Raises:
        ValueError: the epoch is not a number.
    """
    epoch, colon, rest = version.strip().partition(":")
    if not colon:
        epoch, rest = "0", epoch
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch), _part_key(upstream), _part_key(revision)


def compare(one: str, other: str) -> int:
    """Below, equal to or above 0 as version ``one`` is older than, equal to or newer than ``other``."""
    left, right = version_key(one), version_key(other)
    return (left > right) - (left < right)


def satisfies(version: str, relation: str, wanted: str) -> bool:
    """Whether ``version`` stands in ``relation`` (``<<``, ``<=``, ``=``, ``>=``, ``>>``) to ``wanted``."""
    return _OPERATORS[relation](compare(version, wanted), 0)


def upstream_release(version: str) -> tuple[int, ...]:
    """The numbers an upstream version starts with: ``(3, 13, 5)`` for ``1:3.13.5-2+deb13u1``."""
    upstream = version.partition(":")[2] or version
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", upstream)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def _part_key(part: str) -> tuple[object, ...]:
    """Alternately text and number, from left to right; the text as weights: ``~``, the end, letters, the rest."""
    key: list[object] = []
    for text, number in _PARTS.findall(part or "0")[:-1]:  # the last match is the empty one at the end
        key.append((*(_weight(character) for character in text), _END))
        key.append(int(number or 0))
    return (*key, (_END,))


def _weight(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
