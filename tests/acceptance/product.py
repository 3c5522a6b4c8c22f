"""The command line of the product, started as a user starts it: a process of its own with a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import depsfirst

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCES = str(Path(depsfirst.__file__).parents[1])
_LEFT_OUT = ("DOCKER_", "DEPSFIRST_CACHE", "SOURCE_DATE_EPOCH", "PYTHON", "COV_", "COVERAGE_", "VIRTUAL_ENV")
_NOWHERE = "unix:///nonexistent/docker.sock"
_SECONDS = 600
FAILURE = 2


@dataclass(frozen=True)
class Said:
    """What a process said, and the status it ended with."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Made:
    """What a build reports of an image, and where it was written.

    Attributes:
        report: the object of ``--format json``.
        stderr: what it said to people.
        output: the archive or layout; None if it was loaded.
    """

    report: dict[str, Any]
    stderr: str
    output: Path | None

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return str(self.report["digest"])

    @property
    def how(self) -> str:
        """What became of the project's wheel."""
        return str(self.report["code"]["how"])

    @property
    def kinds(self) -> list[str]:
        """Kinds of the layers, lowest first."""
        return [layer["kind"] for layer in self.report["layers"]]

    def layers(self, kind: str) -> list[dict[str, Any]]:
        """The layers of a kind, lowest first."""
        return [layer for layer in self.report["layers"] if layer["kind"] == kind]

    def diff_ids(self, kind: str) -> list[str]:
        """Their diff ids."""
        return [layer["diff_id"] for layer in self.layers(kind)]

    def differing(self, other: Made) -> set[str]:
        """The kinds of layers in which two images differ."""
        kinds = {*self.kinds, *other.kinds}
        return {kind for kind in kinds if self.diff_ids(kind) != other.diff_ids(kind)}


@dataclass(frozen=True)
class Product:
    """``depsfirst`` with a cache, and with more variables; no Docker is found unless one is named.

    Attributes:
        cache: its cache directory.
        variables: of its environment.
        base: where images start; None leaves it to the project.
    """

    cache: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    base: str | None = None

    def using(self, cache: Path | None = None, base: str | None = None, **variables: str) -> Product:
        """The same with another cache or base, or with more variables."""
        more = {**self.variables, **variables}
        return replace(self, cache=cache or self.cache, base=base or self.base, variables=more)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        own = {"DEPSFIRST_CACHE_DIR": str(self.cache), "PYTHONPATH": _SOURCES, "DOCKER_HOST": _NOWHERE}
        return {**kept, **own, **self.variables}

    @staticmethod
    def command(*words: str | Path) -> list[str]:
        """The words of a command line."""
        return [sys.executable, "-m", "depsfirst", *(str(word) for word in words)]

    def run(self, *words: str | Path, cwd: Path | None = None, umask: int = -1) -> Said:
        """Run it to its end, whatever that is."""
        done = subprocess.run(
            self.command(*words),
            env=self.environment,
            cwd=cwd,
            umask=umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start it, in a process group of its own."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def build(self, project: Path, output: Path | str | None, *words: str | Path, umask: int = -1) -> Made:
        """Build an image that has to succeed: ``FILE.tar``, ``oci:DIR``, or None for the local Docker."""
        said = self.run(*self.order(project, output), "--format", "json", *words, umask=umask)
        assert said.status == 0, said.stderr
        return Made(json.loads(said.stdout), said.stderr, _path(output))

    def order(self, project: Path, output: Path | str | None) -> list[str]:
        """The words of a build."""
        where = ["--load"] if output is None else ["-o", str(output)]
        return ["build", str(project), *where, *(["--base", self.base] if self.base else [])]

    def refused(self, project: Path, output: Path | str, *words: str | Path) -> str:
        """Build an image that cannot be built; what it says."""
        said = self.run(*self.order(project, output), *words)
        assert said.status == FAILURE, said
        assert not said.stdout
        assert "Traceback" not in said.stderr
        path = _path(output)
        assert path is not None
        assert not path.exists()
        return said.stderr


def _path(output: Path | str | None) -> Path | None:
    return None if output is None else Path(str(output).removeprefix("oci:").partition(":")[0])
