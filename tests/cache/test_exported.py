"""What an exporter writes of two locks is held against the exporter itself, which needs no index for it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import uv

from depsfirst.cache.exported import Locked, same_export

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """[project]
name = "shop"
version = "0.1.0"
description = "A shop"
requires-python = ">=3.11"
dependencies = ["idna>=3", "click; sys_platform == 'linux'"]

[project.optional-dependencies]
fast = ["uvloop"]

[dependency-groups]
dev = ["iniconfig"]
docs = ["markdown"]

[tool.ruff]
line-length = 100
"""
METADATA = """
[package.metadata]
requires-dist = [
    { name = "click", marker = "sys_platform == 'linux'" },
    { name = "idna", specifier = ">=3" },
    { name = "uvloop", marker = "extra == 'fast'" },
]
provides-extras = ["fast"]

[package.metadata.requires-dev]
dev = [{ name = "iniconfig" }]
docs = [{ name = "markdown" }]
"""
OWN = """[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "click", marker = "sys_platform == 'linux'" }, { name = "idna" }]

[package.optional-dependencies]
fast = [{ name = "uvloop" }]

[package.dev-dependencies]
dev = [{ name = "iniconfig" }]
docs = [{ name = "markdown" }]
"""


def package(name: str, version: str, dependencies: str = "") -> str:
    digest = f"{name}{version}".encode().hex().ljust(64, "0")[:64]
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        f'source = {{ registry = "https://index.example/simple" }}\n{dependencies}'
        f'wheels = [{{ url = "https://files.example/{name}-{version}-py3-none-any.whl", hash = "sha256:{digest}" }}]\n'
    )


LOCK = "\n".join(
    [
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n',
        package("click", "8.1.0"),
        package("idna", "3.10"),
        package("iniconfig", "2.0.0"),
        package("markdown", "3.7", 'dependencies = [{ name = "idna" }]\n'),
        OWN + METADATA,
        package("uvloop", "0.20.0"),
    ]
)
BASE = Locked("uv", "/app", MANIFEST, LOCK)


def edited(*edits: tuple[str, str, str]) -> Locked:
    """The base with texts replaced, in the manifest or in the lock."""
    after = BASE
    for where, old, new in edits:
        text: str = getattr(after, where)
        assert old in text
        after = replace(after, **{where: text.replace(old, new)})
    return after


BUMP = edited(("manifest", '"0.1.0"', '"0.1.1"'), ("lock", '"shop"\nversion = "0.1.0"', '"shop"\nversion = "0.1.1"'))
SETTINGS = edited(("manifest", "line-length = 100", "line-length = 120"), ("manifest", "A shop", "The shop"))
DEV = edited(("lock", package("iniconfig", "2.0.0"), package("iniconfig", "2.1.0")))
MAIN = edited(("lock", package("idna", "3.10"), package("idna", "3.11")))
MARKED = edited(("lock", package("click", "8.1.0"), package("click", "8.2.0")))
FAST = edited(("lock", package("uvloop", "0.20.0"), package("uvloop", "0.21.0")))
DEV_GONE = edited(
    ("manifest", 'dev = ["iniconfig"]', "dev = []"),
    ("lock", 'dev = [{ name = "iniconfig" }]', "dev = []"),
    ("lock", package("iniconfig", "2.0.0"), ""),
)
REHASHED = edited(("lock", f'"sha256:{b"click8.1.0".hex().ljust(64, "0")}"', f'"sha256:{"f" * 64}"'))


def exported(folder: Path, locked: Locked, selection: tuple[str, ...]) -> str:
    (folder / "pyproject.toml").write_text(locked.manifest)
    (folder / "uv.lock").write_text(locked.lock)
    options = [word for option in selection for word in option.split("=", 1)]
    command = [uv.find_uv_bin(), "export", "--frozen", "--offline", "--quiet", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environment)
    return done.stdout


SELECTIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("--no-dev",),
    ("--only-dev",),
    ("--group=docs", "--no-dev"),
    ("--all-groups",),
    ("--only-group=docs",),
    ("--no-default-groups", "--extra=fast"),
    ("--all-extras", "--no-group=dev"),
)
AFTER = {
    "a new version": BUMP,
    "other settings": SETTINGS,
    "a development tool": DEV,
    "a dependency": MAIN,
    "a dependency of linux": MARKED,
    "an extra's dependency": FAST,
    "no development tool": DEV_GONE,
    "another hash": REHASHED,
}


@pytest.mark.parametrize("selection", SELECTIONS, ids=" ".join)
@pytest.mark.parametrize("title", AFTER)
def test_the_verdict_is_what_uv_writes(tmp_path: Path, title: str, selection: tuple[str, ...]) -> None:
    verdict = same_export(BASE, AFTER[title], selection, frozen=True, exact=True)
    truth = exported(tmp_path, BASE, selection) == exported(tmp_path, AFTER[title], selection)
    assert verdict in (truth, None)
    unclear = title in ("a dependency of linux", "another hash")
    assert verdict is not None or (unclear and not truth)


@pytest.mark.parametrize("title", ["a new version", "other settings"])
@pytest.mark.parametrize("selection", SELECTIONS, ids=" ".join)
def test_what_no_lock_is_made_from_never_counts(title: str, selection: tuple[str, ...]) -> None:
    assert same_export(BASE, AFTER[title], selection, frozen=False, exact=False) is True


@dataclass(frozen=True)
class Case:
    before: Locked
    after: Locked
    verdict: bool | None
    frozen: bool = True
    exact: bool = True
    selection: tuple[str, ...] = ()


UNLOCKED = edited(("manifest", '"idna>=3"', '"idna>=3", "rich"'))
INDEXED = edited(("manifest", "[tool.ruff]", "[tool.uv]\nno-index = true\n[tool.ruff]"))
WORKSPACE = edited(("manifest", "[tool.ruff]", '[tool.uv.workspace]\nmembers = ["lib"]\n[tool.ruff]'))
PIPFILE = '[packages]\nidna = "*"\n'
PIPENV_LOCK = '{"_meta": {"hash": {"sha256": "aa"}, "sources": []}, "default": {"idna": {"version": "==3.10"}}}'
PIPENV = Locked("pipenv", "/app", PIPFILE, PIPENV_LOCK)


@pytest.mark.parametrize(
    "case",
    [
        Case(BASE, UNLOCKED, None),
        Case(BASE, INDEXED, None),
        Case(BASE, replace(BASE, manifest="[project"), None),
        Case(BASE, replace(BASE, lock="version = 9\n"), None),
        Case(BASE, DEV, None, selection=("--package=lib",)),
        Case(BASE, DEV, None, selection=("--group=nowhere",)),
        Case(BASE, MAIN, None, exact=False),
        Case(BASE, BUMP, verdict=True, frozen=False),
        Case(WORKSPACE, replace(WORKSPACE, lock=BUMP.lock), None, frozen=False),
        Case(WORKSPACE, replace(WORKSPACE, lock=BUMP.lock), verdict=True),
        Case(
            PIPENV, replace(PIPENV, manifest=PIPFILE + "# note\n", lock=PIPENV_LOCK.replace("aa", "bb")), verdict=True
        ),
    ],
)
def test_what_cannot_be_told_is_not(case: Case) -> None:
    verdict = same_export(case.before, case.after, case.selection, frozen=case.frozen, exact=case.exact)
    assert verdict is case.verdict
