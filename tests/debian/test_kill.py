"""kill -9 while a base is put together: what comes after builds the same base, never from something half-written."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from depsfirst.content import ContentStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.debian.conftest import Builder

    from depsfirst.debian.model import DebianBase

ROUNDS = 10
LONG = 300
"""Seconds that nothing here takes."""
PROGRAM = """
import sys
from pathlib import Path
from depsfirst.content import ContentStore
from depsfirst.debian.base import build_base
import depsfirst.debian.assemble, depsfirst.debian.signature, urllib3
from depsfirst.fetch import Fetcher

cache, mirror, keyring = sys.argv[1:]
print("begun", flush=True)
build_base(
    "trixie", platform="linux/amd64", store=ContentStore(Path(cache)), fetcher=Fetcher(attempts=2), packages=(),
    mirror=mirror, keyring=Path(keyring), refresh=False,
)
print("done", flush=True)
"""


def begun(build: Builder, cache: Path) -> subprocess.Popen[str]:
    """A process that has everything imported and starts to build."""
    words = [sys.executable, "-c", PROGRAM, str(cache), build.mirror.url, str(build.keyring)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def killed_at(moment: float, build: Builder, cache: Path) -> bool:
    """Begin to build and kill it; whether that was before its end."""
    with begun(build, cache) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(moment)
        process.kill()
        return process.communicate(timeout=LONG)[0] != "done\n"


def whole(base: DebianBase) -> str:
    """The digest of a base, whose layer is what it says."""
    with base.layer.open() as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    assert base.layer.diff_id == f"sha256:{digest}"
    return digest


def test_kill_at_any_moment_of_putting_a_base_together(build: Builder, tmp_path: Path) -> None:
    expected = whole(build())
    with begun(build, tmp_path / "undisturbed") as process:
        began = time.monotonic()
        assert process.communicate(timeout=LONG)[0] == "done\n"
    seconds = time.monotonic() - began
    drawn = random.Random(7)
    shared = tmp_path / "shared"
    for part in range(ROUNDS):
        cache = shared if part % 2 else tmp_path / f"own-{part}"
        moment = seconds * (part + drawn.random()) / ROUNDS
        while not killed_at(moment, build, cache):  # the machine is quicker now
            shutil.rmtree(cache)
            moment *= 0.7
        if cache != shared:
            assert whole(build(store=ContentStore(cache))) == expected
    assert whole(build(store=ContentStore(shared))) == expected
