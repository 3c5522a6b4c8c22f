"""What an install needs of the files that a COPY brings, and why that cannot be told."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from depsfirst.cache.nodes import File, LostError, Tree, find_node
from depsfirst.checks.places import place_of
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.filetree import Directory, Entry
from depsfirst.dockerfile.instructions import Copy, Run, Transfer
from depsfirst.dockerfile.mounts import Mount

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.cache.model import Step
    from depsfirst.cache.nodes import Node
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.shell import Command

_TOOLS = frozenset({"pip", "uv", "poetry", "pdm", "pipenv"})
_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "uv": ("uv.toml", ".python-version"),
    "poetry": ("poetry.toml",),
    "pdm": ("pdm.toml",),
}
"""What each installer reads besides its inputs in the directory that it runs in, if it is there."""
_INDEXES = ("pip.conf", "pip.ini", ".netrc", ".pip", ".pypirc", ".config", ".condarc")
_ENVIRONMENTS = (".venv", "venv", "env", "__pypackages__")
_PLAIN_TEXT = """
true : echo printf cd set export unset mkdir rm useradd groupadd adduser addgroup locale-gen update-ca-certificates
virtualenv apt-get apt apk dnf yum microdnf dpkg pwd ls cat touch which whoami id uname date sleep test [
"""
_PLAIN = frozenset(_PLAIN_TEXT.split())
_ON_FILES = frozenset({"rm", "ln", "chmod", "chown", "chgrp"})
"""Programs that read and change nothing but the files that they are told."""
_HARMLESS = frozenset(
    [
        ("pdm", "config"),
        ("pip", "--version"),
        ("pip", "cache"),
        ("pip", "check"),
        ("pip", "config"),
        ("pip", "list"),
        ("python", "--version"),
        ("python", "-V"),
        ("poetry", "--version"),
        ("poetry", "cache"),
        ("poetry", "config"),
        ("uv", "--version"),
        ("uv", "cache"),
        ("uv", "venv"),
    ]
)
_LOCAL_LINE = re.compile(r"^\s*(?:-f|--find-links|-i|--index-url|--extra-index-url)[\s=]+(?![a-z]+://)", re.MULTILINE)
_LOCAL_LOCKED = {
    "uv.lock": re.compile(r'source = \{ (?:(?:editable|directory|virtual) = "(?!\.")|path = )'),
    "poetry.lock": re.compile(r'^type = "(?:directory|file)"', re.MULTILINE),
    "pdm.lock": re.compile(r'^path = "', re.MULTILINE),
    "Pipfile.lock": re.compile(r'"(?:path|file)": "(?!https?:)'),
    "Pipfile": re.compile(r"\bpath\s*=|\beditable\s*="),
}
"""How locks name what stands in the repository itself, other than the project."""


class UnprovenError(Exception):
    """A fix is not proven to be safe; the text says why, as a part of a sentence."""


class Provision:
    """The files that one COPY of the context brings into an image.

    Attributes:
        step: the COPY or ADD.
        destination: absolute, where it copies to.
    """

    def __init__(self, subject: Subject, step: Step) -> None:
        transfer = step.instruction
        if not isinstance(transfer, Transfer) or (isinstance(transfer, Copy) and transfer.from_) or step.trigger:
            raise UnprovenError("the files do not come by a COPY from the context")
        if step.key.parent is None or not step.cwd.startswith("/"):
            raise UnprovenError(
                f"where line {step.line} copies to is for the base image to say: a WORKDIR here can say it, too"
            )
        self._subject = subject
        self.step = step
        self.transfer = transfer
        self.destination = posixpath.normpath(posixpath.join(step.cwd, transfer.destination))
        results = subject.commands.results
        self._before, self._after = results.root(step.key.parent), results.root(step.key)

    def is_below(self, path: str) -> bool:
        """Whether a path of the image is the destination, or below it."""
        return f"{path}/".startswith(f"{self.destination.rstrip('/')}/")

    def node(self, path: str) -> Node | None:
        """What it puts at a path of the image; None for what was there before, and for nothing."""
        after = _found(self._after, path)
        if not isinstance(after, File | Tree) or not self.is_below(path):
            return None
        before = _found(self._before, path)
        same = isinstance(after, File) and isinstance(before, File) and after.place == before.place
        return None if same else after

    def meets(self, step: Step) -> bool:
        """Whether another COPY may put something else at a place where this one puts something."""
        mine, other = _tops(self._subject, self.step), _tops(self._subject, step)
        return any(
            _is_within(one, another) or _is_within(another, one)
            for one, source in mine.items()
            for another, origin in other.items()
            if one != another or source is None or source != origin
        )

    def was_there(self, path: str) -> bool:
        """Whether a file stands at a path of the image before."""
        return isinstance(_found(self._before, path), File)

    def would_take(self, path: str) -> str | None:
        """The path in the context that a file would have to have to be put at a path of the image; None for none."""
        selection = self._subject.selection(self.step)
        if selection is None or len(selection.reads) != 1 or not self.is_below(path):
            return None
        found = posixpath.join(selection.reads[0].path, posixpath.relpath(path, self.destination)).lstrip("/")
        readers = [place_of(step) for step in self._subject.readers(found)]
        return found if place_of(self.step) in readers else None

    def source(self, path: str) -> str | None:
        """The path in the context of a file that it puts at a path of the image."""
        node = self.node(path)
        if not isinstance(node, File) or node.place is None or node.place[0] is not self._subject.context:
            return None
        return node.place[1]


class Mounted(Provision):
    """The files that a bind mount of the context gives a RUN.

    Attributes:
        mount: the mount.
    """

    def __init__(self, subject: Subject, step: Step, mount: Mount) -> None:
        if not step.cwd.startswith("/"):
            raise UnprovenError(f"where line {step.line} runs is not known")
        self._subject = subject
        self.step = step
        self.mount = mount
        self.destination = posixpath.normpath(posixpath.join(step.cwd, mount.target))

    def node(self, path: str) -> Node | None:
        """What stands at a path of the image by way of the mount."""
        if not self.is_below(path):
            return None
        place = posixpath.join(self.mount.source, posixpath.relpath(path, self.destination))
        place = posixpath.normpath(f"/{place}").lstrip("/")
        found = self._subject.context.find(place)
        if isinstance(found, Entry):
            return File(found, place=(self._subject.context, place))
        return Tree({}) if isinstance(found, Directory) else None

    def was_there(self, path: str) -> bool:  # noqa: ARG002 - the mount hides what is below it
        """Whether a file stands at a path of the image before."""
        return False


def _found(root: Node, path: str) -> Node | None:
    try:
        return find_node(root, path)
    except LostError:
        raise UnprovenError(f'what "{path}" leads to is not known') from None


def _tops(subject: Subject, step: Step) -> dict[str, str | None]:
    """The uppermost paths of the image that a COPY writes, and the file of the context that each of them is."""
    transfer = step.instruction
    if not isinstance(transfer, Transfer):
        return {}
    destination = posixpath.normpath(posixpath.join(step.cwd, transfer.destination))
    selection = subject.selection(step)
    if selection is None or transfer.documents or getattr(transfer, "parents", False):
        return {destination: None}
    found: dict[str, str | None] = {}
    for item in (item for read in selection.reads for item in read.items):
        if isinstance(item.node, Directory):
            found |= dict.fromkeys(posixpath.join(destination, name) for name in item.node.children)
        else:
            found[posixpath.join(destination, posixpath.basename(item.path))] = item.path
    sole = len(found) == 1 and not transfer.destination.endswith(("/", "."))
    return {destination: None} if sole or not found else found


def _is_within(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


class Needs:
    """What the steps from a COPY up to the last of some installs need of it; the files come as they are asked for.

    Attributes:
        paths: absolute paths in the image, and where their files are in the context.
        environments: absolute paths of those that are installed into, where they are known.
    """

    def __init__(self, subject: Subject, provision: Provision) -> None:
        self._subject = subject
        self._provision = provision
        self.paths: dict[str, str] = {}
        self.environments: list[str] = []

    def add(self, step: Step, *, separable: bool = False) -> None:
        """See what a RUN needs.

        Args:
            step: the RUN.
            separable: whether an install may install the project besides, as it is told not to.

        Raises:
            UnprovenError: it is not known, or it is more than files of the installer.
        """
        reading = self._subject.commands.reading(step)
        run = step.instruction
        if not isinstance(run, Run) or step.trigger:
            raise UnprovenError(f"line {step.line} comes from ONBUILD")
        if run.heredocs:
            raise UnprovenError(f"the install in line {step.line} is a heredoc")
        if reading.unknown or not reading.script.whole:
            raise UnprovenError(f"not all that line {step.line} runs is known")
        for each in reading.installations:
            if each.via:
                raise UnprovenError(f'line {step.line} installs by way of "{each.via[0]}", {self._may_read}')
        for command in reading.script.commands:
            self._command(step, command)
            found = [each for each in reading.installations if each.command is command]
            if not found and not self._is_plain(command):
                name = command.program or "a command"
                raise UnprovenError(f'line {step.line} runs "{name}", {self._may_read}')
            for each in found:
                self._installation(step, each, separable=separable)

    @property
    def _may_read(self) -> str:
        return f"which may read or change what line {self._provision.step.line} brings"

    def _command(self, step: Step, command: Command) -> None:
        """See that no word, redirect or variable names something else that the COPY brings."""
        values = [value.text for _, value, _ in command.assignments]
        values += [redirect.target.text for redirect in command.redirects if redirect.operator not in ("<<", "<<<")]
        self._named(step, command, [*values, *command.texts[1:]], (File, Tree))
        self._named(step, command, [text for text in step.scope.variables.values() if text and "/" in text], (File,))

    def _named(self, step: Step, command: Command, texts: list[str | None], kinds: tuple[type, ...]) -> None:
        for part in (part for text in texts for part in _paths(text)):
            path = posixpath.normpath(posixpath.join(command.cwd or "/", part))
            if path in self._inputs(step) or path == self._provision.destination:
                continue
            if isinstance(self._provision.node(path), kinds):
                if Tree not in kinds:
                    raise UnprovenError(f'a variable of line {step.line} names "{part}", which comes with the code')
                how = "a RUN behind the install can do that"
                raise UnprovenError(f'line {step.line} names "{part}", which comes with the code: {how}')

    def _inputs(self, step: Step) -> frozenset[str]:
        found = self._subject.commands.reading(step).installations
        return frozenset(path for each in found for path in each.inputs)

    def _is_plain(self, command: Command) -> bool:
        """Whether a command that installs nothing reads and removes nothing that is copied."""
        texts = command.texts
        if not texts:
            return True
        name = command.program or ""
        if command.cwd is None or (None in texts and not _only_says(command)):
            return False
        if name in _ON_FILES and not any(word.pattern for word in command.words):
            named = [text for text in texts[1:] if text and not text.startswith("-")]
            paths = named[1:] if name.startswith("ch") else named  # behind the mode or the owner
            return not any(self._touches(posixpath.normpath(posixpath.join(command.cwd, text))) for text in paths)
        return is_plain(command)

    def _touches(self, path: str) -> bool:
        """Whether a path of the image is one that the COPY brings or could bring, or holds where it copies to."""
        provision = self._provision
        if _is_within(provision.destination, path):
            return True
        return provision.node(path) is not None or provision.would_take(path) is not None

    def _installation(self, step: Step, installation: Installation, *, separable: bool) -> None:
        if installation.kind in (Installs.SYSTEM, Installs.INSTALLER):
            return
        if installation.kind is not Installs.DEPENDENCIES or installation.tool not in _TOOLS:
            raise UnprovenError(
                f'what "{installation.tool}" in line {step.line} reads is not known: it can have a RUN of its own'
            )
        if installation.unsure or not installation.command.always:
            raise UnprovenError(next(iter(installation.unsure), f"line {step.line} installs under a condition"))
        if installation.with_project is not False and not separable:
            raise UnprovenError(
                f'"{installation.tool}" in line {step.line} may build the project, which needs its code'
            )
        self._target(step, installation)
        if installation.target:
            self.environments.append(installation.target)
        directory = installation.project or step.cwd
        for path in installation.inputs:
            if path != installation.project:
                self._input(step, path, installation)
        for name in _SETTINGS.get(installation.tool, ()):
            self._extra(posixpath.join(directory, name))
        if installation.tool == "uv" and "[tool.uv" in (self._text(posixpath.join(directory, "pyproject.toml")) or ""):
            self._extra(posixpath.join(directory, "pyproject.toml"))

    def _input(self, step: Step, path: str, installation: Installation) -> None:
        text = self._text(path) or self._subject.commands.text(step, path)
        if text is None:
            if self._provision.is_below(path) and not self._provision.was_there(path) and not _is_bound(step, path):
                raise UnprovenError(f'"{path}", which line {step.line} reads, is not among the files that are copied')
            return
        if path.endswith("pyproject.toml") and (reason := unsettled(text, installation.tool, frozen=is_frozen(step))):
            raise UnprovenError(reason)
        local = _LOCAL_LOCKED.get(path.rpartition("/")[2])
        if local and local.search(text) and _leaves_out(installation, text):
            local = None
        if (local and local.search(text)) or (path.endswith(".txt") and _LOCAL_LINE.search(text)):
            how = ': "--no-install-workspace" leaves members out' if path.endswith("uv.lock") else ""
            raise UnprovenError(f'"{path}" names packages that come with the code{how}')
        self._extra(path)

    def _text(self, path: str) -> str | None:
        source = self._provision.source(path)
        if source is None:
            return None
        return self._subject.read(source)

    def _extra(self, path: str) -> None:
        source = self._provision.source(path)
        if source is not None and source != self._subject.commands.copied(self._provision.step, path):
            self.paths[path] = source

    def _target(self, step: Step, installation: Installation) -> None:
        """See that the COPY, when it comes later, does not write over what is installed, nor bring an index."""
        names = [posixpath.join(step.cwd, name) for name in _ENVIRONMENTS]
        for path in (*names, installation.target or names[0]):
            if self._provision.node(path) is not None:
                raise UnprovenError(f'the files that are copied hold "{path}", where packages are installed')
        for name in _INDEXES:
            if self._provision.node(posixpath.join(self._provision.destination, name)) is not None:
                raise UnprovenError(f'"{name}" arrives with the code, and may name a private index')


def _leaves_out(installation: Installation, lock: str) -> bool:
    """Whether an install leaves out all that a lock names of the repository: the members of the workspace of uv."""
    if not {"--no-install-workspace", "--no-install-local"} & set(installation.command.texts):
        return False
    import tomli

    try:
        values = tomli.loads(lock)
    except tomli.TOMLDecodeError:
        return False
    packages = values.get("package", ())
    local = {
        each.get("name") for each in packages if {"directory", "editable", "virtual", "path"} & set(each["source"])
    }
    return local <= set(values.get("manifest", {}).get("members", ()))


def is_plain(command: Command) -> bool:
    """Whether a command that installs nothing is known to read neither the code nor a variable of the project's."""
    name, texts = command.program or "", command.texts
    if name.startswith("python") and texts[1:3] == ("-m", "venv"):
        return True
    if name in ("source", "."):
        return bool(texts[1:]) and (texts[1] or "").endswith("bin/activate")
    return not texts or name in _PLAIN or (name.rstrip("0123456789."), texts[1] if texts[1:] else "") in _HARMLESS


def _only_says(command: Command) -> bool:
    """Whether a command says what it is told, and not which files there are; what tells it is a command itself."""
    return command.program in ("echo", "printf") and not any(word.pattern for word in command.words)


def _is_bound(step: Step, path: str) -> bool:
    """Whether a file is mounted where a RUN reads it."""
    mounts = step.instruction.mounts if isinstance(step.instruction, Run) else ()
    targets = [each.target for each in mounts if isinstance(each, Mount) and each.type == "bind"]
    return any(posixpath.normpath(posixpath.join(step.cwd, target)) == path for target in targets)


def is_frozen(step: Step) -> bool:
    """Whether uv is told not to compare its lock with the manifest, for which it may have to build."""
    return "--frozen" in step.instruction.syntax.text or bool(step.scope.variables.get("UV_FROZEN"))


def unsettled(text: str, tool: str, *, frozen: bool = False, with_project: bool = False) -> str:
    """Why a manifest does not say by itself what is installed; empty if it does.

    Args:
        text: pyproject.toml.
        tool: the installer.
        frozen: whether the installer takes the lock as it is, whatever the version.
        with_project: whether the project is told from its dependencies.
    """
    import tomli

    try:
        manifest = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return "pyproject.toml is no TOML"
    tools = manifest.get("tool", {})
    dynamic = [str(each) for each in manifest.get("project", {}).get("dynamic", ())]
    hindering = [each for each in dynamic if with_project or not frozen or each != "version"]
    if hindering and tool != "poetry":
        return f"the manifest leaves {', '.join(hindering)} to the build (dynamic)"
    if with_project and "poetry-dynamic-versioning" in tools:
        return "the version is read from git"
    if tool == "uv" and not frozen and tools.get("uv", {}).get("workspace"):
        return "uv reads the manifests of all members of the workspace"
    if tools.get("hatch", {}).get("metadata", {}).get("hooks"):
        return "a hook of the build makes the metadata"
    return ""


def _paths(text: str | None) -> Iterator[str]:
    """What of a word can be a path."""
    value = (text or "").rpartition("=")[2]
    for part in value.split(":"):
        if part and ("/" in part or "." in part) and len(part) < 1000:  # noqa: PLR2004
            yield part
