from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.own import tree
from depsfirst.wheels.own.tree import Hashes, Seen, walk


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src/shop").mkdir(parents=True)
    (tmp_path / "src/shop/main.py").write_text("one")
    (tmp_path / "README.md").write_text("# Shop")
    return tmp_path


def test_a_tree_names_what_stands_where(root: Path) -> None:
    (root / "empty").mkdir()
    (root / "src/shop/alias.py").symlink_to("main.py")
    (root / "src/shop/static").symlink_to("../../empty")
    (root / "src/shop/nowhere").symlink_to("gone")
    (root / "src/shop/circle").symlink_to("circle")
    os.mkfifo(root / "pipe")
    found = walk(root)
    assert found.kinds == {
        "README.md": "file",
        "empty": "directory",
        "pipe": "special",
        "src": "directory",
        "src/shop": "directory",
        "src/shop/alias.py": "link to main.py",
        "src/shop/circle": "special",
        "src/shop/main.py": "file",
        "src/shop/nowhere": "special",
        "src/shop/static": "directory link to ../../empty",
    }
    assert sorted(found.files()) == ["README.md", "src/shop/alias.py", "src/shop/main.py"]
    assert found.left_out == set()


def test_what_tools_write_is_left_out(root: Path) -> None:
    before = walk(root)
    for folder in (
        *("build/lib", "dist", "htmlcov", "shop.egg-info", "src/shop.egg-info", "my env/bin", "deep/.venv/lib"),
        *(".tox/py", ".mypy_cache/3", "src/node_modules/react", ".git/objects", "src/shop/__pycache__"),
    ):
        (root / folder).mkdir(parents=True)
        (root / folder / "anything").write_text("")
    (root / "my env/pyvenv.cfg").write_text("")
    (root / "deep/.venv/pyvenv.cfg").write_text("")
    found = walk(root)
    assert found.kinds == {**before.kinds, "deep": "directory"}
    assert found.left_out == {
        *("build", "dist", "htmlcov", "shop.egg-info", "src/shop.egg-info", "my env", "deep/.venv"),
        *(".tox", ".mypy_cache", "src/node_modules"),
    }


def test_images_that_were_built_are_left_out(root: Path) -> None:
    before = walk(root)
    images = {"shop.tar": b"oci-layout\0", "image": b"blobs/sha256/0", "saved.tar": b"a" * 64 + b".json\0"}
    others = {"data.tar": b"data/prices.csv\0", "LICENSE": b"a" * 64 + b"\n", "oci-layout.md": b"oci-layout\0"}
    for name, start in {**images, **others}.items():
        (root / name).write_bytes(start.ljust(512, b"\0"))
    (root / "layout/blobs").mkdir(parents=True)
    (root / "layout/oci-layout").write_text("{}")
    found = walk(root)
    assert found.kinds == {**before.kinds, **dict.fromkeys(others, "file")}
    assert found.left_out == {"layout", *images}


def test_a_package_may_be_called_build(root: Path) -> None:
    (root / "src/build").mkdir()
    (root / "src/build/main.py").write_text("")
    assert walk(root).kinds["src/build/main.py"] == "file"


def test_a_git_worktree_has_a_file_called_git(root: Path) -> None:
    before = walk(root)
    (root / ".git").write_text("gitdir: elsewhere")
    assert walk(root) == before


def test_names_need_not_be_utf_8(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9")).write_text("")
    assert walk(root).kinds["caf\udce9"] == "file"


def test_a_directory_that_cannot_be_read_is_named(root: Path, nobody: None) -> None:
    (root / "locked").mkdir(mode=0)
    assert walk(root).kinds["locked"] == "unreadable"


def test_what_vanishes_meanwhile_is_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("/src/shop"):
            for file in Path(path).iterdir():
                file.unlink()
            Path(path).rmdir()
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "src/shop/main.py" not in walk(root).kinds


def test_a_hash_is_that_of_the_bytes(root: Path) -> None:
    hashes = Hashes(root)
    assert hashes.sha256("README.md") == sha256(b"# Shop")
    seen = looked(hashes)
    assert (seen.sha256, seen.data, seen.mode) == (sha256(b"# Shop"), b"# Shop", 0)
    (root / "README.md").chmod(0o755)
    assert looked(hashes).mode == 0o111


def test_what_is_no_file_has_no_hash(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to("nowhere")
    hashes = Hashes(root)
    for path in ("gone", "src", "pipe", "link", "README.md/below"):
        assert hashes.sha256(path) is None
        assert hashes.look(path) is None


def test_a_file_that_cannot_be_read_is_an_error(root: Path, nobody: None) -> None:
    (root / "README.md").chmod(0)
    with pytest.raises(DepsfirstError, match="Permission denied") as caught:
        Hashes(root).look("README.md")
    assert caught.value.where == str(root / "README.md")
    assert Hashes(root).sha256("README.md") is None


def test_a_signature_is_trusted_once_the_file_was_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = Hashes(root)
    hashes.sha256("README.md")
    assert not hashes.changed
    assert hashes.remembered() == {}
    settled(monkeypatch)
    hashes.sha256("README.md")
    assert hashes.changed
    known = hashes.remembered()
    known["README.md"][4] = "trusted"
    later = Hashes(root, known)
    assert later.sha256("README.md") == "trusted"
    assert not later.changed
    assert looked(Hashes(root, known)).sha256 == sha256(b"# Shop")


@pytest.mark.parametrize("edit", ["write", "replace", "touch back"])
def test_any_edit_shows_in_the_signature(root: Path, monkeypatch: pytest.MonkeyPatch, edit: str) -> None:
    settled(monkeypatch)
    file = root / "README.md"
    hashes = Hashes(root)
    hashes.sha256("README.md")
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    time.sleep(0.02)  # more than a tick of the file system's clock
    if edit == "replace":
        (root / "new").write_text("# Ship")
        (root / "new").rename(file)
    else:
        file.write_text("# Ship")
    if edit != "write":
        os.utime(file, ns=times)
    assert hashes.sha256("README.md") == sha256(b"# Ship")


def test_an_edit_within_a_tick_is_not_missed(root: Path) -> None:
    hashes = Hashes(root)
    for number in range(200):
        data = f"{number:06}".encode()
        (root / "README.md").write_bytes(data)
        assert hashes.sha256("README.md") == sha256(data)


def test_a_large_file_is_read_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LARGE", 4)
    settled(monkeypatch)
    hashes = Hashes(root)
    seen = looked(hashes)
    assert (seen.sha256, seen.data) == (sha256(b"# Shop"), None)
    hashes.remembered()["README.md"][4] = "trusted"
    assert looked(hashes).sha256 == "trusted"
    time.sleep(0.02)
    (root / "README.md").write_text("# Ship")
    assert looked(hashes).sha256 == sha256(b"# Ship")


def test_a_signature_is_forgotten_when_the_file_is_new_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        settled(context)
        hashes = Hashes(root)
        hashes.sha256("README.md")
    time.sleep(0.02)
    (root / "README.md").write_text("# Ship")
    later = Hashes(root, hashes.remembered())
    assert later.sha256("README.md") == sha256(b"# Ship")
    assert later.changed
    assert later.remembered() == {}


def looked(hashes: Hashes) -> Seen:
    seen = hashes.look("README.md")
    assert seen is not None
    return seen


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as left alone as soon as the clock has moved on."""
    monkeypatch.setattr(tree, "_TICKS", -3600 * 10**9)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(root: Path) -> None:
    number = os.open(root / "README.md", os.O_RDONLY)
    try:
        assert tree._whole(number, 2) == b"# Shop"
    finally:
        os.close(number)
