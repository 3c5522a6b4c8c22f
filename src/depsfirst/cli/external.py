"""``build`` with another engine: a Dockerfile that is there, or the one that ``init`` would write."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from depsfirst.cli.init import generated, wanted_of
from depsfirst.cli.options import project_directory
from depsfirst.engines.external import ExternalOrder, build
from depsfirst.errors import DepsfirstError, ExitCode
from depsfirst.oci.reference import parse_reference
from depsfirst.plan import VENV
from depsfirst.reports.build import as_json, as_table
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

_LAYOUT = "oci:"


def build_externally(options: Namespace) -> int:
    """Build with another engine, and say what was made as the embedded one does."""
    _check(options)
    with _dockerfile(options) as found:
        built = build(_order(options, found))
    if options.verbosity >= 0:
        print(as_table(built), file=sys.stderr)
    print(as_json(built) if options.format == "json" else built.reference)
    return ExitCode.CLEAN


_PROOF = f'{VENV}/bin/python -B -c "'
"""What is in a Dockerfile of ours that imports the project."""


class _Found(NamedTuple):
    """A Dockerfile to build: its context, its ignore file if that is elsewhere, and the image's name."""

    dockerfile: Path
    context: Path
    reference: str
    ignore_file: Path | None = None
    proven: bool = False


def _check(options: Namespace) -> None:
    embedded = {"--verify": options.verify != "auto", "--refresh": options.refresh}
    for name, given in embedded.items():
        if given:
            raise DepsfirstError(f'"{name}" is for the embedded engine', hint="leave it out")


def _order(options: Namespace, found: _Found) -> ExternalOrder:
    return ExternalOrder(
        engine=options.engine,
        context=found.context,
        dockerfile=found.dockerfile,
        ignore_file=found.ignore_file,
        reference=found.reference,
        platforms=tuple(each for each in (options.platform or "").split(",") if each),
        output=_output(options.output),
        builder=options.builder,
        cache_to=tuple(options.cache_to),
        cache_from=tuple(options.cache_from),
        options=tuple(options.passed),
        quiet=options.verbosity < 0,
        proven=found.proven,
    )


def _output(given: str | None) -> str | None:
    """The words of buildx for an archive ``FILE.tar`` or a layout ``oci:DIR``."""
    if given is None:
        return None
    if given.startswith(_LAYOUT):
        return f"type=oci,tar=false,dest={given.removeprefix(_LAYOUT)}"
    return f"type=docker,dest={given}"


@contextmanager
def _dockerfile(options: Namespace) -> Iterator[_Found]:
    if options.file and options.package:
        raise DepsfirstError("-f names a Dockerfile, which says what is built", hint="leave out --package")
    directory = project_directory(options)
    there = directory / "Dockerfile"
    if options.file:
        yield _given(Path(options.file), directory, options.tag)
    elif there.is_file():
        yield _existing(there, options)
    else:
        with TemporaryDirectory(prefix="depsfirst-") as scratch:
            yield _written(Path(scratch), options)


def _given(dockerfile: Path, context: Path, tag: str | None) -> _Found:
    if not dockerfile.is_file():
        raise DepsfirstError("there is no such Dockerfile", where=str(dockerfile))
    if not context.is_dir():
        raise DepsfirstError("this is not a directory", where=str(context), hint="name the build context")
    return _Found(dockerfile, context, _reference(tag or _named_like(context)))


def _existing(dockerfile: Path, options: Namespace) -> _Found:
    """The Dockerfile of a project; one of ours may have its context in a directory above."""
    directory = dockerfile.parent
    if options.base or options.group or options.extra or options.index or options.system_package:
        raise DepsfirstError(
            "there is a Dockerfile, which says what goes in",
            where=str(dockerfile),
            hint="leave out --base, --group, --extra, --index and --system-package, or change it with"
            " `depsfirst init --force`",
        )
    try:
        made = generated(wanted_of(options, _platform(options)))
    except DepsfirstError:  # a Dockerfile of something that is no project to us
        return _given(dockerfile, directory, options.tag)
    text = dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
    context = made.context if f"--file {os.path.relpath(dockerfile, made.context)} " in text else directory
    return _Found(dockerfile, context, _reference(options.tag or made.reference), None, _PROOF in text)


def _written(folder: Path, options: Namespace) -> _Found:
    """What ``init`` would write, in a folder that is not the project's; an ignore file that is there counts."""
    made = generated(wanted_of(options, _platform(options)))
    for note in made.notes:
        print(f"warning: {note}", file=sys.stderr)
    dockerfile, ignore_file = folder / "Dockerfile", folder / "Dockerfile.dockerignore"
    for path, text in made.files.items():
        if path == made.dockerfile:
            dockerfile.write_text(text, encoding="utf-8")
        else:
            ignore_file.write_bytes(path.read_bytes() if path.is_file() else text.encode())
    return _Found(
        dockerfile,
        made.context,
        _reference(options.tag or made.reference),
        ignore_file,
        _PROOF in made.files[made.dockerfile],
    )


def _platform(options: Namespace) -> str | None:
    return (options.platform or "").partition(",")[0] or None


def _reference(given: str) -> str:
    """Name and tag of an image.

    Raises:
        DepsfirstError: it is no reference that a registry or a daemon would take.
    """
    return str(parse_reference(given if ":" in given.rpartition("/")[2] else f"{given}:latest"))


def _named_like(directory: Path) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", directory.resolve().name.lower())) or "image"
