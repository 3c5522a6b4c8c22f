from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import Environment, Lock, LockedFile, Source
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]

ZERO = "0" * 64
GIT = "https://git.example/v"
COMMIT = "0123456789abcdef" * 2 + "01234567"
HEAD = 'lock-version = "1.0"\ncreated-by = "hand"\n'
HASHES = f'hashes = {{sha256 = "{ZERO}"}}'


def entry(name: str, more: str = "", version: str = "1.0", origin: str | None = None) -> str:
    origin = f'sdist = {{url = "https://x.example/{name}-{version}.tar.gz", {HASHES}}}' if origin is None else origin
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}\n{origin}\n'


def read(write: Write, body: str, head: str = HEAD, **files: str) -> Lock:
    return read_lock(discover(write({"pylock.toml": head + body, **files})))


def test_files_and_indexes(write: Write) -> None:
    wheels = f'wheels = [{{name = "a-1.0-py3-none-any.whl", path = "w/a.whl", size = 7, {HASHES}}}]\nindex = "https://x.example/simple"'
    (package,) = read(write, entry("a", wheels)).packages
    assert package.source == Source("index", "https://x.example/simple")
    assert package.files == (
        LockedFile("a-1.0-py3-none-any.whl", ZERO, "w/a.whl", 7),
        LockedFile("a-1.0.tar.gz", ZERO, "https://x.example/a-1.0.tar.gz"),
    )
    assert package.where == "pylock.toml: packages[0]"


def test_other_sources(write: Write) -> None:
    lock = read(
        write,
        "".join(
            f'[[packages]]\nname = "{name}"\n{origin}\n'
            for name, origin in {
                "vcs": f'vcs = {{type = "git", url = "{GIT}", commit-id = "{COMMIT}", subdirectory = "s"}}',
                "url": f'archive = {{url = "https://x.example/u-1.zip", subdirectory = "s", {HASHES}}}',
                "file": f'archive = {{path = "w/f-1.zip", {HASHES}}}',
                "lib": 'directory = {path = "libs/lib", editable = true}',
                "shop": 'directory = {path = "."}',
            }.items()
        ),
    )
    assert [package.source for package in lock.packages] == [
        Source("git", f"git+https://git.example/v@{COMMIT}#subdirectory=s"),
        Source("url", "https://x.example/u-1.zip#subdirectory=s"),
        Source("file", "w/f-1.zip"),
        Source("directory", "libs/lib", editable=True),
        Source("project", "."),
    ]


GROUPS = HEAD + 'extras = ["fast"]\ndependency-groups = ["Dev", "app"]\ndefault-groups = ["app"]\n'
GROUPED = (
    entry("a")
    + entry("b", "marker = \"'fast' in extras\"")
    + entry("c", "marker = \"'dev' in dependency_groups and python_version < '3.12'\"")
    + entry("d", "marker = \"'app' in dependency_groups\"")
)


def test_the_main_group_is_what_is_installed_by_default(write: Write, chosen: Chosen) -> None:
    lock = read(write, GROUPED, GROUPS)
    assert chosen(lock) == ["a==1.0", "d==1.0"]
    assert chosen(lock, (3, 11, 1), groups=("main", "dev"), extras=("fast",)) == [
        "a==1.0",
        "b==1.0",
        "c==1.0",
        "d==1.0",
    ]
    assert chosen(lock, (3, 11, 1), groups=("dev",)) == ["a==1.0", "c==1.0"]
    assert chosen(lock, (3, 12, 1), groups=("dev",)) == ["a==1.0"]


def test_environments_and_pythons(write: Write, refused: Refused) -> None:
    head = HEAD + 'requires-python = ">=3.10"\nenvironments = ["platform_machine == \'x86_64\'"]\n'
    lock = read(write, entry("a", 'requires-python = ">=3.12"'), head)
    assert select(lock, Environment((3, 12, 1))).third_party
    assert "is made for Python" in refused(select, lock, Environment((3, 9, 1))).message
    assert "not made for" in refused(select, lock, Environment((3, 12, 1), "linux/arm64")).message
    error = refused(select, lock, Environment((3, 11, 1)))
    assert str(error) == 'pylock.toml: packages[0]: "a" is locked for Python ">=3.12", not for 3.11.1'


def test_two_of_a_name_must_exclude_each_other(write: Write, chosen: Chosen, refused: Refused) -> None:
    one = entry("a", "marker = \"python_version < '3.12'\"")
    two = entry("a", "marker = \"python_version >= '3.11'\"", version="2.0")
    lock = read(write, one + two)
    assert (chosen(lock, (3, 10, 1)), chosen(lock, (3, 12, 1))) == (["a==1.0"], ["a==2.0"])
    assert "no one version" in refused(select, lock, Environment((3, 11, 1))).message


def test_the_manifest_has_to_be_met(write: Write, refused: Refused) -> None:
    manifest = '[project]\nname = "shop"\ndependencies = ["a>=2"]\n'
    lock = read(write, entry("a"), **{"pyproject.toml": manifest})
    assert 'has nothing that meets "a>=2"' in refused(select, lock, Environment((3, 12, 1))).message


def test_names_that_pipenv_does_not_normalize(write: Write, chosen: Chosen) -> None:
    assert chosen(read(write, entry("jaraco.text").replace("jaraco.text-1.0", "jaraco_text-1.0"))) == [
        "jaraco-text==1.0"
    ]


def test_a_named_lock_and_its_precedence(write: Write, refused: Refused) -> None:
    root = write({"pylock.prod.toml": ""}, "one")
    assert discover(root).lock.name == "pylock.prod.toml"
    root = write({"pylock.prod.toml": "", "requirements.txt": ""}, "two")
    assert discover(root).lock.name == "pylock.prod.toml"
    root = write({"pylock.prod.toml": "", "pylock.dev.toml": "", "pylock.toml": ""}, "three")
    assert discover(root).lock.name == "pylock.toml"
    root = write({"pylock.prod.toml": "", "pylock.dev.toml": ""}, "four")
    assert refused(discover, root).message == "there are several locks: pylock.dev.toml, pylock.prod.toml"
    root = write({"pylock.toml": "", "uv.lock": "", "pyproject.toml": '[project]\nname = "a"\n'}, "five")
    assert discover(root).lock.name == "uv.lock"


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        ("", "pylock.toml: packages", "this is no pylock file: Missing required value"),
        ('packages = "x"', "pylock.toml: packages", "this is no pylock file: Unexpected type str"),
        (entry("a", origin=""), "pylock.toml: packages[0]", "this is no pylock file: "),
        (entry("a", 'marker = "x"'), "pylock.toml: packages[0].marker", "this is no pylock file: "),
        (entry("a", "marker = \"os_name ~= 'x'\""), "pylock.toml: packages[0].marker", "cannot be evaluated"),
        (
            entry("a", origin='sdist = {url = "a-1.0.tar.gz"}'),
            "pylock.toml: packages[0].sdist.hashes",
            "this is no pylock file",
        ),
        (
            entry("a", origin='sdist = {url = "a-1.0.tar.gz", hashes = {md5 = "0"}}'),
            "pylock.toml: packages[0].sdist.hashes",
            "no hash is a sha256",
        ),
        (
            entry("a", origin='sdist = {url = "a-1.0.tar.gz", hashes = {sha256 = "0"}}'),
            "pylock.toml: packages[0]: sdist.hashes.sha256",
            "is no sha256",
        ),
        (
            '[[packages]]\nname = "a"\nvcs = {type = "git", url = "x", commit-id = "main"}',
            "pylock.toml: packages[0].vcs.commit-id",
            '"main" is no commit',
        ),
        (
            '[[packages]]\nname = "a"\nvcs = {type = "hg", url = "x", commit-id = "0"}',
            "pylock.toml: packages[0].vcs.type",
            '"hg" repositories are not read',
        ),
    ],
)
def test_what_is_wrong_is_placed(body: str, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read, write, body)
    assert error.where == where
    assert message in error.message


def test_a_version_that_is_not_known(write: Write, refused: Refused) -> None:
    error = refused(read, write, "packages = []", HEAD.replace("1.0", "2.0"))
    assert "pylock version 2.0 is not supported" in error.message
