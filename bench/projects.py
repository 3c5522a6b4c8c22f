"""Fresh copies of the benchmark's projects, and the edits a developer makes to them."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = {"larder": REPOSITORY / "examples" / "larder", "kiosk": REPOSITORY / "examples" / "kiosk"}
IGNORED = shutil.ignore_patterns("__pycache__", ".*", "dist")

DOCKERIGNORE = "**/__pycache__\n**/.venv\n**/.git\n"


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """A copy of a project that is edited and built, at a version and with a line of its code."""

    name: str
    directory: Path
    version: str
    tagline: str

    @property
    def introduction(self) -> str:
        """What the program prints when it is asked for its version."""
        return f"{self.name} {self.version}: {self.tagline}"

    def edited(self) -> WorkingCopy:
        """Change one line of the code to one that was never there before."""
        line = f"edited at {secrets.token_hex(6)}"
        _substitute(self.directory / "src" / self.name / "about.py", r'TAGLINE = ".*"', f'TAGLINE = "{line}"')
        return replace(self, tagline=line)

    def bumped(self) -> WorkingCopy:
        """Change the version to one that was never there before, and lock again.

        Poetry's lock does not record the project's own version; uv's does.
        """
        major, minor, _ = self.version.split(".")
        version = f"{major}.{minor}.{secrets.randbelow(10**9)}"
        _substitute(self.directory / "pyproject.toml", r'(?m)^version = ".*"', f'version = "{version}"')
        if (self.directory / "uv.lock").exists():
            lock_with_uv(self.directory)
        return replace(self, version=version)


def copy(name: str, target: Path, *, lock: str) -> WorkingCopy:
    """A fresh copy with the same pins in the lock of ``poetry``, ``uv`` or ``pip`` (a constraints file)."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(SOURCES[name], target, ignore=IGNORED)
    (target / ".dockerignore").write_text(DOCKERIGNORE)
    manifest = tomllib.loads((target / "pyproject.toml").read_text())
    if lock == "pip":
        (target / "constraints.txt").write_text("".join(f"{pin}\n" for pin in pins(target)))
    if lock == "uv":
        _constrain(target)
        lock_with_uv(target)
    about = (target / "src" / name / "about.py").read_text()
    tagline = re.search(r'TAGLINE = "(.*)"', about)
    assert tagline
    return WorkingCopy(name, target, manifest["project"]["version"], tagline[1])


def pins(directory: Path) -> list[str]:
    """The main group of a project's poetry.lock as requirements."""
    lock = tomllib.loads((directory / "poetry.lock").read_text())
    packages = [package for package in lock["package"] if "main" in package["groups"]]
    return sorted(_pin(package) for package in packages)


def _pin(package: dict[str, Any]) -> str:
    marker = package.get("markers")
    if isinstance(marker, dict):
        marker = marker.get("main")
    return f"{package['name']}=={package['version']}" + (f" ; {marker}" if marker else "")


def _constrain(directory: Path) -> None:
    """Hold uv to the pins of poetry.lock, as a lock of uv's names hosts and so is made when it is needed."""
    lines = "".join(f"    {pin!r},\n" for pin in pins(directory))
    with (directory / "pyproject.toml").open("a") as manifest:
        manifest.write(f"\n[tool.uv]\nconstraint-dependencies = [\n{lines}]\n")
    (directory / "poetry.lock").unlink()


def lock_with_uv(directory: Path) -> None:
    """Write uv.lock."""
    done = subprocess.run(
        [sys.executable, "-m", "uv", "lock", "--quiet", "--directory", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f'"uv lock" in {directory} failed: {done.stderr}')


def _substitute(file: Path, pattern: str, text: str) -> None:
    new, count = re.subn(pattern, text, file.read_text())
    assert count == 1, file
    file.write_text(new)
