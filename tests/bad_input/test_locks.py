"""Locks: none, two, one that does not fit; wheels that are not there, not right or not for the target."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from depsfirst.project.locks.pdm import content_hashes

if TYPE_CHECKING:
    from pathlib import Path

WHEEL = "greet-1.0-py3-none-any.whl"
MANIFEST = """\
[project]
name = "corner-shop"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["greet>=1"]
"""
POETRY = """\
[tool.poetry]
name = "corner-shop"
version = "1.0"
description = ""
authors = []
[tool.poetry.dependencies]
python = "^3.11"
greet = "^1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def test_what_is_right_is_built(attempt: Any, shop: Any, options: list[str]) -> None:
    assert "code" in attempt.succeeds(shop, *options)


def test_no_lock(attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: list[str]) -> None:
    index.add("greet-1.0-py3-none-any.whl", wheels.wheel("greet", {"greet/__init__.py": b""}))
    err = attempt.succeeds(bare_shop, *options)
    assert "there is no lock: uv resolved 1 package for Python 3.13.5 on linux/amd64" in err
    assert "there is no lock" not in attempt.succeeds(bare_shop, *options)
    assert "there is no lock" in attempt.succeeds(bare_shop, *options, "--refresh")


def test_no_lock_and_nothing_that_suits(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    err = attempt.refused(bare_shop, *options)
    assert f"error: {bare_shop.root / 'pyproject.toml'}: there is no lock, and uv cannot resolve what is wanted" in err
    assert "greet" in err
    assert "\nhint: " in err


def test_no_lock_of_poetry(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.write("pyproject.toml", POETRY)
    assert "hint: run `poetry lock`" in attempt.refused(bare_shop, *options)


def test_two_locks(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.uv_lock()
    bare_shop.write("poetry.lock", "")
    err = attempt.refused(bare_shop, *options)
    assert "there are several locks: poetry.lock, uv.lock" in err
    assert 'hint: remove all but one, or choose one in pyproject.toml: [tool.depsfirst] lock = "poetry.lock"' in err


def test_a_poetry_lock_that_does_not_fit(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.write("pyproject.toml", POETRY)
    head = f'package = []\n\n[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\ncontent-hash = "{"0" * 64}"\n'
    bare_shop.write("poetry.lock", head)
    err = attempt.refused(bare_shop, *options)
    assert "error: poetry.lock" in err
    assert "hint: run `poetry lock`" in err


def test_a_uv_lock_that_does_not_fit(attempt: Any, bare_shop: Any, index: Any, lock_entry: Any, options: Any) -> None:
    entry = lock_entry("greet", index.link("greet-1.0-py3-none-any.whl"), "0" * 64, index.simple)
    bare_shop.uv_lock(entry, wanted=">=2")
    err = attempt.refused(bare_shop, *options)
    assert "error: uv.lock" in err
    assert "greet" in err
    assert "hint: run `uv lock`" in err


def test_requirements_that_miss_a_pin(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.pin("other==1.0")
    err = attempt.refused(bare_shop, *options)
    assert 'error: pyproject.toml: project.dependencies[0]: "requirements.txt" has nothing that meets "greet>=1"' in err
    assert "hint: pin it there; or, if that file is no lock of the project" in err


def test_requirements_without_versions(
    attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: list[str]
) -> None:
    index.add("greet-1.0-py3-none-any.whl", wheels.wheel("greet", {"greet/__init__.py": b""}))
    bare_shop.pin("# what it needs", "greet>=1")
    assert "uv resolved 1 package" in attempt.succeeds(bare_shop, *options)


def test_hashed_requirements_without_a_version(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.pin(f"other==1.0 --hash=sha256:{'0' * 64}", "greet>=1")
    err = attempt.refused(bare_shop, *options)
    assert "error: requirements.txt:2: " in err
    assert "\nhint: " in err


# Every format


def by_pdm(index: Any, sha256: str) -> dict[str, str]:
    digest = next(content_hashes(tomli.loads(MANIFEST)))
    return {
        "pdm.lock": '[metadata]\ngroups = ["default"]\nstrategy = ["inherit_metadata"]\nlock_version = "4.5.0"\n'
        f'content_hash = "sha256:{digest}"\n[[package]]\nname = "greet"\nversion = "1.0"\ngroups = ["default"]\n'
        f'files = [{{file = "{WHEEL}", hash = "sha256:{sha256}"}}]\n'
    }


def by_pipenv(index: Any, sha256: str) -> dict[str, str]:
    sources = [{"name": "main", "url": index.simple, "verify_ssl": False}]
    entry = {"hashes": [f"sha256:{sha256}"], "version": "==1.0", "index": "main"}
    meta = {"pipfile-spec": 6, "requires": {}, "sources": sources}
    return {"Pipfile.lock": json.dumps({"_meta": meta, "default": {"greet": entry}, "develop": {}})}


def by_pep_751(index: Any, sha256: str) -> dict[str, str]:
    wheel = f'{{url = "{index.link(WHEEL)}", hashes = {{sha256 = "{sha256}"}}}}'
    return {
        "pylock.toml": 'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "greet"\nversion = "1.0"\n'
        f"wheels = [{wheel}]\n"
    }


def by_pixi(index: Any, sha256: str) -> dict[str, str]:
    return {
        "pixi.lock": "version: 6\nenvironments:\n  default:\n    packages:\n      linux-64:\n"
        f"      - pypi: {index.link(WHEEL)}\npackages:\n- pypi: {index.link(WHEEL)}\n"
        f"  name: greet\n  version: '1.0'\n  sha256: {sha256}\n"
    }


@pytest.mark.parametrize("write_lock", [by_pdm, by_pipenv, by_pep_751, by_pixi])
def test_each_format_builds_the_same_layers(
    attempt: Any, shop: Any, index: Any, options: list[str], write_lock: Any
) -> None:
    digests = []
    locks: tuple[dict[str, str], ...] = ({}, write_lock(index, hashlib.sha256(index.files[WHEEL]).hexdigest()))
    for lock in locks:
        for name, text in lock.items():
            shop.write(name, text)
            (shop.root / "requirements.txt").unlink()
        code, out, err = attempt.build(shop, *options, "--format", "json")
        assert code == 0, err
        digests.append([layer["diff_id"] for layer in json.loads(out)["layers"] if layer["kind"] == "dependencies"])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 1


@pytest.mark.parametrize("text", ["version = 1\n[[package]\n", "\xff", "version = 99\n"])
def test_a_broken_lock(attempt: Any, bare_shop: Any, options: list[str], text: str) -> None:
    bare_shop.write("uv.lock", text.encode("latin-1"))
    err = attempt.refused(bare_shop, *options)
    assert "error: uv.lock" in err
    assert "\nhint: " in err


def test_a_git_merge_left_in_the_lock(attempt: Any, bare_shop: Any, options: list[str]) -> None:
    bare_shop.write("uv.lock", "version = 1\n<<<<<<< HEAD\nrevision = 2\n=======\n>>>>>>> branch\n")
    assert "error: uv.lock:2" in attempt.refused(bare_shop, *options)


@pytest.mark.parametrize("flag", ["--group", "--extra"])
def test_an_unknown_choice(attempt: Any, shop: Any, options: list[str], flag: str) -> None:
    err = attempt.refused(shop, *options, flag, "shiny")
    assert '"shiny"' in err
    assert "\nhint: " in err


# What the lock names


def test_other_bytes_than_the_lock_says(attempt: Any, shop: Any, index: Any, wheels: Any, options: Any) -> None:
    name = "greet-1.0-py3-none-any.whl"
    page = index.page("greet")
    other = wheels.wheel("greet", {"greet/__init__.py": b"import os; os.system('evil')"})
    index.files[name] = other
    index.page = lambda _: page  # the page still promises what the lock has
    err = attempt.refused(shop, *options)
    assert name in err
    assert "sha256" in err
    assert not [path for path in attempt.cache.rglob("*") if path.is_file() and path.read_bytes() == other]


def test_other_bytes_at_a_url_of_the_lock(  # noqa: PLR0917 - fixtures
    attempt: Any, bare_shop: Any, index: Any, wheels: Any, lock_entry: Any, options: Any
) -> None:
    index.add("greet-1.0-py3-none-any.whl", wheels.wheel("greet", {"greet.py": b""}))
    bare_shop.uv_lock(lock_entry("greet", index.link("greet-1.0-py3-none-any.whl"), "ab" * 32, index.simple))
    err = attempt.refused(bare_shop, *options)
    assert "greet-1.0-py3-none-any.whl" in err
    assert "sha256" in err


def test_no_wheel_for_the_target(attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: Any) -> None:
    name = "greet-1.0-cp39-cp39-win_amd64.whl"
    bare_shop.pin(f"greet==1.0 --hash=sha256:{index.add(name, wheels.wheel('greet', {'greet.py': b''}))}")
    err = attempt.refused(bare_shop, *options)
    assert (
        'error: requirements.txt:1: no wheel of "greet" 1.0 fits linux/amd64 with Python 3.13.5 and glibc 2.41' in err
    )
    assert "looked for cp313-cp313-linux_x86_64, cp313-cp313-manylinux_2_41_x86_64" in err
    assert name in err
    assert "hint: choose a version that has such a wheel, another base" in err


def test_a_version_that_the_index_does_not_have(attempt: Any, shop: Any, options: list[str]) -> None:
    shop.pin("greet==2.0")
    err = attempt.refused(shop, *options)
    assert f'error: requirements.txt:1: the index "{options[-1]}" (--index) has no file of "greet" 2.0' in err
    assert "\nhint: " in err


COMPILED = """
def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "greet-1.0-cp311-cp311-linux_x86_64.whl"
    open(f"{wheel_directory}/{name}", "wb").close()
    return name
"""
MANIFEST_OF_SDIST = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "greet"
version = "1.0"
"""


def sdist(index: Any, wheels: Any, backend: str) -> str:
    files = {"pyproject.toml": MANIFEST_OF_SDIST.encode(), "backend.py": backend.encode()}
    return str(index.add("greet-1.0.tar.gz", wheels.sdist("greet", files)))


def test_an_sdist_that_is_not_pure(attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: Any) -> None:
    bare_shop.pin(f"greet==1.0 --hash=sha256:{sdist(index, wheels, COMPILED)}")
    err = attempt.refused(bare_shop, *options)
    assert 'requirements.txt:1: "greet" 1.0 has no wheel for the target, and its source builds "greet-1.0-cp311' in err
    assert "hint: choose a version that has a wheel for the target" in err


def test_an_sdist_that_does_not_build(attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: Any) -> None:
    bare_shop.pin(f"greet==1.0 --hash=sha256:{sdist(index, wheels, 'import nowhere')}")
    err = attempt.refused(bare_shop, *options)
    assert "No module named 'nowhere'" in err
    assert 'the build backend "backend" cannot be imported' in err


def test_a_broken_sdist(attempt: Any, bare_shop: Any, index: Any, options: Any) -> None:
    bare_shop.pin(f"greet==1.0 --hash=sha256:{index.add('greet-1.0.tar.gz', b'no tar at all')}")
    err = attempt.refused(bare_shop, *options)
    assert "greet-1.0.tar.gz: the sdist cannot be unpacked" in err


@pytest.mark.parametrize(
    ("path", "said"),
    [("../evil.py", "leads out of its directory"), ("/etc/evil", "is absolute"), ("link", "is a symbolic link")],
)
def test_a_hostile_wheel(  # noqa: PLR0917 - fixtures
    attempt: Any, bare_shop: Any, index: Any, wheels: Any, options: Any, tmp_path: Path, path: str, said: str
) -> None:
    name = "greet-1.0-py3-none-any.whl"
    data = wheels.wheel("greet", {"greet.py": b"", path: b"/etc/passwd"}, links="link")
    bare_shop.pin(f"greet==1.0 --hash=sha256:{index.add(name, data)}")
    err = attempt.refused(bare_shop, *options)
    assert f'error: {name}: the entry "{path}" {said}' in err
    assert "hint: do not use this file" in err
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no more", b"x" * 4096])
def test_a_broken_wheel(attempt: Any, bare_shop: Any, index: Any, options: Any, data: bytes) -> None:
    name = "greet-1.0-py3-none-any.whl"
    bare_shop.pin(f"greet==1.0 --hash=sha256:{index.add(name, data)}")
    assert f"error: {name}: " in attempt.refused(bare_shop, *options)
