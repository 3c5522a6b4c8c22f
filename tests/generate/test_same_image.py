"""The embedded engine and BuildKit make the same file system; what differs stands in docs/engines.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import absent, completed, run
from tests.generate.managed import KINDS, Managed

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.docker, pytest.mark.index, pytest.mark.slow]

BASE = "localbase:1"
EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAM = """
import hashlib, json, os, sys
from importlib.metadata import distributions
from itertools import chain
found = {}
for folder, names, files in chain(os.walk("/opt/venv"), os.walk(os.getcwd())):
    names[:] = [name for name in names if name != "__pycache__"]
    for name in files + [each for each in names if os.path.islink(os.path.join(folder, each))]:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        facts = f"{status.st_mode & 0o777:o} {status.st_uid}:{status.st_gid} "
        linked = os.path.islink(path)
        found[path] = os.readlink(path) if linked else facts + hashlib.sha256(open(path, "rb").read()).hexdigest()
print(json.dumps({
    "files": found,
    "distributions": sorted((each.metadata["Name"], each.version) for each in distributions()),
    "entry points": sorted(f"{e.group}: {e.name} = {e.value}" for each in distributions() for e in each.entry_points),
    "user": (os.getuid(), os.getgid()),
    "directory": (os.getcwd(), os.stat(".").st_uid, oct(os.stat(".").st_mode)),
    "environment": {name: value for name, value in os.environ.items() if name != "HOSTNAME"},
    "path": sys.path,
}))
"""
MORE = (
    r"/opt/venv/(\.gitignore|\.lock|CACHEDIR\.TAG|lib64)",
    r"/opt/venv/bin/(activate|deactivate|pydoc).*",
    r".*\.dist-info/(REQUESTED|direct_url\.json|uv_cache\.json)",
)
"""What uv writes, and the embedded engine does not."""
OTHER = (r"/opt/venv/(pyvenv\.cfg|bin/.*)", r".*\.dist-info/(INSTALLER|RECORD)")
"""What both write, each in its way: scripts and links to the interpreter, and what says who installed."""


PACKAGES = ["uv", "poetry", "pdm", "requirements", "pylock", "workspace", "larder", "kiosk"]
IN_PLACE = ["tree", "source", "django", "pipenv"]


@pytest.fixture(params=[*PACKAGES, *IN_PLACE])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "work"
    if request.param in KINDS:
        root.mkdir()
        return Managed(KINDS[request.param], root).project
    shutil.copytree(EXAMPLES / request.param, root)
    return root


@pytest.fixture
def tag(tmp_path: Path, docker_classic: str) -> Iterator[str]:
    name = f"same-{abs(hash(tmp_path)):x}"
    yield name
    for each in (f"{name}-a", f"{name}-b"):
        run("docker", "-H", docker_classic, "image", "rm", "--force", each)


OWN_PLACES = {"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"}
"""Where this machine's user has more packages, and newer or older ones, than a build in a daemon can reach."""


def product(url: str, *words: str | Path) -> None:
    command = [sys.executable, "-m", "depsfirst", "build", *map(str, words)]
    known = {name: value for name, value in os.environ.items() if name not in OWN_PLACES}
    environment = {**known, "DOCKER_HOST": url, "PIP_CONFIG_FILE": os.devnull}
    done = completed(command, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]


def listed(url: str, image: str) -> dict[str, Any]:
    start = ("docker", "-H", url, "run", "--rm", "--network", "none", "--entrypoint", "/opt/venv/bin/python")
    found: dict[str, Any] = json.loads(run(*start, image, "-B", "-c", PROGRAM))
    config = json.loads(run("docker", "-H", url, "image", "inspect", "--format", "{{json .Config}}", image))
    shown = {name: config.get(name) for name in ("Cmd", "Entrypoint", "Env", "ExposedPorts", "User", "WorkingDir")}
    return found | {"config": shown, "labels": set(config["Labels"] or {})}


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def test_two_engines_one_file_system(directory: Path, docker_classic: str, tag: str) -> None:
    base = os.environ.get("DEPSFIRST_TEST_BASE") or absent(
        "DEPSFIRST_TEST_BASE is not set (python3 -m scripts.engines)"
    )
    product(docker_classic, directory, "--load", "-t", f"{tag}-a", "--base", f"docker-archive:{base}")
    product(docker_classic, directory, "--engine", "buildkit", "-t", f"{tag}-b", "--base", BASE, "--", "--network=host")
    ours, theirs = listed(docker_classic, f"{tag}-a"), listed(docker_classic, f"{tag}-b")
    files, others = ours.pop("files"), theirs.pop("files")
    assert len(ours["distributions"]) > 1
    assert len(files) > 30
    assert theirs.pop("labels") == ours.pop("labels") - {"dev.depsfirst.recipe", "org.opencontainers.image.version"}
    assert theirs == ours
    assert set(files) <= set(others)
    assert [path for path in sorted(set(others) - set(files)) if not matches(path, MORE)] == []
    different = [path for path in sorted(files) if files[path] != others[path]]
    assert [path for path in different if not matches(path, OTHER)] == []
    assert [path for path in different if path.startswith("/opt/venv/lib") and path.endswith(".py")] == []
