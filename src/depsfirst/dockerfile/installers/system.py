"""The system's package managers: apt, apk, dnf and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from depsfirst.dockerfile.installers.call import Call, divide
from depsfirst.dockerfile.installers.model import Cache, Installation, Installs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from depsfirst.dockerfile.installers.model import Finding


class _Manager(NamedTuple):
    """Verbs and options of a package manager; ``unused`` are the options that leave its cache empty."""

    verbs: frozenset[str]
    valued: frozenset[str]
    caches: tuple[str, ...]
    unused: tuple[str, ...] = ()


def read(call: Call) -> Iterator[Finding]:
    """What a call of one of them installs; ``update`` without packages counts, removing does not."""
    manager = _MANAGERS[call.tool]
    arguments = divide(call.words, manager.valued)
    if arguments.has("--help", "--version", "-s", "--simulate", "--dry-run", "--just-print", "--print-uris"):
        return
    verb, *operands = arguments.operands or (None,)
    name = verb.text if verb else None
    if call.tool == "pacman":
        name = next((option.name for option in arguments.options if option.name == "-S"), None)
        operands = list(arguments.operands)
    if name in manager.verbs:
        yield Installation(
            call.tool,
            {"-S": "install"}.get(name or "", name or ""),
            Installs.SYSTEM,
            call.command,
            packages=tuple(word.text if word.text is not None else word.source for word in operands),
            selection=tuple(
                sorted({option.name for option in arguments.options if option.name.startswith("--no-inst")})
            ),
            cache=Cache(manager.caches, used=not arguments.flag(*manager.unused) if manager.unused else True),
        )


def _manager(verbs: str, valued: str, caches: str, *unused: str) -> _Manager:
    return _Manager(frozenset(verbs.split()), frozenset(valued.split()), tuple(caches.split()), unused)


_APT_VERBS = "install update upgrade dist-upgrade full-upgrade build-dep reinstall satisfy"
_APT = _manager(
    _APT_VERBS, "-o -c -t --option --config-file --target-release --default-release -a", "/var/cache/apt /var/lib/apt"
)
_DNF_VERBS = "install update upgrade groupinstall reinstall localinstall builddep makecache module"
_DNF = _manager(
    _DNF_VERBS,
    "--enablerepo --disablerepo --repo --setopt --installroot --releasever -c --config",
    "/var/cache/dnf /var/cache/yum",
)
_APK = _manager(
    "add update upgrade",
    "--virtual -t --repository -X --root -p --arch --keys-dir --cache-dir --repositories-file",
    "/var/cache/apk /etc/apk/cache",
    "--no-cache",
)
_MANAGERS: Mapping[str, _Manager] = {
    "apk": _APK,
    "apt": _APT,
    "apt-get": _APT,
    "aptitude": _APT,
    "dnf": _DNF,
    "microdnf": _DNF,
    "pacman": _manager("-S", "--root --config --cachedir", "/var/cache/pacman/pkg"),
    "tdnf": _DNF,
    "yum": _DNF,
    "zypper": _manager("install in update up refresh ref patch", "-R --root --repo -r", "/var/cache/zypp"),
}
