"""What real builders are sent of a directory with the ignore file that ``init`` writes: nothing that git ignores."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from tests.conftest import program, run
from tests.generate.cases import CASES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.generate.conftest import Make, Write

RULES = "*.sqlite3\n/secrets/\nlib/\n.env*\n!.env.example\nuploads/\n!/uploads/keep/\n/data/*\n!/data/public/\n"
SENT = {"data/public/logo", "lib/tracked.py", "main.py", "deep/lib/forced.py"}
UNSENT = {
    ".git/secret",
    "aws.env/.env.local",
    "data/dump",
    "data/public/db.sqlite3",
    "deep/db.sqlite3",
    "deep/lib/key",
    "lib/deep/key",
    "lib/key",
    "secrets/a/b",
    "secrets/token",
    "uploads/keep/photo",
    "uploads/photo",
}


@pytest.fixture
def root(write: Write, make: Make) -> Path:
    """A project in a work tree of git, with its ignore file, and a Dockerfile that takes what it is sent."""
    folder = write(CASES["uv-tree"].files | dict.fromkeys(SENT - {"main.py"}, "") | {".gitignore": RULES})
    run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", "--force", cwd=folder)
    for name in UNSENT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    made = make(folder)
    (folder / ".dockerignore").write_text(made.files[folder / ".dockerignore"])
    (folder / "probe.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return folder


def hold(sent: Path) -> None:
    files = {path.relative_to(sent).as_posix() for path in sent.rglob("*") if path.is_file()}
    assert files >= SENT
    assert files & UNSENT == set()
    assert not {path.relative_to(sent).as_posix() for path in sent.rglob("*") if path.is_dir()} & {"secrets", "uploads"}


def sent_by(root: Path, target: Path, *client: str, **variables: str) -> None:
    words = ["--file", str(root / "probe.Dockerfile"), "--output", f"type=local,dest={target}", str(root)]
    run(*client, *words, env={**os.environ, **variables})
    hold(target)


@pytest.mark.docker
def test_buildkit_with_buildx(root: Path, tmp_path: Path, docker_classic: str, buildx: Path) -> None:
    sent_by(root, tmp_path / "sent", str(buildx), "build", DOCKER_HOST=docker_classic)


@pytest.mark.docker
def test_buildkit_with_the_client_of_docker_20(root: Path, tmp_path: Path, docker_classic: str) -> None:
    client = "/usr/bin/docker"
    version = run(
        client, "version", "--format", "{{.Client.Version}}", env={**os.environ, "DOCKER_HOST": docker_classic}
    )
    if not version.startswith("20."):
        pytest.skip("another client stands there, which has the ignore rules of its BuildKit")
    sent_by(root, tmp_path / "sent", client, "build", DOCKER_HOST=docker_classic, DOCKER_BUILDKIT="1")


@pytest.mark.podman
def test_podman(root: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="podman-") as folder:  # its paths have to be short
        stored = ("--root", f"{folder}/g", "--runroot", f"{folder}/r", "--storage-driver", "vfs")
        sent_by(root, tmp_path / "sent", program("podman"), *stored, "build", "--isolation", "chroot")
