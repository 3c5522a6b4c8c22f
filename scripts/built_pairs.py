"""Builds both sides of a pair with a real BuildKit, and says which of its steps ran and which came from the cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import string
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uv
from tests.cache.pairs import BASE, NONCE, VARIANT, VARIANTS, WITH_UV, File, Pair, Places, Project, Tree

from depsfirst.cache.build import ImageFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BUILD_SECONDS = 120
PLUGIN = Path("usr/libexec/docker/cli-plugins/docker-buildx")
"""Where Debian keeps the builder's client, which runs without Docker's own."""

BUILDKITS = {
    (20, 10): (0, 8),
    (23, 0): (0, 10),
    (24, 0): (0, 11),
    (25, 0): (0, 12),
    (26, 0): (0, 13),
    (26, 1): (0, 13),
    (27, 0): (0, 14),
    (28, 0): (0, 20),
    (28, 5): (0, 25),
}
"""Releases of Docker, and the BuildKit in each."""

OWN_PLUGINS = (23, 0)
"""Since then a client needs docker-buildx; an older one with it would read ignore files otherwise than its daemon."""


class AbsentError(Exception):
    """What a real build needs is not there; says what."""


_STEP = re.compile(r"\[(?:(?P<stage>[^\]\s]+) +)? *(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"#(\d+) (\[.*)")
_PLAIN_END = re.compile(r"#(\d+) (CACHED|DONE|ERROR)")
_LINE = re.compile(r"(?:Dockerfile|app\.Dockerfile):(\d+)$|(?:parse error )?(?:on )?line (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Vertex:
    """A step as the engine shows it: its stage's label, its number there and of how many, its text, and how it went."""

    stage: str
    number: int
    total: int
    text: str
    cached: bool


@dataclass(frozen=True, slots=True)
class Built:
    """A build: its steps, and why it failed, if it did."""

    vertices: tuple[Vertex, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What an engine did with both sides of a pair."""

    before: Built
    after: Built


@dataclass(frozen=True)
class Engine:
    """A daemon, the client that drives its BuildKit, its release, and its BuildKit's version."""

    url: str
    client: tuple[str, ...]
    release: str
    version: tuple[int, int]
    scratch: Path

    @property
    def plain(self) -> bool:
        """Whether the client knows no other account of a build than text."""
        return self.version < BUILDKITS[OWN_PLUGINS]

    def build(self, project: Project, context: Path, named: dict[str, Path]) -> Built:
        """Build a project that is laid out on the disk."""
        words = [*self.client, "build", *self._output(), "--network", project.network]
        words += ["-f", str(context / project.dockerfile)]
        words += [f"--build-arg={name}={value}" for name, value in project.arguments.items()]
        words += [f"--build-context={name}={path}" for name, path in named.items()]
        words += [f"--add-host={name}:{address}" for name, address in project.hosts.items()]
        words += [f"--ulimit={limit}" for limit in project.ulimits]
        words += [f"--no-cache-filter={stage}" for stage in project.no_cache_stages]
        words += [f"--target={project.target}"] if project.target else []
        words += ["--no-cache"] if project.no_cache else []
        for name, value in project.secrets.items():
            path = self.scratch / f"secret-{name}"
            path.write_text(value)
            words.append(f"--secret=id={name},src={path}")
        with _alone(self.url):
            done = self._run([*words, str(context)])
        vertices = tuple(read_plain(done.stderr) if self.plain else read_raw(done.stderr))
        return Built(vertices, _complaint(done.stdout + done.stderr) if done.returncode else None)

    def prepare(self) -> None:
        """Make the images that Dockerfiles start from, besides the base.

        Raises:
            AbsentError: they cannot be made; most often the daemon lacks the base.
        """
        for tag, text in (*VARIANTS.items(), ("uv", WITH_UV)):
            place = self.scratch / f"variant-{tag}"
            place.mkdir(exist_ok=True)
            if tag == "uv":
                shutil.copy(uv.find_uv_bin(), place / "uv")
            (place / "Dockerfile").write_text(f"FROM {BASE}\n{text}\n")
            tagged = ["-t", f"{VARIANT}:{tag}", str(place)]
            done = self._run([*self.client, "build", "--network", "none", *tagged])
            if done.returncode:
                raise AbsentError(f'the image "{tag}" cannot be made of {BASE}: {_complaint(done.stderr)}')

    def facts(self, image: str) -> ImageFacts | None:
        """What the configuration of an image says."""
        done = self._run(["docker", "image", "inspect", image])
        if done.returncode:
            return None
        told: dict[str, Any] = json.loads(done.stdout)[0]
        config = told["Config"] or {}
        return ImageFacts(
            environment=tuple(config.get("Env") or ()),
            cwd=config.get("WorkingDir") or "",
            user=config.get("User") or "",
            shell=tuple(config.get("Shell") or ()),
            onbuild=tuple(config.get("OnBuild") or ()),
            # a newer store knows an image by its manifest first, and by its layers only if that was never built upon
            layers=tuple(told["RootFS"]["Layers"]) if self.plain else None,
        )

    def tidy(self) -> None:
        """Remove the images without a name that builds leave in the classic store."""
        if self.plain:
            self._run(["docker", "image", "prune", "--force"])

    def _output(self) -> list[str]:
        if self.plain:
            return ["--progress", "plain"]
        return ["--progress", "rawjson", "--provenance=false", "--output", "type=cacheonly"]

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        variables = {"DOCKER_HOST": self.url, "DOCKER_BUILDKIT": "1", "BUILDX_CONFIG": str(self.scratch / "buildx")}
        return subprocess.run(
            words,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=BUILD_SECONDS,
        )


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """While no other build of this program is under way on a daemon: two at once may miss what each other has."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"depsfirst-pairs-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def engine(url: str, scratch: Path, state: Path) -> Engine:
    """The engine behind a URL, with a client of its age.

    Args:
        url: of a Docker daemon.
        scratch: a directory for what a build is given besides contexts.
        state: of ``scripts.engines``, where the newer client may stand.

    Raises:
        AbsentError: there is no such daemon or client, or nobody knows its BuildKit.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["docker", "-H", url, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    found = re.match(r"(\d+)\.(\d+)", done.stdout)
    if not found:
        raise AbsentError(f"no Docker daemon answers at {url}")
    docker = (int(found[1]), int(found[2]))
    if docker not in BUILDKITS:
        raise AbsentError(f"nobody said which BuildKit is in Docker {docker[0]}.{docker[1]}")
    client = _old_client() if docker < OWN_PLUGINS else _new_client(state)
    return Engine(url, client, done.stdout.strip(), BUILDKITS[docker], scratch)


def _old_client() -> tuple[str, ...]:
    """A client whose version knows BuildKit without a plug-in."""
    for folder in os.get_exec_path():
        client = shutil.which("docker", path=folder)
        if client and (version := _version(client)) and version < OWN_PLUGINS[0]:
            return (client,)
    raise AbsentError("no Docker client older than 23 is on PATH: install docker.io of Debian 12")


def _version(client: str) -> int | None:
    done = subprocess.run([client, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)", done.stdout)
    return int(found[1]) if found else None


def _new_client(state: Path) -> tuple[str, ...]:
    plugin = state / "trixie" / PLUGIN
    if plugin.exists():
        return (str(plugin),)
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        return ("docker", "buildx")
    raise AbsentError("docker-buildx is not installed: run `python3 -m scripts.engines up`, or install it")


def observe(engine: Engine, pair: Pair, places: Places) -> Observation:
    """Build a pair, one side after the other, in contexts that no other build has."""
    nonce = "".join(secrets.choice(string.ascii_lowercase) for _ in NONCE)  # as long, as archives hold it, too
    try:
        before = _build(engine, pair.before, places, nonce, nonce)
        if before.error:
            return Observation(before, Built(()))
        return Observation(before, _build(engine, pair.after, places, nonce, f"{nonce}-moved" if pair.moves else nonce))
    finally:
        places.clear()


def _build(engine: Engine, project: Project, places: Places, nonce: str, name: str) -> Built:
    context, named = lay_out(project, places, nonce, name)
    return engine.build(project, context, named)


def lay_out(project: Project, places: Places, nonce: str, name: str) -> tuple[Path, dict[str, Path]]:
    """Put a project on the disk: where its context is, and its named ones."""
    context = places.lay(name, _unique(project.context(nonce), nonce))
    named = {each: places.lay(f"{name}-{each}", tree) for each, tree in project.contexts.items()}
    return context, named


def _unique(tree: Tree, nonce: str) -> Tree:
    mark = NONCE.encode()
    return {
        path: replace(node, content=node.content.replace(mark, nonce.encode()))
        if isinstance(node, File) and mark in node.content
        else node
        for path, node in tree.items()
    }


def read_plain(text: str) -> Iterator[Vertex]:
    """The steps in the output of ``--progress=plain``.

    A command's last line without a line feed has the end of its step behind it.
    """
    names: dict[str, str] = {}
    cached: dict[str, bool] = {}
    for line in text.splitlines():
        if found := _PLAIN_NAME.match(line):
            names.setdefault(found[1], found[2])
        for number, state in _PLAIN_END.findall(line):
            cached[number] = cached.get(number, False) or state == "CACHED"
    for number, name in names.items():
        if number in cached and (vertex := _vertex(name, cached=cached[number])):
            yield vertex


def read_raw(text: str) -> Iterator[Vertex]:
    """The steps in the output of ``--progress=rawjson``: values of JSON one behind another.

    Of ``COPY --link`` it is the copy that counts: joining it to what is below runs whenever that is new.
    """
    decoder, position = json.JSONDecoder(), 0
    known: dict[str, dict[str, Any]] = {}
    while (position := text.find("{", position)) >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError:
            break  # what follows is the client's own message
        for vertex in value.get("vertexes") or ():
            known[vertex["digest"]] = {**known.get(vertex["digest"], {}), **vertex}
    for vertex in known.values():
        if "completed" in vertex and (found := _vertex(vertex["name"], cached=bool(vertex.get("cached")))):
            yield found


def _vertex(name: str, *, cached: bool) -> Vertex | None:
    found = _STEP.match(name)
    if not found or found["text"].startswith(("FROM ", "LINK ")):
        return None
    return Vertex(found["stage"] or "", int(found["number"]), int(found["total"]), found["text"], cached)


def _complaint(text: str) -> str:
    """The sentence in which a client says why a build failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "failed to solve" in line or line.startswith(("ERROR:", "error:"))]
    return (told or lines or ["nothing is said"])[-1][-300:]


def failing_line(error: str) -> int | None:
    """The line that a client's complaint names."""
    found = _LINE.search(error)
    return int(found[1] or found[2]) if found else None
