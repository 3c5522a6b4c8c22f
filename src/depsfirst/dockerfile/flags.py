"""The flags that each instruction knows, and their values."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.words import Fault, Flag

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(Enum):
    """How often a flag may stand, and whether it has a value of its own."""

    SWITCH = "switch"
    ONE = "one"
    MANY = "many"


KNOWN: Mapping[str, Mapping[str, Kind]] = {
    "FROM": {"platform": Kind.ONE},
    "RUN": {"mount": Kind.MANY, "network": Kind.ONE, "security": Kind.ONE, "device": Kind.MANY},
    "COPY": {
        "chown": Kind.ONE,
        "from": Kind.ONE,
        "chmod": Kind.ONE,
        "link": Kind.SWITCH,
        "exclude": Kind.MANY,
        "parents": Kind.SWITCH,
    },
    "ADD": {
        "chown": Kind.ONE,
        "chmod": Kind.ONE,
        "link": Kind.SWITCH,
        "keep-git-dir": Kind.SWITCH,
        "checksum": Kind.ONE,
        "unpack": Kind.SWITCH,
        "exclude": Kind.MANY,
    },
    "HEALTHCHECK": {
        "interval": Kind.ONE,
        "timeout": Kind.ONE,
        "start-period": Kind.ONE,
        "start-interval": Kind.ONE,
        "retries": Kind.ONE,
    },
}
"""Flags by instruction, as BuildKit 0.32 knows them; the instructions not named have none."""


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of one instruction, by name."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The value of a flag; empty where it does not stand."""
        values = self.many(name)
        return values[-1] if values else ""

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a flag, in their order."""
        return self.values.get(name, ())

    def switch(self, name: str) -> bool | None:
        """Whether a flag is on; None where it does not stand."""
        values = self.many(name)
        return values[-1] == "true" if values else None


def read_flags(instruction: str, flags: tuple[Flag, ...]) -> Flags | Fault:
    """The flags of an instruction, or why BuildKit refuses them."""
    known = KNOWN.get(instruction, {})
    values: dict[str, tuple[str, ...]] = {}
    for flag in flags:
        kind = known.get(flag.name)
        if kind is None:
            return _unknown(instruction, flag, known)
        if flag.name in values and kind is not Kind.MANY:
            return Fault(f'the flag "--{flag.name}" stands here twice', "remove one of them")
        value = _value(flag, kind)
        if isinstance(value, Fault):
            return value
        values[flag.name] = (*values.get(flag.name, ()), value)
    return Flags(values)


def _value(flag: Flag, kind: Kind) -> str | Fault:
    if kind is not Kind.SWITCH:
        return _missing(flag) if flag.value is None else flag.value
    if flag.value is None:
        return "true"
    if not flag.value:
        return _missing(flag)
    if flag.value.lower() not in ("true", "false"):
        return Fault(f'the flag "--{flag.name}" cannot be "{flag.value}"', "it is true or false")
    return flag.value.lower()


def _missing(flag: Flag) -> Fault:
    return Fault(f'the flag "--{flag.name}" has no value', f"write --{flag.name}=VALUE")


def _unknown(instruction: str, flag: Flag, known: Mapping[str, Kind]) -> Fault:
    names = ", ".join(f"--{name}" for name in known)
    hint = f"{instruction} knows {names}" if known else f"{instruction} has no flags; quote a first word that begins so"
    return Fault(f'the flag "--{flag.name}" is unknown', hint)
