"""Contexts, ignore files, sources and edits at random, and a builder to ask what it makes of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.conftest import absent

from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

NAMES = [
    "a",
    "b",
    "c",
    "d",
    "ab",
    "a.txt",
    "b.txt",
    "x+y",
    ".env",
    "README.md",
    "a b",
    "[x]",
    "é",
    "!x",
    "#h",
    "(p)",
    "\\w",
]
ATOMS = [
    "*",
    "**",
    "a",
    "b",
    "d",
    ".txt",
    "?",
    "/",
    "[a-c]",
    "[^a]",
    "\\*",
    "!",
    ".",
    "..",
    "#",
    "+",
    "x+y",
    "(p)",
    "{",
]
ATOMS += ["^", "\\w", "\\e", "[z-a]", "[[:alpha:]]", "*.md", " ", "]", "a|b", "[d]3", "\ufeff"]
TARGETS = ["a", "b", "d", "../a", "../b", "/a/b", "/d", "nope", "b/c", "..", "./d/../a"]


def draw_tree(random: Random, root: Path, names: int = len(NAMES)) -> None:
    """Files, directories and symlinks below ``root``, which need not exist."""
    root.mkdir(exist_ok=True)
    for _ in range(random.randint(3, 13)):
        known = NAMES[: random.choice([5, names])]
        path = root.joinpath(*(random.choice(known) for _ in range(random.choice([1, 1, 2, 2, 3, 4]))))
        kind = random.random()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind < 0.1:
                path.mkdir(exist_ok=True)
            elif kind < 0.25:
                path.symlink_to(random.choice(TARGETS))
            else:
                path.write_text(random.choice("xyz"))
        except OSError:
            continue  # something else is there


def paths_below(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def draw_glob(random: Random, path: str) -> str:
    """The path with some of its parts made patterns."""
    parts = path.split("/")[: random.randint(1, 4)]
    for place, part in enumerate(parts):
        forms = [
            "*",
            f"{part[:1]}*",
            f"*{part[1:]}",
            "?" * len(part),
            f"[{part[:1]}-e]*" if part[0] in "abcd" else part,
        ]
        parts[place] = random.choice(forms) if random.random() < 0.4 else part
    return "/".join(parts)


def draw_pattern(random: Random, paths: list[str]) -> str:
    if paths and random.random() < 0.75:
        pattern = draw_glob(random, random.choice(paths))
        pattern = random.choice(["", "", "", "**/", "/", "./", "../", " "]) + pattern
        pattern += random.choice(["", "", "", "", "/", "/*", "/**", "*"])
    else:
        pattern = "".join(random.choice(ATOMS) for _ in range(random.randint(1, 4)))
    return random.choice(["", "", "", "!", "! ", "!/"]) + pattern


def draw_ignore_file(random: Random, paths: list[str]) -> str:
    lines = [draw_pattern(random, paths) for _ in range(random.randint(1, 5))]
    return random.choice(["", "", "\ufeff"]) + random.choice(["\n", "\r\n"]).join(lines) + random.choice(["", "\n"])


def draw_source(random: Random, paths: list[str]) -> str:
    path = random.choice(paths or ["a"])
    if random.random() < 0.6:
        path = draw_glob(random, path)
    lead = random.choice(["./", "/", "../"]) if random.random() < 0.15 else ""
    return lead + path + (random.choice(["/", "/.", "/*"]) if random.random() < 0.15 else "")


def draw_edit(random: Random, root: Path) -> None:
    """One or two changes below ``root``."""
    for _ in range(random.choice([1, 1, 1, 2])):
        paths = sorted(root.rglob("*"))
        path = random.choice(paths) if paths else root / "new"
        new = path.parent / random.choice(NAMES)
        kind = random.random()
        try:
            if path.is_symlink() and kind < 0.4:
                path.unlink()
                path.symlink_to(random.choice(TARGETS))
            elif kind < 0.25:
                path.write_text(random.choice("xyzw"))
            elif kind < 0.5 and not os.path.lexists(new):
                new.write_text("x")
            elif kind < 0.65:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            elif kind < 0.8 and not os.path.lexists(new):
                path.rename(new)
            elif not path.is_symlink():
                path.chmod(random.choice([0o755, 0o700, 0o600, 0o644]))
        except OSError:
            continue


@dataclass
class Builder:
    """A Docker client and a daemon that build with BuildKit.

    Attributes:
        client: the client's path.
        url: the daemon's address.
        sends: the BuildKit whose rules the client follows in what it sends.
        folder: where Dockerfiles and results go.
    """

    client: str
    url: str
    sends: Version
    folder: Path

    @classmethod
    def found(cls, url: str, folder: Path) -> Builder:
        """The first Docker client on PATH that builds with BuildKit: an old one, or one with buildx."""
        places = [*os.environ.get("PATH", "").split(":"), "/usr/bin"]
        for client in filter(None, (shutil.which("docker", path=place) for place in places)):
            old = re.search(r"version (19|20)\.", _said(client, "--version"))
            if old or _said(client, "buildx", "version"):
                break
        else:
            absent("a Docker client is needed that builds with BuildKit: docker 20.10, or docker-buildx")
        return cls(client, url, CLASSIC if old else CURRENT, folder)

    def build(self, context: Path, dockerfile: str, *options: str) -> subprocess.CompletedProcess[str]:
        file = self.folder / "Dockerfile"
        file.write_text(dockerfile)
        command = [self.client, "-H", self.url, "build", "--progress", "plain", "-f", str(file), *options, str(context)]
        variables = {**os.environ, "DOCKER_BUILDKIT": "1"}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=600, check=False)

    def sent(self, context: Path) -> list[str] | None:
        """The paths that ``COPY .`` copies, sorted; None if the build fails."""
        result = self.folder / "result.tar"
        done = self.build(context, "FROM scratch\nCOPY . /\n", "--output", f"type=tar,dest={result}")
        if done.returncode:
            return None
        with tarfile.open(result) as tar:
            return sorted({member.name.strip("/") for member in tar} - {"", "."})

    def cached(self, before: Path, after: Path, sources: list[list[str]]) -> dict[int, bool]:
        """For the place of each list of sources, whether a ``COPY`` of them is cached in the second of two builds.

        Lists of which the copy fails, as a file onto a directory, are left out.
        """
        places = list(range(len(sources)))
        while places:
            stages = [f"FROM scratch AS s{place}\n{_copy(sources[place])}" for place in places]
            last = ["FROM scratch\n", *(f"COPY --from=s{place} / /{place}/\n" for place in places)]
            dockerfile = "".join([*stages, *last])
            first = self.build(before, dockerfile)
            done = first if first.returncode else self.build(after, dockerfile)
            if not done.returncode:
                steps = re.finditer(r"^#(\d+) \[s(\d+) 1/1\]", done.stderr, re.MULTILINE)
                return {int(step[2]): f"\n#{step[1]} CACHED" in done.stderr for step in steps}
            failed = re.findall(r"^ > \[s(\d+) 1/1\]", done.stderr, re.MULTILINE)
            assert failed, done.stderr
            places.remove(int(failed[-1]))
        return {}


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def _copy(sources: list[str]) -> str:
    nonce = os.urandom(8).hex()  # the cache outlives the test, and all that runs beside it shares it
    return f"COPY {json.dumps([*sources, f'/{nonce}/'])}\n"
