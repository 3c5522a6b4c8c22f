"""Ways to run an image: two kinds of Docker, podman, and umoci with runc; each tells what a program in it prints."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING

import pytest
from tests.conftest import program, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.product import Made, Product

PYTHON = "/opt/venv/bin/python"


class InDocker:
    """A Docker daemon that is given the image by the product itself, or by ``docker load``."""

    def __init__(self, url: str, reference: str, *, archive: bool) -> None:
        self.url = url
        self.reference = reference
        self.archive = archive

    def build(self, product: Product, root: Path, folder: Path) -> Made:
        if not self.archive:
            return product.using(DOCKER_HOST=self.url).build(root, None, "-t", self.reference)
        made = product.build(root, folder / "image.tar", "-t", self.reference)
        self.docker("load", "-i", folder / "image.tar")
        return made

    def run(self, *words: str) -> str:
        return self.docker("run", "--rm", "--network", "none", self.reference, *words)

    def python(self, code: str) -> str:
        start = ("run", "--rm", "--network", "none", "--entrypoint", PYTHON)
        return self.docker(*start, self.reference, "-c", code)

    def docker(self, *words: str | Path) -> str:
        return run(program("docker"), "-H", self.url, *words)

    def forget(self) -> None:
        self.docker("image", "rm", "--force", self.reference)


class InPodman:
    """podman, with a store of its own."""

    def __init__(self, podman: Callable[..., str], reference: str) -> None:
        self.podman = podman
        self.reference = reference

    def build(self, product: Product, root: Path, folder: Path) -> Made:
        made = product.build(root, folder / "image.tar", "-t", self.reference)
        self.podman("load", "-i", folder / "image.tar")
        return made

    def run(self, *words: str) -> str:
        return self.podman("run", "--rm", self.reference, *words)

    def python(self, code: str) -> str:
        return self.podman("run", "--rm", "--entrypoint", PYTHON, self.reference, "-c", code)

    def forget(self) -> None:
        """Its store goes with the test."""


class InRunc:
    """runc, with what umoci unpacks of a layout."""

    def __init__(self, umoci: Callable[..., str], folder: Path) -> None:
        self.umoci = umoci
        self.folder = folder

    def build(self, product: Product, root: Path, folder: Path) -> Made:
        made = product.build(root, f"oci:{folder}/layout:1")
        rootless = [] if os.geteuid() == 0 else ["--rootless"]
        self.umoci("unpack", *rootless, "--image", f"{folder}/layout:1", str(self.folder / "bundle"))
        return made

    def run(self, *words: str) -> str:
        return self._run(lambda arguments: [*arguments, *words])

    def python(self, code: str) -> str:
        return self._run(lambda _: [PYTHON, "-c", code])

    def _run(self, change: Callable[[list[str]], list[str]]) -> str:
        path = self.folder / "bundle/config.json"
        text = path.read_text()
        config = json.loads(text)
        config["process"]["terminal"] = False
        config["process"]["args"] = change(config["process"]["args"])
        path.write_text(json.dumps(config))
        name = f"depsfirst-{secrets.token_hex(6)}"
        try:
            root = str(self.folder / "runc")
            return run(program("runc"), "--root", root, "run", "--bundle", str(self.folder / "bundle"), name)
        finally:
            path.write_text(text)

    def forget(self) -> None:
        """All of it is in a folder of the test."""


Machine = InDocker | InPodman | InRunc


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path, reference: str) -> Iterator[Machine]:
    """The machine that the test's parameter names."""
    kind = request.param
    found: Machine
    if kind == "podman":
        found = InPodman(request.getfixturevalue("podman"), reference)
    elif kind == "runc":
        program("runc")
        found = InRunc(request.getfixturevalue("umoci"), tmp_path)
    else:
        store, _, way = kind.partition(" ")
        found = InDocker(request.getfixturevalue(f"docker_{store}"), reference, archive=way == "archive")
    yield found
    found.forget()
