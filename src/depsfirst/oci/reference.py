"""Names of images, as ``shop:1.2`` or ``registry.example/team/shop``: checked, and in full."""

from __future__ import annotations

import re

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

_HUB = "docker.io"
_DEFAULT_TAG = "latest"
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST = 255


class Reference(NamedTuple):
    """The name of an image: registry, repository and tag.

    ``str`` gives the name as people write it and engines show it: without what goes without saying.
    """

    domain: str
    path: str
    tag: str

    @property
    def full(self) -> str:
        """The name with nothing left out, as ``docker.io/library/shop:latest``."""
        return f"{self.domain}/{self.path}:{self.tag}"

    def __str__(self) -> str:
        if self.domain != _HUB:
            return self.full
        return f"{self.path.removeprefix('library/')}:{self.tag}"


def parse_reference(text: str) -> Reference:
    """Read a name as Docker does: no registry means Docker's, no tag means ``latest``.

    Raises:
        DepsfirstError: it is no name, or names a digest.
    """
    if "@" in text:
        raise DepsfirstError(f'"{text}" names a digest, which only the content decides', hint="name a tag instead")
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        domain = first
    else:
        domain, rest = _HUB, text
    path, colon, tag = rest.partition(":")
    if domain == _HUB and "/" not in path:
        path = f"library/{path}"
    if not _DOMAIN.fullmatch(domain) or not _PATH.fullmatch(path) or len(f"{domain}/{path}") > _LONGEST:
        raise DepsfirstError(
            f'"{text}" is no name of an image',
            hint="lower-case letters, digits, and between them . _ or -, as in shop:1.2",
        )
    if colon and not _TAG.fullmatch(tag):
        raise DepsfirstError(
            f'"{tag}" in "{text}" is no tag',
            hint="letters, digits, _ . and -, at most 128, and no . or - in front",
        )
    return Reference(domain, path, tag if colon else _DEFAULT_TAG)
