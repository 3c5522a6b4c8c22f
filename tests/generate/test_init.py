from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.generate.cases import BACKEND, CASES, HASH, UV, UV_MANIFEST
from tests.generate.conftest import FIXTURES

from depsfirst.errors import DepsfirstError
from depsfirst.generate import writing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.generate.conftest import Make, Write


def init(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "depsfirst", "init", str(directory), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_writes_two_files_and_says_so(write: Write) -> None:
    root = write(UV)
    done = init(root)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert {path.name for path in root.iterdir()} >= {"Dockerfile", ".dockerignore"}
    assert "wrote" in done.stderr
    assert "docker build" in done.stderr


def test_once_more_changes_nothing(write: Write) -> None:
    root = write(UV)
    init(root)
    before = (root / "Dockerfile").stat().st_mtime_ns
    done = init(root)
    assert done.returncode == 0, done.stderr
    assert (root / "Dockerfile").stat().st_mtime_ns == before


def test_never_over_what_is_there(write: Write) -> None:
    root = write({**UV, "Dockerfile": "FROM scratch\n"})
    done = init(root)
    assert done.returncode == 2
    assert "there is a Dockerfile already" in done.stderr
    assert "--force" in done.stderr
    assert (root / "Dockerfile").read_text() == "FROM scratch\n"
    assert not (root / ".dockerignore").exists()


def test_force(write: Write) -> None:
    root = write({**UV, "Dockerfile": "FROM scratch\n"})
    assert init(root, "--force").returncode == 0
    assert "AS dependencies" in (root / "Dockerfile").read_text()


def test_system_packages_of_the_command_line(write: Write) -> None:
    root = write(UV)
    assert init(root, "--system-package", "git", "--system-package=libpq5").returncode == 0
    assert "git libpq5" in " ".join((root / "Dockerfile").read_text().replace("\\\n", "").split())


def test_diff_shows_and_writes_nothing(write: Write) -> None:
    root = write({**UV, "Dockerfile": "FROM scratch\n"})
    done = init(root, "--diff")
    assert done.returncode == 1
    assert "-FROM scratch" in done.stdout
    assert "+FROM python:3.13-slim AS base" in done.stdout
    assert "--- /dev/null" in done.stdout
    assert (root / "Dockerfile").read_text() == "FROM scratch\n"
    init(root, "--force")
    assert (init(root, "--diff").returncode, init(root, "--diff").stdout) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--base", "deb:trixie"), "a Dockerfile begins from one"),
        (("--base", "Not An Image"), "Not An Image"),
        (("--base", ""), "--base is empty"),
        (("--group", "nope"), 'there is no group "nope"'),
        (("--extra", "nope"), 'there is no extra "nope"'),
    ],
)
def test_bad_wishes(write: Write, words: tuple[str, ...], said: str) -> None:
    root = write(UV)
    done = init(root, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (root / "Dockerfile").exists()


def test_no_project(tmp_path: Path) -> None:
    done = init(tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_that_cannot_be_written(write: Write) -> None:
    root = write(UV)
    root.chmod(0o555)
    assert init(root).returncode == 2


def test_all_or_none(tmp_path: Path) -> None:
    files = {tmp_path / "a": "1\n", tmp_path / "missing" / "b": "2\n"}
    with pytest.raises(DepsfirstError):
        writing.write(files, force=False)
    assert list(tmp_path.iterdir()) == []


def test_difference_of_a_new_file(tmp_path: Path) -> None:
    assert writing.difference({tmp_path / "a": "1\n"}).startswith(f"--- /dev/null\n+++ {tmp_path / 'a'}\n")


@pytest.mark.parametrize(
    ("requires", "version", "base"),
    [
        (">=3.12", None, "python:3.13-slim"),
        (">=3.10", "3.11.4", "python:3.11-slim"),
        ("==3.12.*", None, "python:3.12-slim"),
        (">=3.14", None, "python:3.14-slim"),
    ],
)
def test_base_that_fits(write: Write, make: Make, requires: str, version: str | None, base: str) -> None:
    manifest = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = "{requires}"\n{BACKEND}'
    files = {"pyproject.toml": manifest, "requirements.txt": f"idna==3.10 {HASH}\n", "shop.py": ""}
    root = write(files | ({".python-version": f"{version}\n"} if version else {}))
    made = make(root)
    assert f"FROM {base} AS base\n" in made.files[made.dockerfile]


def test_no_python_fits(write: Write, make: Make) -> None:
    manifest = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = "<3"\n{BACKEND}'
    with pytest.raises(DepsfirstError, match="no official image"):
        make(write({"pyproject.toml": manifest, "requirements.txt": f"idna==3.10 {HASH}\n"}))


def test_credentials_stay_out_of_the_text(write: Write, make: Make) -> None:
    made = make(write(CASES["unlocked-setup"].files), index_url="https://user:secret@index.example/simple/")
    assert "secret@" not in "".join(made.files.values())
    assert "https://index.example/simple/" in made.files[made.dockerfile]


def test_member_of_a_workspace_has_its_ignore_file_beside_its_dockerfile(write: Write, make: Make) -> None:
    root = write(CASES["uv-workspace"].files, "uv_workspace")
    made = make(root / "packages/app")
    assert made.context == root
    assert set(made.files) == {root / "packages/app/Dockerfile", root / "packages/app/Dockerfile.dockerignore"}


def test_readme_below_docs_is_sent(write: Write, make: Make) -> None:
    root = write({**UV, "pyproject.toml": UV_MANIFEST.replace('"README.md"', '"docs/README.md"'), "docs/README.md": ""})
    made = make(root)
    lines = made.files[root / ".dockerignore"].splitlines()
    assert "docs" not in lines
    assert "tests" in lines


def test_lock_that_nothing_exports(write: Write, make: Make) -> None:
    files = {"environment.yml": "dependencies:\n- python=3.12\n- pip:\n  - idna==3.10\n"}
    with pytest.raises(DepsfirstError, match="no Dockerfile"):
        make(write(files))


DYNAMIC = f'[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n{BACKEND}'


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({"setup.py": ""}, "run `uv pip compile setup.py --generate-hashes -o requirements.txt`"),
        ({"pyproject.toml": DYNAMIC}, "run `uv lock`"),
    ],
    ids=["setup.py", "dynamic"],
)
def test_what_only_a_build_backend_knows_has_to_be_locked(
    write: Write, make: Make, files: dict[str, str], hint: str
) -> None:
    with pytest.raises(DepsfirstError, match="there is no lock") as caught:
        make(write({"shop.py": "", **files}))
    assert caught.value.hint == hint


def test_a_lock_that_pdm_does_not_export(write: Write, make: Make) -> None:
    root = write({}, "pdm_flat")
    lock = root / "pdm.lock"
    lock.write_text(lock.read_text().replace('strategy = ["inherit_metadata"]', "strategy = []"))
    with pytest.raises(DepsfirstError, match="PDM exports none of that kind") as caught:
        make(root)
    assert "--strategy inherit_metadata" in (caught.value.hint or "")


def test_libraries_whose_versions_come_from_git(write: Write, make: Make) -> None:
    root = write(CASES["uv-workspace"].files, "uv_workspace")
    library = root / "packages/lib/pyproject.toml"
    library.write_text(library.read_text().replace('requires = ["hatchling"]', 'requires = ["hatchling", "hatch-vcs"]'))
    made = make(root / "packages/app")
    libraries, code = re.findall(r"(?ms)^FROM \w+ AS (?:libraries|code)\n(.+?)\n\n", made.files[made.dockerfile])
    assert "ARG LIBRARIES_VERSION=0.0.0\nENV SETUPTOOLS_SCM_PRETEND_VERSION=${LIBRARIES_VERSION}\n" in libraries
    assert "ARG VERSION" not in code


def test_packages_that_poetry_takes_from_above_are_in_the_context(write: Write, make: Make) -> None:
    root = write({"Makefile": ""}) / "backend"
    shutil.copytree(FIXTURES / "poetry_2_1", root)
    manifest = root / "pyproject.toml"
    packages = 'packages = [{ include = "backend", from = ".." }]'
    manifest.write_text(manifest.read_text().replace('packages = [{include="demo"}]', packages))
    made = make(root)
    assert (made.context, made.dockerfile) == (root.parent, root / "Dockerfile")
    assert "\nCOPY backend backend\n" in made.files[made.dockerfile]


def test_what_comes_as_source_is_told(write: Write, make: Make) -> None:
    lock = (
        UV["uv.lock"]
        .replace("wheels = [", "unused = [")
        .replace(
            'source = { registry = "https://index.example/simple" }\n',
            'source = { registry = "https://index.example/simple" }\n'
            f'sdist = {{ url = "https://index.example/idna-3.10.tar.gz", hash = "sha256:{"c" * 64}" }}\n',
        )
    )
    made = make(write({**UV, "uv.lock": lock}))
    assert any(note.startswith("there is no wheel of idna: ") for note in made.notes)


def test_the_only_package_beside_setup_py_is_imported(write: Write, make: Make) -> None:
    files = {
        "requirements.txt": f"idna==3.10 {HASH}\n",
        "setup.py": "",
        "flora/__init__.py": "",
        "tests/__init__.py": "",
    }
    made = make(write(files, folder="checkout"))
    assert '-c "import flora"' in made.files[made.dockerfile]
    made = make(write(files | {"fauna/__init__.py": ""}, folder="two"))
    assert any("nothing was found whose import" in note for note in made.notes)
