"""Values for build arguments that name a base image and have none: whoever builds gives one, so a check goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from depsfirst.dockerfile.stages import Outline, Stage

_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")


def stand_ins(outline: Outline, given: Collection[str]) -> dict[str, str]:
    """A value for each ARG before the first FROM that a FROM names, and that neither the file nor the build gives one.

    Args:
        outline: of the Dockerfile.
        given: names of the arguments that the build gives.
    """
    pairs = [pair for argument in outline.arguments for pair in argument.pairs]
    valued = {pair.name for pair in pairs if pair.value}
    named = {name for stage in outline.stages for name in _VARIABLE.findall(stage.origin.image)}
    return {pair.name: pair.name.lower() for pair in pairs if pair.name in named - valued - set(given)}


def rests_on(stage: Stage, names: Collection[str]) -> bool:
    """Whether what a stage starts from is known only to whoever builds."""
    return any(name in names for name in _VARIABLE.findall(stage.origin.image))
