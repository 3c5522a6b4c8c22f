"""Pins the newest versions of what the checks and tests need, with hashes and without naming any host."""

from __future__ import annotations

import subprocess
import sys

SETS = {"dev": ("pyproject.toml", "requirements/dev.in"), "managers": ("requirements/managers.in",)}

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
    """Write each set's file."""
    for name, sources in SETS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *sources]
        subprocess.run([*command, "--output-file", f"requirements/{name}.txt"], check=True)


if __name__ == "__main__":
    main()
