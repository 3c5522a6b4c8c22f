from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.generate.cases import UV

from depsfirst.engines.external import Client, ExternalOrder, build_command, find_client
from depsfirst.engines.external_layers import Inspected, layers_of
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.generate.conftest import Write

BUILDX = Client("buildx", "/usr/bin/docker", ("/usr/bin/docker", "buildx", "build"))
DOCKER = Client("docker", "/usr/bin/docker", ("/usr/bin/docker", "build"), {"DOCKER_BUILDKIT": "1"})
PODMAN = Client("podman", "/usr/bin/podman", ("/usr/bin/podman", "build"))
BUILT_APART = """\
FROM python:3.13-slim AS base
RUN apt-get update
FROM base AS dependencies
RUN make
FROM base AS code
RUN make
FROM base AS final
LABEL a=b
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=code /opt/code /opt/venv
ENTRYPOINT ["/opt/venv/bin/shop"]
"""
BUILT_BELOW = """\
FROM python:3.13-slim AS base
RUN apt-get update
FROM base AS dependencies
RUN make
FROM dependencies AS code
RUN make
FROM dependencies AS final
WORKDIR /app
COPY --from=code /code/venv /opt/venv
ENTRYPOINT ["/opt/venv/bin/shop"]
"""


def order(**values: Any) -> ExternalOrder:
    return ExternalOrder("buildkit", Path("/shop"), Path("/shop/Dockerfile"), "shop:latest", **values)


def words(client: Client, **values: Any) -> list[str]:
    return build_command(order(**values), client, Path("/facts"))


def test_buildx_loads_what_goes_nowhere_else() -> None:
    said = words(BUILDX, options=("--network", "host"))
    assert said[:3] == ["/usr/bin/docker", "buildx", "build"]
    assert "--load" in said
    assert said[-3:] == ["--network", "host", "/shop"]


@pytest.mark.parametrize(
    "values", [{"output": "type=oci,dest=x"}, {"options": ("--push",)}, {"options": ("--output=x",)}]
)
def test_buildx_loads_nothing_that_goes_elsewhere(values: dict[str, Any]) -> None:
    assert "--load" not in words(BUILDX, **values)


def test_caches_and_builder() -> None:
    said = words(BUILDX, builder="team", cache_to=("type=a",), cache_from=("type=b", "type=c"))
    pairs = list(itertools.pairwise(said))
    for pair in (
        ("--builder", "team"),
        ("--cache-to", "type=a"),
        ("--cache-from", "type=b"),
        ("--cache-from", "type=c"),
    ):
        assert pair in pairs


def test_several_platforms_are_pushed() -> None:
    platforms = ("linux/amd64", "linux/arm64")
    assert "linux/amd64,linux/arm64" in words(BUILDX, platforms=platforms, options=("--push",))
    with pytest.raises(DepsfirstError, match="not loaded into Docker"):
        words(BUILDX, platforms=platforms)


@pytest.mark.parametrize("client", [DOCKER, PODMAN])
@pytest.mark.parametrize(
    "values", [{"builder": "team"}, {"output": "type=oci,dest=x"}, {"platforms": ("linux/amd64", "linux/arm64")}]
)
def test_what_only_buildx_does(client: Client, values: dict[str, Any]) -> None:
    with pytest.raises(DepsfirstError, match="only buildx") as caught:
        words(client, **values)
    assert "docker-buildx" in (caught.value.hint or "")


def test_podman_is_told_of_the_ignore_file() -> None:
    assert "--ignorefile" in words(PODMAN, ignore_file=Path("/tmp/Dockerfile.dockerignore"))
    assert "--load" not in words(PODMAN)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for engine in ("buildkit", "docker", "podman"):
        with pytest.raises(DepsfirstError, match="on PATH"):
            find_client(engine)


@pytest.mark.parametrize(
    ("version", "answer", "name"),
    [("28.2.2", "exit 0", "buildx"), ("20.10.24", "exit 1", "docker"), ("28.2.2", "exit 1", None)],
)
def test_client_that_builds(
    version: str, answer: str, name: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\ncase "$1" in buildx) {answer};; version) echo {version};; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    if name is None:
        with pytest.raises(DepsfirstError):
            find_client("docker")
    else:
        assert find_client("docker").name == name


@pytest.fixture
def dockerfile(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "Dockerfile"
        path.write_text(text)
        return path

    return written


def inspected(*diff_ids: str, sizes: tuple[int, ...]) -> Inspected:
    return Inspected("sha256:1", "sha256:2", "linux/amd64", diff_ids, sizes)


def test_layers_are_told_apart_by_their_stages(dockerfile: Callable[[str], Path]) -> None:
    # newest first: ENTRYPOINT, COPY, COPY, WORKDIR, LABEL, RUN, and two of the base
    sizes = (0, 30, 500, 4, 0, 60, 0, 1000)
    before = inspected("base", "apt", "workdir", "environment", "old", sizes=sizes)
    after = inspected("base", "apt", "workdir", "environment", "new", sizes=sizes)
    layers = layers_of(after, before, dockerfile(BUILT_APART), None)
    assert [(each.kind, each.diff_id, each.size, each.reused) for each in layers] == [
        ("base", "base", 1000, True),
        ("other", "apt", 60, True),
        ("environment", "workdir", 4, True),
        ("dependencies", "environment", 500, True),
        ("code", "new", 30, False),
    ]


def test_layers_of_the_stages_below(dockerfile: Callable[[str], Path]) -> None:
    image = inspected("base", "apt", "environment", "workdir", "new", sizes=(0, 30, 4, 500, 60, 1000))
    layers = layers_of(image, None, dockerfile(BUILT_BELOW), None)
    assert [(each.kind, each.diff_id, each.size) for each in layers] == [
        ("base", "base", 1000),
        ("other", "apt", 60),
        ("dependencies", "environment", 500),
        ("environment", "workdir", 4),
        ("code", "new", 30),
    ]


def test_layers_of_a_target(dockerfile: Callable[[str], Path]) -> None:
    image = inspected("base", "apt", "made", sizes=(7, 60, 1000))
    layers = layers_of(image, None, dockerfile(BUILT_APART), "dependencies")
    assert [(each.kind, each.size) for each in layers] == [("base", 1000), ("other", 60), ("dependencies", 7)]


def test_base_of_several_layers_and_a_history_that_is_short(dockerfile: Callable[[str], Path]) -> None:
    layers = layers_of(inspected("a", "b", "c", sizes=()), None, dockerfile("FROM x\nCOPY a b\n"), None)
    assert [each.diff_id for each in layers] == ["a", "b", "c"]


TELLS_THE_IGNORE_FILE = """\
#!/bin/sh
[ "$1" = build ] || exit 1
while [ "$1" != --ignorefile ]; do shift; done
cat "$2" >&2
exit 9
"""


@pytest.mark.parametrize("own", ["# my own\nsecrets\n", None])
def test_an_ignore_file_that_is_there_counts(own: str | None, tmp_path: Path, write: Write) -> None:
    root = write(UV | ({".dockerignore": own} if own else {}))
    program = tmp_path / "bin/podman"
    program.parent.mkdir()
    program.write_text(TELLS_THE_IGNORE_FILE)
    program.chmod(0o755)
    command = [sys.executable, "-m", "depsfirst", "build", str(root), "--engine", "podman"]
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ("# my own" in done.stderr) == bool(own)
    assert ("**/.venv" in done.stderr) != bool(own)
    assert "ended with status 9" in done.stderr


def test_podman_makes_no_layer_of_a_directory(dockerfile: Callable[[str], Path]) -> None:
    image = inspected("base", "environment", "code", sizes=(0, 30, 500, 0, 0, 1000))._replace(for_directories=False)
    layers = layers_of(image, None, dockerfile(BUILT_APART.replace("RUN apt-get update\n", "")), None)
    assert [(each.kind, each.size) for each in layers] == [("base", 1000), ("dependencies", 500), ("code", 30)]
