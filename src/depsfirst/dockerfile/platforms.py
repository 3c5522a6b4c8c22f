"""Platforms as ``os/architecture/variant``, with the names that containers have for them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from depsfirst.errors import DepsfirstError

_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_SYSTEMS = {"macos": "darwin"}
_FORM = re.compile(r"([\w.-]+)/([\w.-]+)(?:/([\w.-]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on; ``str`` gives the usual form."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def read_platform(text: str) -> Platform:
    """The platform that ``text`` names, as ``linux/arm64`` or ``linux/arm/v6``.

    Raises:
        DepsfirstError: it is not of this form.
    """
    found = _FORM.fullmatch(text.lower())
    if not found:
        raise DepsfirstError(f'"{text}" is no platform', hint="write it as linux/amd64 or linux/arm64")
    system, machine, variant = found.groups()
    architecture, implied = _ARCHITECTURES.get(machine, (machine, ""))
    if variant is None:
        variant = "" if implied == "v7" else implied
    elif variant.isdecimal() and architecture in ("arm", "arm64"):
        variant = f"v{variant}"
    return Platform(_SYSTEMS.get(system, system), architecture, variant)
