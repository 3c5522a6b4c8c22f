"""SHA-256 that does without OpenSSL as long as little is hashed.

To load OpenSSL takes 3 to 4 ms; then it hashes a million bytes in half a millisecond. CPython's own is there at once,
and takes four. An edit of code hashes some ten thousand bytes.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # the module typing takes longer to import than all that is hashed
if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash

_LITTLE = 1 << 19
"""Bytes that are hashed sooner than OpenSSL is loaded."""


class _Sha256:
    """Makes digests; what a process hashes with CPython's own is counted."""

    def __init__(self) -> None:
        self._own = _own()
        self._left = _LITTLE

    def __call__(self, data: bytes = b"", *, size: int = 0) -> _Hash:
        """A new SHA-256, as ``hashlib.sha256`` makes it.

        Args:
            data: its first bytes.
            size: how many more will come, as far as that is known.
        """
        self._left -= len(data) + size
        if self._own is None or self._left < 0 or "hashlib" in sys.modules:
            from hashlib import sha256

            return sha256(data)
        return self._own(data)


def _own() -> Callable[[bytes], _Hash] | None:
    """CPython's own, where it was built with it."""
    name = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
    try:
        made: Callable[[bytes], _Hash] = __import__(name).sha256
    except ImportError:
        return None
    return made


sha256 = _Sha256()
