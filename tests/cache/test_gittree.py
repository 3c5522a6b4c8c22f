"""A commit is read as a checkout of it would be, with nothing checked out and nothing fetched."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from depsfirst.cache.checkout import Committed, Disk
from depsfirst.cache.gittree import open_revision
from depsfirst.dockerfile.buildkit import CURRENT
from depsfirst.dockerfile.filetree import Directory, Entry, Kind, find, walk
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IDENTITY = {
    **{f"GIT_{who}_{what}": "t@t.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **IDENTITY}
    ).stdout.strip()


def commit(folder: Path, files: Mapping[str, str | None], message: str = "edit") -> str:
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def test_a_commit_is_what_a_checkout_shows(repository: Path) -> None:
    (repository / "run.sh").write_text("#!/bin/sh\n")
    (repository / "run.sh").chmod(0o755)
    (repository / "link").symlink_to("src/shop.py")
    commit(repository, {"src/shop.py": "x = 1\n", "ä ö\n.txt": "odd", "README.md": "hello"})
    tree = open_revision(str(repository), "HEAD").tree
    listed = {path: node for path, node in walk(tree) if not path.startswith(".git")}
    on_disk = {
        path: node
        for path, node in walk(Disk().context(str(repository), None, CURRENT).tree)
        if not path.startswith(".git")
    }
    assert listed.keys() == on_disk.keys()
    run, link, code = (find(tree, path) for path in ("run.sh", "link", "src/shop.py"))
    assert isinstance(run, Entry)
    assert run.mode == 0o755
    assert isinstance(code, Entry)
    assert code.mode == 0o644
    assert code.digest == git(repository, "rev-parse", "HEAD:src/shop.py")
    assert isinstance(link, Entry)
    assert link == Entry(Kind.SYMLINK, mode=0o777, link="src/shop.py")


def test_the_work_tree_does_not_count(repository: Path) -> None:
    first = commit(repository, {"a": "one", "gone": "here"})
    commit(repository, {"a": "two", "gone": None})
    (repository / "a").write_text("three")
    for revision, text in ((first, b"one"), ("HEAD", b"two"), ("HEAD~1", b"one"), ("main", b"two")):
        assert Committed(open_revision(str(repository), revision)).read(str(repository / "a")) == text
    assert Committed(open_revision(str(repository), first)).read(str(repository / "gone")) == b"here"
    assert Committed(open_revision(str(repository), "HEAD")).read(str(repository / "gone")) is None


def test_texts_are_read_through_symlinks_of_the_commit(repository: Path) -> None:
    (repository / "docs").symlink_to("manual")
    commit(repository, {"manual/a.txt": "through"})
    checkout = Committed(open_revision(str(repository), "HEAD"))
    assert checkout.read(str(repository / "docs/a.txt")) == b"through"
    assert checkout.read(str(repository / "docs")) is None
    assert checkout.read(str(repository.parent / "elsewhere")) is None


def test_submodules_and_the_git_directory_are_known_by_their_commits(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    theirs = commit(inner, {"x": "x"})
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendor/inner")
    ours = commit(repository, {"a": "a"})
    tree = open_revision(str(repository), "HEAD").tree
    module, own = find(tree, "vendor/inner"), find(tree, ".git")
    assert isinstance(module, Directory)
    assert module.digest == theirs
    assert isinstance(own, Directory)
    assert own.digest == ours
    assert list(own.children) == ["HEAD"]
    assert open_revision(str(repository), "HEAD").read(".git/HEAD") is None


def test_a_directory_of_the_commit_is_a_context_with_its_ignore_file(repository: Path) -> None:
    files = {
        "backend/.dockerignore": "*.md\n",
        "backend/Dockerfile": "FROM x\n",
        "backend/README.md": "r",
        "backend/app.py": "",
        ".dockerignore": "backend\n",
        "docker/prod.Dockerfile": "FROM x\n",
        "docker/prod.Dockerfile.dockerignore": "*\n!backend/*.py\n",
    }
    commit(repository, files)
    checkout = Committed(open_revision(str(repository / "backend"), "HEAD"))
    backend = checkout.context(str(repository / "backend"), str(repository / "backend/Dockerfile"), CURRENT)
    assert [path for path, _ in backend.walk()] == [".dockerignore", "Dockerfile", "app.py"]
    assert backend.ignore_file == ".dockerignore"
    own = checkout.context(str(repository), str(repository / "docker/prod.Dockerfile"), CURRENT)
    assert [path for path, node in own.walk() if isinstance(node, Entry)] == ["backend/app.py"]
    outside = checkout.context(str(repository / "backend"), str(repository / "docker/prod.Dockerfile"), CURRENT)
    assert [path for path, _ in outside.walk()] == []
    assert outside.ignore_file is None


def test_a_bare_repository_and_a_directory_that_is_gone_can_be_asked(repository: Path, tmp_path: Path) -> None:
    commit(repository, {"backend/app/a": "a"})
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    context = Committed(open_revision(str(bare), "main")).context(str(bare / "backend"), None, CURRENT)
    assert [path for path, _ in context.walk()] == ["app", "app/a"]
    commit(repository, {"backend/app/a": None, "other": ""})
    gone = Committed(open_revision(str(repository / "backend/app"), "HEAD~1"))
    assert [path for path, _ in gone.context(str(repository / "backend/app"), None, CURRENT).walk()] == ["a"]


def test_a_repository_reached_through_a_symlink_is_the_same(repository: Path, tmp_path: Path) -> None:
    commit(repository, {"src/a": "a"})
    alias = tmp_path / "alias"
    alias.symlink_to(repository)
    checkout = Committed(open_revision(str(alias / "src"), "HEAD"))
    assert checkout.read(str(alias / "src/a")) == b"a"
    assert [path for path, _ in checkout.context(str(alias / "src"), None, CURRENT).walk()] == ["a"]


def test_git_hooks_do_not_lead_astray(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repository, {"a": "a"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "index")
    assert Committed(open_revision(str(repository), "HEAD")).read(str(repository / "a")) == b"a"


def test_a_missing_blob_is_named_and_nothing_is_fetched(repository: Path) -> None:
    commit(repository, {"big.bin": "data", "small": "s"})
    blob = git(repository, "rev-parse", "HEAD:big.bin")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    git(repository, "config", "remote.origin.url", "https://git.example/shop")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "extensions.partialClone", "origin")
    checkout = Committed(open_revision(str(repository), "HEAD"))
    assert find(checkout.revision.tree, "big.bin") == Entry(Kind.FILE, mode=0o644, digest=blob)
    assert checkout.read(str(repository / "small")) == b"s"
    with pytest.raises(DepsfirstError, match=r'lacks the content of "big\.bin"') as caught:
        checkout.read(str(repository / "big.bin"))
    assert "partial clone" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["nowhere", "", "--all", "HEAD:a", "HEAD^{tree}", "0" * 40])
def test_what_is_no_commit_is_named(repository: Path, name: str) -> None:
    commit(repository, {"a": "a"})
    with pytest.raises(DepsfirstError, match="revision") as caught:
        open_revision(str(repository), name)
    assert f'"{name}"' in caught.value.message
    assert caught.value.hint


def test_a_directory_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="no git repository") as caught:
        open_revision(str(tmp_path), "HEAD")
    assert caught.value.hint


def test_git_must_be_there(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DepsfirstError, match="git is not installed") as caught:
        open_revision(str(repository), "HEAD")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("directory", "problem"), [("nowhere", "is not there"), ("a", "is no directory"), ("../x", "outside")]
)
def test_a_context_that_the_commit_lacks_is_named(repository: Path, directory: str, problem: str) -> None:
    commit(repository, {"a": "a"})
    checkout = Committed(open_revision(str(repository), "HEAD"))
    with pytest.raises(DepsfirstError, match=problem):
        checkout.context(os.path.normpath(repository / directory), None, CURRENT)


def test_a_bad_pattern_of_the_commit_is_named(repository: Path) -> None:
    commit(repository, {".dockerignore": "a\n[\n"})
    with pytest.raises(DepsfirstError) as caught:
        Committed(open_revision(str(repository), "HEAD")).context(str(repository), None, CURRENT)
    assert caught.value.where == ".dockerignore:2"
