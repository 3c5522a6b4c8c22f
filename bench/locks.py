"""What it costs to read a large lock and select from it: a new process, from its start to the recipe.

    python -m bench.locks --runs 20 [DIRECTORY…]

Without directories, one of a megabyte is made for uv, Poetry and PDM each: packages with many files, and edges with
markers, as large real locks have them. With directories, the locks of these projects are read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.measure import measure
from depsfirst.project.discover import discover
from depsfirst.project.locks.pdm import content_hashes
from depsfirst.project.locks.poetry import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT = 0.5
SIZE = 1_000_000
_FILES = 12
_EDGES = 5
_PROGRAM = """
import sys
from pathlib import Path
from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import Environment
from depsfirst.project.selection import select
lock = read_lock(discover(Path(sys.argv[1])))
recipe = select(lock, Environment((3, 12, 4)), groups=frozenset(lock.roots), extras=frozenset(lock.extras))
assert recipe.digest
"""
_MARKERS = ("", "sys_platform == 'linux'", "python_version < '3.14'", "platform_machine != 'ppc64le'")
_MANIFEST = '[project]\nname = "shop"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = ["package-0==1.0"]\n'


def _files(index: int) -> Iterator[tuple[str, str]]:
    for number in range(_FILES):
        tag = f"cp3{10 + number // 3}-cp3{10 + number // 3}-manylinux_2_17_{('x86_64', 'aarch64', 's390x')[number % 3]}"
        yield f"package_{index}-1.0-{tag}.manylinux2014.whl", f"sha256:{index * 100 + number:064x}"


def _edges(index: int) -> Iterator[tuple[int, str]]:
    for number in range(_EDGES):
        yield index * 2 + number + 1, _MARKERS[(index + number) % len(_MARKERS)]


def _uv(count: int) -> dict[str, str]:
    entries = []
    for index in range(count):
        edges = "".join(
            f'    {{ name = "package-{other}"{f", marker = {chr(34)}{marker}{chr(34)}" if marker else ""} }},\n'
            for other, marker in _edges(index)
            if other < count
        )
        wheels = "".join(
            f'    {{ url = "https://files.example/{index:040x}/{name}", hash = "{digest}", size = 1000 }},\n'
            for name, digest in _files(index)
        )
        entries.append(
            f'[[package]]\nname = "package-{index}"\nversion = "1.0"\n'
            'source = { registry = "https://index.example/simple" }\n'
            f"dependencies = [\n{edges}]\nwheels = [\n{wheels}]\n"
        )
    own = (
        '[[package]]\nname = "shop"\nversion = "1.0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "package-0" }]\n\n[package.metadata]\n'
        'requires-dist = [{ name = "package-0", specifier = "==1.0" }]\n'
    )
    head = 'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n'
    return {"pyproject.toml": _MANIFEST, "uv.lock": "\n".join([head, *entries, own])}


def _poetry(count: int) -> dict[str, str]:
    manifest = '[tool.poetry]\nname = "shop"\nversion = "1.0"\n[tool.poetry.dependencies]\npython = "^3.10"\n'
    manifest += 'package-0 = "1.0"\n'
    entries = []
    for index in range(count):
        files = "".join(f'    {{file = "{name}", hash = "{digest}"}},\n' for name, digest in _files(index))
        edges = "".join(
            f'package-{other} = {{version = ">=1.0,<2.0", markers = "{marker}"}}\n'
            if marker
            else f'package-{other} = "^1"\n'
            for other, marker in _edges(index)
            if other < count
        )
        entries.append(
            f'[[package]]\nname = "package-{index}"\nversion = "1.0"\ndescription = "The package {index} of many"\n'
            f'optional = false\npython-versions = ">=3.9"\nfiles = [\n{files}]\n\n[package.dependencies]\n{edges}'
        )
    import tomli

    digest = content_hash(tomli.loads(manifest))
    tail = f'[metadata]\nlock-version = "2.0"\npython-versions = "^3.10"\ncontent-hash = "{digest}"\n'
    return {"pyproject.toml": manifest, "poetry.lock": "\n".join([*entries, tail])}


def _pdm(count: int) -> dict[str, str]:
    import tomli

    entries = []
    for index in range(count):
        files = "".join(
            f'    {{url = "https://files.example/{index:040x}/{name}", hash = "{digest}"}},\n'
            for name, digest in _files(index)
        )
        edges = "".join(
            f'    "package-{other}<2,>=1.0{f"; {marker}" if marker else ""}",\n'
            for other, marker in _edges(index)
            if other < count
        )
        entries.append(
            f'[[package]]\nname = "package-{index}"\nversion = "1.0"\nrequires_python = ">=3.9"\n'
            f'summary = "The package {index} of many"\ndependencies = [\n{edges}]\nfiles = [\n{files}]\n'
        )
    digest = next(content_hashes(tomli.loads(_MANIFEST)))
    head = (
        '[metadata]\ngroups = ["default"]\nstrategy = ["static_urls"]\nlock_version = "4.5.0"\n'
        f'content_hash = "sha256:{digest}"\n\n[[metadata.targets]]\nrequires_python = ">=3.10"\n'
    )
    return {"pyproject.toml": _MANIFEST, "pdm.lock": "\n".join([head, *entries])}


def made(make: Callable[[int], dict[str, str]], root: Path) -> Path:
    """A project whose lock has at least ``SIZE`` bytes."""
    count = 100
    while max(len(text) for text in make(count).values()) < SIZE:
        count += 25
    root.mkdir()
    for name, text in make(count).items():
        (root / name).write_text(text)
    return root


def main() -> int:
    """Measure, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="samples per figure (default: 20)")
    parser.add_argument("directories", nargs="*", type=Path)
    options = parser.parse_args()
    slow = 0
    print(f"| lock | bytes | median of {options.runs}, ms | at most, ms |\n| --- | ---: | ---: | ---: |")
    with TemporaryDirectory() as folder:
        makers = {"uv": _uv, "poetry": _poetry, "pdm": _pdm}
        places = options.directories or [made(make, Path(folder, name)) for name, make in makers.items()]
        for place in places:
            lock = discover(place).lock
            command = [sys.executable, "-c", _PROGRAM, str(place)]
            samples = [measure(command, variables={}, log=Path(folder, "log")) for _ in range(options.runs + 1)][1:]
            seconds = median(sample.seconds for sample in samples)
            slow += seconds > LIMIT
            print(f"| `{lock.name}` | {lock.stat().st_size:,} | {seconds * 1000:.0f} | {LIMIT * 1000:.0f} |")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
