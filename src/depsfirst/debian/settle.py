"""Does to a tree of packages what their maintainer scripts would: accounts, certificates, links, records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.debian.linker import write_linker_cache
from depsfirst.debian.policy import CONFIGURATION, DIRECTORIES, SETTLED
from depsfirst.debian.scripts import best_alternatives, read_scripts
from depsfirst.oci.pieces import chunks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.debian.deb import Deb
    from depsfirst.debian.scripts import Alternative
    from depsfirst.debian.tree import Node, Tree

APP = 65532
"""User and group that a service runs as; its home is /home/app."""
NOBODY = 65534

_CERTIFICATES = "usr/share/ca-certificates/"
_NO_SHELL = "/usr/sbin/nologin"
_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_NETWORKS = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n"


def settle(tree: Tree, debs: Mapping[str, Deb], python: tuple[int, int], architecture: str) -> dict[str, str]:
    """Finish a tree.

    Args:
        tree: holds the files of all packages.
        debs: the packages by name.
        python: major and minor version of its interpreter.
        architecture: as Debian calls it.

    Returns:
        What was not done, by package.
    """
    notes = _alternatives(tree, debs)
    _directories(tree, python)
    _configuration(tree)
    _certificates(tree)
    _accounts(tree)
    write_linker_cache(tree, architecture)
    for name in sorted(debs):
        _record(tree, name, debs[name])
    return notes


def _alternatives(tree: Tree, debs: Mapping[str, Deb]) -> dict[str, str]:
    scripts = {name: read_scripts(debs[name].control) for name in sorted(debs)}
    for each in best_alternatives(each for script in scripts.values() for each in script.alternatives):
        _link(tree, each)
    return {name: script.undone for name, script in scripts.items() if script.undone and not _is_settled(name)}


def _is_settled(name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in SETTLED)


def _link(tree: Tree, alternative: Alternative) -> None:
    for link, name, target in ((alternative.link, alternative.name, alternative.target), *alternative.slaves):
        if tree.get(target) and not tree.get(link):  # a slave without target, as a page of a manual, is left out
            tree.symlink(link, f"/etc/alternatives/{name}")
            tree.symlink(f"etc/alternatives/{name}", target)


def _directories(tree: Tree, python: tuple[int, int]) -> None:
    for path in DIRECTORIES:
        tree.directory(path)
    tree.directory(f"usr/local/lib/python{python[0]}.{python[1]}/dist-packages")
    tree.directory("home/app", owner=APP)
    for path in ("tmp", "var/tmp", "run/lock"):
        tree.directory(path, 0o1777)


def _configuration(tree: Tree) -> None:
    for source, target in CONFIGURATION:
        node = tree.get(source)
        if node and not tree.get(target):
            tree.file(target, _content(node))
    for path, text in (("etc/hosts", _HOSTS), ("etc/networks", _NETWORKS)):
        if not tree.get(path):
            tree.file(path, text.encode())
    tree.symlink("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")


def _certificates(tree: Tree) -> None:
    nodes = [node for node in tree.nodes(_CERTIFICATES) if node.entry.path.endswith(".crt")]
    if nodes:
        names = "".join(f"{node.entry.path.removeprefix(_CERTIFICATES)}\n" for node in nodes)
        tree.file("etc/ca-certificates.conf", names.encode())
        bundle = b"".join(_content(node).rstrip(b"\n") + b"\n" for node in nodes)
        tree.file("etc/ssl/certs/ca-certificates.crt", bundle)


def _accounts(tree: Tree) -> None:
    """Users and groups: those of every base, and those that own a file."""
    users = {0: ("root", 0, "/root"), APP: ("app", APP, "/home/app"), NOBODY: ("nobody", NOBODY, "/nonexistent")}
    users |= {uid: (name, uid, "/nonexistent") for uid, name in tree.users.items() if name and uid not in users}
    groups = {0: "root", APP: "app", NOBODY: "nogroup"}
    groups |= {gid: name for gid, name in tree.groups.items() if name and gid not in groups}
    passwd = (f"{name}:x:{uid}:{gid}:{name}:{home}:{_NO_SHELL}\n" for uid, (name, gid, home) in sorted(users.items()))
    tree.file("etc/passwd", "".join(passwd).encode())
    tree.file("etc/group", "".join(f"{name}:x:{gid}:\n" for gid, name in sorted(groups.items())).encode())


def _record(tree: Tree, name: str, deb: Deb) -> None:
    """Say that a package is installed where scanners look for it, as in a distroless image."""
    control = deb.control["control"].rstrip(b"\n") + b"\nStatus: install ok installed\n"
    tree.file(f"var/lib/dpkg/status.d/{name}", control)
    sums = (line.split(b"  ", 1) for line in deb.control.get("md5sums", b"").splitlines() if b"  " in line)
    paths = ((md5, tree.resolve(path.decode("utf-8", "replace"))) for md5, path in sums)
    kept = [md5 + b"  " + path.encode() + b"\n" for md5, path in paths if _is_of(tree.get(path), name)]
    tree.file(f"var/lib/dpkg/status.d/{name}.md5sums", b"".join(sorted(kept)))


def _is_of(node: Node | None, package: str) -> bool:
    return node is not None and node.package == package


def _content(node: Node) -> bytes:
    return b"".join(chunks((node.content,)))
