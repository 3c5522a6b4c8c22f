"""pip and what stands on it: pip-tools, pipx, build, setup.py, hatch, flit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, Option, divide
from depsfirst.dockerfile.installers.declared import declares_nothing
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs
from depsfirst.dockerfile.installers.outputs import output_of
from depsfirst.dockerfile.installers.requirements import (
    Requirements,
    read_editable,
    read_file,
    read_group,
    read_operand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

from depsfirst.dockerfile.installers.model import Finding

_VALUED = frozenset(
    [
        "--requirement",
        "--constraint",
        "--editable",
        "--target",
        "--prefix",
        "--root",
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--cache-dir",
        "--python",
        "--platform",
        "--python-version",
        "--implementation",
        "--abi",
        "--progress-bar",
        "--global-option",
        "--config-settings",
        "--config-setting",
        "--build-option",
        "--install-option",
        "--upgrade-strategy",
        "--no-binary",
        "--only-binary",
        "--src",
        "--log",
        "--log-file",
        "--proxy",
        "--retries",
        "--timeout",
        "--exists-action",
        "--trusted-host",
        "--cert",
        "--client-cert",
        "--use-feature",
        "--use-deprecated",
        "--report",
        "--root-user-action",
        "--keyring-provider",
        "--wheel-dir",
        "--dest",
        "--group",
        "--build-constraint",
        "--resume-retries",
        "--uploaded-prior-to",
        "--pypi-url",
        "--output",
    ]
)
_ON_PATH = re.compile(r"(/(?:[^/:]+/)*(?:[\w.-]*venv|\.?env|virtualenv))/bin/?")
_FLAGS = frozenset(
    [
        "--no-deps",
        "--no-dependencies",
        "--no-cache-dir",
        "--upgrade",
        "--user",
        "--pre",
        "--quiet",
        "--verbose",
        "--no-index",
        "--require-hashes",
        "--no-build-isolation",
        "--use-pep517",
        "--no-use-pep517",
        "--force-reinstall",
        "--ignore-installed",
        "--ignore-requires-python",
        "--no-compile",
        "--compile",
        "--no-warn-script-location",
        "--no-warn-conflicts",
        "--no-clean",
        "--prefer-binary",
        "--dry-run",
        "--break-system-packages",
        "--isolated",
        "--require-virtualenv",
        "--debug",
        "--version",
        "--help",
        "--no-input",
        "--no-color",
        "--disable-pip-version-check",
        "--no-python-version-warning",
        "--check-build-dependencies",
        "--no-verify",
    ]
)
_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-t": "--target",
    "-i": "--index-url",
    "-f": "--find-links",
    "-C": "--config-settings",
    "-w": "--wheel-dir",
    "-d": "--dest",
    "-U": "--upgrade",
    "-b": "--build",
    "-I": "--ignore-installed",
}


def read(call: Call) -> Iterator[Finding]:
    """What one of the tools does."""
    yield from _TOOLS[call.tool](call)


def _pip(call: Call) -> Iterator[Finding]:
    arguments = _full(divide(call.words, _VALUED, _SHORT))
    if not arguments.operands or arguments.has("--dry-run", "--help", "-h", "--version"):
        return
    verb, *operands = arguments.operands
    if verb.text in ("install", "wheel", "download"):
        yield pip_installation(call, verb.text, arguments._replace(operands=tuple(operands)))
    elif verb.text == "lock":
        yield Export("pip", call.command, output=output_of(call, arguments, "--output"), locks=True, exact=False)


def _full(arguments: Arguments) -> Arguments:
    """The options by their whole names: pip takes the beginning of one for it."""
    known = _VALUED | _FLAGS

    def whole(option: Option) -> Option:
        if option.name in known or not option.name.startswith("--"):
            return option
        candidates = [name for name in known if name.startswith(option.name)]
        return option._replace(name=min(candidates)) if candidates else option

    return arguments._replace(options=tuple(whole(option) for option in arguments.options))


def requirements_of(call: Call, arguments: Arguments) -> Requirements:
    """All that the arguments of an install name."""
    found = Requirements()
    for word in arguments.values("--requirement"):
        found = found.with_more(read_file(call, word))
    for word in arguments.values("--constraint", "--override", "--build-constraint"):
        found = found.with_more(read_file(call, word, constraints=True))
    for word in arguments.values("--editable"):
        found = found.with_more(read_editable(call, word))
    for word in arguments.values("--group"):
        found = found.with_more(read_group(call, word))
    for word in arguments.operands:
        found = found.with_more(read_operand(call, word))
    return found


def pip_installation(call: Call, verb: str, arguments: Arguments) -> Installation:
    """What pip installs, or builds for a later install."""
    no_deps = arguments.flag("--no-deps", "--no-dependencies")
    if no_deps is False:
        no_deps = call.is_set("PIP_NO_DEPS")
    installation = installation_of(call, verb, requirements_of(call, arguments), no_deps=no_deps)
    output = arguments.value("--wheel-dir") if verb == "wheel" else arguments.value("--dest")
    named = arguments.value("--target", "--prefix", "--root", "--python")
    return installation._replace(
        selection=arguments.selection("--group"),
        target=call.path(named) if named else _environment(call),
        output=None if verb == "install" else call.path(output) if output else call.at("."),
        cache=_cache(call, arguments),
    )


def installation_of(call: Call, verb: str, found: Requirements, *, no_deps: bool | None) -> Installation:
    """The installation of requirements."""
    only_project = bool(found.directories) and not (found.packages or found.archives or found.files or found.unsure)
    if (
        only_project
        and verb != "download"
        and not found.extras
        and all(declares_nothing(call, each) for each in found.directories)
    ):
        no_deps = True
    kind = Installs.DEPENDENCIES
    if only_project and no_deps:
        kind = Installs.PROJECT
    elif found.only_installers:
        kind = Installs.INSTALLER
    return Installation(
        call.tool,
        verb,
        kind,
        call.command,
        inputs=(*found.files, *found.directories, *found.archives),
        packages=found.packages,
        with_project=found.with_project,
        with_dependencies=None if no_deps is None else not no_deps or bool(found.files or found.packages),
        project=found.directories[0] if found.directories else None,
        unsure=found.unsure,
    )


def _environment(call: Call) -> str | None:
    """The environment that a program is in, as ``/opt/venv`` for ``/opt/venv/bin/pip``."""
    first = call.command.words[0].text or ""
    directory, separator, _ = first.rpartition("/bin/")
    if separator:
        return call.at(directory or "/")
    active = call.get("VIRTUAL_ENV") or environment_on(call.get("PATH") or "")
    return call.at(active) if active else None


def environment_on(path: str) -> str | None:
    """The environment whose programs are found before those of the system, as its name tells that it is one."""
    for entry in path.split(":"):
        if found := _ON_PATH.fullmatch(entry):
            return found[1]
        if "/." not in entry:  # what users install for themselves, as in ~/.local/bin, is no environment
            return None
    return None


def _cache(call: Call, arguments: Arguments) -> Cache:
    unused = arguments.flag("--no-cache-dir") or call.get("PIP_NO_CACHE_DIR") not in (
        None,
        "",
        "0",
        "false",
        "no",
        "off",
    )
    if named := arguments.value("--cache-dir"):
        return Cache((call.path(named) or "",), used=not unused)
    return Cache(call.cache_directories("PIP_CACHE_DIR", ".cache/pip"), used=not unused)


def _pip_compile(call: Call) -> Iterator[Finding]:
    valued = "--output-file --extra --index-url --extra-index-url --find-links --cache-dir --pip-args --constraint"
    valued += " --resolver --trusted-host --cert --client-cert --unsafe-package --config --newline --upgrade-package"
    short = {
        "-o": "--output-file",
        "-i": "--index-url",
        "-f": "--find-links",
        "-P": "--upgrade-package",
        "-c": "--constraint",
    }
    arguments = divide(call.words, frozenset(valued.split()), short)
    sources = [call.path(word) or "" for word in (*arguments.operands, *arguments.values("--constraint"))]
    default = call.at("requirements.txt") if not sources else f"{sources[0].rpartition('.')[0] or sources[0]}.txt"
    yield Export(
        "pip-compile",
        call.command,
        inputs=tuple(sources) or (call.at("requirements.in"),),
        output=output_of(call, arguments, "--output-file") or default,
        selection=arguments.selection("--extra", "--all-extras"),
        hashes=arguments.flag("--generate-hashes"),
        locks=True,
        exact=False,
    )


def _pip_sync(call: Call) -> Iterator[Finding]:
    valued = frozenset(
        [
            "--find-links",
            "--index-url",
            "--extra-index-url",
            "--trusted-host",
            "--python-executable",
            "--pip-args",
            "--cert",
        ]
    )
    arguments = divide(call.words, valued, {"-f": "--find-links", "-i": "--index-url"})
    found = Requirements()
    for word in arguments.operands:
        found = found.with_more(read_file(call, word))
    if not arguments.operands and not arguments.open:
        found = Requirements(files=(call.at("requirements.txt"),), unread=(call.at("requirements.txt"),))
    installation = installation_of(call, "sync", found, no_deps=False)
    cache = Cache(call.cache_directories("PIP_CACHE_DIR", ".cache/pip"))
    yield installation._replace(cache=cache, target=_environment(call))


def _pipx(call: Call) -> Iterator[Finding]:
    valued = frozenset(
        [
            "--spec",
            "--python",
            "--suffix",
            "--index-url",
            "--pip-args",
            "--preinstall",
            "--extra-index-url",
            "--fetch-missing-python",
        ]
    )
    arguments = divide(call.words, valued, {"-i": "--index-url"})
    verb, *operands = arguments.operands or (None,)
    if verb is None or verb.text not in ("install", "inject", "run", "install-all", "upgrade"):
        return
    named = operands[1:] if verb.text == "inject" else operands[:1] if verb.text == "run" else operands
    found = Requirements()
    for word in (*named, *arguments.values("--spec")):
        found = found.with_more(read_operand(call, word))
    if named or arguments.open:
        installation = installation_of(call, verb.text, found, no_deps=False)
        runs = verb.text == "run"
        yield installation._replace(kind=Installs.INSTALLER) if runs else installation


def _setup(call: Call) -> Iterator[Finding]:
    """``python setup.py …``: several verbs can stand behind one another."""
    verbs = {word.text for word in call.words}
    directory = call.at(".")
    if verbs & {"install", "develop"}:
        no_deps = bool(verbs & {"--no-deps", "-N"})
        found = Requirements(directories=(directory,))
        yield installation_of(call, "install", found, no_deps=no_deps)
    elif verbs & {"build", "build_ext", "build_py", "bdist_wheel", "sdist", "bdist", "bdist_egg"}:
        yield project_build(call, directory, call.at("dist"))


def project_build(call: Call, directory: str, output: str | None) -> Installation:
    """A build of the project's own wheel or source archive."""
    return Installation(
        call.tool,
        "build",
        Installs.PROJECT,
        call.command,
        inputs=(directory,),
        with_project=True,
        with_dependencies=False,
        project=directory,
        output=output,
        bare=declares_nothing(call, directory),
    )


def _build(call: Call) -> Iterator[Finding]:
    valued = frozenset(["--outdir", "--config-setting", "--config-json", "--installer", "--dependency-constraints-txt"])
    arguments = divide(call.words, valued, {"-o": "--outdir", "-C": "--config-setting"})
    if arguments.has("--version", "--help", "-h", "-V"):
        return
    directory = call.path(arguments.operands[0]) or "" if arguments.operands else call.at(".")
    named = arguments.value("--outdir")
    yield project_build(call, directory, call.path(named) if named else f"{directory.rstrip('/')}/dist")


def _hatch(call: Call) -> Iterator[Finding]:
    texts = [word.text for word in call.words if not (word.text or "").startswith("-")]
    if texts[:1] == ["build"]:
        yield project_build(call, call.at("."), call.at(texts[1] or "dist") if texts[1:] else call.at("dist"))
    elif texts[:2] in (["env", "create"], ["env", "run"]) or texts[:1] == ["run"]:
        found = Requirements(files=(call.at("pyproject.toml"),), directories=(call.at("."),))
        yield installation_of(call, texts[0] or "", found, no_deps=False)


def _flit(call: Call) -> Iterator[Finding]:
    arguments = divide(
        call.words, frozenset(["--deps", "--extras", "--python", "--ini-file", "--only-deps"]), {"-f": "--ini-file"}
    )
    verb = arguments.operands[0].text if arguments.operands else None
    if verb == "build":
        yield project_build(call, call.at("."), call.at("dist"))
    elif verb == "install":
        none = arguments.value("--deps")
        found = Requirements(directories=(call.at("."),))
        installation = installation_of(call, "install", found, no_deps=none is not None and none.text == "none")
        only = arguments.has("--only-deps")
        yield installation._replace(with_project=not only, selection=arguments.selection("--extras", "--deps"))


def _maturin(call: Call) -> Iterator[Finding]:
    """maturin, which builds wheels of projects in Rust."""
    arguments = divide(call.words, _MATURIN_VALUED, {"-o": "--out", "-m": "--manifest-path", "-i": "--interpreter"})
    verb = arguments.operands[0].text if arguments.operands else None
    manifest = arguments.value("--manifest-path")
    directory = (call.path(manifest) or "").rpartition("/")[0] if manifest else call.at(".")
    if verb in ("build", "sdist"):
        named = arguments.value("--out")
        yield project_build(call, directory, call.path(named) if named else f"{directory}/target/wheels")
    elif verb in ("develop", "dev"):
        yield installation_of(call, "develop", Requirements(directories=(directory,)), no_deps=False)


_MATURIN_VALUED = frozenset(("--out", "--manifest-path", "--interpreter", "--target", "--compatibility", "--features"))


def _easy_install(call: Call) -> Iterator[Finding]:
    found = Requirements()
    for word in divide(call.words, frozenset({"--index-url", "--find-links"})).operands:
        found = found.with_more(read_operand(call, word))
    if found != Requirements():
        yield installation_of(call, "install", found, no_deps=False)


def _opentelemetry(call: Call) -> Iterator[Finding]:
    """``opentelemetry-bootstrap -a install`` has pip install what fits the packages that are there."""
    action = divide(call.words, frozenset({"--action"}), {"-a": "--action"}).value("--action")
    if action and action.text == "install":
        yield Installation(call.tool, "install", Installs.DEPENDENCIES, call.command, target=_environment(call))


def _get_pip(call: Call) -> Iterator[Finding]:
    yield Installation("pip", "install", Installs.INSTALLER, call.command, packages=("pip",))


_TOOLS: Mapping[str, Callable[[Call], Iterator[Finding]]] = {
    "build": _build,
    "easy_install": _easy_install,
    "flit": _flit,
    "get-pip.py": _get_pip,
    "hatch": _hatch,
    "maturin": _maturin,
    "opentelemetry-bootstrap": _opentelemetry,
    "pip": _pip,
    "pip-compile": _pip_compile,
    "pip-sync": _pip_sync,
    "pipx": _pipx,
    "setup.py": _setup,
}
