"""Whatever on this machine runs an image: Docker, podman, or umoci with runc."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN_SECONDS = 300
PROBE_SECONDS = 20


class Runner(Protocol):
    """Runs images that were built with the options ``output`` gives.

    Attributes:
        name: of the program.
    """

    name: str

    def output(self, folder: Path) -> list[str]:
        """The options that make a build put its image where this runner takes it from."""
        ...

    def forget(self, reference: str) -> None:
        """Remove what an earlier demonstration left outside the folder."""
        ...

    def run(self, reference: str, folder: Path, *arguments: str) -> str:
        """What the image's entry point prints with these arguments, without a network."""
        ...


class Docker:
    """The local Docker; of the images that it runs only the newest stays."""

    name = "docker"

    def __init__(self) -> None:
        self._newest = ""

    def forget(self, reference: str) -> None:
        """Remove the image of this name, if there is one."""
        if _output(["docker", "image", "ls", "--quiet", reference]):
            _output(["docker", "image", "rm", "--force", reference])

    def output(self, folder: Path) -> list[str]:
        """Load the image."""
        del folder
        return ["--load"]

    def run(self, reference: str, folder: Path, *arguments: str) -> str:
        """``docker run``."""
        del folder
        newest = _output(["docker", "image", "inspect", "--format", "{{.Id}}", reference])
        if self._newest not in {"", newest}:
            _output(["docker", "image", "rm", "--force", self._newest])
        self._newest = newest
        return _output(["docker", "run", "--rm", "--network", "none", reference, *arguments])


class Podman:
    """podman, with its storage in the folder, so that none of the user's is touched."""

    name = "podman"

    def forget(self, reference: str) -> None:
        """Nothing: all is in the folder."""

    def output(self, folder: Path) -> list[str]:
        """Write an archive."""
        return ["--output", str(folder / "image.tar")]

    def run(self, reference: str, folder: Path, *arguments: str) -> str:
        """``podman run``, and once more with low limits where the machine forbids podman to raise them."""
        del reference
        podman = ["podman", "--root", str(folder / "podman"), "--runroot", str(folder / "podman-run")]
        run = [*podman, "run", "--rm", "--network", "none"]
        image = f"docker-archive:{folder / 'image.tar'}"
        try:
            return _output([*run, image, *arguments])
        except subprocess.CalledProcessError:
            limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
            return _output([*run, *limits, image, *arguments])


class Runc:
    """runc, on what umoci unpacks."""

    name = "umoci and runc"

    def forget(self, reference: str) -> None:
        """Nothing: all is in the folder."""

    def output(self, folder: Path) -> list[str]:
        """Write an OCI layout."""
        return ["--output", f"oci:{folder / 'layout'}:latest"]

    def run(self, reference: str, folder: Path, *arguments: str) -> str:
        """``umoci unpack``, then ``runc run``."""
        del reference
        bundle = folder / "bundle"
        if bundle.exists():
            shutil.rmtree(bundle)
        rootless = [] if os.geteuid() == 0 else ["--rootless"]
        _output(["umoci", "unpack", *rootless, "--image", f"{folder / 'layout'}:latest", str(bundle)])
        config = json.loads((bundle / "config.json").read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] += arguments
        (bundle / "config.json").write_text(json.dumps(config))
        return _output(["runc", "--root", str(folder / "runc"), "run", "--bundle", str(bundle), "depsfirst-demo"])


def find_runner(wanted: str | None = None) -> Runner | None:
    """The first of them that works here, or the ``wanted`` one; None where there is none."""
    found: list[tuple[Runner, bool]] = [
        (Docker(), _works(["docker", "version"])),
        (Podman(), _works(["podman", "info"])),
        (Runc(), bool(shutil.which("umoci") and shutil.which("runc"))),
    ]
    works = [runner for runner, works in found if works and wanted in {None, runner.name.split()[-1]}]
    return works[0] if works else None


def _works(command: Sequence[str]) -> bool:
    if not shutil.which(command[0]):
        return False
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=PROBE_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=RUN_SECONDS)
    return done.stdout.strip()
