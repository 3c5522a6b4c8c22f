"""The ways to build an image that are compared: Dockerfiles written by hand, and depsfirst."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scripts.engines import BASE

from bench import projects
from bench.docker import PREFIX
from bench.measure import measure

if TYPE_CHECKING:
    from bench.docker import Docker
    from bench.measure import Sample
    from bench.projects import WorkingCopy

DOCKERFILES = Path(__file__).parent / "dockerfiles"
REQUIREMENTS = projects.REPOSITORY / "requirements" / "managers.txt"
TOOLS = "localtools:1"


class Variant(Protocol):
    """One way to build.

    Attributes:
        key: a letter.
        title: what it is, for people.
        shares: whether what one project built can help another.
    """

    key: str
    title: str
    shares: bool

    def copy(self, name: str, target: Path) -> WorkingCopy:
        """A fresh copy of a project, ready to be built in this way."""
        ...

    def build(self, copy: WorkingCopy, docker: Docker) -> Sample:
        """Build the image ``tag(copy)`` and have it in the daemon: what is timed."""
        ...

    def reset(self, docker: Docker) -> None:
        """Forget all that was ever built in this way; the base stays."""
        ...

    def kept(self) -> dict[str, int]:
        """Bytes kept between builds outside the daemon, by kind."""
        ...


def tag(variant: Variant, copy: WorkingCopy) -> str:
    """The name of the image of a project built in a way."""
    return f"{PREFIX}{variant.key}-{copy.name}:latest"


@dataclass
class Handwritten:
    """A Dockerfile, built with BuildKit."""

    key: str
    title: str
    dockerfile: str
    lock: str
    shares: bool = False

    def copy(self, name: str, target: Path) -> WorkingCopy:
        """A fresh copy with the Dockerfile in it."""
        copy = projects.copy(name, target, lock=self.lock)
        text = (DOCKERFILES / self.dockerfile).read_text().replace("NAME", name)
        (target / "Dockerfile").write_text(text)
        return copy

    def build(self, copy: WorkingCopy, docker: Docker) -> Sample:
        """``docker build``."""
        return docker.build(copy.directory, tag(self, copy))

    def reset(self, docker: Docker) -> None:
        """Remove the images, the build cache and the cache mounts."""
        docker.forget()

    def kept(self) -> dict[str, int]:
        """Nothing: BuildKit keeps it in the daemon."""
        return {}


@dataclass
class Initialized(Handwritten):
    """The Dockerfile that ``depsfirst init`` writes, built with BuildKit as the others are."""

    program: Path = Path("depsfirst")

    def copy(self, name: str, target: Path) -> WorkingCopy:
        """A fresh copy with the Dockerfile and the ignore file that are made for it."""
        copy = projects.copy(name, target, lock=self.lock)
        (target / ".dockerignore").unlink()
        command = [str(self.program), "init", str(target), "--base", BASE]
        subprocess.run(command, check=True, capture_output=True)
        return copy


@dataclass
class Depsfirst:
    """``depsfirst build --load``."""

    program: Path
    base: Path
    cache: Path
    key: str = field(default="d", init=False)
    title: str = field(default="depsfirst build --load", init=False)
    shares: bool = field(default=True, init=False)

    def copy(self, name: str, target: Path) -> WorkingCopy:
        """A fresh copy with its poetry.lock."""
        return projects.copy(name, target, lock="poetry")

    def build(self, copy: WorkingCopy, docker: Docker) -> Sample:
        """Build on the base's archive and load into the daemon."""
        command = [str(self.program), "build", str(copy.directory), "--load"]
        command += ["--tag", tag(self, copy), "--base", f"docker-archive:{self.base}"]
        variables = {**docker.variables(), "DEPSFIRST_CACHE_DIR": str(self.cache)}
        return measure(command, variables=variables, log=docker.log)

    def reset(self, docker: Docker) -> None:
        """Remove the images and empty depsfirst's cache."""
        docker.forget()
        if self.cache.exists():
            shutil.rmtree(self.cache)

    def kept(self) -> dict[str, int]:
        """Bytes in the cache, by kind."""
        found = {}
        for kind in sorted(self.cache.iterdir()) if self.cache.exists() else []:
            found[kind.name] = sum(file.stat().st_size for file in kind.rglob("*") if file.is_file())
        return found


def all_variants(program: Path, base: Path, cache: Path) -> list[Variant]:
    """The six of them, the simplest first; ``program`` is depsfirst."""
    return [
        Handwritten("n", "COPY . . then pip install .", "naive", "pip"),
        Handwritten("s", "Poetry, dependencies first by hand", "poetry", "poetry"),
        Handwritten("u", "the uv guide's Dockerfile", "uv", "uv", shares=True),
        Handwritten("c", "the same with bytecode, as uv's example", "uv-bytecode", "uv", shares=True),
        Initialized("i", "depsfirst init, then docker build", "", "uv", shares=True, program=program),
        Depsfirst(program, base, cache),
    ]


def provide_tools(docker: Docker, scratch: Path) -> None:
    """Make the image that both managers' Dockerfiles start from, in place of their official images.

    The index is named to Poetry's mirror plugin, as not every index has the pages it asks the default for.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    if docker.has(TOOLS):
        return
    context = scratch / "tools"
    context.mkdir(parents=True, exist_ok=True)
    shutil.copy(REQUIREMENTS, context / "managers.txt")
    text = (DOCKERFILES / "tools").read_text() + f"ENV POETRY_PYPI_MIRROR_URL={PYPI_SIMPLE_ENDPOINT}\n"
    (context / "Dockerfile").write_text(text)
    docker.build(context, TOOLS)
