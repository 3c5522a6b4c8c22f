"""The layers of an image that an engine built, told apart by the instructions of its Dockerfile."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from depsfirst.dockerfile.instructions import Copy, Run, Transfer, Workdir
from depsfirst.dockerfile.stages import base_stage, require_outline, require_target
from depsfirst.dockerfile.syntax import parse
from depsfirst.plan import BuiltLayer
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.stages import Stage

_SECONDS = 300
_TITLE = 48
"""How much of an instruction stands in a table."""
_KINDS = {"dependencies": "dependencies", "libraries": "first-party", "code": "code"}
"""Kinds of layers, by the stage that they are copied from, or else are made in."""
_UNITS = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class Inspected(NamedTuple):
    """An image as an engine describes it.

    Attributes:
        image_id: digest of its configuration, or of its manifest in containerd's store.
        digest: of its manifest, as far as the engine tells.
        platform: as ``linux/amd64``.
        diff_ids: of its layers, lowest first.
        sizes: of what each entry of the history added, in bytes, newest first.
        for_directories: whether a WORKDIR is a layer, as it is for BuildKit; podman makes it with the next one.
    """

    image_id: str
    digest: str
    platform: str
    diff_ids: tuple[str, ...]
    sizes: tuple[int, ...]
    for_directories: bool = True


def read_image(program: str, reference: str) -> Inspected | None:
    """What ``docker`` or ``podman`` says of an image; None if it has none of this name."""
    described = _json([program, "image", "inspect", reference])
    if not isinstance(described, list) or not described:
        return None
    image = described[0]
    image_id = _digest(str(image.get("Id") or ""))
    history = _lines([program, "history", "--no-trunc", "--human=false", "--format", "{{.Size}}", reference])
    return Inspected(
        image_id=image_id,
        digest=_digest(str(image.get("Digest") or "")) or image_id,
        platform=f"{image.get('Os', 'linux')}/{image.get('Architecture', '')}",
        diff_ids=tuple(image.get("RootFS", {}).get("Layers") or ()),
        sizes=tuple(_size(line) for line in history),
        for_directories="podman" not in PurePath(program).name,
    )


def layers_of(
    image: Inspected, before: Inspected | None, dockerfile: Path, target: str | None
) -> tuple[BuiltLayer, ...]:
    """The layers of an image, lowest first; reused are those of the base, and those that the name stood for before."""
    recorded = list(zip(reversed(_chain(dockerfile, target)), image.sizes, strict=False))
    made = [(each, size) for each, size in reversed(recorded) if _makes_layer(each.instruction, image)]
    below = max(len(image.diff_ids) - len(made), 0)
    had = set(before.diff_ids) if before else set()
    base_size = sum(image.sizes[len(recorded) :])
    layers = [
        BuiltLayer("base", "base image", diff_id, base_size if place == 0 else 0, reused=True)
        for place, diff_id in enumerate(image.diff_ids[:below])
    ]
    own = zip(image.diff_ids[below:], made[len(made) - len(image.diff_ids) + below :], strict=False)
    layers += [
        BuiltLayer(_kind(each), _title(each.instruction), diff_id, size, reused=diff_id in had)
        for diff_id, (each, size) in own
    ]
    return tuple(layers)


class _Made(NamedTuple):
    """An instruction that the image is made by, and the name of the stage that it stands in."""

    instruction: Typed
    stage: str


def _chain(dockerfile: Path, target: str | None) -> list[_Made]:
    """The instructions that the image is made by, in their order: those of its stage and of the stages below."""
    outline = require_outline(parse(dockerfile.read_text(encoding="utf-8-sig")), dockerfile.name)
    stage: Stage | None = require_target(outline.stages, target, dockerfile.name)
    found: list[_Made] = []
    while stage is not None:
        found = [*(_Made(each, stage.name or "") for each in stage.instructions), *found]
        stage = base_stage(outline.stages, stage.index, stage.origin.image)
    return found


def _makes_layer(instruction: Typed, image: Inspected) -> bool:
    return isinstance(instruction, (Run, Transfer)) or (image.for_directories and isinstance(instruction, Workdir))


def _kind(made: _Made) -> str:
    instruction = made.instruction
    if isinstance(instruction, Workdir):
        return "environment"
    origin = (instruction.from_ or "").lower() if isinstance(instruction, Copy) else ""
    return _KINDS.get(origin) or _KINDS.get(made.stage.lower(), "other")


def _title(instruction: Typed) -> str:
    return " ".join(instruction.syntax.text.split())[:_TITLE]


def _digest(text: str) -> str:
    return text if not text or ":" in text else f"sha256:{text}"


def _size(text: str) -> int:
    """A size in bytes; engines that do not know plain numbers write ``5.94MB``."""
    found = re.fullmatch(r"([0-9.]+) ?([kKMG]?B)?", text.strip())
    return round(float(found[1]) * _UNITS[found[2] or "B"]) if found else 0


def _json(command: Sequence[str]) -> Any:
    text = "\n".join(_lines(command))
    try:
        return json.loads(text)
    except ValueError:
        return None


def _lines(command: Sequence[str]) -> list[str]:
    """The lines that a program prints; none where it fails or hangs."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []
