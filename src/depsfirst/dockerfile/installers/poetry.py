"""Poetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide, manifest, table
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs, Unknown
from depsfirst.dockerfile.installers.outputs import output_of
from depsfirst.dockerfile.installers.pip import project_build
from depsfirst.dockerfile.installers.requirements import Requirements, read_operand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding

_FALSE = ("false", "0")
_VALUED = frozenset(
    [
        "--directory",
        "--project",
        "--with",
        "--without",
        "--only",
        "--extras",
        "--format",
        "--output",
        "--group",
        "--source",
        "--python",
        "--executable",
        "--platform",
        "--index-url",
        "--constraints",
        "--markers",
        "--optional",
        "--config-settings",
        "--local-version",
    ]
)
_SHORT = {
    "-C": "--directory",
    "-P": "--project",
    "-E": "--extras",
    "-f": "--format",
    "-o": "--output",
    "-G": "--group",
    "-l": "--local-version",
}
_SELECTION = [
    "--with",
    "--without",
    "--only",
    "--extras",
    "--all-extras",
    "--all-groups",
    "--no-dev",
    "--dev",
    "--dev-only",
    "--no-directory",
]
_EXPORTER = frozenset(
    [
        "--format",
        "--output",
        "--with",
        "--without",
        "--only",
        "--extras",
        "--all-extras",
        "--all-groups",
        "--dev",
        "--without-hashes",
        "--without-urls",
        "--no-interaction",
        "--no-ansi",
        "--quiet",
        "--verbose",
        "--no-cache",
        "--directory",
        "--project",
        "-n",
        "-q",
        "-v",
        "--with-credentials",
    ]
)


def read(call: Call) -> Iterator[Finding]:
    """What a call of Poetry does."""
    arguments = divide(call.words, _VALUED, _SHORT)
    if arguments.has("--help", "-h", "--version", "-V", "--dry-run") or not arguments.operands:
        return
    verb, *operands = arguments.operands
    name = verb.text or ""
    if name in ("self", "bundle") and operands:
        name = f"{name} {operands[0].text}"
        operands = operands[1:]
    if verb.text is None:
        yield Unknown(f'what "poetry {verb.source}" does is not known', call.command)
    elif reader := _VERBS.get(name):
        directory = arguments.value("--directory", "--project")
        inside = call.inside(directory.text) if directory else call
        yield from reader(inside, arguments._replace(operands=tuple(operands)))


def _inputs(call: Call) -> tuple[str, ...]:
    return (call.at("pyproject.toml"), call.at("poetry.lock"))


def _cache(call: Call, arguments: Arguments) -> Cache:
    """The directory of the cache; its parts where the environment may stand in it, as it does if nothing is set."""
    unused = arguments.flag("--no-cache") or bool(call.is_set("POETRY_NO_CACHE"))
    directories = call.cache_directories("POETRY_CACHE_DIR", ".cache/pypoetry")
    if not _is_elsewhere(call):
        directories = tuple(f"{each}/{part}" for each in directories for part in ("cache", "artifacts"))
    return Cache(directories, used=not unused)


def _is_elsewhere(call: Call) -> bool:
    """Whether the environment is surely none of those that Poetry makes in its cache."""
    created = call.get("POETRY_VIRTUALENVS_CREATE")
    return _target(call) is not None or (created is not None and created.lower() in _FALSE)


def _target(call: Call) -> str | None:
    if active := call.get("VIRTUAL_ENV"):
        return call.at(active)
    created = call.get("POETRY_VIRTUALENVS_CREATE")
    if created is not None and created.lower() in _FALSE:
        return None
    return call.at(".venv") if call.is_set("POETRY_VIRTUALENVS_IN_PROJECT") else None


def _with_project(call: Call, arguments: Arguments) -> bool | None:
    """Whether the root package is installed."""
    if arguments.has("--no-root"):
        return False
    description = manifest(call)
    if description is not None and table(description, "tool", "poetry").get("package-mode") is False:
        return False
    return None if arguments.open or description is None else True  # "--only" chooses groups, the root is in none


def _install(call: Call, arguments: Arguments) -> Iterator[Finding]:
    alone = arguments.has("--only-root")
    with_project = True if alone else _with_project(call, arguments)
    installation = Installation(
        "poetry",
        "install",
        Installs.PROJECT if alone else Installs.DEPENDENCIES,
        call.command,
        inputs=_inputs(call),
        with_project=with_project,
        with_dependencies=not alone,
        selection=arguments.selection(*_SELECTION),
        target=_target(call),
        cache=_cache(call, arguments),
    )
    if with_project is not False:
        installation = installation._replace(inputs=(*_inputs(call), call.at(".")), project=call.at("."))
    if with_project is None:
        installation = installation._replace(unsure=('whether "poetry install" installs the project is not known',))
    yield installation


def _update(call: Call, arguments: Arguments) -> Iterator[Finding]:
    """``add``, ``update`` and ``remove`` install the dependencies alone."""
    if not arguments.has("--lock"):
        yield Installation(
            "poetry",
            "update",
            Installs.DEPENDENCIES,
            call.command,
            inputs=_inputs(call),
            packages=tuple(word.text or word.source for word in arguments.operands),
            selection=arguments.selection(*_SELECTION),
            target=_target(call),
            cache=_cache(call, arguments),
        )


def _export(call: Call, arguments: Arguments) -> Iterator[Finding]:
    unknown = arguments.open or arguments.operands or any(each.name not in _EXPORTER for each in arguments.options)
    yield Export(
        "poetry",
        call.command,
        inputs=_inputs(call),
        output=output_of(call, arguments, "--output"),
        selection=arguments.selection(*_SELECTION, "--format", "--without-urls"),
        hashes=None if arguments.open else not arguments.has("--without-hashes"),
        exact=not unknown,
    )


def _lock(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if not arguments.has("--check"):
        output = call.at("poetry.lock")
        yield Export("poetry", call.command, inputs=_inputs(call), output=output, locks=True, hashes=True, exact=False)


def _build(call: Call, arguments: Arguments) -> Iterator[Finding]:
    named = arguments.value("--output")
    yield project_build(call, call.at("."), call.path(named) if named else call.at("dist"))


def _self(call: Call, arguments: Arguments) -> Iterator[Finding]:
    """Plugins of Poetry are for Poetry."""
    names = tuple(word.text or word.source for word in arguments.operands)
    yield Installation(
        "poetry", "self", Installs.INSTALLER, call.command, packages=names, cache=_cache(call, arguments)
    )


def _bundle(call: Call, arguments: Arguments) -> Iterator[Finding]:
    """``poetry bundle venv DIRECTORY`` builds and installs the project with its dependencies."""
    found = Requirements()
    for word in arguments.operands[:1]:
        found = found.with_more(read_operand(call, word._replace(text=call.path(word))))
    yield Installation(
        "poetry",
        "bundle",
        Installs.DEPENDENCIES,
        call.command,
        inputs=(*_inputs(call), call.at(".")),
        with_project=True,
        project=call.at("."),
        selection=arguments.selection(*_SELECTION),
        target=found.directories[0] if found.directories else None,
        cache=_cache(call, arguments),
    )


_VERBS: Mapping[str, Callable[[Call, Arguments], Iterator[Finding]]] = {
    "add": _update,
    "build": _build,
    "bundle venv": _bundle,
    "export": _export,
    "install": _install,
    "lock": _lock,
    "remove": _update,
    "self add": _self,
    "self install": _self,
    "self update": _self,
    "sync": _install,
    "update": _update,
}
