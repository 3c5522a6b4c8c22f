"""Writes ``/etc/ld.so.cache``, in which the dynamic linker and ``ctypes.util`` look libraries up, as ldconfig does."""

from __future__ import annotations

import fnmatch
import re
import struct
from typing import TYPE_CHECKING

from depsfirst.debian.elf import soname
from depsfirst.oci.pieces import FileSlice, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.debian.tree import Node, Tree

_CONFIGURATION = "etc/ld.so.conf"
_CACHE = "etc/ld.so.cache"
_DEFAULT_FOLDERS = ("/lib", "/usr/lib")
_LIBRARY = re.compile(r"(lib|ld-).*\.so.*")

_HEADER = struct.Struct("<20sIIB19x")
_ENTRY = struct.Struct("<iIIIQ")
_MAGIC = b"glibc-ld.so.cache1.1"
_LITTLE_ENDIAN = 2
_LIBC6 = 3

_MACHINES = {"amd64": (62, 0x0300), "arm64": (183, 0x0A00)}
"""What ELF calls an architecture, and what the cache does."""


def write_linker_cache(tree: Tree, architecture: str) -> None:
    """Add the cache, and links for libraries whose files have other names than they are known by."""
    machine, flag = _MACHINES[architecture]
    entries: list[tuple[str, str]] = []
    for folder in _folders(tree):
        entries += [(name, f"{folder}/{name}") for name in _libraries(tree, tree.target(folder), machine)]
    entries.sort(key=lambda entry: _order(entry[0]), reverse=True)
    tree.file(_CACHE, _packed(entries, flag | _LIBC6))


def _folders(tree: Tree) -> list[str]:
    """Where the linker looks, each place once, by the first of its names."""
    names = [*_configured(tree, _CONFIGURATION), *_DEFAULT_FOLDERS]
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(tree.target(name), name)
    return list(first.values())


def _configured(tree: Tree, path: str) -> Iterator[str]:
    """The folders that a configuration file names, with those of the files it includes."""
    node = tree.get(path)
    if node is None:
        return
    for line in b"".join(chunks((node.content,))).decode("utf-8", "replace").splitlines():
        word, _, rest = line.partition("#")[0].strip().partition(" ")
        if word == "include":
            pattern = rest.strip().lstrip("/")
            for other in tree.nodes(pattern.partition("*")[0]):
                if fnmatch.fnmatchcase(other.entry.path, pattern):
                    yield from _configured(tree, other.entry.path)
        elif word.startswith("/"):
            yield word.rstrip("/")


def _libraries(tree: Tree, folder: str, machine: int) -> list[str]:
    """The names under which the libraries of a folder are found; what lacks a file of its name gets a link."""
    names: dict[str, str] = {}
    for node in tree.nodes(f"{folder}/"):
        name = node.entry.path.removeprefix(f"{folder}/")
        if "/" not in name and _LIBRARY.fullmatch(name):
            known = _known_as(tree, node, name, machine)
            if known and names.get(known) != known:
                names[known] = name
    for known, name in names.items():
        if not tree.get(f"{folder}/{known}"):
            tree.symlink(f"{folder}/{known}", name)
    return sorted(names)


def _known_as(tree: Tree, node: Node, name: str, machine: int) -> str | None:
    """The name by which the linker finds the library at a node; None if there is none.

    It is the one that the library says, but for the link that a compiler uses, as ``libz.so``.
    """
    file = tree.get(tree.target(node.entry.path))
    if file is None or not isinstance(file.content, FileSlice):
        return None
    found = soname(file.content, machine)
    if found is None:
        return None
    for_compiler = node.entry.kind == "symlink" and name.endswith(".so") and found.startswith(name)
    return name if for_compiler or not found else found


def _order(name: str) -> tuple[tuple[int, int], ...]:
    """The linker's order of names: numbers by value and above letters."""
    parts = re.findall(r"[0-9]+|[^0-9]", name)
    return tuple((1, int(part)) if part[0].isdigit() else (0, ord(part)) for part in parts)


def _packed(entries: list[tuple[str, str]], flags: int) -> bytes:
    strings = bytearray()
    places: dict[str, int] = {}
    start = _HEADER.size + _ENTRY.size * len(entries)
    for text in (text for entry in entries for text in entry):
        if text not in places:
            places[text] = start + len(strings)
            strings += text.encode() + b"\0"
    header = _HEADER.pack(_MAGIC, len(entries), len(strings), _LITTLE_ENDIAN)
    packed = (_ENTRY.pack(flags, places[name], places[path], 0, 0) for name, path in entries)
    return header + b"".join(packed) + bytes(strings)
