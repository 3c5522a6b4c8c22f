"""Ways to run a command in an image: one file each, one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from depsfirst.oci.image import Image

KEPT = 1 << 14
"""How many bytes of what a command says are kept: the last ones."""


class Trial(NamedTuple):
    """A command to run in an image, as the image's user, in its environment, without a network.

    Attributes:
        image: what to run it in.
        command: program and arguments; the program is an absolute path in the image.
        platform: ``linux/amd64``, …: what the image is for.
        timeout: seconds after which it is stopped.
    """

    image: Image
    command: tuple[str, ...]
    platform: str
    timeout: float


class Outcome(NamedTuple):
    """What became of a command: its exit status, None if it took too long, and the end of what it said."""

    status: int | None
    output: str


class UnavailableError(Exception):
    """A runner cannot run an image here; the message says why."""


class Runner(Protocol):
    """Runs a command in an image and leaves nothing behind."""

    @property
    def name(self) -> str:
        """What to call it."""

    def run(self, trial: Trial, /) -> Outcome:
        """Run it to its end.

        Raises:
            UnavailableError: it could not be started.
        """


def tail(data: bytes) -> str:
    """The last of what a command said, from the beginning of a line."""
    if len(data) > KEPT:
        data = data[-KEPT:].partition(b"\n")[2]
    return data.decode("utf-8", "replace").rstrip()
