"""``init --bake``: which images a workspace has, what is written, and that what is alike is built once."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import LONG, absent, completed, run
from tests.generate.cases import CASES
from tests.generate.managed import HATCHLING, Kind, Managed

from depsfirst.errors import DepsfirstError
from depsfirst.generate.bake import Target, bake_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.generate.conftest import Write

BASE = "localbase:1"


def init(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "depsfirst", "init", str(directory), "--bake", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)


@pytest.fixture
def workspace(write: Write) -> Path:
    """A root that is a project, one that runs in place, an application, and a library that only others need."""
    return write(CASES["uv-workspace"].files, "uv_workspace")


def targets(text: str) -> list[str]:
    return re.findall(r'(?m)^target "(.+)" {$', text)


def test_images_are_the_projects_that_are_not_only_parts_of_others(workspace: Path) -> None:
    done = init(workspace)
    assert done.returncode == 0, done.stderr
    text = (workspace / "docker-bake.hcl").read_text()
    assert targets(text) == ["app", "virt", "wsroot"]
    assert 'dockerfile = "packages/app/Dockerfile"' in text
    written = {path.relative_to(workspace).as_posix() for path in workspace.rglob("*ocker*") if path.is_file()}
    assert written == {
        ".dockerignore",
        "Dockerfile",
        "docker-bake.hcl",
        *(f"packages/{name}/Dockerfile{end}" for name in ("app", "virt") for end in ("", ".dockerignore")),
    }


def test_a_library_with_a_program_is_an_image_too(workspace: Path) -> None:
    manifest = workspace / "packages/lib/pyproject.toml"
    manifest.write_text(manifest.read_text() + '\n[project.scripts]\nlib = "lib:main"\n')
    assert init(workspace).returncode == 0
    assert "lib" in targets((workspace / "docker-bake.hcl").read_text())


def test_from_a_member_it_is_the_whole_workspace(workspace: Path) -> None:
    assert init(workspace / "packages/app").returncode == 0
    assert targets((workspace / "docker-bake.hcl").read_text()) == ["app", "virt", "wsroot"]


def test_one_project_is_one_target(write: Write) -> None:
    root = write(CASES["uv"].files)
    assert init(root).returncode == 0
    text = (root / "docker-bake.hcl").read_text()
    assert targets(text) == ["shop"]
    assert 'NETRC == "" ? []' in text


def test_nothing_is_written_over_another_bake_file(workspace: Path) -> None:
    (workspace / "docker-bake.hcl").write_text("# mine\n")
    done = init(workspace)
    assert done.returncode == 2
    assert "there is a docker-bake.hcl already" in done.stderr
    assert not (workspace / "Dockerfile").exists()
    assert init(workspace, "--force").returncode == 0
    assert targets((workspace / "docker-bake.hcl").read_text())


def test_a_dockerfile_that_is_there_stays(workspace: Path) -> None:
    place = workspace / "packages/app/Dockerfile"
    place.write_text("FROM scratch\n")
    done = init(workspace)
    assert done.returncode == 0, done.stderr
    assert place.read_text() == "FROM scratch\n"
    assert re.search(r"left \S*packages/app/Dockerfile as it is", done.stderr)
    assert "app" in targets((workspace / "docker-bake.hcl").read_text())
    assert init(workspace, "--force").returncode == 0
    assert "AS dependencies" in place.read_text()


def test_diff_shows_all_and_writes_nothing(workspace: Path) -> None:
    done = init(workspace, "--diff")
    assert done.returncode == 1
    assert '+target "app" {' in done.stdout
    assert "+FROM dependencies AS final" in done.stdout
    assert not (workspace / "docker-bake.hcl").exists()
    init(workspace)
    assert (init(workspace, "--diff").returncode, init(workspace, "--diff").stdout) == (0, "")


def test_check_finds_every_image_and_nothing_in_it(workspace: Path) -> None:
    init(workspace)
    command = [sys.executable, "-m", "depsfirst", "check", "--format", "json", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["findings"] == []


@pytest.mark.parametrize(
    ("words", "said"), [(("--package", "app"), "--bake is for all projects"), (("--extra", "nope"), "nope")]
)
def test_bad_wishes(workspace: Path, words: tuple[str, ...], said: str) -> None:
    done = init(workspace, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (workspace / "docker-bake.hcl").exists()


def test_no_project_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = init(tmp_path / "empty")
    assert done.returncode == 2
    assert "there is no project here" in done.stderr


def target(name: str, directory: str = "apps/shop") -> Target:
    return Target(name, ".", f"{directory}/Dockerfile", "shop", secret=False)


def test_names_of_targets() -> None:
    text = bake_file([target("zoo.keeper"), target("alpha")])
    assert targets(text) == ["alpha", "zoo-keeper"]
    with pytest.raises(DepsfirstError, match="two images"):
        bake_file([target("a.b"), target("a-b")])


def test_nothing_of_a_path_is_a_template() -> None:
    assert '"a\\"$${b}%%{c}/Dockerfile"' in bake_file([target("shop", 'a"${b}%{c}')])


PROJECT = '[project]\nname = "{0}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{1}]\n'
SCRIPT = '[project.scripts]\n{0} = "{0}:main"\n'
CODE = 'import {1}\n\n\ndef main() -> None:\n    print("{0}", {1}.__name__)\n'
SHELF = "\n[tool.uv.sources]\nshelf = {workspace = true}\n"


def member(name: str, needed: str, *more: str) -> dict[str, str]:
    """An application."""
    listed = ", ".join(f'"{each}"' for each in (needed, *more))
    manifest = PROJECT.format(name, listed) + SCRIPT.format(name) + (SHELF if more else "") + HATCHLING
    return {
        f"apps/{name}/pyproject.toml": manifest,
        f"apps/{name}/src/{name}/__init__.py": CODE.format(name, needed),
    }


THREE = Kind(
    {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n',
        **member("shop", "click", "shelf"),
        **member("till", "click"),
        **member("office", "colorama"),
        "libs/shelf/pyproject.toml": PROJECT.format("shelf", "") + HATCHLING,
        "libs/shelf/src/shelf/__init__.py": "",
    },
    (("uv", "lock"),),
)
"""Two applications that need the same third-party packages, one that needs another, and a library."""


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """The workspace with its bake file; its base is one that no build knows."""
    root = tmp_path / f"three-{secrets.token_hex(4)}"
    root.mkdir()
    Managed(THREE, root)
    done = init(root, "--base", BASE)
    assert done.returncode == 0, done.stderr
    nonce = secrets.token_hex(8)
    for path in root.rglob("Dockerfile"):
        first = f"FROM {BASE} AS base\n"
        path.write_text(path.read_text().replace(first, f"{first}RUN echo {nonce}\n"))
    return root


@pytest.fixture
def bake(three: Path, buildx: Path, docker_containerd: str) -> Iterator[Callable[..., str]]:
    """``bake("--print")`` is what it prints; the containers of its builds have the machine's network."""
    if BASE not in run("docker", "-H", docker_containerd, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"):
        absent(f'the image "{BASE}" is needed')
    network = three / "network.yaml"  # a bake file of buildx 0.13 cannot say it, and a compose file can
    network.write_text(json.dumps({"services": {name: {"build": {"network": "host"}} for name in IMAGES}}))
    registry = f"{three.name}/"
    environment = {**os.environ, "DOCKER_HOST": docker_containerd, "REGISTRY": registry}

    def baked(*words: str) -> str:
        command = [str(buildx), "bake", "--file", "docker-bake.hcl", "--file", network.name, *words]
        done = completed(command, cwd=three, env=environment)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr

    yield baked
    run("docker", "-H", docker_containerd, "image", "rm", "--force", *(f"{registry}{name}" for name in IMAGES))


IMAGES = ("office", "shop", "till")


@pytest.mark.containerd
@pytest.mark.index
@pytest.mark.slow
def test_what_is_alike_is_built_once(
    three: Path, buildx: Path, bake: Callable[..., str], docker_containerd: str
) -> None:
    printed = run(buildx, "bake", "--print", cwd=three, env={**os.environ, "CACHE": "registry.example/cache"})
    plan: dict[str, Any] = json.loads(printed)
    assert set(plan["target"]) == set(IMAGES)
    assert plan["target"]["till"]["cache-to"] == ["type=registry,ref=registry.example/cache:till,mode=max"]
    progress = bake("--load", "--progress", "plain")
    found = set(re.findall(r"(?m)^#(\d+) \[\w+ (\w+) +\d+/\d+\] RUN (.*)", progress))
    cached = set(re.findall(r"(?m)^#(\d+) CACHED", progress))
    numbers = {(stage, number) for number, stage, text in found if number not in cached and "compileall" not in text}
    ran = [stage for stage, _ in numbers]
    assert ran.count("tools") == 1
    assert ran.count("dependencies") == 2, "one for both that need the same, and one for the other"
    layers = {}
    for name in IMAGES:
        image = f"{three.name}/{name}"
        said = run("docker", "-H", docker_containerd, "run", "--rm", "--network", "none", image)
        assert said.split() == [name, "colorama" if name == "office" else "click"]
        text = run("docker", "-H", docker_containerd, "image", "inspect", "-f", "{{json .RootFS.Layers}}", image)
        layers[name] = json.loads(text)
    shared = [len(set(layers["shop"]) & set(layers[name])) for name in ("till", "office")]
    assert shared[0] >= shared[1] + 2, "the dependencies and their bytecode are the same layers"
