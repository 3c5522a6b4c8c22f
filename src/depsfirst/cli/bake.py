"""``init --bake``: a Dockerfile for each project of a workspace that is an image, and a bake file for all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from depsfirst.cli.init import generated, wanted_of
from depsfirst.errors import DepsfirstError, ExitCode
from depsfirst.generate.bake import NAME, Target, bake_file
from depsfirst.generate.writing import difference, write
from depsfirst.project.workspace import members

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from depsfirst.generate.files import Generated


def init_all(options: Namespace) -> int:
    """Write what is not there, or show it; a Dockerfile that is there is its owner's, and stays unless forced.

    Raises:
        DepsfirstError: one of the projects cannot be written as a Dockerfile, or there is another bake file.
    """
    if options.package is not None:
        raise DepsfirstError(
            "--bake is for all projects of the workspace, and --package for one",
            hint="give one of them, or leave one out",
        )
    top, images = _images(options)
    files = {top / NAME: bake_file([_target(each, top) for each in images])}
    made = {path: text for each in images for path, text in each.files.items()}
    for note in (f"{each.name}: {note}" for each in images for note in each.notes):
        print(f"warning: {note}", file=sys.stderr)
    if options.diff:
        text = difference(files | made)
        print(text, end="")
        return ExitCode.FINDINGS if text else ExitCode.CLEAN
    kept = set() if options.force else set(_kept(images))
    written = write(files | {path: text for path, text in made.items() if path not in kept}, force=options.force)
    _say(written, sorted(each.dockerfile for each in images if each.dockerfile in kept), top)
    return ExitCode.CLEAN


def _images(options: Namespace) -> tuple[Path, list[Generated]]:
    """The top of the workspace, and what is made for its projects but for those that are only parts of others."""
    top, places = members(Path(options.directory))
    wanted = wanted_of(options)
    found = {place: generated(wanted._replace(directory=place)) for place in places}
    parts = {library for each in found.values() for library in each.libraries}
    return top, [each for place, each in found.items() if each.starts or place not in parts]


def _target(made: Generated, top: Path) -> Target:
    return Target(
        name=made.name,
        context=Path(os.path.relpath(made.context, top)).as_posix(),
        dockerfile=made.dockerfile.relative_to(made.context).as_posix(),
        repository=made.reference.rpartition(":")[0],
        secret=made.secret,
    )


def _kept(images: Sequence[Generated]) -> Iterator[Path]:
    """The files of projects whose Dockerfile is there."""
    for each in images:
        if each.dockerfile.exists():
            yield from each.files


def _say(written: Sequence[Path], kept: Sequence[Path], top: Path) -> None:
    for path in written:
        print(f"wrote {os.path.relpath(path)}", file=sys.stderr)
    for path in kept:
        print(f"left {os.path.relpath(path)} as it is", file=sys.stderr)
    place = os.path.relpath(top)
    start = "" if place == "." else f"cd {place} && "
    print(f"build all: {start}docker buildx bake", file=sys.stderr)
