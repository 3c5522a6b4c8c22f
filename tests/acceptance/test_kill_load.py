"""kill -9 while an image is loaded into Docker: its name never goes to a wrong image, and the next build is right."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.processes import kill_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = [pytest.mark.index, pytest.mark.slow, pytest.mark.docker]

ROUNDS = 6
STORES = [
    pytest.param("docker_classic", id="classic"),
    pytest.param("docker_containerd", id="containerd", marks=pytest.mark.containerd),
]
OURS = ("depsfirst-ahead", "depsfirst-trial")


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The address of a daemon."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def ids(url: str, docker: Callable[..., str]) -> Iterator[Callable[[], dict[str, str]]]:
    """What the daemon has under names of this test; what it made is gone afterwards."""

    def found() -> dict[str, str]:
        lines = docker(url, "images", "--no-trunc", "--format", "{{.Repository}} {{.ID}}").splitlines()
        return dict(line.split() for line in lines if line.startswith(("kill-", *OURS)))

    yield found
    names = docker(url, "images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    ours = [name for name in names if name.startswith(("kill-", *OURS))]
    if ours:
        docker(url, "rmi", "--force", *ours)


@pytest.mark.parametrize("url", STORES, indirect=True)
def test_kill_at_any_moment_of_a_load(  # noqa: PLR0917 - fixtures
    url: str, ids: Callable[[], dict[str, str]], product: Product, small_base: str, loopback: Index, tmp_path: Path
) -> None:
    product = product.using(tmp_path / "cache", small_base, UV_DEFAULT_INDEX=loopback.url, DOCKER_HOST=url)
    root = projects.shop(tmp_path / "shop", loopback.url, "click", "jinja2")
    name = f"kill-{tmp_path.name.replace('_', '-').lower()}"
    module = next((root / "src").rglob("__init__.py"))
    text = module.read_text()
    product.build(root, None, "--tag", name)
    module.write_text(f"{text}\n# timed\n")
    began = time.monotonic()
    product.build(root, None, "--tag", name)
    seconds = time.monotonic() - began
    drawn, killed = random.Random(3), 0
    for part in range(ROUNDS):
        before = ids()[name]
        module.write_text(f"{text}\n# {part}\n")
        process = product.start(*product.order(root, None), "--tag", name)
        time.sleep(seconds * (part + drawn.random()) / ROUNDS)
        killed += process.poll() is None
        kill_tree(process)
        after = ids()[name]
        made = product.build(root, None, "--tag", name).report
        right = ids()[name]
        assert right in {made["id"], made["digest"]}
        assert after in {before, right}, f"killed in part {part}, {name} is neither the former nor the new image"
        assert before != right
    assert killed >= ROUNDS // 3
