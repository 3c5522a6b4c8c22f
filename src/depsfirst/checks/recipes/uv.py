"""uv: ``uv export`` writes the packages, and ``uv pip install`` installs them into the environment of the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.checks.images import is_familiar
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.recipes.environment import environment_of, makers, path_of
from depsfirst.checks.recipes.model import RESULT, Given, Question, Recipe
from depsfirst.checks.recipes.sources import are_hashed, indexes, refuse_local
from depsfirst.checks.recipes.versions import provided, python_of
from depsfirst.dockerfile.installers.call import table
from depsfirst.project.model import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXPORTS = (0, 4, 27)
_LEAVES_ORIGINS_OUT = (0, 7)
_LOCKED = ("--locked", "--frozen")
_NAMED = ("--extra", "--no-extra", "--group", "--no-group", "--only-group")
_CHOICE = (
    *_NAMED,
    "--package",
    "--all-extras",
    "--all-groups",
    "--no-default-groups",
    "--dev",
    "--no-dev",
    "--only-dev",
)
_LEFT_OUT = ("--no-install-project", "--no-install-workspace", "--no-install-local", "--no-editable", "--inexact")
_SWITCHES = ("--quiet", "-q", "--verbose", "-v", "--no-cache", "--no-cache-dir", "-n", "--no-progress", "--offline")
_EVERYWHERE = (*_SWITCHES, "--cache-dir", "--color", "--native-tls", "--system-certs")
_PYTHON = ("--python", "-p", "--no-python-downloads", "--python-preference", "--no-managed-python", "--managed-python")
_INSTALLS = ("--compile-bytecode", "--compile", "--no-compile-bytecode", "--link-mode", "--no-build")
_VALUED = frozenset(
    [
        *_NAMED,
        "--package",
        "--no-install-package",
        "--cache-dir",
        "--color",
        "--python",
        "-p",
        "--python-preference",
        "--link-mode",
    ]
)
_KNOWN = frozenset(
    [*_LOCKED, *_CHOICE, *_LEFT_OUT, *_EVERYWHERE, *_PYTHON, *_INSTALLS, "--no-install-package", "--exact"]
)
_SETTLED_BY_THE_LOCK = frozenset(
    [
        "build-backend",
        "cache-keys",
        "conflicts",
        "constraint-dependencies",
        "default-groups",
        "dependency-groups",
        "dependency-metadata",
        "dev-dependencies",
        "environments",
        "exclude-dependencies",
        "exclude-newer",
        "exclude-newer-package",
        "fork-strategy",
        "managed",
        "override-dependencies",
        "package",
        "pip",
        "prerelease",
        "required-environments",
        "required-version",
        "resolution",
        "sources",
    ]
)
"""Keys of ``[tool.uv]`` that an install from a lock does not need, as the lock says what they do."""
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_WORD = re.compile(r"[\w./:@=,+-]+\Z")


def recipe(question: Question) -> Recipe:
    """What exports and installs the packages of an ``uv sync``."""
    if question.installation.verb != "sync":
        raise UnprovenError(f'"uv {question.installation.verb}" does more than install a lock')
    given = question.given(_KNOWN, _VALUED)
    members = _members_left_out(question, given)
    _refuse_settings(question, {"workspace"} if members else set())
    refuse_local(question, members)
    directory = environment_of(question)
    return Recipe(
        export=_export(question, given, is_workspace=bool(members)),
        install=_install(question, given, directory),
        unsafe=(*_unsafe_tool(question), *_unsafe_python(question, given), *_unsafe_index(question, given)),
        reads=tuple(_member_manifests(question, given)),
    )


def _members_left_out(question: Question, given: Given) -> frozenset[str]:
    """The members of the workspace, of which none is installed.

    Raises:
        UnprovenError: some are, or uv reads their manifests.
    """
    import tomli

    members = table(tomli.loads(question.lock_text), "manifest").get("members")
    if not isinstance(members, list):
        return frozenset()
    if not given.has("--no-install-workspace", "--no-install-local"):
        raise UnprovenError('members of the workspace may be installed: leave them out with "--no-install-workspace"')
    if "--frozen" not in _lock_option(question, given) and not question.step.scope.variables.get("UV_FROZEN"):
        raise UnprovenError('uv reads the manifests of all members of the workspace, as "--frozen" is not given')
    return frozenset(str(each) for each in members)


def _member_manifests(question: Question, given: Given) -> Iterator[str]:
    """The manifests of the members that ``--package`` names, which the exporter asks for and the install does not."""
    places = {each.name: each.source.location for each in question.lock.packages if each.source.kind == "directory"}
    for option in given.options:
        if option.name == "--package" and option.value is None:
            raise UnprovenError(f'which member "{option.source}" names is not known')
        if option.name == "--package" and (place := places.get(normalize(option.value or ""))):
            yield f"{place}/pyproject.toml"


def _refuse_settings(question: Question, others: set[str]) -> None:
    """See that nothing in the manifest tells uv more than the lock does, or than is settled otherwise."""
    for key in sorted(set(table(question.values, "tool", "uv")) - _SETTLED_BY_THE_LOCK - others):
        raise UnprovenError(f'"{key}" of [tool.uv] tells more than the lock does, and the install would not read it')


def _export(question: Question, given: Given, *, is_workspace: bool) -> tuple[str, ...]:
    left_out = "--no-emit-workspace" if is_workspace else "--no-emit-project"
    words = [f"{given.program} export --quiet", _lock_option(question, given), left_out]
    if question.lock and (brought := provided(question.subject, question.step, "uv")):
        if not brought.is_at_least(*_EXPORTS):
            raise UnprovenError(
                f"uv {brought.version} of line {brought.line} has no export that can be told enough: 0.4.27 has one"
            )
        quiet = brought.is_at_least(*_LEAVES_ORIGINS_OUT)
    else:
        quiet = True
    chosen = [*given.sources(*_CHOICE), *_said_by_variables(question, given)]
    chosen += [f"--no-emit-package {each.value}" for each in given.options if each.name == "--no-install-package"]
    chosen += given.sources(*_PYTHON, "--no-cache", "--no-cache-dir", "-n", "--cache-dir", "--offline")
    words += ["--no-header", *(["--no-annotate"] if quiet else [])]
    return (" ".join([each for each in words if each]), " ".join([*chosen, f"--output-file {RESULT}"]))


def _lock_option(question: Question, given: Given) -> str:
    """What makes uv take the lock as it is; ``uv sync`` without it writes another lock where that does not fit."""
    variables = question.step.scope.variables
    if variables.get("UV_FROZEN") or variables.get("UV_LOCKED"):
        return ""
    return (given.sources(*_LOCKED) or ["--locked"])[0]


def _said_by_variables(question: Question, given: Given) -> list[str]:
    """What variables choose; told to the exporter as an option, as not each of its versions reads them."""
    chosen = [each for each in question.installation.selection if each in ("--no-dev", "--no-default-groups")]
    return [each for each in chosen if not given.has(each)]


def _install(question: Question, given: Given, directory: str) -> str:
    path = path_of(question, directory)
    everywhere = given.sources(*_EVERYWHERE)
    words = [
        *_set_before(question),
        given.program,
        "pip install",
        *everywhere,
        *given.sources(*_INSTALLS),
        f"--python {path}",
        "--no-deps",
    ]
    words += ["--require-hashes"] if are_hashed(question.lock) else []
    words += [f"-r {RESULT}"]
    install = " ".join(words)
    if _is_made(question, directory):
        return install
    made = [given.program, "venv", *everywhere, *given.sources(*_PYTHON), *([] if path == ".venv" else [path])]
    return f"{' '.join(made)} && {install}"


def _set_before(question: Question) -> list[str]:
    """What the command sets for itself alone, as it is written."""
    return [f"{name}={word.source}" for name, word, _ in question.installation.command.assignments]


def _is_made(question: Question, directory: str) -> bool:
    """Whether the environment is there, as uv makes it.

    Raises:
        UnprovenError: something else makes it, or puts something into it.
    """
    made = False
    for step, command in makers(question, directory):
        if command.program != "uv" or command.texts[1:2] != ("venv",) or "--seed" in command.texts:
            raise UnprovenError(f'line {step.line} uses the environment "{directory}" before')
        made = True
    return made


def _unsafe_tool(question: Question) -> Iterator[str]:
    if provided(question.subject, question.step, "uv") is None:
        yield "which uv the image has is not known: it has to be 0.7 or newer"
    if not is_familiar(question.subject, question.step.stage):
        yield 'whether the base image sets "UV_PROJECT_ENVIRONMENT" or the like is not known'


def _unsafe_python(question: Question, given: Given) -> Iterator[str]:
    """``uv sync`` asks for a Python that the project allows, ``uv venv`` takes the first one."""
    from depsfirst.project.markers import admits

    variables = question.step.scope.variables
    if given.has("--python", "-p") or variables.get("UV_PYTHON"):
        return
    wanted = table(question.values, "project").get("requires-python")
    found = python_of(question.subject, question.step)
    if isinstance(wanted, str) and (found is None or not admits(wanted, f"{found}.99")):
        yield f'"uv venv" takes the first Python of the image, and no more looks whether it is {wanted}'


def _unsafe_index(question: Question, given: Given) -> Iterator[str]:
    """Packages come from where the lock says; where it is compared with the settings, uv is told those indexes."""
    if "--frozen" not in _lock_option(question, given) and not question.step.scope.variables.get("UV_FROZEN"):
        return
    told = [question.step.scope.variables.get(name) for name in _INDEX_VARIABLES]
    known = {each.rstrip("/") for text in told if text for each in text.split()}
    for url in indexes(question.lock):
        if url.rstrip("/") not in known:
            yield f'the lock has packages from "{url}", which the install has to be told'
            return
