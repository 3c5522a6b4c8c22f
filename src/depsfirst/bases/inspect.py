"""Finds out what a base image offers without running it, from one pass over its layers."""

from __future__ import annotations

import json
import posixpath
import re
import sys
from typing import IO, TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.bases.facts import BaseFacts, Interpreter, Libc, choose, target_tags
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from depsfirst.bases.binaries import Binary
    from depsfirst.bases.rootfs import RootFs
    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Image
    from depsfirst.oci.tarread import TarReader

__all__ = ["BaseFacts", "Interpreter", "Libc", "choose", "facts_of", "inspect_base", "target_tags"]

_MEMO = "bases"
_FORMAT = 1
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GLIBC = re.compile(r"libc\.so\.6|libc-2\.\d+\.so")
_MUSL = re.compile(r"ld-musl-\w+\.so\.1|libc\.so")
_TEXTS = {"/etc/passwd", "/etc/group"}
_LARGEST_TEXT = 1 << 18


def inspect_base(
    image: Image, store: ContentStore, where: str = "base", verified: Callable[[], None] = lambda: None
) -> BaseFacts:
    """Read a base's layers once, and remember what they offer.

    Args:
        image: the base.
        store: remembers the facts by the layers' diff ids.
        where: what to call the base in an error.
        verified: waits until the layers are known to be what their digests say, or raises; what is read before is
            not believed.

    Raises:
        DepsfirstError: it has no Python, or one whose version cannot be told, or its programs are for another
            architecture than its configuration says.
    """
    key = _key(image)
    known = store.recall(_MEMO, key)
    if known is not None:
        verified()
        return BaseFacts.from_json(known)
    try:
        facts = facts_of((layer.open() for layer in image.layers), image.config, where)
    finally:
        verified()  # its error says more than one about what is in a damaged layer
    store.remember(_MEMO, key, facts.to_json())
    return facts


def facts_of(layers: Iterable[IO[bytes]], config: Mapping[str, Any], where: str = "base") -> BaseFacts:
    """The facts of uncompressed layers, lowest first, and an image configuration.

    Raises:
        DepsfirstError: as ``inspect_base``.
    """
    from depsfirst.bases.pythons import interpreters  # only for a base that is new
    from depsfirst.bases.rootfs import RootFs

    root = RootFs()
    for layer in layers:
        with layer:
            root.add(layer, _reader)
    env = _environment(config)
    path = env.get("PATH") or _PATH
    found = interpreters(root, path, env.get("PYTHON_VERSION"), where)
    if not found:
        raise _without_python(root, path, where)
    binary = found[0].binary
    _check_architecture(found[0].interpreter.path, binary.architecture, config, where)
    texts = [_text(root, text) for text in sorted(_TEXTS, reverse=True)]
    return BaseFacts(binary.architecture, _libc(root, binary, where), tuple(each.interpreter for each in found), *texts)


def _reader(path: str) -> Callable[[TarReader], Any] | None:
    """How to read a file that matters; None for all others."""
    from depsfirst.bases import binaries
    from depsfirst.bases.pythons import LIBRARY, PROGRAM

    folder, name = posixpath.split(path)
    if path in _TEXTS:
        return lambda content: content.read(_LARGEST_TEXT).decode(errors="replace")
    pattern = None
    if LIBRARY.fullmatch(name) or (folder.endswith("bin") and PROGRAM.fullmatch(name)):
        pattern = binaries.PYTHON_VERSION
    elif name == "patchlevel.h":
        pattern = binaries.PYTHON_HEADER
    elif _GLIBC.fullmatch(name):
        pattern = binaries.GLIBC_VERSION
    elif _MUSL.fullmatch(name):
        pattern = binaries.MUSL_VERSION
    return (lambda content: binaries.read_binary(content, pattern)) if pattern else None


def _check_architecture(program: str, architecture: str, config: Mapping[str, Any], where: str) -> None:
    said = config.get("architecture")
    if said and said != architecture:
        raise DepsfirstError(
            f'the base says that it is for "{said}", but its "{program}" is for "{architecture}"',
            where=where,
            hint="choose a base whose programs and configuration are for one platform",
        )


def _libc(root: RootFs, python: Binary, where: str) -> Libc:
    """The C library that an interpreter's loader belongs to."""
    if not python.loader:
        return Libc("none", (0, 0))
    musl = "musl" in python.loader
    if musl:
        node = root.find(python.loader)
        known = [node.fact] if node and node.fact else []
    else:
        known = [fact for path, fact in root.facts() if _GLIBC.fullmatch(posixpath.basename(path))]
    versions = [version for fact in known if fact.architecture == python.architecture for version in fact.versions]
    if not versions:
        raise DepsfirstError(
            f'the C library that its Python asks for ("{python.loader}") is missing, or its version cannot be told',
            where=where,
            hint="choose a base that can run its Python",
        )
    major, minor = max(tuple(int(number) for number in version.split(".")[:2]) for version in versions)
    return Libc("musl" if musl else "glibc", (major, minor))


def _without_python(root: RootFs, path: str, where: str) -> DepsfirstError:
    from depsfirst.bases.pythons import OTHER_KINDS

    names = {name for folder in path.split(":") if folder for name in root.names(folder)}
    others = sorted(name for name in names if OTHER_KINDS.fullmatch(name))
    message = "the base has no CPython on its PATH"
    if others:
        message += f', only "{others[0]}"'
    return DepsfirstError(message, where=where, hint="choose a base that has one, as deb:trixie does")


def _text(root: RootFs, path: str) -> str:
    node = root.find(path)
    return node.fact if node and isinstance(node.fact, str) else ""


def _key(image: Image) -> str:
    """What the facts depend on; the host's Python, too, knows which modules may be built into another."""
    env = _environment(image.config)
    asked = [env.get("PATH"), env.get("PYTHON_VERSION"), image.config.get("architecture")]
    inputs = [_FORMAT, *sys.version_info[:2], *asked, *(layer.diff_id for layer in image.layers)]
    return digests.sha256(json.dumps(inputs).encode()).hexdigest()


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    entries = (config.get("config") or {}).get("Env") or []
    return dict(entry.partition("=")[::2] for entry in entries)
