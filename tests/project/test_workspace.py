"""Members are found by name, from above and from inside; the lock of another project tells the closure of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.discover import discover, lock_fingerprint, read_lock
from depsfirst.project.locks.pdm import content_hashes
from depsfirst.project.locks.poetry import content_hash
from depsfirst.project.toml import parse
from depsfirst.project.workspace import find_member

if TYPE_CHECKING:
    from pathlib import Path

    from tests.project.conftest import Chosen, Refused, Write


def project(name: str, *dependencies: str) -> str:
    listed = ", ".join(f'"{each}"' for each in dependencies)
    return f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'


WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\nexclude = ["libs/old"]\n',
    "apps/web/pyproject.toml": project("Corner.Shop"),
    "apps/office/pyproject.toml": project("office"),
    "libs/till/pyproject.toml": project("till"),
    "libs/old/pyproject.toml": project("old-till"),
    "attic/till/pyproject.toml": project("till"),
    ".git/HEAD": "",
}


@pytest.mark.parametrize("start", [".", "apps", "apps/office", "libs/till"])
@pytest.mark.parametrize(
    ("name", "place"),
    [("corner-shop", "apps/web"), ("web", "apps/web"), ("till", "libs/till"), ("Office", "apps/office")],
)
def test_a_member_is_found_from_everywhere(start: str, name: str, place: str, write: Write) -> None:
    root = write(WORKSPACE)
    assert find_member(root / start, name) == root / place


def test_what_no_workspace_names_is_found_too(write: Write) -> None:
    root = write(WORKSPACE | {"jobs/nightly/requirements.txt": "", "jobs/nightly/venv/x/pyproject.toml": project("x")})
    assert find_member(root, "old-till") == root / "libs/old"
    assert find_member(root / "apps/web", "nightly") == root / "jobs/nightly"


def test_the_names_there_are_are_told(write: Write) -> None:
    root = write(WORKSPACE | {"tests/data/pyproject.toml": project("for-tests"), "jobs/pyproject.toml": "broken ["})
    with pytest.raises(DepsfirstError, match='there is no project "offices"') as caught:
        find_member(root / "apps/web", "offices")
    known = "Corner.Shop, jobs, office, old-till, till"
    assert caught.value.hint == f'did you mean "office"? the projects there are: {known}'


def test_several_of_a_name_are_told_with_their_places(write: Write) -> None:
    root = write({"a/x/pyproject.toml": project("till"), "b/y/pyproject.toml": project("Till"), ".git/HEAD": ""})
    with pytest.raises(DepsfirstError, match='several projects are called "till": a/x, b/y'):
        find_member(root, "till")
    assert find_member(root, "y") == root / "b/y"


def test_nothing_outside_of_the_repository_is_looked_at(write: Write) -> None:
    root = write(
        {"other/pyproject.toml": project("other"), "mine/.git/HEAD": "", "mine/pyproject.toml": project("mine")}
    )
    with pytest.raises(DepsfirstError, match='there is no project "other"'):
        find_member(root / "mine", "other")


def test_members_that_poetry_names_are_found_without_a_walk(write: Write) -> None:
    poetry = '[tool.poetry]\nname = "shop"\nversion = "1"\n[tool.poetry.dependencies]\ntill = {path = "tests/till"}\n'
    root = write({"pyproject.toml": poetry, "tests/till/pyproject.toml": project("till"), ".git/HEAD": ""})
    assert find_member(root, "till") == root / "tests/till"
    assert find_member(root / "tests/till", "shop") == root


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="not a directory"):
        find_member(tmp_path / "nowhere", "till")


SHA = "a" * 64
FILES = f'files = [{{file = "NAME-1-py3-none-any.whl", hash = "sha256:{SHA}"}}]\n'
LIBRARY = project("till", "attrs", "deep; python_version > '3'")


def poetry_package(name: str, more: str = "") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "1"\noptional = false\npython-versions = "*"\n'
        f'groups = ["main"]\n{FILES.replace("NAME", name)}{more}\n'
    )


def poetry_lock(pyproject: str) -> str:
    source = '[package.source]\ntype = "directory"\nurl = "libs/till"\n'
    needs = '[package.dependencies]\nattrs = "*"\ndeep = {version = "*", markers = "python_version > \'3\'"}\n'
    packages = [poetry_package("attrs"), poetry_package("click"), poetry_package("deep")]
    packages.append(poetry_package("till", f"{needs}{source}").replace(FILES.replace("NAME", "till"), "files = []\n"))
    digest = content_hash(parse(pyproject, "pyproject.toml"))
    end = f'[metadata]\nlock-version = "2.1"\npython-versions = ">=3.11"\ncontent-hash = "{digest}"\n'
    return "".join(packages) + end


def pdm_package(name: str, more: str) -> str:
    return f'[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["default"]\n{more}\n'


def pdm_lock(pyproject: str) -> str:
    digest = next(content_hashes(parse(pyproject, "pyproject.toml")))
    head = '[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.0"\n'
    head += f'content_hash = "sha256:{digest}"\n'
    needs = 'dependencies = ["attrs", "deep; python_version > \'3\'"]\n'
    packages = [pdm_package(name, FILES.replace("NAME", name)) for name in ("attrs", "click", "deep")]
    return head + "".join(packages) + pdm_package("till", f'path = "./libs/till"\n{needs}')


def shared(kind: str) -> dict[str, str]:
    if kind == "poetry":
        manifest = project("shop", "click", "till") + '[tool.poetry.dependencies]\ntill = {path = "libs/till"}\n'
        return {"pyproject.toml": manifest, "poetry.lock": poetry_lock(manifest)}
    manifest = project("shop", "click", "till @ file:///${PROJECT_ROOT}/libs/till")
    return {"pyproject.toml": manifest, "pdm.lock": pdm_lock(manifest)}


@pytest.mark.parametrize("kind", ["poetry", "pdm"])
def test_the_lock_above_tells_the_closure_of_a_member(kind: str, write: Write, chosen: Chosen) -> None:
    root = write({**shared(kind), "libs/till/pyproject.toml": LIBRARY, ".git/HEAD": ""})
    found = discover(root / "libs/till")
    assert (found.name, found.lock.parent, found.holder and found.holder.name) == ("till", root, "shop")
    assert chosen(read_lock(found)) == ["attrs==1", "deep==1"]
    assert "click==1" in chosen(read_lock(discover(root)))


@pytest.mark.parametrize("kind", ["poetry", "pdm"])
def test_a_member_that_asks_for_something_else_is_told_to_lock(kind: str, write: Write, refused: Refused) -> None:
    root = write({**shared(kind), ".git/HEAD": "", "libs/till/pyproject.toml": project("till", "attrs", "six")})
    error = refused(read_lock, discover(root / "libs/till"))
    assert 'the lock still has "deep" for "till"' in error.message
    assert error.hint == "lock again in ../.."


@pytest.mark.parametrize("kind", ["poetry", "pdm"])
def test_the_fingerprint_follows_the_manifest_that_the_lock_is_made_for(kind: str, write: Write) -> None:
    root = write({**shared(kind), "libs/till/pyproject.toml": LIBRARY, ".git/HEAD": ""})
    before = lock_fingerprint(discover(root / "libs/till"))
    manifest = root / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace('"click"', '"click>0"'))
    assert lock_fingerprint(discover(root / "libs/till")) != before


def test_a_lock_of_its_own_goes_before_the_one_above(write: Write) -> None:
    library = {"libs/till/pyproject.toml": LIBRARY, "libs/till/poetry.lock": poetry_lock(LIBRARY)}
    root = write({**shared("poetry"), **library, ".git/HEAD": ""})
    found = discover(root / "libs/till")
    assert (found.lock, found.holder) == (root / "libs/till/poetry.lock", None)
