from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import program, run
from tests.debian.conftest import make_library

from depsfirst.debian.elf import soname
from depsfirst.debian.linker import write_linker_cache
from depsfirst.debian.tree import Tree
from depsfirst.oci.pieces import FileSlice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tree() -> Tree:
    made = Tree()
    made.file("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf  # more\n")
    made.file("etc/ld.so.conf.d/a.conf", b"# local\n/opt/lib/\n/lib/x\n/usr/lib/x\n")
    made.file("etc/ld.so.conf.d/ignored", b"/srv/lib\n")
    return made


@pytest.fixture
def place(tree: Tree, tmp_path: Path) -> Callable[[str, bytes], None]:
    def placed(path: str, data: bytes) -> None:
        file = tmp_path / path.replace("/", "_")
        file.write_bytes(b"before" + data)
        tree.file(path, FileSlice(file, 6, len(data)))

    return placed


def shown(tree: Tree, tmp_path: Path) -> list[str]:
    """What ldconfig reads from the cache."""
    node = tree.get("etc/ld.so.cache")
    assert node is not None
    assert isinstance(node.content, bytes)
    (tmp_path / "cache").write_bytes(node.content)
    said = run(program("ldconfig"), "-p", "-C", tmp_path / "cache")
    return [line.strip() for line in said.splitlines()[1:] if "=>" in line]


def test_ldconfig_reads_the_cache(tree: Tree, place: Callable[[str, bytes], None], tmp_path: Path) -> None:
    for name in ("libz.so.1", "libz.so.10", "libz.so.9"):
        place(f"usr/lib/x/{name}", make_library(name))
    place("opt/lib/libz.so.9", make_library("libz.so.9"))
    place("srv/lib/libno.so.1", make_library("libno.so.1"))
    write_linker_cache(tree, "amd64")
    assert shown(tree, tmp_path) == [
        "libz.so.10 (libc6,x86-64) => /lib/x/libz.so.10",
        "libz.so.9 (libc6,x86-64) => /opt/lib/libz.so.9",
        "libz.so.9 (libc6,x86-64) => /lib/x/libz.so.9",
        "libz.so.1 (libc6,x86-64) => /lib/x/libz.so.1",
    ]


def test_libraries_of_another_architecture_do_not_count(
    tree: Tree, place: Callable[[str, bytes], None], tmp_path: Path
) -> None:
    place("usr/lib/liba.so.1", make_library("liba.so.1", machine=183))
    place("usr/lib/libb.so.1", make_library("libb.so.1"))
    place("usr/lib/libc.so", b"/* GNU ld script */ GROUP ( libc.so.6 )")
    write_linker_cache(tree, "arm64")
    assert shown(tree, tmp_path) == ["liba.so.1 (libc6,AArch64) => /lib/liba.so.1"]


def test_links_are_made_and_followed(tree: Tree, place: Callable[[str, bytes], None], tmp_path: Path) -> None:
    place("usr/lib/libbz2.so.1.0.4", make_library("libbz2.so.1.0"))
    tree.symlink("usr/lib/libbz2.so.1", "libbz2.so.1.0")  # known by another name, so not listed
    tree.symlink("usr/lib/libbz2.so", "libbz2.so.1.0.4")  # for compilers
    place("usr/lib/libnone.so", make_library(""))
    tree.symlink("usr/lib/libgone.so.1", "libgone.so.1.2")
    write_linker_cache(tree, "amd64")
    link = tree.get("usr/lib/libbz2.so.1.0")
    assert link is not None
    assert link.entry.link == "libbz2.so.1.0.4"
    assert shown(tree, tmp_path) == [
        "libnone.so (libc6,x86-64) => /lib/libnone.so",
        "libbz2.so.1.0 (libc6,x86-64) => /lib/libbz2.so.1.0",
        "libbz2.so (libc6,x86-64) => /lib/libbz2.so",
    ]


@pytest.mark.parametrize("cut", [0, 10, 63, 100, 180, 230])
def test_a_cut_library_is_none(tmp_path: Path, cut: int) -> None:
    (tmp_path / "lib").write_bytes(make_library("liba.so.1")[:cut])
    assert soname(FileSlice(tmp_path / "lib", 0, cut), 62) is None


@pytest.mark.parametrize(
    ("offset", "value"),
    [(16, 2), (18, 3), (4, 1), (54, 10), (64 + 56, 1)],
    ids=["program", "other machine", "32 bits", "short headers", "no dynamic segment"],
)
def test_what_is_no_library_of_the_machine_is_none(tmp_path: Path, offset: int, value: int) -> None:
    data = bytearray(make_library("liba.so.1"))
    data[offset] = value
    (tmp_path / "lib").write_bytes(data)
    assert soname(FileSlice(tmp_path / "lib", 0, len(data)), 62) is None


def test_no_configuration_means_the_usual_folders(tmp_path: Path) -> None:
    tree = Tree()
    (tmp_path / "lib").write_bytes(make_library("liba.so.1"))
    tree.file("usr/lib/liba.so.1", FileSlice(tmp_path / "lib", 0, (tmp_path / "lib").stat().st_size))
    write_linker_cache(tree, "amd64")
    assert shown(tree, tmp_path) == ["liba.so.1 (libc6,x86-64) => /lib/liba.so.1"]
