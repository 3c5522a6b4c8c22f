"""Finds the base of an image and what it offers: ``deb:SUITE``, ``oci:DIR`` or ``docker-archive:FILE``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from depsfirst.engines.inspect import inspect_base, target_tags
from depsfirst.wheels.install import Venv
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import LAYER, Blob, Descriptor, FileSlice, Image, Layer
from depsfirst.oci.parse import Platform
from depsfirst.oci.store import read

if TYPE_CHECKING:
    from packaging.tags import Tag

    from depsfirst.content import ContentStore
    from depsfirst.engines.inspect import BaseFacts, Interpreter
    from depsfirst.fetch import Fetcher
    from depsfirst.plan import Plan
    from depsfirst.progress import Progress

DEBIAN_PYTHON = {"trixie": (3, 13), "bookworm": (3, 11)}
"""The Python of each Debian suite that can be a default base, newest first."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base and the interpreter of it that the image will use.

    Attributes:
        name: as it was asked for.
        image: its layers and configuration.
        facts: what is in it.
        python: the chosen interpreter.
    """

    name: str
    image: Image
    facts: BaseFacts
    python: Interpreter

    @property
    def venv(self) -> Venv:
        """The environment for its interpreter."""
        return Venv(self.python.version[:2])

    @property
    def version(self) -> str:
        """The interpreter's version, as ``3.13.5``."""
        return ".".join(str(part) for part in self.python.version)
