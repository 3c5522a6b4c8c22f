from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.debian.conftest import Deb, File, compressed, make_ar, make_tar

from depsfirst.debian.deb import open_deb
from depsfirst.debian.tree import Tree, write_nodes
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.fixture
def add(tree: Tree, tmp_path: Path) -> Callable[[Deb], int]:
    def added(deb: Deb) -> int:
        path = tmp_path / f"{deb.name}.deb"
        path.write_bytes(deb.bytes())
        return tree.add(deb.name, open_deb(path, tmp_path / f"{deb.name}.tar", deb.name))

    return added


def paths(tree: Tree) -> list[str]:
    return [node.entry.path for node in tree.nodes()]


def kind(tree: Tree, path: str) -> str:
    node = tree.get(path)
    return node.entry.kind if node else ""


def test_files_move_into_usr(tree: Tree, add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./bin/"), File("./bin/x", b"1"), File("./lib64/ld.so", b"2"), File("./sbin/y", b"3"))))
    assert {"usr/bin/x", "usr/lib64/ld.so", "usr/sbin/y"} <= set(paths(tree))
    assert tree.get("bin") is not None
    assert [kind(tree, name) for name in ("bin", "lib", "lib64", "sbin")] == ["symlink"] * 4
    assert kind(tree, "lib32") == ""


def test_files_below_a_symlink_go_where_it_leads(tree: Tree, add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./opt/real/"), File("./opt/link", link="real"), File("./opt/up", link="../../../srv"))))
    add(Deb("b", files=(File("./opt/link/file", b"1"), File("./opt/up/etc", b"2"), File("./var/run/c/"))))
    assert {"opt/real/file", "srv/etc", "run/c"} <= set(paths(tree))


def test_a_circle_of_symlinks_is_refused(add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./opt/a", link="b"), File("./opt/b", link="a"))))
    with pytest.raises(DepsfirstError, match="in circles"):
        add(Deb("b", files=(File("./opt/a/file", b"1"),)))


def test_the_first_directory_counts_but_not_one_that_was_only_implied(tree: Tree, add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./srv/data/file", b"1"),)))
    add(Deb("b", files=(File("./srv/data/", mode=0o700),)))
    add(Deb("c", files=(File("./srv/data/", mode=0o755),)))
    node = tree.get("srv/data")
    assert node is not None
    assert (node.entry.mode, node.package) == (0o700, "b")


def test_a_directory_never_gives_way_to_a_symlink(tree: Tree, add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./srv/data/"),)))
    add(Deb("b", files=(File("./srv/data", link="/opt"),)))
    assert kind(tree, "srv/data") == "directory"


def test_the_same_symlink_twice_is_fine(tree: Tree, add: Callable[[Deb], int]) -> None:
    add(Deb("a", files=(File("./opt/x", link="/usr/y"), File("./bin", link="usr/bin"))))
    add(Deb("b", files=(File("./opt/x", link="../usr/y"),)))
    assert kind(tree, "opt/x") == "symlink"


@pytest.mark.parametrize("path", ["./opt/x", "./bin"])
def test_another_file_at_the_same_place_is_refused(add: Callable[[Deb], int], path: str) -> None:
    add(Deb("a", files=(File("./opt/x", link="/usr/y"),)))
    with pytest.raises(DepsfirstError, match='of the package "b" is in'):
        add(Deb("b", files=(File(path, b"1"),)))


@pytest.mark.parametrize(("first", "second"), [("old", "new"), ("new", "old")])
def test_a_package_that_replaces_wins(tree: Tree, add: Callable[[Deb], int], first: str, second: str) -> None:
    debs = {
        "old": Deb("old", "1", (File("./opt/x", b"old"),)),
        "new": Deb("new", "2", (File("./opt/x", b"new"),), {"Replaces": "other, old (<< 2)"}),
    }
    add(debs[first])
    add(debs[second])
    node = tree.get("opt/x")
    assert node is not None
    assert node.package == "new"


def test_a_replacement_of_older_versions_only(add: Callable[[Deb], int]) -> None:
    add(Deb("old", "3", (File("./opt/x", b"old"),)))
    with pytest.raises(DepsfirstError, match='"old"'):
        add(Deb("new", "2", (File("./opt/x", b"new"),), {"Replaces": "old (<< 2)"}))


def test_trimming_keeps_licences(tree: Tree, add: Callable[[Deb], int]) -> None:
    size = add(
        Deb(
            "a",
            files=(
                File("./usr/share/doc/"),
                File("./usr/share/doc/a/"),
                File("./usr/share/doc/a/copyright", b"1"),
                File("./usr/share/doc/a/examples/copyright", b"22"),
                File("./usr/share/doc/b", link="a"),
                File("./usr/share/man/man1/a.1.gz", b"333"),
                File("./usr/share/manual", b"4444"),
            ),
        )
    )
    assert size == 5
    assert [path for path in paths(tree) if path.startswith("usr/share/")] == [
        "usr/share/doc",
        "usr/share/doc/a",
        "usr/share/doc/a/copyright",
        "usr/share/doc/b",
        "usr/share/manual",
    ]


def test_long_paths_and_large_trees_are_written(tree: Tree, add: Callable[[Deb], int]) -> None:
    long = "./opt/" + "/".join(["directory"] * 30) + "/fü"
    add(Deb("a", files=(File(long, b"1"),)))
    file = io.BytesIO()
    size = write_nodes(tree.nodes(), file)
    assert size == len(file.getvalue())
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        assert long.removeprefix("./") in tar.getnames()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (File("/etc/passwd"), "leaves the root"),
        (File("./usr/../../etc/passwd"), "leaves the root"),
        (File("./a\nb"), "not readable text"),
        (File("./hard", link="./nothing", hard=True), "no file before it"),
        (File("./hard", link="../../etc/passwd", hard=True), "leaves the root"),
        (File("./dev/null", kind=tarfile.CHRTYPE), "device"),
        (File("./pipe", kind=tarfile.FIFOTYPE), "device"),
    ],
)
def test_hostile_members_are_refused(add: Callable[[Deb], int], file: File, words: str) -> None:
    with pytest.raises(DepsfirstError, match=words):
        add(Deb("evil", files=(file,)))


def _deb(**changes: bytes) -> bytes:
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": compressed(make_tar([File("./control", b"Package: a\n")]), ".gz"),
        "data.tar": make_tar([File("./x", b"1")]),
    }
    members |= {
        name.replace("_", "-").replace("-tar", ".tar").replace("-gz", ".gz"): data for name, data in changes.items()
    }
    return make_ar({name: data for name, data in members.items() if data})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04", "no Debian package"),
        (_deb()[:-700], "damaged"),
        (_deb()[:100], "damaged"),
        (_deb(data_tar=b""), "no control or data archive"),
        (_deb(control_tar_gz=b""), "no control or data archive"),
        (_deb(control_tar_gz=compressed(make_tar([File("./postinst")]), ".gz")), "no control or data archive"),
        (_deb(control_tar_gz=b"nonsense"), "damaged"),
        (_deb(data_tar=b"nonsense"), "damaged"),
    ],
)
def test_damaged_packages_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.deb").write_bytes(data)
    with pytest.raises(DepsfirstError, match=words) as caught:
        open_deb(tmp_path / "a.deb", tmp_path / "a.tar", "a 1.0")
    assert (caught.value.where or "").startswith("a 1.0")
