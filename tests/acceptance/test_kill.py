"""kill -9 at 50 moments of a cold build: the next build is right, and the cache never holds anything broken."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import tarfile
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.acceptance import projects
from tests.acceptance.processes import ended_within, kill_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

pytestmark = [pytest.mark.index, pytest.mark.slow]

SEED = 20
OWN_ROUNDS = 25
SHARED_ROUNDS = 25
OUTSIDE = ("tmp/", "build-locks/", "memo/project-stats/")
"""What is in no place yet, holds nothing, or depends on how old the files of the project are."""
FORMER = b"what was there before"


@dataclass(frozen=True)
class Reference:
    """What a build that nobody disturbed came to.

    Attributes:
        root: of the project.
        digest: of the image.
        archive: sha256 of the archive.
        seconds: how long a cold build takes, from start to end of the process.
        cached: sha256 of the files in its cache that every cold build writes alike, by path.
    """

    root: Path
    digest: str
    archive: str
    seconds: float
    cached: dict[str, str]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def cached(cache: Path) -> dict[str, str]:
    """All files of a cache in their places, with their sha256."""
    paths = (path for path in cache.rglob("*") if path.is_file() and not path.is_symlink())
    found = {str(path.relative_to(cache)): path for path in paths}
    return {name: sha256(path) for name, path in found.items() if not name.startswith(OUTSIDE)}


@pytest.fixture(scope="module")
def product(product: Product, small_base: str, loopback: Index) -> Product:
    """The product with the small base and the index on loopback."""
    return product.using(base=small_base, UV_DEFAULT_INDEX=loopback.url)


@pytest.fixture(scope="module")
def reference(product: Product, loopback: Index, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("kill")
    root = projects.shop(folder / "shop", loopback.url, "click", "jinja2", "attrs", "six", "itsdangerous")
    seconds, digests, archives, caches = [], set(), set(), []
    for name in ("one", "two", "three"):
        cold = product.using(folder / name)
        began = time.monotonic()
        digests.add(cold.build(root, folder / "image.tar").digest)
        seconds.append(time.monotonic() - began)
        archives.add(sha256(folder / "image.tar"))
        caches.append(cached(cold.cache))
        shutil.rmtree(cold.cache)
    (digest,), (archive,) = digests, archives
    common = {path: text for path, text in caches[0].items() if all(each.get(path) == text for each in caches)}
    kinds = {path.partition("/")[0] for path in common}
    assert {"wheels", "parts", "memo", "project-wheels", "build-environments"} <= kinds, kinds
    assert any(kind.startswith("gzip") for kind in kinds), kinds
    return Reference(root, digest, archive, min(seconds), common)


def check_cache(cache: Path, reference: Reference) -> None:
    """What is in its place is whole: by its name, by its format, and by what an undisturbed build writes there."""
    for path, text in cached(cache).items():
        assert reference.cached.get(path, text) == text, f"{path} is not what it should be"
        kind, name = path.partition("/")[0], path.rpartition("/")[2]
        file = cache / path
        if kind == "wheels":
            assert text == name
            with zipfile.ZipFile(file) as wheel:
                assert wheel.testzip() is None
        elif kind == "parts":
            with tarfile.open(file) as tar:
                assert tar.getmembers()
            assert file.stat().st_size % tarfile.BLOCKSIZE == 0
        elif kind.startswith("gzip"):
            assert gzip.decompress(file.read_bytes())
        elif kind == "memo":
            json.loads(file.read_bytes())


def moments(count: int, seconds: float, drawn: random.Random) -> list[float]:
    """Random moments, one in each of as many equal parts of the time, in random order."""
    found = [seconds * (part + drawn.random()) / count for part in range(count)]
    drawn.shuffle(found)
    return found


def disturb(product: Product, root: Path, output: Path, moment: float, undo: Callable[[], None]) -> None:
    """Start a build and kill it; one that ended before, as the machine is quicker now, is undone and killed sooner."""
    while ended_within(moment, process := product.start(*product.order(root, output))):
        process.communicate()
        undo()
        moment *= 0.7
    kill_tree(process)


def check_output(output: Path, reference: Reference) -> None:
    """An archive is the former one or the new one, never anything in between."""
    assert output.read_bytes() == FORMER or sha256(output) == reference.archive


def test_kill_at_any_moment_of_a_cold_build(reference: Reference, product: Product, tmp_path: Path) -> None:
    root, output = reference.root, tmp_path / "image.tar"
    for number, moment in enumerate(moments(OWN_ROUNDS, reference.seconds, random.Random(SEED))):
        cold = product.using(tmp_path / f"own-{number}")

        def begin(cache: Path = cold.cache) -> None:
            shutil.rmtree(cache, ignore_errors=True)
            output.write_bytes(FORMER)

        begin()
        disturb(cold, root, output, moment, begin)
        check_output(output, reference)
        check_cache(cold.cache, reference)
        assert cold.build(root, output).digest == reference.digest, f"killed after {moment:.3f} s"
        assert sha256(output) == reference.archive
        check_cache(cold.cache, reference)
        assert set(reference.cached) <= set(cached(cold.cache))
        shutil.rmtree(cold.cache)


def test_kill_again_and_again_with_one_cache(reference: Reference, product: Product, tmp_path: Path) -> None:
    """The cache survives; some of it is taken away each time, so that builds stay more or less cold."""
    root, output = reference.root, tmp_path / "image.tar"
    shared = product.using(tmp_path / "shared")
    drawn = random.Random(SEED + 1)

    def begin() -> None:
        forget_some(shared.cache, drawn)
        output.write_bytes(FORMER)

    for moment in moments(SHARED_ROUNDS, reference.seconds, drawn):
        begin()
        disturb(shared, root, output, moment, begin)
        check_output(output, reference)
        check_cache(shared.cache, reference)
    assert shared.build(root, output).digest == reference.digest
    assert sha256(output) == reference.archive
    check_cache(shared.cache, reference)
    said = shared.run("cache", "prune", "--unused-for", "1")
    assert said.status == 0
    assert not list((shared.cache / "tmp").iterdir()), "what killed builds left is gone"
    assert shared.build(root, output).digest == reference.digest


def forget_some(cache: Path, drawn: random.Random) -> None:
    """Remove a third of what the cache holds, as a prune does: whole entries."""
    entries = [path for path in sorted(cache.glob("*/*/*")) if path.relative_to(cache).parts[0] not in {"tmp", "memo"}]
    entries += sorted(cache.glob("memo/*/*/*"))
    for entry in drawn.sample(entries, len(entries) // 3):
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
