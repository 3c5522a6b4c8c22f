"""Puts a build together from what a user says of it: Dockerfile, contexts, target, arguments, and perhaps a commit."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from depsfirst.cache.build import Build
from depsfirst.cache.checkout import Checkout, Committed, Disk
from depsfirst.dataclass import dataclass, field
from depsfirst.dockerfile.buildkit import CURRENT, Version
from depsfirst.dockerfile.instructions import Arg, Run
from depsfirst.dockerfile.scope import PROXY_ARGUMENTS
from depsfirst.dockerfile.selection import select, select_mount
from depsfirst.dockerfile.stages import references, require_outline, require_target
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.stages import Outline

NAMES = ("Dockerfile", "Containerfile", "dockerfile")
"""What a Dockerfile is called in its context."""
STANDARD_INPUT = "-"
_UNDECLARED = frozenset({"SOURCE_DATE_EPOCH", *(f"{place}{what}" for place in ("BUILD", "TARGET") for what in
                        ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT")), "TARGETSTAGE"})  # fmt: skip
_PREFIXES = ("BUILDKIT_",)


@dataclass(frozen=True, slots=True)
class Request:
    """What a user says of a build; paths are as they were written.

    Attributes:
        file: the Dockerfile; ``-`` for standard input, None for the one in the context.
        context: the build context's directory; None for the usual one.
        target: the stage to build; None for the last.
        arguments: ``--build-arg``.
        contexts: ``--build-context``, name to directory.
        revision: the commit to look at; None for the files as they are.
        version: the BuildKit that builds.
    """

    file: str | None = None
    context: str | None = None
    target: str | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    version: Version = CURRENT


@dataclass(frozen=True)
class Opened:
    """A build whose files can be read.

    Attributes:
        build: the build.
        checkout: reads its files.
        directories: of the contexts, absolute, by name; the main one is the empty name.
        file: the Dockerfile's path below the main context; None if it is not in it.
        context: the main context as the user would write it.
    """

    build: Build
    checkout: Checkout
    directories: Mapping[str, str]
    file: str | None
    context: str

    def read(self, path: str, context: str = "") -> bytes | None:
        """The content of a file of a context; None where there is none.

        Args:
            path: below the context's root.
            context: its name; empty for the main one.

        Raises:
            DepsfirstError: it cannot be read.
        """
        return self.checkout.read(os.path.normpath(f"{self.directories[context]}/{path}"))

    def text(self, path: str) -> str | None:
        """The same as text; bytes that are no UTF-8 are kept as surrogates."""
        content = self.read(path)
        return None if content is None else content.decode(errors="surrogateescape")


def version_of(text: str | None) -> Version:
    """The BuildKit of a version such as ``0.13`` or ``v0.13.2``; the newest known for None.

    Raises:
        DepsfirstError: it is no version.
    """
    if text is None:
        return CURRENT
    parts = text.removeprefix("v").split(".")
    if len(parts) < len(CURRENT) or not all(part.isdecimal() for part in parts[:2]):
        raise DepsfirstError(f'"{text}" is no version of BuildKit', hint="write it as 0.13; Docker 26.1 has that one")
    return int(parts[0]), int(parts[1])


def open_build(request: Request) -> Opened:
    """The build that a user means.

    Raises:
        DepsfirstError: a file, a context, the target or an argument is missing or wrong, or BuildKit refuses the
            Dockerfile.
    """
    _check_given(request)
    checkout = _checkout(request)
    name = request.file or _found(checkout, request.context or ".")
    outline = require_outline(parse(_text(checkout, name)), name)
    require_target(outline.stages, request.target, name)
    _check_arguments(outline, request.arguments, name)
    _check_contexts(outline, request.contexts, name)
    file = None if name == STANDARD_INPUT else _absolute(name)
    context, directory = _context(checkout, request, outline, name)
    directories = {"": directory, **{each: _absolute(path) for each, path in request.contexts.items()}}
    build = Build(
        outline=outline,
        context=context,
        target=request.target,
        arguments=request.arguments,
        contexts={each: checkout.context(directories[each], None, request.version) for each in request.contexts},
        version=request.version,
        file=name,
    )
    below = file and os.path.relpath(file, directory)
    inside = None if below is None or below.startswith("../") else below
    return Opened(build, checkout, directories, inside, os.path.relpath(directory))


def _check_given(request: Request) -> None:
    """Refuse options without a value, as a variable that was never set makes them, and contexts that are elsewhere."""
    for title, value in (("Dockerfile", request.file), ("build context", request.context), ("target", request.target)):
        if value == "":
            raise DepsfirstError(f"the name of the {title} is empty", hint="give it a value, or leave the option out")
    for path in filter(None, (request.context, *request.contexts.values())):
        if "://" in path:
            raise DepsfirstError(
                f'the build context "{path}" is no directory',
                hint="name a directory; leave an image out, which is the same before and after",
            )


def _checkout(request: Request) -> Checkout:
    if request.revision is None:
        return Disk()
    from depsfirst.cache.gittree import open_revision

    start = request.context or (os.path.dirname(request.file) if request.file else ".")  # noqa: PTH120 (a string)
    return Committed(open_revision(_absolute(start or "."), request.revision))


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (a symbolic link stays as the user wrote it)


def _found(checkout: Checkout, context: str) -> str:
    for name in NAMES:
        path = os.path.normpath(f"{context}/{name}")
        if checkout.read(_absolute(path)) is not None:
            return path
    if isinstance(checkout, Disk):
        checkout.context(_absolute(context), None, CURRENT)  # says whether there is a directory at all
    raise DepsfirstError(
        f'there is no {NAMES[0]} in "{context}"',
        hint="name the Dockerfile with --file, or its directory with --context",
    )


def _text(checkout: Checkout, name: str) -> str:
    """The Dockerfile; bytes that are no UTF-8 are kept, as BuildKit does not mind them in comments and strings."""
    content = sys.stdin.buffer.read() if name == STANDARD_INPUT else checkout.read(_absolute(name))
    if content is None:
        is_directory = isinstance(checkout, Disk) and os.path.isdir(name)  # noqa: PTH112
        problem = f'"{name}" is a directory' if is_directory else f'there is no file "{name}"'
        raise DepsfirstError(problem, hint="name the Dockerfile, as in --file docker/Dockerfile")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DepsfirstError(
            "this is no text", where=f"{name}:{line}", hint="is it a Dockerfile? It has a zero byte here"
        )
    return content.decode(errors="surrogateescape")


def _check_arguments(outline: Outline, given: Iterable[str], name: str) -> None:
    """Refuse build arguments that nothing asks for, as a misspelled one would be overlooked."""
    instructions = (each for stage in outline.stages for each in stage.instructions)
    asked = {pair.name for each in (*outline.arguments, *instructions) if isinstance(each, Arg) for pair in each.pairs}
    for argument in given:
        known = argument in asked or argument in _UNDECLARED or argument.upper() in PROXY_ARGUMENTS
        if not known and not argument.startswith(_PREFIXES):
            names = ", ".join(f'"{each}"' for each in sorted(asked))
            raise DepsfirstError(
                f'no ARG asks for the build argument "{argument}"',
                where=name,
                hint=f"the Dockerfile asks for {names}" if asked else "the Dockerfile has no ARG",
            )


def _check_contexts(outline: Outline, given: Iterable[str], name: str) -> None:
    """Refuse named contexts that nothing refers to."""
    used = {stage.origin.image.lower() for stage in outline.stages} | {stage.name for stage in outline.stages}
    for stage in outline.stages:
        for instruction in stage.instructions:
            used |= {each.name.lower() for each in references(outline.stages, instruction)}
    for each in given:
        if each.lower() not in used and not any("$" in image for image in used if image):
            raise DepsfirstError(
                f'nothing refers to the build context "{each}"',
                where=name,
                hint="it is named by FROM, COPY --from or a mount's from",
            )


def _context(checkout: Checkout, request: Request, outline: Outline, name: str) -> tuple[Context, str]:
    """The main context and its directory."""
    file = None if name == STANDARD_INPUT else _absolute(name)
    if request.context is not None or request.file is None or file is None:
        directory = _absolute(request.context or ".")
        return checkout.context(directory, file, request.version), directory
    return max(
        ((checkout.context(each, file, request.version), each) for each in _usual_contexts(file)),
        key=lambda pair: _found_sources(pair[0], outline),
    )


def _usual_contexts(file: str) -> Iterator[str]:
    """Where a build with ``--file`` is usually run: here, if the Dockerfile is below; else where it stands."""
    here, beside = os.getcwd(), os.path.dirname(file)  # noqa: PTH109, PTH120 (strings)
    if file.startswith(here.rstrip("/") + "/"):
        yield here
    if beside != here:
        yield beside


def _found_sources(context: Context, outline: Outline) -> int:
    """How many sources of the Dockerfile are in a context; the first of several with as many is taken."""
    from depsfirst.cache.manifests import context_sources

    count = 0
    for stage in outline.stages:
        for instruction in stage.instructions:
            for source in context_sources(instruction):
                mount = isinstance(instruction, Run)
                selection = select_mount(context, source) if mount else select(context, [source])
                count += all(read.missing is None and read.items for read in selection.reads)
    return count
