from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from depsfirst.project.discover import discover, lock_fingerprint, read_lock
from depsfirst.project.locks.pipenv import content_hashes
from depsfirst.project.model import Environment, Lock, LockedFile, Source
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]

ZERO, ONE = "0" * 64, "1" * 64
COMMIT = "0123456789abcdef" * 2 + "01234567"
SOURCES = [
    {"name": "main", "url": "https://x.example/simple", "verify_ssl": True},
    {"name": "other", "url": "https://y.example/simple", "verify_ssl": True},
]


def entry(version: str = "==1.0", digest: str = ZERO, **more: Any) -> dict[str, Any]:
    return {"hashes": [f"sha256:{digest}"], "version": version, **more}


def lock_of(pipfile: str | None = None, requires: dict[str, str] | None = None, **sections: Any) -> dict[str, str]:
    meta: dict[str, Any] = {"pipfile-spec": 6, "requires": requires or {}, "sources": SOURCES}
    if pipfile is not None:
        meta["hash"] = {"sha256": next(content_hashes(tomli.loads(pipfile)))}
    files = {"Pipfile.lock": json.dumps({"_meta": meta, **sections})}
    return files if pipfile is None else {**files, "Pipfile": pipfile}


def read(write: Write, **sections: Any) -> Lock:
    return read_lock(discover(write(lock_of(**sections))))


def test_categories_are_groups(write: Write, chosen: Chosen) -> None:
    lock = read(write, default={"A.b": entry()}, develop={"c": entry()}, Docs_x={"d": entry()})
    assert sorted(lock.roots) == ["dev", "docs-x", "main"]
    assert chosen(lock) == ["a-b==1.0"]
    assert chosen(lock, groups=("main", "dev")) == ["a-b==1.0", "c==1.0"]
    assert chosen(lock, groups=("docs_x",)) == ["d==1.0"]


def test_a_category_may_be_called_dev(write: Write, chosen: Chosen) -> None:
    lock = read(write, default={}, dev={"a": entry()}, develop={"b": entry()})
    assert (chosen(lock, groups=("dev",)), chosen(lock, groups=("develop",))) == (["a==1.0"], ["b==1.0"])


def test_the_default_category_decides_on_versions(write: Write, chosen: Chosen) -> None:
    lock = read(write, default={"a": entry("==1.0")}, develop={"a": entry("==2.0"), "b": entry()})
    assert chosen(lock, groups=("main", "dev")) == ["a==1.0", "b==1.0"]
    assert chosen(lock, groups=("dev",)) == ["a==2.0", "b==1.0"]


def test_markers(write: Write, chosen: Chosen) -> None:
    windows = entry(markers="sys_platform == 'win32'")
    both = entry(os_markers="os_name == 'posix'", markers="python_version < '3.10' or python_version > '3.12'")
    lock = read(write, default={"a": windows, "b": both}, develop={"c": entry(markers="'dev' in dependency_groups")})
    assert chosen(lock, (3, 9, 1)) == ["b==1.0"]
    assert chosen(lock, (3, 11, 1)) == []
    assert chosen(lock, (3, 11, 1), groups=("dev",)) == ["c==1.0"]


def test_what_could_not_be_pinned_is_an_error_only_where_it_is_wanted(write: Write, refused: Refused) -> None:
    lock = read(write, default={"a": {"version": "*", "markers": "platform_machine == 'aarch64'"}, "b": {}})
    error = refused(select, lock, Environment((3, 12, 1)))
    assert str(error) == 'Pipfile.lock: default.b: "b" is not pinned'
    assert '"a" is not pinned' in str(refused(select, lock, Environment((3, 12, 1), "linux/arm64")))


def test_indexes_and_hashes(write: Write) -> None:
    lock = read(
        write,
        default={
            "a": {"version": "==1.0", "hashes": [f"sha256:{ZERO}", "md5:00", f"sha256:{ONE.upper()}"]},
            "b": entry(index="other"),
            "c": entry(index="https://y.example/simple"),
            "d": "1.5",
        },
    )
    found = {package.name: package for package in lock.packages}
    assert found["a"].hashes == {ZERO, ONE}
    assert found["a"].source == Source("index", "https://x.example/simple")
    assert found["b"].source == found["c"].source == Source("index", "https://y.example/simple")
    assert (found["d"].version, found["d"].hashes) == ("1.5", frozenset())


def test_sources(write: Write) -> None:
    lock = read(
        write,
        default={
            "git": {"git": f"git+https://git.example/g@{COMMIT}", "ref": COMMIT, "subdirectory": "s"},
            "url": {"file": "https://x.example/u-1.zip#egg=u", "hashes": [f"sha256:{ONE}"]},
            "wheel": {"path": "./w/w-1-py3-none-any.whl"},
            "lib": {"path": "./libs/lib", "editable": True},
            "e1839a8": {"path": ".", "editable": True},
        },
    )
    assert [package.source for package in lock.packages] == [
        Source("git", f"git+https://git.example/g@{COMMIT}#subdirectory=s"),
        Source("url", "https://x.example/u-1.zip"),
        Source("file", "w/w-1-py3-none-any.whl"),
        Source("directory", "libs/lib", editable=True),
        Source("project", ".", editable=True),
    ]
    assert lock.packages[1].files == (LockedFile("u-1.zip", ONE, "https://x.example/u-1.zip"),)


@pytest.mark.parametrize(
    ("requires", "specifier"),
    [
        ({"python_version": "3.11"}, "==3.11.*"),
        ({"python_version": "3"}, "==3.*"),
        ({"python_full_version": "3.11.4", "python_version": "3.11"}, "==3.11.4"),
        ({"python_version": "*"}, None),
        ({}, None),
    ],
)
def test_the_python_it_is_made_for(requires: dict[str, str], specifier: str | None, write: Write) -> None:
    assert read(write, requires=requires, default={}).requires_python == specifier
    named = "".join(f'{key} = "{value}"\n' for key, value in requires.items())
    project = discover(write(lock_of(f"[requires]\n{named}", requires=requires, default={})))
    assert project.requires_python == specifier


PIPFILE = '[[source]]\nname = "main"\nurl = "https://x.example/simple"\nverify_ssl = true\n[packages]\nA_b = "*"\n'


def test_a_lock_has_to_fit_its_pipfile(write: Write, refused: Refused) -> None:
    files = lock_of(PIPFILE, default={"a-b": entry()})
    assert read_lock(discover(write(files))).packages
    first = lock_fingerprint(discover(write(files)))
    error = refused(read_lock, discover(write({**files, "Pipfile": PIPFILE + 'c = "*"\n'})))
    assert error.where == "Pipfile.lock: _meta.hash.sha256"
    assert error.hint == "run `pipenv lock`"
    assert lock_fingerprint(discover(write({**files, "Pipfile": PIPFILE + 'c = "*"\n'}))) != first


def test_names_may_be_normalized_in_the_hash(write: Write) -> None:
    old, new = content_hashes(tomli.loads(PIPFILE))
    assert (old, new) == tuple(content_hashes(tomli.loads(PIPFILE)))
    assert list(content_hashes(tomli.loads(PIPFILE.replace("A_b", "a-b")))) == [new, new]
    scripts = PIPFILE + '[scripts]\nx = "y"\n[pipenv]\nallow_prereleases = true\n'
    assert list(content_hashes(tomli.loads(scripts))) == [old, new]


def test_a_pipfile_without_a_source_has_the_public_one() -> None:
    url = PYPI_SIMPLE_ENDPOINT.rstrip("/")
    named = f'[[source]]\nname = "pypi"\nurl = "{url}"\nverify_ssl = true\n[packages]\na = "*"\n'
    assert list(content_hashes(tomli.loads('[packages]\na = "*"\n'))) == list(content_hashes(tomli.loads(named)))


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("{", "Pipfile.lock:1:2", "this is no JSON: "),
        ("[]", "Pipfile.lock", "this must be a table"),
        ("[" * 100_000, "Pipfile.lock", "the values are nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "Pipfile.lock", "this is no JSON: "),
        ("{}", "Pipfile.lock: _meta.pipfile-spec", 'pipfile-spec "None" is not known, only 6'),
        ('{"_meta": {"pipfile-spec": true}}', "Pipfile.lock: _meta.pipfile-spec", "this must be a whole number"),
    ],
)
def test_what_is_no_lock(text: str, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read_lock, discover(write({"Pipfile.lock": text})))
    assert error.where == where
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("section", "where", "message"),
    [
        ([], "default", "this must be a table"),
        ({"a": 1}, "default.a", "this must be a table"),
        ({"a!": entry()}, "default.a!: name", '"a!" is no name of a package'),
        ({"a": entry(">=1")}, "default.a.version", '">=1" is not pinned'),
        ({"a": entry("==x")}, "default.a.version", '"x" is no version'),
        ({"a": entry(index="none")}, "default.a.index", 'there is no source "none"'),
        ({"a": entry(markers="x")}, "default.a.markers", 'the marker "x" cannot be evaluated'),
        ({"a": {"version": "==1", "hashes": ["md5:0"]}}, "default.a.hashes", "no hash is a sha256"),
        ({"a": {"version": "==1", "hashes": ["sha256:0"]}}, "default.a: hashes[0]", 'the hash "sha256:0" is no sha256'),
        ({"a": {"version": "==1", "hashes": [1]}}, "default.a.hashes[0]", "this must be a string"),
        ({"a": {"git": "https://x.example", "ref": "main"}}, "default.a.ref", '"main" is no commit'),
        ({"a": {"svn": "https://x.example"}}, "default.a.svn", '"svn" repositories are not read'),
    ],
)
def test_what_is_wrong_is_placed(section: Any, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read, write, default=section)
    assert error.where == f"Pipfile.lock: {where}"
    assert message in error.message
