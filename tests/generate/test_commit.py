"""A package that is locked to a commit of a private repository, in a build of the generated Dockerfile."""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING

import pytest
from tests.conftest import completed, run
from tests.generate.test_secret import BASE, saved
from tests.gitserver import commit, project, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.index, pytest.mark.debian, pytest.mark.slow]

MANIFEST = """\
[project]
name = "shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["tea"]
[project.scripts]
shop = "shop:main"
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"
"""


def test_a_commit_is_installed_and_its_password_kept_nowhere(docker_classic: str, tmp_path: Path) -> None:
    password = f"pw-{secrets.token_hex(16)}"
    wanted = commit(tmp_path / "served/tea", project("tea", code="PRICE = 3\n"))
    root = tmp_path / f"commit-{secrets.token_hex(4)}"
    root.mkdir()
    (root / "pyproject.toml").write_text(MANIFEST)
    (root / "shop.py").write_text("import tea\n\ndef main():\n    print(tea.PRICE)\n")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login ada password {password}\n")
    tag = f"{root.name}:1"
    with served(tmp_path / "served", login=f"ada:{password}") as server:
        (root / "requirements.txt").write_text(f"tea @ git+{server.url}/tea/.git@{wanted}\n")
        run(sys.executable, "-m", "depsfirst", "init", root, "--base", BASE)
        command = [sys.executable, "-m", "depsfirst", "build", str(root), "--engine", "buildkit", "-t", tag]
        command += ["--", "--network=host", f"--secret=id=netrc,src={netrc}", "--progress=plain"]
        environment = {**os.environ, "DOCKER_HOST": docker_classic}
        done = completed(command, env=environment)
        assert done.returncode == 0, done.stderr[-4000:]
    try:
        assert run("docker", "-H", docker_classic, "run", "--rm", "--network=none", tag) == "3\n"
        assert password not in done.stdout + done.stderr
        assert password.encode() not in saved(docker_classic, tag)
    finally:
        run("docker", "-H", docker_classic, "image", "rm", "--force", tag)
