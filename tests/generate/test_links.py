"""Packages that come from elsewhere than an index: what a Dockerfile does with them, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.generate.cases import BACKEND, HASH

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from tests.generate.conftest import Make, Write

MANIFEST = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\n{BACKEND}'
FILES = {"pyproject.toml": MANIFEST, "shop.py": ""}


def test_a_directory_of_links_is_refused(write: Write, make: Make) -> None:
    root = write({**FILES, "requirements.txt": f"-f wheels\nidna==3.10 {HASH}\n"})
    with pytest.raises(DepsfirstError, match='packages come from the directory "wheels"') as caught:
        make(root)
    assert caught.value.where == "requirements.txt"
    assert "`depsfirst build`" in (caught.value.hint or "")


def test_a_directory_that_uv_locked_is_refused(write: Write, make: Make) -> None:
    lock = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [{ name = "tea" }]

[package.metadata]
requires-dist = [{ name = "tea" }]

[[package]]
name = "tea"
version = "1.0"
source = { registry = "wheels" }
wheels = [{ path = "tea-1.0-py3-none-any.whl" }]
"""
    manifest = MANIFEST.replace('version = "1"\n', 'version = "1"\ndependencies = ["tea"]\n')
    with pytest.raises(DepsfirstError, match='packages come from the directory "wheels"'):
        make(write({"pyproject.toml": manifest, "shop.py": "", "uv.lock": lock}))


def test_a_page_of_links_is_what_the_installer_reads(write: Write, make: Make) -> None:
    made = make(write({**FILES, "requirements.txt": f"-f https://wheels.example/\nidna==3.10 {HASH}\n"}))
    assert "requirements.txt" in made.files[made.dockerfile]


def test_git_is_there_for_commits(write: Write, make: Make) -> None:
    line = f"tea @ git+https://git.example/tea@{'c0ffee' * 6}beef\n"
    made = make(write({**FILES, "requirements.txt": line}))
    lines = made.files[made.dockerfile].splitlines()
    assert any("type=secret,id=netrc,target=/root/.netrc" in each for each in lines), "its server may want a password"
    assert any("install" in each and each.split()[-1] in {"git", "\\"} and "git" in each.split() for each in lines)


@pytest.mark.parametrize(
    ("place", "way"),
    [
        ("ssh://git@git.example/tea", "by SSH"),
        ("file:///srv/tea", "from this machine"),
    ],
)
def test_a_commit_that_the_build_cannot_reach_is_refused(write: Write, make: Make, place: str, way: str) -> None:
    line = f"tea @ git+{place}@{'c0ffee' * 6}beef\n"
    with pytest.raises(DepsfirstError, match=f'the commit of "tea" is fetched {way}') as caught:
        make(write({**FILES, "requirements.txt": line}))
    assert caught.value.where == "requirements.txt:1"
