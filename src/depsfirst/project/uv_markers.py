"""Markers as uv understands them: what differs from PEP 508, put into its words."""

from __future__ import annotations

import re

_SYSTEMS = {
    "Darwin": "darwin",
    "Linux": "linux",
    "Windows": "win32",
    "AIX": "aix",
    "Emscripten": "emscripten",
}
_SYSTEM = re.compile(r"""platform_system\s*(?P<operator>==|!=)\s*(?P<quote>['"])(?P<name>\w+)(?P=quote)""")
_PYTHON = re.compile(
    r"""python_(?:full_)?version\s*(?:===|==|!=|<=|>=|~=|<|>)\s*(?P<quote>['"])(?P<version>[^'"]*)(?P=quote)"""
)
_VERSION = re.compile(r"\s*v?\d[0-9A-Za-z.+!*_-]*\s*")
_ALWAYS = "python_version >= '0'"


def in_pep_508(marker: str | None) -> str | None:
    """A marker with what uv takes for the same written the same.

    ``platform_system`` is ``sys_platform`` under another name, and a comparison of Python's version with what is no
    version is passed over.
    """
    if marker is None:
        return None
    return _PYTHON.sub(_compared, _SYSTEM.sub(_renamed, marker))


def _renamed(found: re.Match[str]) -> str:
    name = _SYSTEMS.get(found["name"])
    return f"sys_platform {found['operator']} '{name}'" if name else found[0]


def _compared(found: re.Match[str]) -> str:
    return found[0] if _VERSION.fullmatch(found["version"]) else _ALWAYS
