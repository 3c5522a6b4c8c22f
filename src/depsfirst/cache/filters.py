"""Commands that write one file of which a part of their input decides, as an exporter of the locked packages does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.cache.keys import Place
    from depsfirst.dockerfile.shell import Command

    Texts = Mapping[str, "str | None"]
    """Texts by absolute path in the image; None for a file that is not there. What nobody knows is not in it."""


class Filtered(Protocol):
    """What one command writes.

    Attributes:
        output: absolute path in the image of the file.
        inputs: absolute paths in the image of all that can decide on its content; some may not be there.
        reason: what the command does, as a part of a sentence.
    """

    output: str
    inputs: tuple[str, ...]
    reason: str

    def same(self, before: Texts, after: Texts) -> bool | None:
        """Whether the file is the same after its inputs changed; None if that is not known."""


class Filter(Protocol):
    """Knows some commands."""

    def __call__(self, command: Command, place: Place) -> Filtered | None:
        """What a command writes; None for a command that it does not know.

        Args:
            command: of a RUN.
            place: the variables, user and directory of the RUN.
        """
