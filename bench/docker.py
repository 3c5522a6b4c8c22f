"""A Docker daemon as the benchmark needs it: build, run, load, forget, and say which layers an image has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure import Sample, measure
from depsfirst.oci.stores.daemon import LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PREFIX = "bench-"
"""How the names of all images begin that the benchmark makes and removes."""

COMMAND_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """A layer: the digest of its uncompressed tar, the bytes in its files, and those of the tar."""

    digest: str
    content: int
    size: int


@dataclass(frozen=True, slots=True)
class Docker:
    """A daemon: what to call it, its URL, and the client that drives it."""

    name: str
    url: str
    client: str
    log: Path

    def build(self, context: Path, tag: str) -> Sample:
        """Build with BuildKit."""
        command = [self.client, "build", "--network", "host", "--progress", "plain", "-t", tag, str(context)]
        return measure(command, variables={**self.variables(), "DOCKER_BUILDKIT": "1"}, log=self.log)

    def variables(self) -> dict[str, str]:
        """What tells a client of the daemon."""
        return {"DOCKER_HOST": self.url}

    def run(self, image: str, *arguments: str, program: str | None = None) -> str:
        """What the image's entry point, or another program in it, prints without a network."""
        instead = ["--entrypoint", program] if program else []
        return self._output("run", "--rm", "--network", "none", *instead, image, *arguments).strip()

    def forget(self) -> None:
        """Remove the benchmark's own images, and all of the build cache, cache mounts included.

        Other images of depsfirst would share their layers with its own, and a cold build would be none.
        """
        tags = self._tags()
        ours = [tag for tag in self._tags("--filter", f"label={LABEL}") if not tag.startswith(PREFIX)]
        if ours:
            sys.exit(f"{self.url} has images that share layers with the benchmark's; remove them: {', '.join(ours)}")
        gone = [tag for tag in tags if tag.startswith(PREFIX)]
        if gone:
            self._output("image", "rm", "--force", *gone)
        self._output("image", "prune", "--force")
        self._output("builder", "prune", "--all", "--force")

    def _tags(self, *words: str) -> list[str]:
        return self._output("image", "ls", *words, "--format", "{{.Repository}}:{{.Tag}}").split()

    def prune_images(self) -> None:
        """Remove the images that lost their tag to a newer build."""
        self._output("image", "prune", "--force")

    def has(self, image: str) -> bool:
        """Whether the daemon has an image."""
        return bool(self._output("image", "ls", "--quiet", image).strip())

    def version(self) -> str:
        """The daemon's version."""
        return self._output("version", "--format", "{{.Server.Version}}").strip()

    def layers(self, image: str, scratch: Path) -> list[ImageLayer]:
        """The layers of an image, lowest first, read from what the daemon saves."""
        archive = scratch / "image.tar"
        self._output("image", "save", "-o", str(archive), image)
        try:
            with tarfile.open(archive) as saved:
                manifest = json.load(_member(saved, "manifest.json"))
                config = json.load(_member(saved, manifest[0]["Config"]))
                names = zip(config["rootfs"]["diff_ids"], manifest[0]["Layers"], strict=True)
                return [_layer(saved, digest, name) for digest, name in names]
        finally:
            archive.unlink()

    def _output(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.client, *arguments],
            env={**os.environ, **self.variables()},
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode:
            sys.exit(f'"docker {" ".join(arguments)}" on {self.url} failed: {done.stderr.strip()}')
        return done.stdout


def find_client() -> str:
    """The first Docker client on PATH that can build with BuildKit: an old one, or one with buildx."""
    for folder in os.get_exec_path():
        client = shutil.which("docker", path=folder)
        if client and (_major(client) < 23 or _works([client, "buildx", "version"])):
            return client
    return sys.exit("no Docker client on PATH can build with BuildKit: install docker.io, or docker-buildx")


def _major(client: str) -> int:
    done = subprocess.run(
        [client, "version", "--format", "{{.Client.Version}}"], capture_output=True, text=True, check=False
    )
    return int(done.stdout.partition(".")[0] or 999)


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _member(archive: tarfile.TarFile, name: str) -> tarfile.ExFileObject:
    file = archive.extractfile(name)
    assert isinstance(file, tarfile.ExFileObject), name
    return file


def _layer(saved: tarfile.TarFile, digest: str, name: str) -> ImageLayer:
    content = 0
    with tarfile.open(fileobj=_member(saved, name), mode="r:*") as layer:
        for member in layer:
            content += member.size
        size = layer.offset
    return ImageLayer(digest, content, size)
