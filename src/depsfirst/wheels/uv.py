"""Where the program uv is."""

from __future__ import annotations

from threading import Lock

from depsfirst.errors import DepsfirstError

_ALONE = Lock()
"""Looking for it asks ``sysconfig``, whose first answers are wrong if two threads ask before any is there."""


def uv_program() -> str:
    """The path of the program that the distribution uv brings.

    Raises:
        DepsfirstError: it is missing.
    """
    from uv import find_uv_bin

    try:
        with _ALONE:
            return find_uv_bin()
    except FileNotFoundError as error:
        raise DepsfirstError(
            f'the program "uv" is missing: {error}', hint="install depsfirst again; uv comes with it"
        ) from error
