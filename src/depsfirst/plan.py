"""The plan of an image: what was ordered, layers in order of rate of change, how it runs, what was built. Pure.

An image is base, environment, dependencies, first-party libraries, code: what changes least lies lowest. The same plan
serves every engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from depsfirst.errors import DepsfirstError
from depsfirst.oci.reference import parse_reference
from depsfirst.settings import TABLE
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.progress import Progress
    from depsfirst.project.model import Project
    from depsfirst.settings import Settings

PLATFORMS = ("linux/amd64", "linux/arm64")
VENV = "/opt/venv"
RECIPE_LABEL = "dev.depsfirst.recipe"

_NO_SCRIPTS = "the project is no package, so that its scripts ({}) are not installed"

HEAVY = 8 << 20
"""Installed size in bytes from which a wheel may get a layer of its own."""


class Plan(NamedTuple):
    """What to build.

    Attributes:
        project: the project.
        settings: what it says of itself.
        base: ``deb:SUITE``, ``oci:DIR`` or ``docker-archive:FILE``.
        platform: ``linux/amd64`` or ``linux/arm64``.
        groups: dependency groups to install, the main one included.
        extras: extras of the project to install.
        reference: name and tag of the image.
        index_url: simple URL of the package index; None leaves it to the user's settings of uv and pip.
    """

    project: Project
    settings: Settings
    base: str
    platform: str
    groups: frozenset[str]
    extras: frozenset[str]
    reference: str
    index_url: str | None = None


class Runtime(NamedTuple):
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


def image_reference(given: str | None, project: Project, settings: Settings) -> str:
    """Name and tag of the image: as ``given``, else from the settings and the project's name.

    Raises:
        DepsfirstError: it is no reference that a registry or a daemon would take.
    """
    name = given or settings.name or _repository(project.name)
    has_tag = ":" in name.rpartition("/")[2]
    return str(parse_reference(name if has_tag else f"{name}:{settings.tag or 'latest'}"))


def _repository(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return "-".join(part for part in kept.split("-") if part)


def runtime(project: Project, settings: Settings, recipe: str, created: str | None) -> Runtime:
    """How the project's image runs.

    Args:
        project: gives scripts and labels.
        settings: what the user chose.
        recipe: digest of the recipe, which becomes a label.
        created: time of creation (RFC 3339) for the label; None leaves the label out.
    """
    entrypoint = _entrypoint(project, settings)
    start = project.in_place.start if project.in_place else ()
    return Runtime(
        entrypoint=entrypoint,
        cmd=settings.cmd if entrypoint or settings.cmd else (f"{VENV}/bin/python", *start),
        env={**_search_path(project, settings), **settings.env},
        workdir=settings.workdir,
        user=settings.user,
        ports=settings.ports,
        labels={**_labels(project, created), RECIPE_LABEL: recipe, **settings.labels},
    )


def _search_path(project: Project, settings: Settings) -> dict[str, str]:
    """Where code that is no package is found, whatever program starts Python.

    Raises:
        DepsfirstError: it would stand among the files of the base.
    """
    if project.in_place is None:
        return {}
    if settings.workdir == "/":
        raise DepsfirstError(
            "the code is no package and would stand among the files of the base",
            where=f"pyproject.toml: {TABLE}.workdir",
            hint='name a directory of its own, as "/app"',
        )
    places = (settings.workdir if path == "." else f"{settings.workdir}/{path}" for path in project.in_place.paths)
    return {"PYTHONPATH": ":".join(places)}


def _entrypoint(project: Project, settings: Settings) -> tuple[str, ...]:
    chosen = settings.entrypoint
    if isinstance(chosen, tuple):
        return chosen
    scripts = [] if project.in_place else sorted(project.scripts)  # no manager installs them without the package
    if chosen is not None and chosen not in scripts:
        raise DepsfirstError(
            f'the project has no script "{chosen}"',
            where=f"pyproject.toml: {TABLE}.entrypoint",
            hint=f"its scripts are {', '.join(scripts) or 'none'}; a command is written as a list",
        )
    named = [name for name in scripts if _repository(name) == _repository(project.name)]
    name = chosen or (scripts[0] if len(scripts) == 1 else next(iter(named), None))
    return (f"{VENV}/bin/{name}",) if name else ()


def undecided(project: Project, settings: Settings) -> str | None:
    """What to tell a person of what an image starts, where nothing says it for sure."""
    if project.in_place:
        unsaid = None if settings.entrypoint or settings.cmd else project.in_place.note
        lost = _NO_SCRIPTS.format(", ".join(sorted(project.scripts))) if project.scripts else None
        return "; ".join(each for each in (project.in_place.why, lost, unsaid) if each) or None
    if len(project.scripts) < 2 or settings.entrypoint is not None or _entrypoint(project, settings):  # noqa: PLR2004
        return None
    scripts = sorted(project.scripts)
    return (
        f"the image starts Python: the project has several scripts ({', '.join(scripts)}) and none is named as the"
        f' project; choose one by [{TABLE}] entrypoint = "{scripts[0]}"'
    )


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


class Order(NamedTuple):
    """What a person asks for; None where the project's settings or a default decide.

    Attributes:
        directory: of the project, or of the workspace that has it.
        base: where the image starts.
        platform: what it is for.
        groups: dependency groups besides the main one.
        extras: of the project.
        reference: name and tag.
        output: ``FILE.tar`` or ``oci:DIR[:TAG]``.
        load: whether it goes into the local Docker.
        index_url: simple URL of the package index.
        verify: ``auto``, ``always`` or ``never``.
        refresh: whether to ask the Debian mirror again, and to resolve again what has no lock.
        package: name of the project, if it is to be looked for.
        system: Debian packages to add to the base.
    """

    directory: Path
    base: str | None = None
    platform: str | None = None
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    reference: str | None = None
    output: str | None = None
    load: bool = False
    index_url: str | None = None
    verify: Literal["auto", "always", "never"] = "auto"
    refresh: bool = False
    package: str | None = None
    system: tuple[str, ...] = ()


class BuiltLayer(NamedTuple):
    """A layer as it is reported: size in bytes, uncompressed; reused if the destination or the cache had it."""

    kind: str
    title: str
    diff_id: str
    size: int
    reused: bool


class Built(NamedTuple):
    """What a build made, in words and figures.

    Attributes:
        reference: name and tag.
        destination: ``docker``, ``archive`` or ``layout``.
        where: what to call it there.
        digest: of the manifest.
        image_id: digest of the configuration.
        platform: ``linux/amd64`` or ``linux/arm64``.
        layers: lowest first.
        how: ``built``, ``patched`` or ``reused``: what became of the project's wheel.
        reason: why.
        verdict: of the real import: ``passed``, ``passed before`` or why it was skipped.
        run: a command that runs it.
        seconds: time by step, ``total`` among them.
    """

    reference: str
    destination: str
    where: str
    digest: str
    image_id: str
    platform: str
    layers: tuple[BuiltLayer, ...]
    how: str
    reason: str
    verdict: str
    run: str
    seconds: dict[str, float]


class Engine(Protocol):
    """A way from an order to an image."""

    def __call__(self, order: Order, store: ContentStore, progress: Progress) -> Built:
        """Build what was ordered.

        Raises:
            DepsfirstError: it cannot be built; where it was to go, there is what was there before.
        """
