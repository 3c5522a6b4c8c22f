"""Relations between Debian packages: the syntax of ``Depends``, ``Provides`` and their kin (Debian Policy 7.1)."""

from __future__ import annotations

import re
from typing import NamedTuple

from depsfirst.debian.version import satisfies
from depsfirst.errors import DepsfirstError

_RELATION = re.compile(
    r"(?P<name>[a-zA-Z0-9][a-zA-Z0-9+.-]*)(?::[a-z0-9-]+)?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>|<|>)\s*(?P<version>[A-Za-z0-9][^\s)]*)\s*\))?"
    r"(?:\s*\[[^]]*\])?(?:\s*<[^>]*>)*"
)


class Relation(NamedTuple):
    """A package name and, with an operator, the versions of it that will do."""

    name: str
    operator: str = ""
    version: str = ""

    def accepts(self, version: str) -> bool:
        """Whether a package of this version will do."""
        return not self.operator or satisfies(version, self.operator, self.version)

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name


Alternatives = tuple[Relation, ...]


def parse_relations(text: str, where: str) -> tuple[Alternatives, ...]:
    """The conjunction of a field, each member a choice of alternatives: ``a, b | c`` has two members.

    Raises:
        DepsfirstError: the field cannot be read; ``where`` names it.
    """
    members = (member.strip() for member in text.split(","))
    return tuple(
        tuple(_parse_relation(relation.strip(), where) for relation in member.split("|"))
        for member in members
        if member
    )


def _parse_relation(text: str, where: str) -> Relation:
    match = _RELATION.fullmatch(text)
    if not match:
        raise DepsfirstError(f'"{text}" is no relation to a package', where=where)
    return Relation(match["name"], match["operator"] or "", match["version"] or "")
