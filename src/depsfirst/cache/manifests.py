"""Where in a build context the Python project stands that a Dockerfile builds, and what its manifest says."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.filetree import Directory, Entry, LinkLoopError, Node, follow
from depsfirst.dockerfile.instructions import Run, Transfer
from depsfirst.dockerfile.mounts import Mount
from depsfirst.errors import DepsfirstError
from depsfirst.project.toml import Table, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.dockerfile.context import Context
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.stages import Outline

PYPROJECT, SETUP_CFG, SETUP = "pyproject.toml", "setup.cfg", "setup.py"
_MANIFESTS = (PYPROJECT, SETUP_CFG, SETUP, "Pipfile", "requirements.txt")
_SETUP_NAME = r"""\bname\s*=\s*['"]([A-Za-z0-9._-]+)['"]"""
_NAMED = (*_MANIFESTS, "uv.lock", "poetry.lock", "pdm.lock", "pixi.lock", "Pipfile.lock", "pixi.toml")


@dataclass(frozen=True)
class Place:
    """A directory with a manifest.

    Attributes:
        context: the build context.
        texts: reads a file of it, by its path below the context's root; None where there is none.
        directory: below the context's root; empty for the root itself.
    """

    context: Context
    texts: Callable[[str], str | None]
    directory: str

    def path(self, name: str) -> str:
        """The path of a file of the directory, below the context's root; it may lead out of the directory."""
        return posixpath.normpath(posixpath.join(self.directory, name))

    def node(self, name: str) -> Node | None:
        """What is in the directory at a path, symlinks followed."""
        path = self.path(name)
        if path == ".":
            return self.context.tree
        if path == ".." or path.startswith("../"):
            return None
        try:
            return follow(self.context.tree, path)[1]
        except LinkLoopError:
            return None

    def is_file(self, name: str) -> bool:
        """Whether there is such a file."""
        return isinstance(self.node(name), Entry)

    def names(self, name: str = ".") -> list[str]:
        """What is in a directory below, sorted; nothing where there is none."""
        node = self.node(name)
        return sorted(node.children) if isinstance(node, Directory) else []

    def text(self, name: str) -> str | None:
        """The text of a file; None where there is none, or it is outside of the context."""
        path = self.path(name)
        return None if path.startswith("../") else self.texts(path)

    def folders(self) -> Iterator[str]:
        """The directory and those above it, up to the context's root, which is empty."""
        folder = self.directory
        while folder:
            yield folder
            folder = posixpath.dirname(folder)
        yield ""

    @cached_property
    def pyproject(self) -> Table:
        """What pyproject.toml says; empty without one.

        Raises:
            DepsfirstError: it is no TOML.
        """
        path = self.path(PYPROJECT)
        text = self.text(PYPROJECT)
        return Table(parse(text, path) if text is not None else {}, path)

    @property
    def project(self) -> Table:
        """Its table ``[project]``."""
        return self.pyproject.table("project")

    def tool(self, name: str) -> Table:
        """A tool's table."""
        return self.pyproject.table("tool").table(name)

    @cached_property
    def setup_cfg(self) -> dict[str, dict[str, str]]:
        """What setup.cfg says, by section.

        Raises:
            DepsfirstError: it cannot be read.
        """
        text = self.text(SETUP_CFG)
        return {} if text is None else _sections(text, self.path(SETUP_CFG))

    @property
    def backend_requirements(self) -> str:
        """What ``[build-system]`` and setup.py want to build the project, as one text."""
        return "\n".join([*self.pyproject.table("build-system").texts("requires"), self.text(SETUP) or ""])

    @property
    def name(self) -> str:
        """The project's name as an import would have it; empty where nothing says it."""
        given: Any = self.project.values.get("name") or self.tool("poetry").values.get("name")
        given = given or self.setup_cfg.get("metadata", {}).get("name") or self._name_in_setup()
        return str(given or "").replace("-", "_").replace(".", "_").lower()

    def _name_in_setup(self) -> str | None:
        found = re.search(_SETUP_NAME, self.text(SETUP) or "")
        return found and found[1]


def places(
    context: Context, texts: Callable[[str], str | None], outline: Outline, dockerfile: str | None
) -> list[Place]:
    """The projects that a Dockerfile may build, the likeliest first.

    Those are the one that the Dockerfile stands in, those whose manifest it copies or binds, and the context's root.

    Args:
        context: the build context.
        texts: reads a file of it.
        outline: the Dockerfile.
        dockerfile: its path below the context's root; None if it is not there.
    """
    directories = dict.fromkeys([*_around(dockerfile), *_named(context, outline), ""])
    found = (Place(context, texts, directory) for directory in directories)
    return [place for place in found if any(place.is_file(name) for name in _MANIFESTS)]


def _around(dockerfile: str | None) -> Iterator[str]:
    """The directories above the Dockerfile, the nearest first, without the context's root."""
    above = posixpath.dirname(dockerfile or "")
    while above:
        yield above
        above = posixpath.dirname(above)


def _named(context: Context, outline: Outline) -> Iterator[str]:
    """The directories that the Dockerfile reads of the context, or of which it reads a manifest."""
    for stage in outline.stages:
        for instruction in stage.instructions:
            for source in context_sources(instruction):
                path = posixpath.normpath(source.lstrip("/") or ".")
                directory, _, name = path.rpartition("/")
                if name in _NAMED:
                    yield directory
                elif path != "." and isinstance(_at(context, path), Directory):
                    yield path


def _at(context: Context, path: str) -> Node | None:
    try:
        return follow(context.tree, path)[1]
    except LinkLoopError:
        return None


def context_sources(instruction: Typed) -> tuple[str, ...]:
    """What an instruction names of the build context and nobody has to expand; patterns among them."""
    sources: list[str] = []
    if isinstance(instruction, Transfer) and not getattr(instruction, "from_", ""):
        sources = [source for source in instruction.sources if "://" not in source]
    elif isinstance(instruction, Run):
        mounts = [mount for mount in instruction.mounts if isinstance(mount, Mount)]
        sources = [mount.source or "." for mount in mounts if mount.type == "bind" and not mount.from_]
    return tuple(source for source in sources if "$" not in source)


def _sections(text: str, where: str) -> dict[str, dict[str, str]]:
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except Error as error:
        message = str(error).splitlines()[0]
        raise DepsfirstError(f"this is no configuration file: {message}", where=where) from None
    return {section: dict(parser.items(section)) for section in parser.sections()}
