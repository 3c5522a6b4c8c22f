"""Pipenv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide, table
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs
from depsfirst.dockerfile.installers.outputs import redirected
from depsfirst.dockerfile.installers.requirements import Requirements, read_editable, read_file, read_operand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.dockerfile.installers.model import Finding

_VALUED = frozenset(
    [
        "--python",
        "--requirements",
        "--editable",
        "--categories",
        "--index",
        "--pypi-mirror",
        "--extra-pip-args",
        "--exclude-index",
        "--lock-file",
    ]
)
_SHORT = {"-r": "--requirements", "-e": "--editable", "-d": "--dev", "-i": "--index"}
_SELECTION = ("--dev", "--dev-only", "--categories")


def read(call: Call) -> Iterator[Finding]:
    """What a call of Pipenv does; its verb can stand behind options."""
    arguments = divide(call.words, _VALUED, _SHORT)
    verb = arguments.operands[0].text if arguments.operands else None
    if verb == "lock":
        arguments = divide(call.words, _VALUED - {"--requirements"}, _SHORT)
        yield _lock(call, arguments)
    elif verb == "requirements":
        yield _export(call, arguments)
    elif verb in ("install", "sync", "update") and not arguments.has("--help", "-h"):
        yield _install(call, arguments, verb)


def _inputs(call: Call) -> tuple[str, ...]:
    pipfile = call.at(call.get("PIPENV_PIPFILE") or "Pipfile")
    return (pipfile, f"{pipfile}.lock")


def _with_project(call: Call) -> bool | None:
    """Whether the Pipfile has a directory of the repository among its packages."""
    text = call.read(_inputs(call)[0])
    if text is None:
        return None
    import tomli

    try:
        pipfile = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return None
    packages = (
        value for group in pipfile if group not in ("source", "scripts") for value in table(pipfile, group).values()
    )
    return any(
        "path" in table(value) or str(table(value).get("file", "")).startswith((".", "file:")) for value in packages
    )


def _install(call: Call, arguments: Arguments, verb: str) -> Installation:
    found = Requirements()
    for word in arguments.values("--requirements"):
        found = found.with_more(read_file(call, word))
    for word in arguments.values("--editable"):
        found = found.with_more(read_editable(call, word))
    for word in arguments.operands[1:]:
        found = found.with_more(read_operand(call, word))
    with_project = found.with_project or _with_project(call)
    project = found.directories[0] if found.directories else call.at(".") if with_project else None
    return Installation(
        "pipenv",
        verb,
        Installs.DEPENDENCIES,
        call.command,
        inputs=(*_inputs(call), *found.files, *found.directories),
        packages=found.packages,
        with_project=with_project,
        project=project,
        selection=arguments.selection(*_SELECTION),
        target=call.at(".venv") if call.is_set("PIPENV_VENV_IN_PROJECT") else None,
        cache=Cache(
            (
                *call.cache_directories("PIPENV_CACHE_DIR", ".cache/pipenv"),
                *call.cache_directories("PIP_CACHE_DIR", ".cache/pip"),
            )
        ),
        unsure=found.unsure,
    )


def _export(call: Call, arguments: Arguments) -> Export:
    known = {"--dev", "--dev-only", "--hash", "--categories", "--exclude-markers", "--no-lock", "-q", "--quiet"}
    unknown = arguments.open or any(each.name not in known for each in arguments.options)
    return Export(
        "pipenv",
        call.command,
        inputs=_inputs(call),
        output=redirected(call),
        selection=arguments.selection(*_SELECTION, "--exclude-markers"),
        with_project=_with_project(call),
        hashes=arguments.flag("--hash"),
        exact=not unknown,
    )


def _lock(call: Call, arguments: Arguments) -> Export:
    """``pipenv lock``, which in its old form ``-r`` writes requirements."""
    old = arguments.has("--requirements")
    return Export(
        "pipenv",
        call.command,
        inputs=_inputs(call),
        output=redirected(call) if old else _inputs(call)[1],
        selection=arguments.selection(*_SELECTION),
        with_project=_with_project(call),
        hashes=not old,
        locks=not old,
        exact=False,
    )
