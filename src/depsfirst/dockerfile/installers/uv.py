"""uv: its projects, its pip, its tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide, manifest
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs
from depsfirst.dockerfile.installers.outputs import output_of
from depsfirst.dockerfile.installers.pip import installation_of, project_build, requirements_of
from depsfirst.dockerfile.installers.requirements import Requirements, read_editable, read_file, read_operand
from depsfirst.dockerfile.installers.uv_project import is_package, project_directory, with_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.shell import Word

_VALUED = frozenset(
    [
        "--directory",
        "--project",
        "--cache-dir",
        "--config-file",
        "--color",
        "--allow-insecure-host",
        "--python",
        "--index",
        "--default-index",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--link-mode",
        "--index-strategy",
        "--keyring-provider",
        "--resolution",
        "--prerelease",
        "--fork-strategy",
        "--exclude-newer",
        "--exclude-newer-package",
        "--config-setting",
        "--config-settings-package",
        "--no-build-isolation-package",
        "--no-build-package",
        "--no-binary-package",
        "--reinstall-package",
        "--refresh-package",
        "--upgrade-package",
        "--upgrade-group",
        "--no-sources-package",
        "--extra",
        "--no-extra",
        "--group",
        "--no-group",
        "--only-group",
        "--package",
        "--no-install-package",
        "--only-install-package",
        "--output-format",
        "--python-platform",
        "--env-file",
        "--with",
        "--with-editable",
        "--with-requirements",
        "--from",
        "--requirement",
        "--constraint",
        "--override",
        "--build-constraint",
        "--editable",
        "--target",
        "--prefix",
        "--no-binary",
        "--only-binary",
        "--torch-backend",
        "--python-version",
        "--output-file",
        "--format",
        "--no-emit-package",
        "--only-emit-package",
        "--prune",
        "--annotation-style",
        "--custom-compile-command",
        "--unsafe-package",
        "--out-dir",
        "--exclude",
        "--bounds",
        "--branch",
        "--tag",
        "--rev",
        "--script",
        "--cert",
        "--excludes",
        "--no-editable-package",
        "--prerelease-package",
        "--with-executables-from",
        "--marker",
        "--optional",
        "--malware-check",
        "--preview-features",
    ]
)
_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-t": "--target",
    "-i": "--index-url",
    "-f": "--find-links",
    "-C": "--config-setting",
    "-P": "--upgrade-package",
    "-p": "--python",
    "-o": "--output-file",
    "-n": "--no-cache",
    "-U": "--upgrade",
    "-w": "--with",
    "-b": "--build-constraint",
    "-m": "--module",
}
_SAME = {
    "--requirements": "--requirement",
    "--constraints": "--constraint",
    "--overrides": "--override",
    "--build-constraints": "--build-constraint",
    "--no-cache-dir": "--no-cache",
    "--output-path": "--output-file",
}
_SELECTION = [
    "--extra",
    "--all-extras",
    "--no-extra",
    "--group",
    "--no-group",
    "--only-group",
    "--all-groups",
    "--no-default-groups",
    "--dev",
    "--no-dev",
    "--only-dev",
    "--package",
    "--all-packages",
    "--no-install-package",
]
_SAID_BY_VARIABLES = ("UV_NO_DEV", "UV_NO_DEFAULT_GROUPS")
_NOT_EXPORTED = ("--no-emit-project", "--no-emit-workspace", "--no-emit-local")
_EXPORTER = frozenset(
    [
        "--frozen",
        "--locked",
        "--no-hashes",
        "--no-header",
        "--no-annotate",
        "--no-editable",
        "--quiet",
        "--verbose",
        "-q",
        "-v",
        "--offline",
        "--no-progress",
        "--output-file",
        "--format",
        "--no-emit-project",
        "--no-emit-workspace",
        "--no-emit-local",
        "--no-emit-package",
        "--package",
        "--all-extras",
        "--extra",
        "--no-extra",
        "--group",
        "--no-group",
        "--only-group",
        "--all-groups",
        "--no-default-groups",
        "--dev",
        "--no-dev",
        "--only-dev",
        "--no-cache",
        "--cache-dir",
        "--directory",
        "--project",
        "--no-python-downloads",
        "--python",
        "--color",
        "--no-config",
    ]
)
_LONG_VALUED = _VALUED | {name for name, same in _SAME.items() if same in _VALUED}
_OF_PIP = frozenset({"--no-binary", "--only-binary", "--editable"})
"""Options that are switches without a value but behind ``uv pip``."""


def read(call: Call) -> Iterator[Finding]:
    """What a call of uv does."""
    if call.tool == "uvx":
        yield from _tool_run(call, _run_arguments(call.words, 0, "tool run"))
        return
    rest = list(call.words)
    before: list[Word] = []
    while rest and (rest[0].text is None or rest[0].text.startswith("-")):
        before.append(rest.pop(0))
        name = before[-1].text or ""
        if _SHORT.get(name, name) in _LONG_VALUED and rest:
            before.append(rest.pop(0))
    if not rest:
        return
    verb = rest[0].text or ""
    words = (*before, *rest[1:])
    if verb in ("pip", "tool", "python") and rest[1:]:
        verb, words = f"{verb} {rest[1].text}", (*before, *rest[2:])
    reader = _VERBS.get(verb)
    if reader:
        runs = verb in ("run", "tool run")
        arguments = _run_arguments(words, len(before), verb) if runs else _divided(words, _valued(verb))
        directory = arguments.value("--directory")
        named = directory.text if directory else call.get("UV_WORKING_DIR") or call.get("UV_WORKING_DIRECTORY") or ""
        yield from reader(call.inside(named) if named != "" else call, arguments)


def _valued(verb: str) -> frozenset[str]:
    """The options of a verb that take a value."""
    if verb.startswith("pip "):
        return _LONG_VALUED
    return _LONG_VALUED - _OF_PIP - ({"--script"} if verb == "run" else set())


def _divided(words: tuple[Word, ...], valued: frozenset[str]) -> Arguments:
    arguments = divide(words, valued, _SHORT)
    same = (option._replace(name=_SAME.get(option.name, option.name)) for option in arguments.options)
    return arguments._replace(options=tuple(same))


def _run_arguments(words: tuple[Word, ...], skipped: int, verb: str) -> Arguments:
    """The options of ``uv run``: what stands behind the command is the command's."""
    index, valued = skipped, _valued(verb)
    while index < len(words):
        text = words[index].text
        if text == "--" or (text is not None and not text.startswith("-")):
            break
        name = _SHORT.get(text or "", text or "")
        if name == "--module":
            break
        index += 2 if name in valued else 1
    arguments = _divided(words[:index], valued)
    return arguments._replace(operands=words[index : index + 1])


def _cache(call: Call, arguments: Arguments) -> Cache:
    unused = arguments.flag("--no-cache") or bool(call.is_set("UV_NO_CACHE"))
    if named := arguments.value("--cache-dir"):
        return Cache((call.path(named) or "",), used=not unused)
    return Cache(call.cache_directories("UV_CACHE_DIR", ".cache/uv"), used=not unused)


def _link_mode(call: Call, arguments: Arguments) -> str | None:
    named = arguments.value("--link-mode")
    return named.text if named else call.get("UV_LINK_MODE")


def _active(call: Call, arguments: Arguments) -> str | None:
    """The environment that is active, where uv heeds it."""
    active = call.get("VIRTUAL_ENV")
    return None if arguments.has("--system") or not active else call.at(active)


def _completed(call: Call, arguments: Arguments, installation: Installation) -> Installation:
    target = arguments.value("--target", "--prefix", "--python")
    said = {f"--{name[3:].lower().replace('_', '-')}" for name in _SAID_BY_VARIABLES if call.is_set(name)}
    return installation._replace(
        tool="uv",
        selection=tuple(sorted({*arguments.selection(*_SELECTION), *said})),
        cache=_cache(call, arguments),
        link_mode=_link_mode(call, arguments),
        target=call.path(target) if target else installation.target or _active(call, arguments),
    )


def _sync(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--dry-run", "--check", "--help", "--script"):
        return
    yield _project_installation(call, arguments, "sync")


def _project_installation(call: Call, arguments: Arguments, verb: str) -> Installation:
    directory = project_directory(call, arguments)
    installs_it = with_project(call, arguments, directory)
    alone = arguments.has("--only-install-project", "--only-install-workspace", "--only-install-local")
    inputs = (f"{directory.rstrip('/')}/pyproject.toml", f"{directory.rstrip('/')}/uv.lock")
    unsure = () if installs_it is not None else (f'whether "uv {verb}" installs the project is not known',)
    installation = Installation(
        "uv",
        verb,
        Installs.PROJECT if alone else Installs.DEPENDENCIES,
        call.command,
        inputs=inputs if installs_it is False else (*inputs, directory),
        with_project=True if alone else installs_it,
        with_dependencies=not alone,
        project=None if installs_it is False else directory,
        target=call.at(call.get("UV_PROJECT_ENVIRONMENT") or f"{directory.rstrip('/')}/.venv"),
        unsure=unsure,
    )
    completed = _completed(call, arguments, installation)
    return completed._replace(target=installation.target)


def _run(call: Call, arguments: Arguments) -> Iterator[Finding]:
    """``uv run`` brings the environment up to date before it runs anything."""
    more = Requirements()
    for word in arguments.values("--with"):
        more = more.with_more(read_operand(call, word))
    for word in arguments.values("--with-requirements"):
        more = more.with_more(read_file(call, word))
    for word in arguments.values("--with-editable"):
        more = more.with_more(read_editable(call, word))
    if more != Requirements():
        yield _completed(call, arguments, installation_of(call, "run", more, no_deps=False))
    stays = arguments.has("--no-sync", "--no-project", "--script", "-s", "--help") or call.is_set("UV_NO_SYNC")
    runs = arguments.operands or arguments.has("--module")
    if not stays and runs and not (call.is_set("UV_NO_PROJECT")):
        yield _project_installation(call, arguments, "run")


def _add(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--no-sync", "--frozen", "--script"):
        return
    installation = _project_installation(call, arguments, "add")
    yield installation._replace(packages=requirements_of(call, arguments).packages)


def _pip_install(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--dry-run", "--help"):
        return
    no_deps = arguments.flag("--no-deps")
    installation = installation_of(call, "pip install", requirements_of(call, arguments), no_deps=no_deps)
    yield _completed(call, arguments, installation)


def _pip_sync(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--dry-run", "--help"):
        return
    found = Requirements()
    for word in arguments.operands:
        found = found.with_more(read_file(call, word))
    for word in arguments.values("--constraint"):
        found = found.with_more(read_file(call, word, constraints=True))
    yield _completed(call, arguments, installation_of(call, "pip sync", found, no_deps=False))


def _pip_compile(call: Call, arguments: Arguments) -> Iterator[Finding]:
    sources = (*arguments.operands, *arguments.values("--constraint", "--override"))
    yield Export(
        "uv",
        call.command,
        inputs=tuple(call.path(word) or "" for word in sources),
        output=output_of(call, arguments, "--output-file"),
        selection=arguments.selection("--extra", "--all-extras", "--group"),
        hashes=arguments.flag("--generate-hashes"),
        locks=True,
        exact=False,
    )


def _export(call: Call, arguments: Arguments) -> Iterator[Finding]:
    directory = project_directory(call, arguments)
    left_out = arguments.has(*_NOT_EXPORTED, "--only-group", "--only-dev")
    description = None if left_out else manifest(call, directory)
    virtual = description is not None and not ("project" in description and is_package(description))
    frozen = arguments.has("--frozen", "--locked") or call.is_set("UV_FROZEN") or call.is_set("UV_LOCKED")
    unknown = arguments.open or any(option.name not in _EXPORTER for option in arguments.options)
    emitted = None if arguments.open or (description is None and not left_out) else not (left_out or virtual)
    yield Export(
        "uv",
        call.command,
        inputs=(f"{directory.rstrip('/')}/pyproject.toml", f"{directory.rstrip('/')}/uv.lock"),
        output=output_of(call, arguments, "--output-file"),
        selection=arguments.selection(*_SELECTION, "--format", "--no-emit-package"),
        with_project=emitted,
        hashes=None if arguments.open else not arguments.has("--no-hashes"),
        locks=not frozen,
        exact=not unknown and not arguments.operands,
    )


def _lock(call: Call, arguments: Arguments) -> Iterator[Finding]:
    if arguments.has("--check", "--locked", "--dry-run", "--script", "--help"):
        return
    directory = project_directory(call, arguments).rstrip("/")
    inputs = (f"{directory}/pyproject.toml", f"{directory}/uv.lock")
    yield Export("uv", call.command, inputs=inputs, output=f"{directory}/uv.lock", locks=True, exact=False, hashes=True)


def _build(call: Call, arguments: Arguments) -> Iterator[Finding]:
    directory = call.path(arguments.operands[0]) or "" if arguments.operands else call.at(".")
    named = arguments.value("--out-dir", "--output-file")  # "-o" is short for either
    output = call.path(named) if named else f"{directory.rstrip('/')}/dist"
    build = project_build(call, directory, output)
    yield _completed(call, arguments, build)


def _tool_install(call: Call, arguments: Arguments) -> Iterator[Finding]:
    found = Requirements()
    for word in (*arguments.operands, *arguments.values("--with", "--from")):
        found = found.with_more(read_operand(call, word))
    for word in arguments.values("--with-editable"):
        found = found.with_more(read_editable(call, word))
    yield _completed(call, arguments, installation_of(call, "tool install", found, no_deps=False))


def _tool_run(call: Call, arguments: Arguments) -> Iterator[Finding]:
    found = Requirements()
    for word in arguments.values("--from", "--with") or arguments.operands[:1]:
        found = found.with_more(read_operand(call, word))
    if found != Requirements():
        installation = installation_of(call, "tool run", found, no_deps=False)
        yield _completed(call, arguments, installation._replace(kind=Installs.INSTALLER))


def _python_install(call: Call, _: Arguments) -> Iterator[Finding]:
    yield Installation("uv", "python install", Installs.INSTALLER, call.command, packages=("python",))


_VERBS: Mapping[str, Callable[[Call, Arguments], Iterator[Finding]]] = {
    "add": _add,
    "build": _build,
    "export": _export,
    "lock": _lock,
    "pip compile": _pip_compile,
    "pip install": _pip_install,
    "pip sync": _pip_sync,
    "python install": _python_install,
    "run": _run,
    "sync": _sync,
    "tool install": _tool_install,
    "tool run": _tool_run,
}
