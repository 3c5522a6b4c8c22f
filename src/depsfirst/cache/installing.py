"""What each step of a build installs, seen together with what the steps before it have installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from depsfirst.cache.keys import Step

Kind = Literal["dependencies", "project", "system"]


@dataclass(frozen=True, slots=True)
class Installs:
    """What a step installs.

    Attributes:
        kinds: all that it installs for certain.
        uncertain: why it may install dependencies besides, for each thing that could not be read.
        tools: what installs, as ``uv sync``, in order.
    """

    kinds: frozenset[Kind] = frozenset()
    uncertain: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()

    @property
    def dependencies(self) -> bool:
        """Whether it installs third-party packages of the project."""
        return "dependencies" in self.kinds

    @property
    def main(self) -> Kind | None:
        """The one that matters most."""
        kinds: tuple[Kind, ...] = ("dependencies", "project", "system")
        return next((kind for kind in kinds if kind in self.kinds), None)


def installs_of(steps: Sequence[Step], files: Callable[[str], str | None]) -> list[Installs]:
    """What each of the steps installs.

    Args:
        steps: of one build, in file order.
        files: reads a file of the main context, by its path below the root; None where there is none.
    """
    del files
    return [Installs() for _ in steps]
