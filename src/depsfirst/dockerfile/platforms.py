"""Platforms as ``os/architecture/variant``, with the names that containers have for them."""

from __future__ import annotations

import re

from depsfirst.dataclass import dataclass
from depsfirst.errors import DepsfirstError

_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_ALIASES = {"macos": "darwin"}
_SYSTEM_NAMES = (
    "aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos"
)
_MACHINE_NAMES = (
    "386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le "
    "ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm"
)
_SYSTEMS = frozenset(_SYSTEM_NAMES.split())
_MACHINES = frozenset(_MACHINE_NAMES.split())
_FORM = re.compile(r"([\w-]+(?:\([\w.-]*\))?)(?:/([\w.-]+)(?:/([\w.-]+))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on; ``str`` gives the usual form."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def read_platform(text: str, builder: Platform = Platform()) -> Platform:  # noqa: B008 - it is frozen
    """The platform that ``text`` names, as ``linux/arm64`` or ``linux/arm/v6``.

    Args:
        text: one to three parts; a system or an architecture alone is completed.
        builder: the platform that completes it.

    Raises:
        DepsfirstError: it is not of this form.
    """
    found = _FORM.fullmatch(text.lower())
    if not found:
        raise _unreadable(text)
    system, machine, variant = found.groups()
    system = _ALIASES.get(system, system)
    if machine is None:
        if system in _SYSTEMS:
            return Platform(system, builder.architecture, builder.variant)
        system, machine = builder.os, system
    architecture, implied = _ARCHITECTURES.get(machine, (machine, ""))
    if found[2] is None and architecture not in _MACHINES:
        raise _unreadable(text)
    if variant is None:
        variant = "" if implied == "v7" else implied
    elif variant.isdecimal() and architecture in ("arm", "arm64"):
        variant = f"v{variant}"
    return Platform(system, architecture, variant)


def _unreadable(text: str) -> DepsfirstError:
    return DepsfirstError(f'"{text}" is no platform', hint="write it as linux/amd64 or linux/arm64")
