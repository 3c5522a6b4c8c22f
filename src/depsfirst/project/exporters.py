"""Which releases of managers' exporters fit together, for all that write Dockerfiles with them."""

from __future__ import annotations

POETRY_PLUGIN = "poetry-plugin-export"
NEWEST_POETRY_PLUGIN = "1.10.1"
"""For Poetry 2.1 and newer, on Python 3.10 and newer."""

_OLDER = "1.9.0"
_POETRY_OF_THE_NEWEST = (2, 1)
_PYTHON_OF_THE_NEWEST = (3, 10)


def poetry_plugin(poetry: tuple[int, ...], python: tuple[int, int] | None = None) -> str:
    """The release of the export plugin for a release of Poetry 2.

    Args:
        poetry: its version, or what begins it.
        python: the version that Poetry runs on; None where it is not known, and taken for one that is not old.
    """
    if poetry < _POETRY_OF_THE_NEWEST[: len(poetry)] or (python and python < _PYTHON_OF_THE_NEWEST):
        return _OLDER
    return NEWEST_POETRY_PLUGIN
