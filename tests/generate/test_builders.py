"""Builders of buildx: one that is reached over BuildKit's own protocol, several platforms, push, and a context."""

from __future__ import annotations

import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripts.shared_cache import registry
from tests.conftest import completed, program, run
from tests.generate.buildkit_door import buildkit_door
from tests.generate.managed import KINDS, Managed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.docker, pytest.mark.containerd, pytest.mark.index, pytest.mark.slow]

BASE = "localbase:1"
PLATFORMS = ["linux/amd64", "linux/amd64/v2"]


@pytest.fixture
def team(buildx: Path, docker_classic: str, docker_containerd: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The builder "team": BuildKit of one daemon, used by a client whose own daemon is the other one."""
    monkeypatch.setenv("DOCKER_HOST", docker_classic)
    with (
        tempfile.TemporaryDirectory(prefix="door-") as folder,  # a socket's path has to be short
        buildkit_door(docker_containerd, Path(folder) / "s") as url,
    ):
        run(buildx, "create", "--name", "team", "--driver", "remote", url)
        yield "team"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / f"team-{secrets.token_hex(4)}"
    root.mkdir()
    return Managed(KINDS["uv"], root).project


def built(project: Path, *words: str) -> dict[str, Any]:
    """What the product says of a build with the network of the machine, which a builder has to be allowed."""
    command = [sys.executable, "-m", "depsfirst", "build", str(project), "--engine", "buildkit", "--format", "json"]
    command += ["--base", BASE, *words]
    command += ["--"] if "--" not in words else []
    command += ["--network=host", "--progress=plain"]
    done = completed(command)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_builder_of_another_machine(team: str, project: Path, docker_classic: str) -> None:
    tag = project.name
    said = built(project, "--builder", team, "--tag", tag, "--", "--allow=network.host")
    try:
        assert {layer["kind"] for layer in said["layers"]} >= {"base", "dependencies", "code"}
        assert run("docker", "-H", docker_classic, "run", "--rm", "--network", "none", tag).startswith("shop 1: ")
    finally:
        run("docker", "-H", docker_classic, "image", "rm", "--force", tag)


def test_platforms_are_pushed_as_one_image(team: str, project: Path, tmp_path: Path) -> None:
    program("docker-registry")
    with registry(tmp_path) as address:
        tag = f"{address}/{project.name}:1"
        words = ["--builder", team, "--tag", tag, "--platform", ",".join(PLATFORMS)]
        said = built(project, *words, "--", "--allow=network.host", "--push", "--provenance=false")
        index = json.loads(run(program("skopeo"), "inspect", "--tls-verify=false", "--raw", f"docker://{tag}"))
    found = [each["platform"] for each in index["manifests"]]
    assert ["/".join([each["os"], each["architecture"], *filter(None, [each.get("variant")])]) for each in found] == (
        PLATFORMS
    )
    assert said["layers"] == []
    assert said["digest"].startswith("sha256:")


def test_context_of_another_daemon(
    buildx: Path, project: Path, docker_containerd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    run("docker", "context", "create", "second", "--docker", f"host={docker_containerd}", env={**os.environ})
    monkeypatch.setenv("DOCKER_CONTEXT", "second")
    tag = project.name
    said = built(project, "--tag", tag)
    try:
        assert said["digest"].startswith("sha256:")
        assert run("docker", "-H", docker_containerd, "run", "--rm", "--network", "none", tag).startswith("shop 1: ")
    finally:
        run("docker", "-H", docker_containerd, "image", "rm", "--force", tag)
