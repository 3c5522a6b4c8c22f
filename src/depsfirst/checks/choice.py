"""Which rules are asked: by name, by family or by pattern."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depsfirst.checks.rules import Row

EVERYTHING = "all"


def chosen(
    rules: Sequence[Row], select: Iterable[str] | None, ignore: Iterable[str], where: str = ""
) -> tuple[Row, ...]:
    """The rules that are selected and not ignored, in their order.

    Args:
        rules: the table, or a part of it.
        select: names, families, patterns with ``*`` or ``all``; None for all.
        ignore: the same, without ``all`` being of use.
        where: the place that says so, for errors.

    Raises:
        DepsfirstError: one of the words fits no rule.
    """
    kept = rules if select is None else [rule for word in select for rule in fitting(rules, word, where)]
    dropped = {rule.name for word in ignore for rule in fitting(rules, word, where)}
    names = {rule.name for rule in kept} - dropped
    return tuple(rule for rule in rules if rule.name in names)


def fitting(rules: Sequence[Row], word: str, where: str = "") -> tuple[Row, ...]:
    """The rules that a word names.

    Raises:
        DepsfirstError: there is none.
    """
    if word == EVERYTHING:
        return tuple(rules)
    found = tuple(rule for rule in rules if word in (rule.name, rule.family) or fnmatchcase(rule.name, word))
    if not found:
        raise _unknown(rules, word, where)
    return found


def rule_named(rules: Sequence[Row], name: str) -> Row:
    """The rule of this name.

    Raises:
        DepsfirstError: there is none.
    """
    for rule in rules:
        if rule.name == name:
            return rule
    raise _unknown(rules, name, "")


def _unknown(rules: Sequence[Row], word: str, where: str) -> DepsfirstError:
    from difflib import get_close_matches

    known = [*dict.fromkeys(rule.family for rule in rules), *(rule.name for rule in rules)]
    close = get_close_matches(word, known, 1)
    hint = f'did you mean "{close[0]}"?' if close else "`depsfirst rules` lists those there are"
    return DepsfirstError(f'no rule and no family is called "{word}"', where=where or None, hint=hint)
