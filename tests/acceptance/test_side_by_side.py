"""Builds side by side in one cold cache, and what may be done with the cache meanwhile."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = pytest.mark.index

SHARED = ("click", "jinja2")


def finished(*processes: subprocess.Popen[str]) -> list[str]:
    """The digests that builds report in the end."""
    digests = []
    for process in processes:
        stdout, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
        digests.append(json.loads(stdout)["digest"])
    return digests


def test_one_project_twice_at_once(shop: Callable[..., Path], fast: Product, tmp_path: Path) -> None:
    root = shop(*SHARED, "attrs")
    wanted = fast.using(tmp_path / "alone").build(root, tmp_path / "alone.tar").digest
    outputs = [tmp_path / f"{number}.tar" for number in range(3)]
    started = [fast.start(*fast.order(root, output), "--format", "json") for output in outputs]
    assert finished(*started) == [wanted] * 3
    assert {output.read_bytes() for output in outputs} == {(tmp_path / "alone.tar").read_bytes()}
    assert fast.build(root, tmp_path / "after.tar").digest == wanted
    assert not list((fast.cache / "tmp").iterdir())


def test_two_projects_at_once(shop: Callable[..., Path], fast: Product, tmp_path: Path) -> None:
    roots = [shop(*SHARED, "six"), shop(*SHARED, "attrs", folder="market", name="market")]
    alone = [
        fast.using(tmp_path / f"alone-{root.name}").build(root, tmp_path / f"alone-{root.name}.tar").digest
        for root in roots
    ]
    started = [fast.start(*fast.order(root, tmp_path / f"{root.name}.tar"), "--format", "json") for root in roots]
    assert finished(*started) == alone


def test_one_output_for_two_builds_is_one_of_both(shop: Callable[..., Path], fast: Product, tmp_path: Path) -> None:
    roots = [shop("click"), shop("click", folder="market", name="market")]
    output = tmp_path / "image.tar"
    finished(*(fast.start(*fast.order(root, output), "--format", "json") for root in roots))
    whole = []
    for root in roots:
        fast.build(root, tmp_path / f"{root.name}.tar")
        whole.append((tmp_path / f"{root.name}.tar").read_bytes())
    assert output.read_bytes() in whole
    assert {path.name for path in tmp_path.iterdir() if path.suffix == ".tar"} == {
        "image.tar",
        "shop.tar",
        "market.tar",
    }


def test_nothing_is_pruned_while_a_build_runs(fast: Product, counting: Index, tmp_path: Path) -> None:
    root = projects.shop(tmp_path / "shop", counting.url, *SHARED)
    counting.held = frozenset(name for name in counting.files if name.startswith("jinja2-"))
    slow = fast.using(UV_DEFAULT_INDEX=counting.url)
    building = slow.start(*slow.order(root, tmp_path / "image.tar"), "--format", "json")
    assert counting.waiting.wait(300), building.communicate(timeout=5)
    said = slow.run("cache", "prune", "--all")
    assert said.status == 2
    assert "a build is using the cache" in said.stderr
    assert "prune again" in said.stderr
    assert not said.stdout
    counting.gate.set()
    finished(building)
    said = slow.run("cache", "prune", "--all")
    assert said.status == 0
    assert re.fullmatch(r"removed \d+ files, [\d.]+ (kB|MB)\n", said.stdout)
    assert slow.build(root, tmp_path / "again.tar").report["layers"]


def test_the_cache_says_where_it_is_and_what_it_holds(shop: Callable[..., Path], fast: Product, tmp_path: Path) -> None:
    assert fast.run("cache", "dir").stdout == f"{fast.cache}\n"
    assert sizes(fast) == {"total": 0}
    fast.build(shop("click"), tmp_path / "image.tar")
    found = sizes(fast)
    assert {"wheels", "parts", "memo", "build-environments", "total"} <= set(found)
    assert found["wheels"] == 1
    assert found["total"] == sum(count for kind, count in found.items() if kind != "total")
    files = [path for path in fast.cache.rglob("*") if path.is_file()]
    assert found["total"] == len(files) - 1, "all but the lock"
    assert fast.run("cache", "prune").stdout == "removed 0 files, 0 B\n"
    assert sizes(fast) == found
    fast.run("cache", "prune", "--all")
    assert sizes(fast)["total"] == 0


def sizes(product: Product) -> dict[str, int]:
    """Files by kind, as ``cache size`` prints them."""
    said = product.run("cache", "size")
    assert said.status == 0, said.stderr
    rows = [re.fullmatch(r"(\S+) +(\d+) files +[\d.]+ (?:B|kB|MB|GB)", line) for line in said.stdout.splitlines()]
    assert all(rows), said.stdout
    return {row[1]: int(row[2]) for row in rows if row}
