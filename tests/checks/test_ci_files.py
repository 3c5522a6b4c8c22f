"""The files that users copy or refer to: hooks of pre-commit, the action, and what docs/ci.md shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from depsfirst.checks.discovery.search import is_dockerfile
from depsfirst.project.toml import parse
from depsfirst.settings import read_settings

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
DOCUMENT = (ROOT / "docs/ci.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "a/Dockerfile.dev",
        "a/api.Dockerfile",
        "Containerfile",
        "Dockerfile.md",
        "a/Dockerfile.dockerignore",
        "MyDockerfile",
    ],
)
@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: str(hook["id"]))
def test_hooks_get_the_files_that_a_tree_is_searched_for(hook: dict[str, Any], name: str) -> None:
    wanted = bool(re.search(hook["files"], name)) and not re.search(hook["exclude"], name)
    assert wanted is is_dockerfile(name.rpartition("/")[2])


def run_action(tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action as a runner does, with the program of this repository."""
    program = tmp_path / "temp/depsfirst/bin/depsfirst"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m depsfirst "$@"\n')
    program.chmod(0o755)
    step = ACTION["runs"]["steps"][-1]
    expressions = {name: f"${{{{ inputs.{name.lower()} }}}}" for name in step["env"]}
    assert step["env"] == expressions
    given = {name: inputs.get(name.lower(), ACTION["inputs"][name.lower()]["default"]) for name in step["env"]}
    environment = {**os.environ, **given, "RUNNER_TEMP": str(tmp_path / "temp"), "PYTHONPATH": str(ROOT / "src")}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(
        command, cwd=tmp_path / "repository", env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    (path / "Dockerfile").write_text("FROM python\nCMD python\n")
    return path


@pytest.mark.usefixtures("repository")
def test_the_action_annotates(tmp_path: Path) -> None:
    done = run_action(tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("::notice file=Dockerfile,line=1,")


def test_the_action_takes_options_and_paths_with_blanks(tmp_path: Path, repository: Path) -> None:
    (repository / "a b").mkdir()
    (repository / "a b/Dockerfile").write_text("FROM python:latest\n")
    done = run_action(tmp_path, options="--exit-zero\n--select=image\n\n", paths="a b\n")
    assert (done.returncode, done.stdout.count("::notice ")) == (0, 1)


def test_nothing_that_the_action_is_given_is_run(tmp_path: Path, repository: Path) -> None:
    done = run_action(tmp_path, paths="$(touch gone)")
    assert done.returncode == 2
    assert "there is no such file or directory" in done.stderr
    assert [path.name for path in repository.iterdir()] == ["Dockerfile"]


def test_the_action_writes_sarif(tmp_path: Path, repository: Path) -> None:
    done = run_action(tmp_path, sarif="out.sarif", options="--exit-zero")
    assert (done.returncode, done.stdout) == (0, "")
    assert '"version": "2.1.0"' in (repository / "out.sarif").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_the_settings_that_are_shown_are_settings() -> None:
    (text,) = blocks("toml")
    settings = read_settings(parse(text, "docs/ci.md")["tool"]["depsfirst"], "docs/ci.md")
    assert settings.dockerfiles["docker/Dockerfile"].target == "production"
    assert settings.per_file_ignores


def test_the_inputs_that_are_shown_are_inputs() -> None:
    shown = [yaml.safe_load(text) for text in blocks("yaml")]
    steps = [
        step
        for block in shown
        if isinstance(block, dict)
        for job in block.get("jobs", {}).values()
        for step in job["steps"]
    ]
    given = {name for step in steps if step.get("uses", "").startswith("depsfirst/") for name in step.get("with", {})}
    assert given == {"options", "sarif"}
    assert given <= set(ACTION["inputs"])
    (hooks,) = [block["repos"][0]["hooks"] for block in shown if isinstance(block, dict) and "repos" in block]
    assert {hook["id"] for hook in hooks} <= {hook["id"] for hook in HOOKS}
