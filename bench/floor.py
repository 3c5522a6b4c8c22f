"""What of an edit is the daemon's: a load of one new layer of code, with nothing else going on, on both image stores.

    python -m bench.floor --runs 9

The image is foretold as a build does it (``oci.foretold``), sent in one piece, and the answer is waited for. No client
that loads images can be faster; ``bench.edit_loop`` says what a whole edit takes. The daemons are those of
``scripts.engines``; both benchmarks remove the same images there.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench import projects
from bench.docker import PREFIX, Docker, find_client
from bench.edit_loop import STORES, variable
from bench.product import installed
from depsfirst.oci import foretold, preamble

if TYPE_CHECKING:
    from collections.abc import Sequence

_WARM = 3
"""Builds before the first load: nothing is foretold of what was built only once."""


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9, help="samples per figure (default: 9)")
    runs = parser.parse_args().runs
    print("| image store | a load alone, seconds: median (fastest to slowest) |\n| --- | ---: |")
    with TemporaryDirectory() as folder:
        program = installed(Path(folder, "venv"))
        for store, name in STORES.items():
            docker = Docker(store, variable(name), find_client(), Path(folder, "log"))
            docker.forget()
            times = _times(docker, program, Path(folder, store), runs)
            docker.forget()
            print(f"| {store} | {median(times):.3f} ({min(times):.3f} to {max(times):.3f}) |")


def _times(docker: Docker, program: Path, folder: Path, runs: int) -> list[float]:
    """How long the daemon takes for each edit, in seconds."""
    copy = projects.copy("larder", folder / "larder", lock="poetry")
    words = ["build", str(copy.directory), "--quiet", "--base", f"docker-archive:{variable('DEPSFIRST_TEST_BASE')}"]
    words += ["--tag", f"{PREFIX}floor:1"]
    variables = {"DEPSFIRST_CACHE_DIR": str(folder / "cache"), **docker.variables()}
    for _ in range(_WARM):
        copy = copy.edited()
        _build([str(program), *words], variables)
    path = docker.url.removeprefix("unix://")
    place = foretold.place_of(foretold.key_of(words, path), variables)
    assert place is not None
    times = []
    for _ in range(runs):
        copy = copy.edited()
        told = foretold.foretell(place)
        assert told is not None, "the last build left no notes"
        times.append(_load(path, told[1]))
        time.sleep(0.3)  # the daemon tidies up after a load
    return times


def _build(command: Sequence[str], variables: dict[str, str]) -> None:
    words = ["env", *(f"{name}={value}" for name, value in variables.items()), *command]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, "the build failed"


def _load(path: str, tar: bytes) -> float:
    start = time.perf_counter()
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.connect(path)
        connection.sendall(b"%b%x\r\n%b\r\n0\r\n\r\n" % (preamble.HEAD.encode(), len(tar), tar))
        answer = connection.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
