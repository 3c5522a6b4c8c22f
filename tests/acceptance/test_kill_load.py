"""kill -9 while an image is loaded into Docker: its name never goes to a wrong image, and the next build is right."""

from __future__ import annotations

import random
import time
import uuid
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.processes import ended_within, kill_tree

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


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The address of a daemon."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def name(url: str, docker: Callable[..., str]) -> Iterator[str]:
    """A name for project and image that no other test has; all of its images are gone afterwards."""
    found = f"kill{uuid.uuid4().hex[:12]}"
    yield found
    label = f"label=org.opencontainers.image.title={found}"  # trials of what was killed have it, too
    images = docker(url, "images", "--quiet", "--filter", label).split()
    docker(url, "rmi", "--force", *set(images))


def named(url: str, docker: Callable[..., str], name: str) -> str:
    """The id of the image that has this name."""
    return docker(url, "images", "--quiet", "--no-trunc", name).strip()


@pytest.mark.parametrize("url", STORES, indirect=True)
def test_kill_at_any_moment_of_a_load(  # noqa: PLR0917 - fixtures
    url: str, docker: Callable[..., str], name: str, product: Product, small_base: str, loopback: Index, tmp_path: Path
) -> None:
    product = product.using(tmp_path / "cache", small_base, UV_DEFAULT_INDEX=loopback.url, DOCKER_HOST=url)
    root = projects.shop(tmp_path / "shop", loopback.url, "click", "jinja2", name=name)
    module = root / f"src/{name}/__init__.py"
    text = module.read_text()
    product.build(root, None, "--tag", name)
    module.write_text(f"{text}\n# timed\n")
    began = time.monotonic()
    product.build(root, None, "--tag", name)
    seconds = time.monotonic() - began
    drawn = random.Random(3)
    for part in range(ROUNDS):
        moment = seconds * (part + drawn.random()) / ROUNDS
        while True:
            before = named(url, docker, name)
            module.write_text(f"{text}\n# {part} {moment}\n")
            process = product.start(*product.order(root, None), "--tag", name)
            if not ended_within(moment, process):
                break
            process.communicate()
            moment *= 0.7  # the machine is quicker now
        kill_tree(process)
        after = named(url, docker, name)
        made = product.build(root, None, "--tag", name).report
        right = named(url, docker, name)
        assert right in {made["id"], made["digest"]}
        assert after in {before, right}, f"killed in part {part}, {name} is neither the former nor the new image"
        assert before != right
