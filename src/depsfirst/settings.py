"""The table ``[tool.depsfirst]`` of pyproject.toml: read, checked, typed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

USER = "65532:65532"
"""The number that distroless images gave to the user who is not root."""

WORKDIR = "/app"
MAX_LAYERS = 16
"""How many layers the dependencies may take; overlayfs ends at 127 for a whole image, and few layers pull faster."""

TABLE = "tool.depsfirst"
SEVERITIES = ("error", "warning", "note")
"""The levels of SARIF, the gravest first."""


class BuildSettings(NamedTuple):
    """How a Dockerfile is built; paths are relative to the manifest's directory.

    Attributes:
        context: directory of the build context; None where nothing says it.
        target: the stage; None for the last.
        build_args: build arguments.
        contexts: directories, or references, of named contexts.
    """

    context: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = {}
    contexts: Mapping[str, str] = {}


class Settings(NamedTuple):
    """The table ``[tool.depsfirst]``; every key is optional.

    Attributes:
        base: ``deb:SUITE``, ``oci:DIR`` or ``docker-archive:FILE``.
        platform: ``linux/amd64`` or ``linux/arm64``.
        name: repository of the image's reference; the project's name by default.
        tag: its tag, ``latest`` by default.
        entrypoint: a script of the project, or a command as a list.
        cmd: default arguments.
        env: environment variables.
        workdir: working directory, ``/app`` by default.
        user: ``UID[:GID]`` or a name of the base.
        ports: ports the service listens on, as ``8000`` or ``"8000/tcp"``.
        labels: labels of the image.
        packages: Debian packages to add to a ``deb:`` base.
        mirror: Debian mirror for a ``deb:`` base.
        keyring: file of certificates that a ``deb:`` base must be signed with; Debian's own by default.
        index_url: URL of the package index's simple API.
        groups: dependency groups to install besides the main one.
        extras: extras of the project to install.
        max_layers: how many layers the dependencies may take.
        ignore_imports: modules that the static import check passes over.
        imports: modules to import to prove that the image works.
        lock: the lock to read, where there are several.
        select: rules of ``depsfirst check`` to ask, by name, family or pattern; None for all.
        ignore: those not to ask.
        severity: the least that a finding must have: ``error``, ``warning`` or ``note``.
        exclude: patterns of Dockerfiles that are not to be judged in trees.
        per_file_ignores: rules not to ask, by pattern of a Dockerfile's path.
        context: as in ``BuildSettings``, for all Dockerfiles; so are the next three.
        target: the stage.
        build_args: build arguments.
        contexts: named contexts.
        dockerfiles: how single Dockerfiles are built, by path.
    """

    base: str | None = None
    platform: str | None = None
    name: str | None = None
    tag: str | None = None
    entrypoint: str | tuple[str, ...] | None = None
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    workdir: str = WORKDIR
    user: str = USER
    ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    packages: tuple[str, ...] = ()
    mirror: str | None = None
    keyring: str | None = None
    index_url: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    max_layers: int = MAX_LAYERS
    ignore_imports: tuple[str, ...] = ()
    imports: tuple[str, ...] | None = None
    lock: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: str = "note"
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = {}
    context: str | None = None
    target: str | None = None
    build_args: Mapping[str, str] = {}
    contexts: Mapping[str, str] = {}
    dockerfiles: Mapping[str, BuildSettings] = {}


def read_settings(table: Mapping[str, Any], where: str) -> Settings:
    """Check the raw table ``[tool.depsfirst]`` of the file ``where``.

    Raises:
        DepsfirstError: an unknown key or a value of the wrong type.
    """
    return Settings(**_values(table, Settings._fields, f"{where}: {TABLE}"))


def _values(table: Mapping[str, Any], fields: Iterable[str], where: str) -> dict[str, Any]:
    """The checked values of a table, by the name of their field."""
    known = {name.removesuffix("_url").replace("_", "-"): name for name in fields}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise DepsfirstError(f'unknown key "{key}"', where=where, hint=_close(key, known))
        values[known[key]] = _READERS[known[key]](value, f"{where}.{key}")
    return values


def _close(key: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, known, 1)
    return f'did you mean "{close[0]}"?' if close else f"the keys are {', '.join(sorted(known))}"


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise DepsfirstError("this must be a string that is not empty", where=where)
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise DepsfirstError("this must be a list of strings", where=where)
    return tuple(value)


def _command(value: object, where: str) -> str | tuple[str, ...]:
    return _text(value, where) if isinstance(value, str) else _texts(value, where)


def _table(value: object, where: str) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise DepsfirstError("this must be a table of strings", where=where)
    return {str(name): _text(each, f"{where}.{name}") if each != "" else "" for name, each in value.items()}


def _severity(value: object, where: str) -> str:
    if value not in SEVERITIES:
        raise DepsfirstError(f'"{value}" is no severity', where=where, hint=f"choose one of {', '.join(SEVERITIES)}")
    return str(value)


def _text_lists(value: object, where: str) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise DepsfirstError("this must be a table of lists of strings", where=where)
    return {str(name): _texts(each, f"{where}.{name}") for name, each in value.items()}


def _dockerfiles(value: object, where: str) -> Mapping[str, BuildSettings]:
    if not isinstance(value, Mapping) or not all(isinstance(each, Mapping) for each in value.values()):
        raise DepsfirstError("this must be a table of tables, one for each Dockerfile", where=where)
    fields = BuildSettings._fields
    return {str(name): BuildSettings(**_values(each, fields, f'{where}."{name}"')) for name, each in value.items()}


def _ports(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise DepsfirstError("this must be a list of ports", where=where)
    return tuple(_port(each, f"{where}[{place}]") for place, each in enumerate(value))


def _port(value: object, where: str) -> str:
    number, _, protocol = str(value).partition("/")
    if not number.isdigit() or not 0 < int(number) < 1 << 16 or protocol not in {"", "tcp", "udp", "sctp"}:
        raise DepsfirstError(f'"{value}" is no port', where=where, hint='write 8000 or "8000/udp"')
    return f"{number}/{protocol or 'tcp'}"


def _layers(value: object, where: str) -> int:
    highest = 100
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= highest:
        raise DepsfirstError(f"this must be a number from 1 to {highest}", where=where)
    return value


def _workdir(value: object, where: str) -> str:
    path = _text(value, where)
    if not path.startswith("/") or ".." in path.split("/"):
        raise DepsfirstError(f'"{path}" is no absolute path', where=where, hint='write something like "/app"')
    return "/" + "/".join(part for part in path.split("/") if part not in {"", "."})


_READERS: dict[str, Callable[[object, str], Any]] = {
    **dict.fromkeys(("base", "platform", "name", "tag", "user", "mirror", "keyring", "index_url", "lock"), _text),
    **dict.fromkeys(("context", "target"), _text),
    **dict.fromkeys(("cmd", "packages", "groups", "extras", "ignore_imports", "imports"), _texts),
    **dict.fromkeys(("select", "ignore", "exclude"), _texts),
    **dict.fromkeys(("env", "labels", "build_args", "contexts"), _table),
    "severity": _severity,
    "per_file_ignores": _text_lists,
    "dockerfiles": _dockerfiles,
    "entrypoint": _command,
    "workdir": _workdir,
    "ports": _ports,
    "max_layers": _layers,
}
