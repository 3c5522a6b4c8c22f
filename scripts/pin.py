"""Pins the newest versions: of what the checks and tests need, with hashes, and of the tools that Dockerfiles install.

No host is named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from depsfirst.generate import scheme

SETS = {"dev": ("pyproject.toml", "requirements/dev.in"), "managers": ("requirements/managers.in",)}
SCHEME = Path(scheme.__file__)

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
    SCHEME.write_text(raised(SCHEME.read_text()))


def raised(text: str) -> str:
    """The text of ``generate/scheme.py`` with the newest version of each tool: each is installed by itself."""
    for pin in pins():
        newest = _newest(pin.name)
        text, count = re.subn(rf'("{pin.name}", "{pin.argument}", )"[^"]+"', rf'\g<1>"{newest}"', text)
        assert count == 1, pin.name
    return text


def pins() -> list[scheme.Pin]:
    """The tools that Dockerfiles install."""
    return [value for value in vars(scheme).values() if isinstance(value, scheme.Pin)]


def _newest(name: str) -> str:
    options = ("--quiet", "--no-deps", "--no-header", "--no-annotate", "--no-emit-index-url", "--python-version=3.11")
    text = _compile(*options, "-", text=f"{name}\n")
    return text.strip().removeprefix(f"{name}==")


def _compile(*words: str, text: str | None = None) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", *words]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main()
