"""What each instruction means: one frozen value per kind, with the words still as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass
from depsfirst.dockerfile.heredoc import Heredoc, read_opener

if TYPE_CHECKING:
    from depsfirst.dockerfile.mounts import Device, Mount
    from depsfirst.dockerfile.source import Span
    from depsfirst.dockerfile.syntax import Instruction, SyntaxProblem
    from depsfirst.dockerfile.words import Fault


@dataclass(frozen=True, slots=True)
class Typed:
    """An instruction; ``syntax`` is what stands in the file."""

    syntax: Instruction

    @property
    def name(self) -> str:
        """Its keyword in capitals."""
        return self.syntax.name

    @property
    def line(self) -> int:
        """The line it begins at, from 1."""
        return self.syntax.line

    @property
    def end_line(self) -> int:
        """The last line that belongs to it."""
        return self.syntax.end_line


@dataclass(frozen=True, slots=True)
class Pair:
    """A name with a value, which ARG can leave out; ``legacy`` is the form without ``=``."""

    name: str
    value: str | None
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class From(Typed):
    """``FROM [--platform=…] image [AS stage]``: the stage in small letters; what is not written is None."""

    image: str
    stage: str | None
    platform: str | None


@dataclass(frozen=True, slots=True)
class Shellable(Typed):
    """A command, in the exec form as its words, in the shell form as one string or none."""

    command: tuple[str, ...]

    @property
    def exec_form(self) -> bool:
        """It is a JSON array and runs without a shell."""
        return self.syntax.exec_form


@dataclass(frozen=True, slots=True)
class Run(Shellable):
    """``RUN``.

    Attributes:
        mounts: in their order; one that cannot be read is a fault, which BuildKit finds when it gets to the step.
        mount_texts: the same as they are written.
        network: ``default``, ``none`` or ``host``.
        security: ``sandbox`` or ``insecure``.
        devices: in their order.
    """

    mounts: tuple[Mount | Fault, ...]
    mount_texts: tuple[str, ...]
    network: str
    security: str
    devices: tuple[Device, ...]

    @property
    def heredocs(self) -> tuple[Heredoc, ...]:
        """The heredocs, in their order."""
        return self.syntax.heredocs

    def inline_file(self) -> tuple[str, str] | None:
        """Name and text of the file that BuildKit makes of a sole heredoc that begins with ``#!``, and then runs."""
        if self._is_document() and self.heredocs[0].text.startswith("#!"):
            return self.heredocs[0].opener.delimiter, self.heredocs[0].text
        return None

    def script(self) -> str:
        """What the shell gets in the shell form: the command, with its heredocs put back or in its place."""
        if file := self.inline_file():
            return f"/dev/pipes/{file[0]}"
        if self._is_document():
            return self.heredocs[0].text
        bodies = (f"\n{heredoc.content}{heredoc.opener.delimiter}" for heredoc in self.heredocs)
        return "".join((*self.command, *bodies))

    def argv(self, shell: tuple[str, ...]) -> tuple[str, ...]:
        """What runs, where ``shell`` is the one in force."""
        return self.command if self.exec_form else (*shell, self.script())

    def _is_document(self) -> bool:
        return bool(self.heredocs and self.command and read_opener(self.command[0]))


@dataclass(frozen=True, slots=True)
class Cmd(Shellable):
    """``CMD``."""


@dataclass(frozen=True, slots=True)
class Entrypoint(Shellable):
    """``ENTRYPOINT``."""


@dataclass(frozen=True, slots=True)
class Shell(Shellable):
    """``SHELL``, which has no shell form."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that COPY or ADD makes of a heredoc; ``expands`` says that variables in it are expanded."""

    name: str
    text: str
    expands: bool


@dataclass(frozen=True, slots=True)
class Transfer(Typed):
    """What COPY and ADD have in common.

    Attributes:
        sources: without the heredocs.
        documents: the heredocs.
        destination: as written; a slash at its end counts.
        chown: ``user[:group]``; empty for none.
        chmod: octal or symbolic; empty for none.
        link: the files make a layer of their own.
        exclude: patterns, in their order.
    """

    sources: tuple[str, ...]
    documents: tuple[Document, ...]
    destination: str
    chown: str
    chmod: str
    link: bool
    exclude: tuple[str, ...]

    @property
    def source_places(self) -> tuple[Span, ...]:
        """Where each of the sources stands."""
        tokens = self.syntax.tokens[:-1]
        return tuple(self.syntax.place_of(token) for token in tokens if not read_opener(token.value))

    @property
    def destination_place(self) -> Span:
        """Where the destination stands."""
        return self.syntax.place_of(self.syntax.tokens[-1])


@dataclass(frozen=True, slots=True)
class Copy(Transfer):
    """``COPY``; ``from_`` is a stage by name or number, a named context or an image, and empty for the context."""

    from_: str
    parents: bool


@dataclass(frozen=True, slots=True)
class Add(Transfer):
    """``ADD``; ``keep_git_dir`` and ``unpack`` are None where nothing is said."""

    checksum: str
    keep_git_dir: bool | None
    unpack: bool | None


@dataclass(frozen=True, slots=True)
class Env(Typed):
    """``ENV name=value …``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Label(Typed):
    """``LABEL name=value …``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Arg(Typed):
    """``ARG name[=default] …``."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Workdir(Typed):
    """``WORKDIR``."""

    path: str


@dataclass(frozen=True, slots=True)
class User(Typed):
    """``USER``."""

    user: str


@dataclass(frozen=True, slots=True)
class Expose(Typed):
    """``EXPOSE``, its ports in the order they are written in."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume(Typed):
    """``VOLUME``."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopSignal(Typed):
    """``STOPSIGNAL``."""

    signal: str


@dataclass(frozen=True, slots=True)
class Maintainer(Typed):
    """``MAINTAINER``."""

    maintainer: str


@dataclass(frozen=True, slots=True)
class Healthcheck(Shellable):
    """``HEALTHCHECK``; ``disabled`` for NONE. Times are in nanoseconds, 0 for the default."""

    disabled: bool
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Onbuild(Typed):
    """``ONBUILD``; its trigger runs in builds that start from the stage, and its problem shows only there."""

    trigger: Typed | SyntaxProblem
