"""Shows that a cache in a registry carries over: a machine that never built this project installs nothing.

Two Docker daemons stand for two machines, and a registry on loopback for the one that both can reach. The first
builds an example with its cache exported; then a line of the code is edited, and the second, whose build cache is
empty, builds with that cache. What it ran is read from the build's own progress.

    python3 -m scripts.shared_cache      as root on Debian; the daemons are those of scripts.engines
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.daemons import answers
from scripts.engines import BASE
from scripts.programs import fail, run, say

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
EXAMPLE = REPOSITORY / "examples" / "larder"
SECONDS = 900
CONFIG = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {root}
http:
  addr: 127.0.0.1:{port}
"""
_STEP = re.compile(r"^#(\d+) \[(\w+) +\d+/\d+\] RUN", re.MULTILINE)
"""A RUN; if its result was found in the cache, it says so, or says what of it is fetched."""
_INSTALLING = frozenset({"tools", "recipe", "dependencies", "backend"})
"""Stages whose commands need a network."""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry on loopback, as ``host:port``, until the block ends."""
    program = shutil.which("docker-registry") or fail("docker-registry is needed", "apt-get install docker-registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "registry.yml"
    config.write_text(CONFIG.format(root=folder / "registry", port=port))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
        try:
            _wait(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    fail("the registry does not answer")


def build(directory: Path, url: str, *words: str) -> tuple[set[str], float]:
    """Build with the product; the stages of which a command ran, and the seconds it took."""
    command = [sys.executable, "-m", "depsfirst", "build", str(directory), "--engine", "buildkit", *words]
    command += ["--", "--network=host", "--progress=plain"]
    started = time.monotonic()
    done = subprocess.run(
        command, env={**os.environ, "DOCKER_HOST": url}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        fail("the build failed", done.stderr[-3000:])
    cached = set(re.findall(r"^#(\d+) (?:CACHED|sha256:|extracting )", done.stderr, re.MULTILINE))
    ran = {stage for number, stage in _STEP.findall(done.stderr) if number not in cached}
    return ran, time.monotonic() - started


def publish(url: str, address: str) -> str:
    """Put the base image into the registry, as official images are in one."""
    name = f"{address}/base:1"
    for words in (["image", "tag", BASE, name], ["push", "--quiet", name]):
        run(["docker", "-H", url, *words], seconds=SECONDS)
    return name


def show(first: str, second: str) -> None:
    """Build on the first daemon, edit, build on the second."""
    with tempfile.TemporaryDirectory(prefix="depsfirst-shared-") as scratch, registry(Path(scratch)) as address:
        project = Path(scratch) / f"larder-{secrets.token_hex(4)}"
        shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        base = publish(first, address)
        subprocess.run([sys.executable, "-m", "depsfirst", "init", str(project), "--base", base], check=True)
        mark = f"FROM {base} AS base\n"
        dockerfile = project / "Dockerfile"
        dockerfile.write_text(dockerfile.read_text().replace(mark, f"{mark}RUN echo {secrets.token_hex(8)}\n"))
        cache = f"type=registry,ref={address}/cache:larder"
        ran, seconds = build(project, first, "--cache-to", f"{cache},mode=max")
        say(f"first machine, nothing cached: {seconds:.1f} s, commands ran in {', '.join(sorted(ran))}")
        about = project / "src" / "larder" / "about.py"
        about.write_text(f"{about.read_text()}\nEDITED = {secrets.token_hex(4)!r}\n")
        ran, seconds = build(project, second, "--cache-from", cache)
        say(f"second machine, after an edit of the code: {seconds:.1f} s, commands ran in {', '.join(sorted(ran))}")
        if ran != {"code"}:
            fail(f"the second machine should have run the stage code alone, and not {sorted(ran & _INSTALLING)}")


def main() -> None:
    """Take the addresses of two daemons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", default=os.environ.get("DEPSFIRST_TEST_CONTAINERD"), help="a daemon that exports")
    parser.add_argument("--second", required=True, help="another one, whose build cache does not know the project")
    given = parser.parse_args()
    for url in (given.first, given.second):
        if not url or not answers(Path(url.removeprefix("unix://"))):
            fail(f'no daemon answers at "{url}"', 'run "python3 -m scripts.engines up" first')
    show(given.first, given.second)


if __name__ == "__main__":
    main()
