"""Where an image goes when nobody says so, and what is said of it: on standard output, on standard error, as JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.acceptance.conftest import REPOSITORY
from tests.conftest import program, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

LAYER_ROW = re.compile(r"(base|environment|dependencies|code) .* [\d.]+ (B|kB|MB) +(reused|new)")


@pytest.fixture
def shared(product: Product, loopback: Index, small_base: str) -> Product:
    return product.using(base=small_base, UV_DEFAULT_INDEX=loopback.url)


@pytest.fixture
def root(shop: Callable[..., Path], reference: str) -> Path:
    """A project whose image has a name that no other test uses."""
    return shop("click", more=f'\n[tool.depsfirst]\nname = "{reference.partition(":")[0]}"\n')


@pytest.fixture(params=["docker_classic", "docker_containerd"])
def daemon(request: pytest.FixtureRequest, reference: str) -> Iterator[str]:
    """The address of a Docker; the image of the project is taken away from it afterwards."""
    url = str(request.getfixturevalue(request.param))
    yield url
    name = f"{reference.partition(':')[0]}:latest"
    command = [program("docker"), "-H", url, "image", "rm", "--force", name]
    subprocess.run(command, capture_output=True, check=False, timeout=300)


@pytest.mark.docker
@pytest.mark.containerd
def test_a_docker_that_answers_gets_the_image(root: Path, shared: Product, daemon: str, reference: str) -> None:
    name = f"{reference.partition(':')[0]}:latest"
    here = shared.using(DOCKER_HOST=daemon)
    said = here.run("build", "--base", shared.base or "", cwd=root)
    assert (said.status, said.stdout) == (0, f"{name}\n"), said.stderr
    assert f"run it: docker run --rm {name}" in said.stderr
    assert not list(root.glob("*.tar"))
    docker = (program("docker"), "-H", daemon)
    assert run(*docker, "run", "--rm", "--network", "none", name) == "shop 1.0.0: open all hours\n"
    report = json.loads(here.run("build", root, "--base", shared.base or "", "--format", "json").stdout)
    ids = {report["id"], report["digest"]}
    assert run(*docker, "image", "inspect", "--format", "{{.Id}}", name).strip() in ids
    assert report["destination"] == "docker"


@pytest.mark.docker
@pytest.mark.containerd
def test_docker_run_of_a_build_in_a_shell(root: Path, shared: Product, daemon: str) -> None:
    words = f'"{sys.executable}" -m depsfirst build --quiet --base "{shared.base}"'
    line = f"docker run --rm --network none $({words}) from a shell"
    done = subprocess.run(
        ["sh", "-c", line],
        env=shared.using(DOCKER_HOST=daemon).environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "shop 1.0.0: open all hours from a shell\n"), done.stderr
    assert not done.stderr


def test_without_a_docker_it_is_an_archive_here(root: Path, shared: Product, reference: str, tmp_path: Path) -> None:
    name = reference.partition(":")[0]
    here = tmp_path / "here"
    here.mkdir()
    said = shared.run("build", root, "--base", shared.base or "", cwd=here)
    assert (said.status, said.stdout) == (0, f"{name}:latest\n"), said.stderr
    assert [path.name for path in here.iterdir()] == [f"{name}.tar"]
    assert f"run it: docker load -i {name}.tar && docker run --rm {name}:latest" in said.stderr
    assert f"docker-archive:{name}.tar" in said.stderr


def test_a_docker_that_is_wanted_and_absent_is_an_error(root: Path, shared: Product, tmp_path: Path) -> None:
    said = shared.run("build", root, "--base", shared.base or "", "--load", cwd=tmp_path)
    assert said.status == 2
    assert not said.stdout
    assert said.stderr.count("Traceback") == 0
    assert "error: " in said.stderr
    assert "docker.sock" in said.stderr
    assert "hint: " in said.stderr
    assert not list(tmp_path.glob("*.tar"))


def test_json_is_what_the_schema_says(root: Path, shared: Product, tmp_path: Path) -> None:
    schema = json.loads((REPOSITORY / "docs/schema/build.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for output in (f"{tmp_path}/image.tar", f"oci:{tmp_path}/layout:1"):
        said = shared.run(*shared.order(root, output), "--format", "json")
        report = json.loads(said.stdout)
        assert list(validator.iter_errors(report)) == []
        assert report["destination"] == ("layout" if output.startswith("oci:") else "archive")
        assert [layer["kind"] for layer in report["layers"]] == ["base", "environment", "dependencies", "code"]
        assert report["seconds"]["total"] >= sum(
            seconds for name, seconds in report["seconds"].items() if name != "total"
        ) - 0.01  # fmt: skip
    assert list(validator.iter_errors({**report, "more": 1}))


def test_quiet_says_nothing_and_verbose_says_why(root: Path, shared: Product, tmp_path: Path) -> None:
    order = shared.order(root, tmp_path / "image.tar")
    plain = shared.run(*order)
    rows = [line for line in plain.stderr.splitlines() if LAYER_ROW.fullmatch(line)]
    assert len(rows) == 4, plain.stderr
    quiet = shared.run(*order, "--quiet")
    assert (quiet.status, quiet.stdout, quiet.stderr) == (0, plain.stdout, "")
    (root / "README.md").write_text("# Shop\n\nMoved.\n")
    verbose = shared.run(*order, "--verbose")
    assert verbose.stdout == plain.stdout
    assert "README.md" in verbose.stderr
    assert "\x1b" not in plain.stderr + verbose.stderr
    assert shared.run(*order, "--quiet", "--verbose").status == 2


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="a pseudo terminal is needed")
def test_on_a_terminal_the_reference_alone_is_on_standard_output(root: Path, shared: Product, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        process = subprocess.Popen(
            shared.command(*shared.order(root, tmp_path / "image.tar")),
            env={**shared.environment, "TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
    finally:
        os.close(theirs)
    shown = read_all(ours)
    stdout, _ = process.communicate(timeout=300)
    assert process.returncode == 0, shown
    assert re.fullmatch(r"\S+:latest\n", stdout)
    assert "dependencies" in shown
    assert "run it: " in shown


def read_all(terminal: int) -> str:
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # the other end was closed
            data = b""
        if not data:
            os.close(terminal)
            return shown.decode()
        shown += data


@pytest.mark.parametrize("what", ["package", "code"])
def test_an_image_that_was_written_into_the_project_is_no_part_of_the_next(
    what: str, shop: Callable[..., Path], shared: Product
) -> None:
    """An archive of its own, one that was saved by another program, and a layout."""
    root = shop("click", more="" if what == "package" else "\n[tool.uv]\npackage = false\n")

    def made(output: str) -> dict[str, Any]:
        said = shared.run("build", "--base", shared.base or "", "--format", "json", "-o", output, cwd=root)
        assert said.status == 0, said.stderr
        report: dict[str, Any] = json.loads(said.stdout)
        return report

    first = made("shop.tar")["layers"][-1]["diff_id"]
    (root / "saved.tar").write_bytes((root / "shop.tar").read_bytes().replace(b"oci-layout", b"index.json", 1))
    for output in ("image", "oci:layout:latest", "shop.tar"):
        report = made(output)
        assert (report["code"]["how"], report["layers"][-1]["diff_id"]) == ("reused", first), report["code"]["reason"]
