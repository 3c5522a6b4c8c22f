"""The managers of JavaScript packages: npm, yarn, pnpm, bun, deno and corepack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, divide
from depsfirst.dockerfile.installers.model import Cache, Installation, Installs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding

_VALUED = frozenset(
    [
        "--prefix",
        "--cwd",
        "--dir",
        "--registry",
        "--cache",
        "--workspace",
        "--filter",
        "--omit",
        "--include",
        "--loglevel",
        "--cache-folder",
        "--modules-folder",
        "--network-timeout",
        "--mutex",
        "--global-folder",
        "--store-dir",
        "--network-concurrency",
        "--package",
        "--call",
        "--userconfig",
        "--fetch-timeout",
        "--fetch-retries",
        "--reporter",
        "--frozen-lockfile-path",
        "--save-prefix",
        "--backend",
        "--config",
        "--install-directory",
    ]
)
_SHORT = {"-C": "--dir", "-w": "--workspace", "-F": "--filter", "-g": "--global", "-p": "--package", "-c": "--call"}
_LOCKS: Mapping[str, tuple[str, ...]] = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "npx": (),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
    "deno": ("deno.lock",),
}
_CACHES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "npm": ("npm_config_cache", (".npm",)),
    "npx": ("npm_config_cache", (".npm",)),
    "yarn": ("YARN_CACHE_FOLDER", (".cache/yarn", "/usr/local/share/.cache", ".yarn/berry/cache")),
    "pnpm": ("PNPM_HOME", (".local/share/pnpm/store",)),
    "bun": ("BUN_INSTALL_CACHE_DIR", (".bun/install/cache",)),
    "deno": ("DENO_DIR", (".cache/deno",)),
}
_INSTALLS = frozenset(
    [
        "install",
        "i",
        "ci",
        "clean-install",
        "install-clean",
        "add",
        "update",
        "up",
        "upgrade",
        "in",
        "it",
        "install-test",
        "cit",
    ]
)
_NOTHING = frozenset(
    [
        "config",
        "cache",
        "set",
        "version",
        "help",
        "info",
        "view",
        "list",
        "ls",
        "why",
        "prune",
        "init",
        "login",
        "logout",
        "publish",
        "pack",
        "audit",
        "outdated",
        "root",
        "prefix",
        "store",
        "env",
        "setup",
        "policies",
        "plugin",
        "uninstall",
        "remove",
        "rm",
        "un",
        "unlink",
        "link",
        "bin",
        "global",
        "dedupe",
        "test",
        "t",
        "explain",
        "fund",
        "ping",
        "exec",
    ]
)
_MANAGERS = frozenset({"npm", "yarn", "pnpm", "corepack", "bun", "deno", "n", "node-gyp"})


def read(call: Call) -> Iterator[Finding]:
    """What a call of one of them does; scripts of ``package.json`` are steps of the front end as well."""
    arguments = divide(call.words, _VALUED, _SHORT)
    if arguments.has("--help", "-h", "--version", "-v", "--dry-run"):
        return
    directory = arguments.value("--prefix", "--cwd", "--dir")
    inside = call.inside(directory.text) if directory and not arguments.has("--global") else call
    texts = [word.text or word.source for word in arguments.operands]
    if call.tool == "corepack":
        if texts[:1] in (["enable"], ["prepare"], ["install"], ["use"]):
            yield Installation("corepack", texts[0], Installs.INSTALLER, call.command, packages=tuple(texts[1:]))
        return
    if call.tool == "npx":
        yield from _runs(inside, arguments, "npx", texts)
        return
    verb = texts[0] if texts else "install" if call.tool == "yarn" else ""
    if verb == "global" and texts[1:2] == ["add"]:
        yield _installation(inside, arguments, "install", texts[2:])
    elif verb in _INSTALLS:
        yield _installation(inside, arguments, verb, texts[1:])
    else:
        yield from _runs(inside, arguments, verb, texts)


def _runs(call: Call, arguments: Arguments, verb: str, texts: list[str]) -> Iterator[Finding]:
    """A script or a program of a package; npm needs ``run`` before it, the others do not."""
    if verb in ("run", "run-script", "workspace", "workspaces", "x", "dlx", "task"):
        name = texts[-1] if verb.startswith("workspace") else " ".join(texts[1:2])
    elif verb == "npx":
        name = texts[0] if texts else ""
    elif call.tool == "npm" or not verb or verb in _NOTHING:
        return
    else:
        name = verb
    if name:
        yield Installation(
            call.tool,
            "run",
            Installs.FRONTEND,
            call.command,
            inputs=(call.at("package.json"), call.at(".")),
            packages=(name,),
            with_dependencies=False,
            selection=arguments.selection("--workspace", "--filter"),
        )


def _installation(call: Call, arguments: Arguments, verb: str, names: list[str]) -> Installation:
    bases = [name.rpartition("@")[0] or name for name in names]
    installers = bool(bases) and all(base in _MANAGERS for base in bases)
    globally = arguments.has("--global")
    inputs = () if globally or names else ("package.json", *_LOCKS[call.tool])
    return Installation(
        call.tool,
        "install" if verb in ("i", "in", "add") else verb,
        Installs.INSTALLER if installers else Installs.FRONTEND,
        call.command,
        inputs=tuple(call.at(name) for name in inputs),
        packages=tuple(names),
        selection=arguments.selection(
            "--omit", "--include", "--production", "--prod", "--workspace", "--filter", "--dev"
        ),
        cache=_cache(call, arguments),
    )


def _cache(call: Call, arguments: Arguments) -> Cache:
    variable, below_home = _CACHES[call.tool]
    if named := arguments.value("--cache", "--cache-folder", "--store-dir"):
        return Cache((call.path(named) or "",))
    if call.tool == "pnpm" and (home := call.get(variable)):
        return Cache((f"{call.at(home)}/store",))
    upper = call.get(variable.upper())
    return Cache((call.at(upper),) if upper else call.cache_directories(variable, *below_home))
