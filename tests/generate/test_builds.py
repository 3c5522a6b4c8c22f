from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import BUSY, LONG, absent, run
from tests.generate.managed import KINDS, Managed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.index, pytest.mark.slow]

BASE = "localbase:1"
STAGES = {"base", "tools", "recipe", "installed", "dependencies", "backend", "libraries", "code", "final"}
NEEDED = {"tools", "dependencies", "backend"}
"""Stages of which no command runs again after an edit that changes no dependency."""
_MOST_TRIES = 3
_SAMPLE = {"uv", "poetry", "tree", "workspace"}
"""Kinds that are built on both daemons; the others on the one whose BuildKit is the oldest."""
_STEP = re.compile(r"^#(\d+) \[(\w+) +\d+/\d+\] (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Built:
    """A build: stages of which a command ran, and the JSON object."""

    ran: set[str]
    said: dict[str, Any]

    @property
    def new(self) -> list[str]:
        """Kinds of the layers that the image before did not have."""
        return [layer["kind"] for layer in self.said["layers"] if not layer["reused"]]


class Engine:
    """A daemon, built with by the product."""

    def __init__(self, url: str, *, old: bool) -> None:
        self.url = url
        self.old = old
        self.made: list[str] = []

    def build(self, directory: Path, *words: str) -> Built:
        """Build what is in a directory."""
        command = [sys.executable, "-m", "depsfirst", "build", str(directory), "--engine", "buildkit"]
        command += ["--format", "json", *words, "--", "--network", "host", "--progress", "plain"]
        environment = {**os.environ, "DOCKER_HOST": self.url, "BUILDKIT_STEP_LOG_MAX_SIZE": "-1"}
        ran: set[str] = set()
        for _ in range(_MOST_TRIES):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG, check=False)
            if done.returncode == 0 or not BUSY.search(done.stderr):
                break
            ran |= self.ran(done.stderr)
        assert done.returncode == 0, done.stderr[-5000:]
        said = json.loads(done.stdout)
        self.made.append(said["reference"])
        return Built(ran | self.ran(done.stderr), said)

    @staticmethod
    def ran(progress: str) -> set[str]:
        """Stages of which a RUN was executed."""
        found = {number: (stage, word) for number, stage, word in _STEP.findall(progress)}
        cached = set(re.findall(r"^#(\d+) CACHED", progress, re.MULTILINE))
        stages = {stage for stage, _ in found.values()}
        assert stages <= STAGES
        assert stages, progress[-3000:]
        return {stage for number, (stage, word) in found.items() if word == "RUN" and number not in cached}

    def docker(self, *words: str) -> str:
        return run("docker", "-H", self.url, *words)

    def said(self, tag: str) -> str:
        """What an image prints."""
        return self.docker("run", "--rm", "--network", "none", tag)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A Docker of one of both kinds."""
    url = request.getfixturevalue(f"docker_{request.param}")
    if BASE not in run("docker", "-H", url, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"):
        absent(f'the image "{BASE}" is needed')
    found = Engine(url, old=request.param == "classic")
    yield found
    for reference in set(found.made):
        found.docker("image", "rm", "--force", reference)


@pytest.fixture
def initialized(tmp_path: Path) -> Callable[[str], Managed]:
    """A project of a kind with its Dockerfile, whose base is one that no build knows."""

    def made(kind: str) -> Managed:
        root = tmp_path / f"shop-{secrets.token_hex(4)}"
        root.mkdir()
        managed = Managed(KINDS[kind], root)
        run(sys.executable, "-m", "depsfirst", "init", managed.project, "--base", BASE)
        dockerfile = managed.project / "Dockerfile"
        first = f"FROM {BASE} AS base\n"
        text = dockerfile.read_text()
        assert first in text
        dockerfile.write_text(text.replace(first, f"{first}RUN echo {secrets.token_hex(8)}\n"))
        return managed

    return made


BESIDE = (Managed.set_linter, Managed.edit_readme, Managed.bump_development)
"""Edits that may leave the project's wheel as it was."""
INSIDE = (Managed.edit_code, Managed.bump_version)
"""Edits that change it. Those of a group are built together: if nothing runs again for all, nothing does for one."""


@pytest.mark.parametrize(
    ("kind", "engine"),
    [
        (kind, store)
        for kind in sorted(set(KINDS) - {"django"})  # its program prints nothing of its own
        for store in ("classic", "containerd")
        if store == "classic" or kind in _SAMPLE
    ],
    indirect=["engine"],
)
def test_edits_install_nothing_and_replace_the_last_layer(
    kind: str, engine: Engine, initialized: Callable[[str], Managed]
) -> None:
    managed = initialized(kind)
    tag = managed.root.name
    first = engine.build(managed.project, "--tag", tag)
    needed = NEEDED & first.ran
    assert {"tools", "dependencies", "code"} <= first.ran
    assert engine.said(tag).startswith("shop 1: ")
    for edits, expected in ((BESIDE, (["code"], [])), (INSIDE, (["code"],))):
        for edit in edits:
            edit(managed)
        after = engine.build(managed.project, "--tag", tag)
        assert after.ran & needed == set(), edits
        assert after.new in expected, edits
    assert engine.said(tag).startswith("shop 11: ")
    managed.add_dependency()
    after = engine.build(managed.project, "--tag", tag)
    assert "dependencies" in after.ran
    assert "dependencies" in after.new
    assert engine.said(tag).startswith("shop 11: ")
