"""The programs that hold check against public repositories: what they write of a commit, and that they can fail."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from bench.dockerfile_variety import make_projects
from scripts.exported_trees import blobs, dockerfile_versions, export, repository_name

from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *names, *words], cwd=folder, capture_output=True, check=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "owner+name" / "repo"
    (folder / "app").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number in (1, 2, 3):
        (folder / "app/Dockerfile").write_text(f"FROM scratch\n# {number}\n")
        (folder / "app/logo.png").write_bytes(b"picture")
        (folder / "app/run.sh").write_text("echo\n")
        (folder / "app/run.sh").chmod(0o755)
        if number == 1:
            (folder / "app/there").symlink_to("run.sh")
            (folder / "app/away").symlink_to("/etc/hostname")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", str(number))
    return folder


def test_a_commit_is_written_as_far_as_it_is_looked_at(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    assert export(repository, git(repository, "rev-parse", "HEAD~1"), tree) == 5
    assert (tree / "app/Dockerfile").read_text() == "FROM scratch\n# 2\n"
    assert (tree / "app/run.sh").stat().st_mode & 0o111
    assert (tree / "app/logo.png").read_bytes() == b"", "nobody reads a picture"
    assert (tree / "app/there").read_text() == "echo\n"
    assert not (tree / "app/away").exists(), "a link that leads out of the tree leads nowhere"
    assert (tree / ".git").is_dir(), "where a repository begins, its contexts end"


def test_versions_of_a_dockerfile_are_told_apart_by_their_texts(repository: Path) -> None:
    found = dockerfile_versions(repository, 10)
    assert [path for _, path, _ in found] == ["app/Dockerfile"] * 3
    texts = blobs(repository, [identity for _, _, identity in found])
    assert sorted(texts.values()) == [f"FROM scratch\n# {number}\n".encode() for number in (1, 2, 3)]
    assert repository_name(repository) == "owner/name"
    assert blobs(repository, ["0" * 40]) == {}, "what a partial clone lacks"


class TestPromises:
    """``mend_histories`` sees what is broken."""

    def test_more_that_runs_again_is_seen(self) -> None:
        histories = pytest.importorskip("scripts.mend_histories", exc_type=ImportError)
        before = {(0, "code"): 2, (0, "readme"): 0}
        assert list(histories.worse(before, {(0, "code"): 0, (0, "readme"): 0})) == []
        assert list(histories.worse(before, {(0, "code"): 2, (0, "readme"): 1})) == ["readme of build 0 costs 1, was 0"]

    def test_a_text_that_is_no_dockerfile_is_seen(self) -> None:
        histories = pytest.importorskip("scripts.mend_histories", exc_type=ImportError)
        assert histories.parses("FROM scratch\n") is None
        assert histories.parses("FROM scratch\nRUN <<EOF\nnever ends\n")

    def test_a_dockerfile_is_mended_and_put_back(self, tmp_path: Path) -> None:
        histories = pytest.importorskip("scripts.mend_histories", exc_type=ImportError)
        text = "FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"
        (tmp_path / "Dockerfile").write_text(text)
        (tmp_path / "requirements.txt").write_text("flask==3.1.0\n")
        (tmp_path / "main.py").write_text("print(1)\n")
        (tmp_path / ".git").mkdir()
        tally = histories.Tally()
        histories.judge(tmp_path / "Dockerfile", "here", tally)
        assert tally.faults == []
        assert tally.counts["mended, safe"] == 1
        assert tally.made["code-before-dependencies"] == 1
        assert (tmp_path / "Dockerfile").read_text() == text
        assert not (tmp_path / ".dockerignore").exists()


def test_drawn_dockerfiles_differ_and_are_read(tmp_path: Path) -> None:
    paths = make_projects(tmp_path / "services", 60)
    texts = [path.read_text().partition("\n# service")[2].partition("\n")[2] for path in paths]
    assert len(set(texts)) > 50
    assert not any(outline(parse(text)).problems for text in texts)
    again = make_projects(tmp_path / "again", 60)
    assert [path.read_text() for path in again] == [path.read_text() for path in paths]
