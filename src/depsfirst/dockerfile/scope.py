"""Which variables an instruction sees, what its words become with them, and which ones it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from depsfirst.dataclass import dataclass, field, replace
from depsfirst.dockerfile.instructions import (
    Add,
    Arg,
    Copy,
    Document,
    Env,
    Expose,
    From,
    Label,
    Pair,
    Run,
    StopSignal,
    Transfer,
    Typed,
    User,
    Volume,
    Workdir,
)
from depsfirst.dockerfile.mounts import Mount, read_mount
from depsfirst.dockerfile.platforms import Platform, read_platform
from depsfirst.dockerfile.variables import Expansion, expand, expand_document
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from depsfirst.dockerfile.stages import Outline

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH where the base image sets none."""

PROXY_ARGUMENTS = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
"""Build arguments, in letters of any size, that reach every RUN but are no variables unless an ARG names them."""

_Transfer = TypeVar("_Transfer", bound=Transfer)
_NEVER_SET = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables in force at one place of a stage. Never changed: what an instruction sets makes a new one.

    Attributes:
        variables: all of them, in the order in which RUN gets them: a new value moves its name to the end.
        image: those that ENV or the base image set, as the image's configuration lists them.
        global_arguments: the ARGs before the first FROM and the platform's, which an ARG without default takes.
        given: the build arguments of the command line.
        file: the Dockerfile's name, for errors.
    """

    variables: Mapping[str, str]
    image: tuple[tuple[str, str], ...]
    global_arguments: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    file: str = "Dockerfile"

    def with_argument(self, name: str, value: str) -> Scope:
        """The scope behind an ARG."""
        return self if name in _NEVER_SET else replace(self, variables=_moved(self.variables, name, value))

    def with_environment(self, name: str, value: str) -> Scope:
        """The scope behind an ENV."""
        names = [known for known, _ in self.image]
        image = list(self.image)
        if name in names:
            image[names.index(name)] = (name, value)
        else:
            image.append((name, value))
        return replace(self, variables=_moved(self.variables, name, value), image=tuple(image))


@dataclass(frozen=True, slots=True)
class Origin:
    """What a FROM names once its variables are known; ``platform`` is None where it says none."""

    image: str
    platform: Platform | None
    used: frozenset[str]
    undefined: frozenset[str]


@dataclass(frozen=True, slots=True)
class Resolved:
    """An instruction with its variables expanded, the scope behind it, and the names it looked up.

    ``undefined`` are those that had no value, and counted as empty.
    """

    instruction: Typed
    scope: Scope
    used: frozenset[str]
    undefined: frozenset[str]


def platform_arguments(
    build: Platform, target: Platform, stage: str | None = None, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The global arguments that are always there; a build argument of the same name wins.

    Args:
        build: the builder's platform.
        target: the image's platform.
        stage: name of the stage to build.
        given: the build arguments of the command line.
    """
    given = given or {}
    values = {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": "",
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": "",
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }
    return {name: given.get(name, value) for name, value in values.items()}


def global_arguments(
    outline: Outline, platform: Mapping[str, str], given: Mapping[str, str], file: str = "Dockerfile"
) -> dict[str, str]:
    """The arguments that FROM sees: the platform's, and the ARGs before the first FROM that have a value.

    Raises:
        DepsfirstError: a default cannot be expanded.
    """
    values = dict(platform)
    for argument in outline.arguments:
        for pair in argument.pairs:
            value = given.get(pair.name)
            if value is None and pair.value is not None:
                value = _Expander(argument, values, file).word(pair.value)
            if value is not None:
                values = _moved(values, pair.name, value)
    return values


def resolve_origin(origin: From, arguments: Mapping[str, str], file: str = "Dockerfile") -> Origin:
    """What a FROM starts from; BuildKit refuses a Dockerfile for this even in a stage that no target needs.

    Raises:
        DepsfirstError: a word cannot be expanded, nothing is left of it, or the platform is none.
    """
    expander = _Expander(origin, arguments, file)
    image = expander.origin(origin.image)
    platform = None
    if origin.platform:
        builder = Platform(arguments.get("BUILDOS", "linux"), arguments.get("BUILDARCH", "amd64"))
        platform = expander.platform(origin.platform, builder)
    return Origin(image, platform, frozenset(expander.used), frozenset(expander.undefined))


def image_scope(
    environment: Iterable[str],
    arguments: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    file: str = "Dockerfile",
) -> Scope:
    """The scope behind a FROM that names an image.

    Args:
        environment: the image's variables, each as ``NAME=value``; none for ``scratch``.
        arguments: the global ones.
        given: the build arguments of the command line.
        file: the Dockerfile's name.
    """
    image = tuple((name, value) for name, _, value in (entry.partition("=") for entry in environment))
    if "PATH" not in dict(image):
        image = (*image, ("PATH", DEFAULT_PATH))
    return _with_image(Scope({}, image, arguments or {}, given or {}, file))


def stage_scope(base: Scope) -> Scope:
    """The scope behind a FROM that names a stage, whose scope at its end is ``base``.

    ARGs of the base stay variables; the image's own are set once more, in their order.
    """
    return _with_image(base)


def _with_image(scope: Scope) -> Scope:
    variables = scope.variables
    for name, value in scope.image:
        variables = _moved(variables, name, value)
    return replace(scope, variables=variables)


def _moved(values: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    moved = {known: each for known, each in values.items() if known != name}
    moved[name] = value
    return moved


def resolve(instruction: Typed, scope: Scope) -> Resolved:
    """The instruction as the build sees it: words expanded where BuildKit expands them, all others untouched.

    RUN's mounts are read again with their variables; its command is not expanded, as that is for its shell to do.

    Raises:
        DepsfirstError: a word cannot be expanded, or an option is refused once its variables are known.
    """
    expander = _Expander(instruction, scope.variables, scope.file)
    if isinstance(instruction, Arg):
        return _argument(instruction, scope, expander)
    resolved = expander.instruction(instruction)
    if isinstance(resolved, Env):
        for pair in resolved.pairs:
            scope = scope.with_environment(pair.name, pair.value or "")
    return Resolved(resolved, scope, frozenset(expander.used), frozenset(expander.undefined))


def _argument(argument: Arg, scope: Scope, expander: _Expander) -> Resolved:
    """ARG: a build argument wins over the default, the default over a global argument of the same name."""
    pairs: list[Pair] = []
    for pair in argument.pairs:
        value = scope.given.get(pair.name)
        if value is None and pair.value is not None:
            value = expander.word(pair.value)
        elif value is None:
            value = scope.global_arguments.get(pair.name)
        pairs.append(replace(pair, value=value))
        if value is not None:
            scope = scope.with_argument(pair.name, value)
            expander.variables = scope.variables
    resolved = replace(argument, pairs=tuple(pairs))
    return Resolved(resolved, scope, frozenset(expander.used), frozenset(expander.undefined))


class _Expander:
    """Expands the words of one instruction and remembers the names they look up."""

    def __init__(self, instruction: Typed, variables: Mapping[str, str], file: str) -> None:
        self._escape = instruction.syntax.escape
        self._where = f"{file}:{instruction.line}"
        self.variables = variables
        self.used: set[str] = set()
        self.undefined: set[str] = set()

    def word(self, word: str) -> str:
        """The word as one."""
        return self._noted(expand(word, self.variables, escape=self._escape, where=self._where)).value

    def origin(self, word: str) -> str:
        """A word of FROM, of which something has to be left."""
        if value := self.word(word):
            return value
        raise DepsfirstError(
            f'nothing is left of "{word}" in FROM',
            where=self._where,
            hint="give its ARG a default before the first FROM, or a value with --build-arg",
        )

    def platform(self, word: str, builder: Platform) -> Platform:
        """The platform that a word of FROM names."""
        try:
            return read_platform(self.origin(word), builder)
        except DepsfirstError as error:
            raise DepsfirstError(error.message, where=self._where, hint=error.hint) from error

    def words(self, words: Iterable[str]) -> tuple[str, ...]:
        """Each of the words."""
        return tuple(self.word(word) for word in words)

    def _noted(self, expansion: Expansion) -> Expansion:
        self.used |= expansion.used
        self.undefined |= expansion.undefined
        return expansion

    def instruction(self, instruction: Typed) -> Typed:
        """The instruction with its words expanded."""
        match instruction:
            case Env() | Label():
                resolved: Typed = replace(instruction, pairs=tuple(self._pair(pair) for pair in instruction.pairs))
            case Add():
                resolved = replace(self._files(instruction), checksum=self.word(instruction.checksum))
            case Copy():
                resolved = self._files(instruction)
            case Run():
                resolved = replace(instruction, mounts=tuple(self._mount(text) for text in instruction.mount_texts))
            case Volume():
                resolved = replace(instruction, paths=self._paths(instruction))
            case Expose():
                resolved = replace(instruction, ports=self._ports(instruction))
            case _:
                resolved = self._single(instruction)
        return resolved

    def _single(self, instruction: Typed) -> Typed:
        """The instructions with one word; what is left has no word that is expanded."""
        match instruction:
            case Workdir():
                return replace(instruction, path=self.word(instruction.path))
            case User():
                return replace(instruction, user=self.word(instruction.user))
            case StopSignal():
                return replace(instruction, signal=self.word(instruction.signal))
            case _:
                return instruction

    def _pair(self, pair: Pair) -> Pair:
        return replace(pair, name=self.word(pair.name), value=self.word(pair.value or ""))

    def _files(self, transfer: _Transfer) -> _Transfer:
        """Patterns and ``--from`` are never expanded."""
        return replace(
            transfer,
            sources=self.words(transfer.sources),
            documents=tuple(self._document(document) for document in transfer.documents),
            destination=self.word(transfer.destination),
            chown=self.word(transfer.chown),
            chmod=self.word(transfer.chmod),
        )

    def _document(self, document: Document) -> Document:
        if not document.expands:
            return document
        expansion = self._noted(expand_document(document.text, self.variables, where=self._where))
        return replace(document, text=expansion.value)

    def _mount(self, text: str) -> Mount:
        mount = read_mount(text, self.word)
        if isinstance(mount, Mount):
            return mount
        raise DepsfirstError(mount.message, where=self._where, hint=mount.hint)

    def _paths(self, volume: Volume) -> tuple[str, ...]:
        """A path of which nothing is left may be said by a variable of the base image."""
        expansions = [
            self._noted(expand(path, self.variables, escape=self._escape, where=self._where)) for path in volume.paths
        ]
        if any(not each.value and not each.undefined for each in expansions):
            raise DepsfirstError(
                "VOLUME has an empty path", where=self._where, hint="give the variable a value, or remove the path"
            )
        return tuple(each.value for each in expansions if each.value)

    def _ports(self, expose: Expose) -> tuple[str, ...]:
        """A variable can hold several ports."""
        expansions = (expand(port, self.variables, escape=self._escape, where=self._where) for port in expose.ports)
        return tuple(word for expansion in expansions for word in self._noted(expansion).words)
