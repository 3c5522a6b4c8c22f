"""Engines that build a Dockerfile: BuildKit by Docker's client, or podman. Their progress is passed through."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from depsfirst.engines.external_layers import Inspected, layers_of, read_image
from depsfirst.errors import DepsfirstError
from depsfirst.plan import Built
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Engine = Literal["buildkit", "docker", "podman"]
ENGINES: tuple[Engine, ...] = ("buildkit", "docker", "podman")

_WITHOUT_BUILDX = 23
"""The major version from which Docker's client builds with buildx only."""
_PROBE_SECONDS = 120
_ELSEWHERE = ("--push", "--output", "-o", "--load")
_SHARING = "only buildx does that"


class ExternalOrder(NamedTuple):
    """What an engine is to build.

    Attributes:
        engine: ``buildkit`` (or ``docker``, its usual way), or ``podman``.
        context: directory of the build context.
        dockerfile: path of the Dockerfile.
        ignore_file: path of the ignore file, where it is not beside the Dockerfile or in the context.
        reference: name and tag of the image.
        platforms: what it is for; none leaves that to the engine.
        output: what the engine is told to write instead of loading the image; None loads it.
        builder: the buildx builder.
        cache_to: where the build's cache is written to, in the engine's words.
        cache_from: where it is read from.
        options: of the engine, passed on as they are.
        quiet: whether it says nothing of its progress.
        proven: whether the Dockerfile imports the project, as ours do.
    """

    engine: Engine
    context: Path
    dockerfile: Path
    reference: str
    ignore_file: Path | None = None
    platforms: tuple[str, ...] = ()
    output: str | None = None
    builder: str | None = None
    cache_to: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    quiet: bool = False
    proven: bool = False


class Client(NamedTuple):
    """A program that builds.

    Attributes:
        name: ``buildx``, ``docker`` or ``podman``.
        program: path of the program.
        build: its words that begin a build.
        variables: what its environment has besides.
    """

    name: Literal["buildx", "docker", "podman"]
    program: str
    build: tuple[str, ...]
    variables: Mapping[str, str] = {}


def build(order: ExternalOrder) -> Built:
    """Build a Dockerfile with an engine, whose progress goes to standard error.

    Raises:
        DepsfirstError: there is no such engine, it cannot do what is wanted, or the build failed.
    """
    started = time.perf_counter()
    client = find_client(order.engine)
    loaded = not _goes_elsewhere(order)
    before = read_image(client.program, order.reference) if loaded else None
    with tempfile.TemporaryDirectory(prefix="depsfirst-") as scratch:
        facts = Path(scratch) / "facts.json"
        command = build_command(order, client, facts)
        _run(command, client)
        told = _told(facts)
    after = read_image(client.program, order.reference) if loaded else None
    return _built(order, client, before, after, told, time.perf_counter() - started)


def find_client(engine: Engine) -> Client:
    """The program that an engine is used by.

    Raises:
        DepsfirstError: there is none.
    """
    if engine == "podman":
        program = shutil.which("podman")
        if program is None:
            raise DepsfirstError('there is no "podman" on PATH', hint="install podman, or choose another --engine")
        return Client("podman", program, (program, "build"))
    for client in _docker_clients():
        return client
    raise DepsfirstError(
        'there is no "docker" on PATH that builds with BuildKit',
        hint="install docker-buildx, or choose another --engine",
    )


def _docker_clients() -> Iterator[Client]:
    """Docker's clients on PATH that build with BuildKit: those with buildx, then those that bring it themselves."""
    programs = [shutil.which("docker", path=folder) for folder in os.get_exec_path()]
    found = list(dict.fromkeys(program for program in programs if program))
    for program in found:
        if _output([program, "buildx", "version"]) is not None:
            yield Client("buildx", program, (program, "buildx", "build"))
    for program in found:
        version = _output([program, "version", "--format", "{{.Client.Version}}"]) or ""
        if version.partition(".")[0].isdigit() and int(version.partition(".")[0]) < _WITHOUT_BUILDX:
            yield Client("docker", program, (program, "build"), {"DOCKER_BUILDKIT": "1"})


def build_command(order: ExternalOrder, client: Client, facts: Path) -> list[str]:
    """The words of a build.

    Args:
        order: what is wanted.
        client: who is asked.
        facts: file that the engine writes what it made to, if it does that.

    Raises:
        DepsfirstError: the engine cannot do what is wanted.
    """
    _check(order, client)
    words = [*client.build, "--file", str(order.dockerfile), "--tag", order.reference]
    words += ["--platform", ",".join(order.platforms)] if order.platforms else []
    words += [word for each in order.cache_from for word in ("--cache-from", each)]
    words += [word for each in order.cache_to for word in ("--cache-to", each)]
    words += ["--quiet"] if order.quiet else []
    if client.name == "buildx":
        words += ["--builder", order.builder] if order.builder else []
        words += ["--metadata-file", str(facts)]
        words += ["--output", order.output] if order.output else []
        words += [] if _goes_elsewhere(order) else ["--load"]
    if client.name == "podman" and order.ignore_file:
        words += ["--ignorefile", str(order.ignore_file)]
    return [*words, *order.options, str(order.context)]


def _check(order: ExternalOrder, client: Client) -> None:
    wanted = {
        "--builder": order.builder,
        "--cache-to": order.cache_to if client.name == "docker" else (),
        "--output": order.output,
        "--platform with several": len(order.platforms) > 1,
    }
    for name, value in wanted.items():
        if value and client.name != "buildx":
            raise DepsfirstError(
                f'"{Path(client.program).name} {client.build[-1]}" has no {name}: {_SHARING}',
                hint="install docker-buildx and build with --engine buildkit",
            )
    if len(order.platforms) > 1 and not _goes_elsewhere(order):
        raise DepsfirstError(
            "an image for several platforms is not loaded into Docker",
            hint="push it (`-- --push`), or write a layout with --output oci:DIR",
        )


def _goes_elsewhere(order: ExternalOrder) -> bool:
    words = {word.partition("=")[0] for word in order.options}
    return bool(order.output) or not words.isdisjoint(_ELSEWHERE)


def _run(command: Sequence[str], client: Client) -> None:
    sys.stderr.flush()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=2, env={**os.environ, **client.variables}, check=False
    )
    if done.returncode:
        raise DepsfirstError(
            f'"{" ".join([Path(command[0]).name, *command[1:3]])} …" ended with status {done.returncode}',
            where=str(client.program),
            hint="what it said stands above",
        )


def _told(facts: Path) -> Mapping[str, Any]:
    """What buildx wrote of the build; nothing where another client built."""
    try:
        values = json.loads(facts.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _built(  # noqa: PLR0913, PLR0917 - all that is known in the end
    order: ExternalOrder,
    client: Client,
    before: Inspected | None,
    after: Inspected | None,
    told: Mapping[str, Any],
    seconds: float,
) -> Built:
    layers = layers_of(after, before, order.dockerfile, _target(order.options)) if after else ()
    digest = str(told.get("containerimage.digest") or (after.digest if after else ""))
    own = [layer for layer in layers if layer.kind == "code"]
    return Built(
        reference=order.reference,
        destination="podman" if client.name == "podman" else "docker" if after else "engine",
        where=order.reference,
        digest=digest,
        image_id=str(told.get("containerimage.config.digest") or (after.image_id if after else digest)),
        platform=after.platform if after else ",".join(order.platforms),
        layers=layers,
        how="reused" if own and all(layer.reused for layer in own) else "built",
        reason=f"the engine is {order.engine}",
        verdict="passed" if order.proven else "skipped: the Dockerfile has none of ours",
        run=f"{Path(client.program).name} run --rm {order.reference}" if after else f"docker pull {order.reference}",
        seconds={"total": seconds},
    )


def _target(options: Sequence[str]) -> str | None:
    """The stage that the engine's own options choose."""
    for place, word in enumerate(options):
        if word == "--target" and place + 1 < len(options):
            return options[place + 1]
        if word.startswith("--target="):
            return word.partition("=")[2]
    return None


def _output(command: Sequence[str]) -> str | None:
    """What a program prints; None where it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
