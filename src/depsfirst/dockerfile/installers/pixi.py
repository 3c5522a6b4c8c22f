"""pixi."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide, table
from depsfirst.dockerfile.installers.model import Cache, Export, Installation, Installs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding

_VALUED = frozenset(
    [
        "--environment",
        "--manifest-path",
        "--color",
        "--concurrent-downloads",
        "--concurrent-solves",
        "--pypi-keyring-provider",
        "--tls-root-certs",
        "--channel",
        "--expose",
        "--with",
        "--platform",
        "--feature",
        "--git",
        "--branch",
        "--tag",
        "--rev",
        "--skip",
        "--only",
        "--auth-file",
        "--pinning-strategy",
        "--shell",
        "--subdir",
    ]
)
_SHORT = {"-e": "--environment", "-c": "--channel", "-p": "--platform", "-f": "--feature"}
_INSTALLS = frozenset({"install", "i", "reinstall", "run", "r", "shell-hook", "add", "update"})


def read(call: Call) -> Iterator[Finding]:
    """What a call of pixi does."""
    arguments = _arguments(call)
    if arguments.has("--help", "-h", "--version", "-V") or not arguments.operands:
        return
    verb, *operands = arguments.operands
    if verb.text == "global" and operands and operands[0].text in ("install", "i", "add"):
        names = tuple(word.text or word.source for word in operands[1:])
        yield Installation(
            "pixi", "global install", Installs.DEPENDENCIES, call.command, packages=names, cache=_cache(call)
        )
    elif verb.text == "lock":
        manifest = _manifest(call, arguments)
        inputs = (manifest, _lock(manifest))
        yield Export("pixi", call.command, inputs=inputs, output=inputs[1], locks=True, hashes=True, exact=False)
    elif verb.text in _INSTALLS and not arguments.has("--no-install", "--as-is"):
        yield _installation(call, arguments)


def _arguments(call: Call) -> Arguments:
    """The arguments; what stands behind the task of ``run`` is the task's."""
    arguments = divide(call.words, _VALUED, _SHORT)
    if arguments.operands and arguments.operands[0].text in ("run", "r") and arguments.operands[1:]:
        task = arguments.operands[1]
        end = next(index for index, word in enumerate(call.words) if word is task)
        return divide(call.words[:end], _VALUED, _SHORT)
    return arguments


def _manifest(call: Call, arguments: Arguments) -> str:
    named = arguments.value("--manifest-path")
    path = (call.path(named) if named else None) or call.get("PIXI_PROJECT_MANIFEST")
    if path and path.endswith(".toml"):
        return call.at(path)
    directory = call.at(path or ".").rstrip("/")
    pixi, pyproject = f"{directory}/pixi.toml", f"{directory}/pyproject.toml"
    return pyproject if call.read(pixi) is None and call.read(pyproject) is not None else pixi


def _lock(manifest: str) -> str:
    return f"{manifest.rpartition('/')[0]}/pixi.lock"


def _installation(call: Call, arguments: Arguments) -> Installation:
    manifest = _manifest(call, arguments)
    directory = manifest.rpartition("/")[0] or "/"
    with_project = _with_project(call, manifest)
    inputs = (manifest, _lock(manifest))
    verb = arguments.operands[0].text or ""
    return Installation(
        "pixi",
        {"i": "install", "r": "run"}.get(verb, verb),
        Installs.DEPENDENCIES,
        call.command,
        inputs=inputs if with_project is False else (*inputs, directory),
        with_project=with_project,
        project=None if with_project is False else directory,
        selection=arguments.selection("--environment", "--all", "-a", "--skip", "--only"),
        target=f"{directory.rstrip('/')}/.pixi",
        cache=_cache(call),
    )


def _with_project(call: Call, manifest: str) -> bool | None:
    """Whether a directory of the repository is among the packages."""
    text = call.read(manifest)
    if text is None:
        return None
    import tomli

    try:
        description: Mapping[str, object] = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return None
    if manifest.endswith("pyproject.toml"):
        description = table(description, "tool", "pixi")
    features = [description, *(table(feature) for feature in table(description, "feature").values())]
    return any(
        "path" in table(value)
        for feature in features
        for group in ("pypi-dependencies", "dependencies")
        for value in table(feature, group).values()
    )


def _cache(call: Call) -> Cache:
    named = call.cache_directories("PIXI_CACHE_DIR")
    return Cache(named or call.cache_directories("RATTLER_CACHE_DIR", ".cache/rattler/cache"))
