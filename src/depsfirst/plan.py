"""The plan of an image: settings, layers in order of rate of change, and how it runs. Pure.

An image is base, environment, dependencies, first-party libraries, code: what changes least lies lowest. The same plan
serves every engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from depsfirst.project.model import Project

PLATFORMS = ("linux/amd64", "linux/arm64")
USER = "65532:65532"
WORKDIR = "/app"
VENV = "/opt/venv"
RECIPE_LABEL = "dev.depsfirst.recipe"

HEAVY = 8 << 20
"""Installed size in bytes from which a wheel may get a layer of its own."""

MAX_LAYERS = 16
"""How many layers the dependencies may take; overlayfs ends at 127 for a whole image, and few layers pull faster."""

_TABLE = "tool.depsfirst"


@dataclass(frozen=True, slots=True)
class Settings:
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
        index: URL of the package index's simple API.
        groups: dependency groups to install besides the main one.
        extras: extras of the project to install.
        max_layers: how many layers the dependencies may take.
        ignore_imports: modules that the static import check passes over.
        imports: modules to import to prove that the image works.
        lock: the lock to read, where there are several.
    """

    base: str | None = None
    platform: str | None = None
    name: str | None = None
    tag: str | None = None
    entrypoint: str | tuple[str, ...] | None = None
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = WORKDIR
    user: str = USER
    ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    mirror: str | None = None
    index: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    max_layers: int = MAX_LAYERS
    ignore_imports: tuple[str, ...] = ()
    imports: tuple[str, ...] | None = None
    lock: str | None = None


def read_settings(table: Mapping[str, Any], where: str) -> Settings:
    """Check the raw table ``[tool.depsfirst]`` of the file ``where``.

    Raises:
        DepsfirstError: an unknown key or a value of the wrong type.
    """
    known = {each.name.replace("_", "-"): each.name for each in fields(Settings)}
    values = {}
    for key, value in table.items():
        if key not in known:
            raise DepsfirstError(f'unknown key "{key}"', where=f"{where}: {_TABLE}", hint=_close(key, known))
        values[known[key]] = _READERS[known[key]](value, f"{where}: {_TABLE}.{key}")
    return Settings(**values)


def _close(key: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 (only for the message of an error)

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


_READERS = {
    **dict.fromkeys(("base", "platform", "name", "tag", "user", "mirror", "index", "lock"), _text),
    **dict.fromkeys(("cmd", "packages", "groups", "extras", "ignore_imports", "imports"), _texts),
    **dict.fromkeys(("env", "labels"), _table),
    "entrypoint": _command,
    "workdir": _workdir,
    "ports": _ports,
    "max_layers": _layers,
}


@dataclass(frozen=True, slots=True)
class Runtime:
    """How an image runs, in the terms of an OCI image configuration."""

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    env: Mapping[str, str]
    workdir: str
    user: str
    ports: tuple[str, ...]
    labels: Mapping[str, str]

    def config(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration's ``config`` object, on that of the base."""
        env = dict(each.partition("=")[::2] for each in base.get("Env") or ())
        path = env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        env |= {"PATH": f"{VENV}/bin:{path}", "VIRTUAL_ENV": VENV, "PYTHONUNBUFFERED": "1", **self.env}
        kept = {key: base[key] for key in ("StopSignal", "Volumes") if base.get(key)}
        ports = {**(base.get("ExposedPorts") or {}), **{port: {} for port in self.ports}}
        made = {
            **kept,
            "Env": [f"{name}={value}" for name, value in env.items()],
            "WorkingDir": self.workdir,
            "User": self.user,
            "Labels": dict(sorted({**(base.get("Labels") or {}), **self.labels}.items())),
        }
        if ports:
            made["ExposedPorts"] = dict(sorted(ports.items()))
        if self.entrypoint:
            made["Entrypoint"] = list(self.entrypoint)
        if self.cmd:
            made["Cmd"] = list(self.cmd)
        return made


def runtime(project: Project, settings: Settings, recipe: str, created: str | None) -> Runtime:
    """How the project's image runs.

    Args:
        project: gives scripts and labels.
        settings: what the user chose.
        recipe: digest of the recipe, which becomes a label.
        created: time of creation (RFC 3339) for the label; None leaves the label out.
    """
    entrypoint = _entrypoint(project, settings)
    return Runtime(
        entrypoint=entrypoint,
        cmd=settings.cmd if entrypoint or settings.cmd else (f"{VENV}/bin/python",),
        env=settings.env,
        workdir=settings.workdir,
        user=settings.user,
        ports=settings.ports,
        labels={**_labels(project, created), RECIPE_LABEL: recipe, **settings.labels},
    )


def _entrypoint(project: Project, settings: Settings) -> tuple[str, ...]:
    chosen = settings.entrypoint
    if isinstance(chosen, tuple):
        return chosen
    scripts = sorted(project.scripts)
    if chosen is None and len(scripts) > 1:
        chosen = project.name if project.name in scripts else None
        if chosen is None:
            raise DepsfirstError(
                f"the project has several scripts ({', '.join(scripts)}) and none is named as the project",
                where="pyproject.toml",
                hint=f'choose one: [{_TABLE}] entrypoint = "{scripts[0]}"',
            )
    if chosen is not None and chosen not in scripts:
        raise DepsfirstError(
            f'the project has no script "{chosen}"',
            where=f"pyproject.toml: {_TABLE}.entrypoint",
            hint=f"its scripts are {', '.join(scripts) or 'none'}; a command is written as a list",
        )
    name = chosen or (scripts[0] if scripts else None)
    return (f"{VENV}/bin/{name}",) if name else ()


def _labels(project: Project, created: str | None) -> dict[str, str]:
    found = {
        "title": project.name,
        "version": project.version,
        "description": project.description,
        "licenses": project.license,
        "authors": ", ".join(project.authors),
        "created": created,
    }
    for name, url in project.urls.items():
        key = {"repository": "source", "source": "source", "source code": "source", "homepage": "url"}.get(name.lower())
        documentation = "documentation" if name.lower() in {"documentation", "docs"} else None
        if key or documentation:
            found[key or documentation or ""] = url
    return {f"org.opencontainers.image.{key}": value for key, value in found.items() if value}


def group_layers(sizes: Mapping[str, int], max_layers: int) -> tuple[tuple[str, ...], ...]:
    """Share packages out over layers: heavy ones alone, the rest together, rest last.

    Args:
        sizes: installed size in bytes by package.
        max_layers: how many layers there may be, the last one included.

    Returns:
        Names by layer. A function of names and sizes alone, so that two machines agree; in order of names, so
        that a package which grows does not move the layers of others.
    """
    heaviest = sorted((name for name in sizes if sizes[name] >= HEAVY), key=lambda name: (-sizes[name], name))
    alone = sorted(heaviest[: max_layers - 1])
    rest = tuple(sorted(set(sizes) - set(alone)))
    layers: Sequence[tuple[str, ...]] = [(name,) for name in alone]
    return (*layers, rest) if rest else tuple(layers)
