"""PDM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide, manifest, table
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs
from depsfirst.dockerfile.installers.outputs import output_of
from depsfirst.dockerfile.installers.pip import project_build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding

_VALUED = frozenset(
    [
        "--project",
        "--config",
        "--group",
        "--without",
        "--lockfile",
        "--skip",
        "--venv",
        "--output",
        "--format",
        "--dest",
        "--override",
        "--config-setting",
        "--python",
        "--platform",
        "--implementation",
        "--strategy",
        "--append",
        "--exclude-newer",
        "--update-reuse-installed",
    ]
)
_SHORT = {"-p": "--project", "-c": "--config", "-G": "--group", "-L": "--lockfile", "-k": "--skip", "-o": "--output"}
_SHORT |= {"-f": "--format", "-d": "--dev", "-n": "--non-interactive"}
_SELECTION = [
    "--group",
    "--without",
    "--prod",
    "--production",
    "--dev",
    "--no-default",
    "--no-editable",
    "--no-isolation",
]
_EXPORTER = frozenset(
    [
        "--project",
        "--group",
        "--without",
        "--prod",
        "--production",
        "--dev",
        "--no-default",
        "--lockfile",
        "--output",
        "--format",
        "--no-hashes",
        "--without-hashes",
        "--self",
        "--editable-self",
        "--no-markers",
        "--expandvars",
        "-q",
        "-v",
        "--quiet",
        "--verbose",
        "--no-extras",
    ]
)


def read(call: Call) -> Iterator[Finding]:
    """What a call of PDM does."""
    words = call.words
    short = _SHORT
    verb = next((word.text for word in words if word.text and not word.text.startswith("-")), None)
    if verb == "build":
        short = {**_SHORT, "-d": "--dest"}
    arguments = divide(words, _VALUED, short)
    if arguments.has("--help", "-h", "--version", "-V", "--dry-run") or not arguments.operands:
        return
    reader = _VERBS.get(arguments.operands[0].text or "")
    if reader:
        named = arguments.value("--project")
        directory = named.text if named else call.get("PDM_PROJECT_ROOT")
        inside = call.inside(directory) if named or directory else call
        yield from reader(inside, arguments._replace(operands=arguments.operands[1:]))


def _inputs(call: Call, arguments: Arguments) -> tuple[str, ...]:
    lock = arguments.value("--lockfile")
    return (
        call.at("pyproject.toml"),
        (call.path(lock) if lock else None) or call.at(call.get("PDM_LOCKFILE") or "pdm.lock"),
    )


def _cache(call: Call) -> Cache:
    return Cache(call.cache_directories("PDM_CACHE_DIR", ".cache/pdm"))


def _with_project(call: Call, arguments: Arguments) -> bool | None:
    """Whether the project itself is installed; one that is no distribution is not."""
    if arguments.has("--no-self") or call.is_set("PDM_NO_SELF"):
        return False
    description = manifest(call)
    if description is None:
        return None
    settings = table(description, "tool", "pdm")
    if "name" not in table(description, "project"):
        return False
    if "package-type" in settings:
        said: object = settings["package-type"] == "library"
    else:
        said = settings.get("distribution", True)
    return None if arguments.open and said else bool(said)


def _install(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--plugins"):
        yield Installation("pdm", "plugins", Installs.INSTALLER, call.command, inputs=_inputs(call, arguments)[:1])
        return
    with_project = _with_project(call, arguments)
    installation = Installation(
        "pdm",
        "install",
        Installs.DEPENDENCIES,
        call.command,
        inputs=_inputs(call, arguments),
        with_project=with_project,
        selection=arguments.selection(*_SELECTION),
        target=call.at(".venv"),
        cache=_cache(call),
    )
    if with_project is not False:
        installation = installation._replace(inputs=(*installation.inputs, call.at(".")), project=call.at("."))
    if with_project is None:
        installation = installation._replace(unsure=('whether "pdm install" installs the project is not known',))
    yield installation


def _add(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if not arguments.has("--no-sync"):
        for installation in _install(call, arguments):
            if isinstance(installation, Installation):
                packages = tuple(word.text or word.source for word in arguments.operands)
                yield installation._replace(verb="add", packages=packages)


def _export(call: Call, arguments: Arguments) -> Iterator[Finding]:
    unknown = arguments.open or arguments.operands or any(each.name not in _EXPORTER for each in arguments.options)
    yield Export(
        "pdm",
        call.command,
        inputs=_inputs(call, arguments),
        output=output_of(call, arguments, "--output"),
        selection=arguments.selection(*_SELECTION, "--format", "--no-markers", "--no-extras"),
        with_project=True if arguments.has("--self", "--editable-self") else None if arguments.open else False,
        hashes=None if arguments.open else not arguments.has("--no-hashes", "--without-hashes"),
        exact=not unknown,
    )


def _lock(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if not arguments.has("--check"):
        inputs = _inputs(call, arguments)
        yield Export("pdm", call.command, inputs=inputs, output=inputs[1], locks=True, hashes=True, exact=False)


def _build(call: Call, arguments: Arguments) -> Iterator[Finding]:
    named = arguments.value("--dest")
    yield project_build(call, call.at("."), call.path(named) if named else call.at("dist"))


def _self(call: Call, arguments: Arguments) -> Iterator[Finding]:
    names = tuple(word.text or word.source for word in arguments.operands[1:])
    if names:
        yield Installation("pdm", "self", Installs.INSTALLER, call.command, packages=names)


_VERBS: Mapping[str, Callable[[Call, Arguments], Iterator[Finding]]] = {
    "add": _add,
    "build": _build,
    "export": _export,
    "install": _install,
    "lock": _lock,
    "remove": _add,
    "self": _self,
    "sync": _install,
    "update": _add,
}
