"""Pins the newest versions: of what the checks and tests need, with hashes, and of the tools that Dockerfiles install.

No host is named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.generate import scheme
from depsfirst.project import exporters

if TYPE_CHECKING:
    from collections.abc import Mapping

SETS = {"dev": ("pyproject.toml", "requirements/dev.in"), "managers": ("requirements/managers.in",)}
PINNED = (Path(scheme.__file__), Path(exporters.__file__))
"""Where versions of tools stand: those of the pins, and of Poetry's plugin, which depends on Poetry's own."""

OPTIONS = (
    "--quiet",
    "--upgrade",
    "--generate-hashes",
    "--universal",
    "--no-emit-index-url",
    "--python-version=3.11",
    "--custom-compile-command=make requirements",
)


def main() -> None:
    """Write each set's file, and the versions of the tools."""
    for name, sources in SETS.items():
        _compile(*OPTIONS, *sources, "--output-file", f"requirements/{name}.txt")
    newest = {pin.name: _newest(pin) for pin in pins()}
    for path in PINNED:
        path.write_text(raised(path.read_text(), newest))


def raised(text: str, newest: Mapping[str, str]) -> str:
    """The text of a module with the newest versions of tools, by their names, in place of those it pins."""
    for pin in pins():
        version = f'"{newest[pin.name]}"'
        text = re.sub(rf'(= Pin\("{pin.name}", "{pin.argument}", )"[^"]+"', rf"\g<1>{version}", text)
    plugin = f'"{newest[exporters.POETRY_PLUGIN]}"'
    return re.sub(r'(?m)^(NEWEST_POETRY_PLUGIN = )"[^"]+"', rf"\g<1>{plugin}", text)


def pins() -> list[scheme.Pin]:
    """The tools that Dockerfiles install."""
    return [value for value in vars(scheme).values() if isinstance(value, scheme.Pin)]


def _newest(pin: scheme.Pin) -> str:
    """The newest version that can be installed, with all that it needs: an extra like ``[locked]`` pins that."""
    options = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--python-version=3.11")
    text = _compile(*options, "-", text=f"{pin.name}{pin.extra}\n")
    version: str
    (version,) = re.findall(rf"(?m)^{re.escape(pin.name)}(?:\[[^\]]*\])?==(\S+)$", text)
    return version


def _compile(*words: str, text: str | None = None) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", *words]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
