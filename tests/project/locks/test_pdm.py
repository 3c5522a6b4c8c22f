from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli

from depsfirst.project.discover import discover, lock_fingerprint, read_lock
from depsfirst.project.locks.pdm import content_hashes
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
URL = "https://x.example/u-1.zip"
WHEEL = "f-1-py3-none-any.whl"
COMMIT = "0123456789abcdef" * 2 + "01234567"
MANIFEST = """
[project]
name = "shop"
requires-python = ">=3.9"
dependencies = ["a"]
[project.optional-dependencies]
fast = ["b"]
[dependency-groups]
dev = ["c"]
"""


def lock_of(
    body: str,
    manifest: str = MANIFEST,
    *,
    strategy: str = '["inherit_metadata"]',
    version: str = "4.5.0",
    head: str = "",
    digest: str | None = None,
) -> dict[str, str]:
    """A project whose lock fits its manifest."""
    digest = digest or next(content_hashes(tomli.loads(manifest)))
    metadata = (
        f'[metadata]\ngroups = ["default", "fast", "dev"]\nstrategy = {strategy}\nlock_version = "{version}"\n'
        f'content_hash = "sha256:{digest}"\n{head}\n'
    )
    return {"pyproject.toml": manifest, "pdm.lock": metadata + body}


def entry(name: str, more: str = 'groups = ["default"]', files: str | None = None) -> str:
    files = f'{{file = "{name}-1.0.tar.gz", hash = "sha256:{ZERO}"}}' if files is None else files
    return f'\n[[package]]\nname = "{name}"\nversion = "1.0"\nrequires_python = ">=3.8"\n{more}\nfiles = [{files}]\n'


def read(write: Write, body: str, manifest: str = MANIFEST, **more: str) -> Lock:
    return read_lock(discover(write(lock_of(body, manifest, **more))))


def test_groups_extras_and_markers(write: Write, chosen: Chosen) -> None:
    lock = read(
        write,
        entry("a", 'groups = ["default", "dev"]')
        + entry("b", 'groups = ["fast"]\nmarker = "platform_machine == \'aarch64\'"')
        + entry("c", 'groups = ["dev"]'),
    )
    assert (sorted(lock.roots), list(lock.extras)) == (["dev", "main"], ["fast"])
    assert chosen(lock) == ["a==1.0"]
    assert chosen(lock, extras=("fast",)) == ["a==1.0"]
    assert chosen(lock, platform="linux/arm64", extras=("fast",)) == ["a==1.0", "b==1.0"]
    assert chosen(lock, groups=("dev",)) == ["a==1.0", "c==1.0"]


def test_entries_with_extras_are_the_same_package(write: Write, chosen: Chosen) -> None:
    body = entry("a") + entry("a", 'extras = ["x", "y"]\ngroups = ["dev"]\ndependencies = ["b"]')
    lock = read(write, body + entry("b", 'groups = ["dev"]'))
    assert [package.name for package in lock.packages] == ["a", "b"]
    assert chosen(lock, groups=("dev",)) == ["a==1.0", "b==1.0"]


GRAPH = (
    entry("a", 'dependencies = ["d[x,y]>=1", "e; python_version < \'3.10\'"]')
    + entry("b", "")
    + entry("c", 'dependencies = ["a"]')
    + entry("d", 'dependencies = ["f"]')
    + entry("d", 'extras = ["x", "y"]\ndependencies = ["d==1.0", "g"]')
    + entry("d", 'extras = ["x"]\ndependencies = ["d==1.0", "h"]')
    + "".join(entry(name, "") for name in "efgh")
)


def test_without_inherited_metadata_edges_are_followed(write: Write, chosen: Chosen) -> None:
    lock = read(write, GRAPH, strategy="[]")
    assert chosen(lock) == ["a==1.0", "d==1.0", "f==1.0", "g==1.0"]
    assert chosen(lock, (3, 9, 1)) == ["a==1.0", "d==1.0", "e==1.0", "f==1.0", "g==1.0"]
    assert chosen(lock, groups=("dev",), extras=("fast",)) == [
        "a==1.0",
        "b==1.0",
        "c==1.0",
        *("dfg"[i] + "==1.0" for i in range(3)),
    ]


def test_groups_that_name_the_project_itself_and_editables(write: Write, chosen: Chosen) -> None:
    manifest = (
        '[project]\nname = "shop"\ndependencies = []\n[project.optional-dependencies]\nall = ["Shop[fast]"]\n'
        'fast = ["b"]\n[tool.pdm.dev-dependencies]\ndev = ["shop[all]", "-e ./lib#egg=lib[x]", "-e file:///${PROJECT_ROOT}/#egg=shop"]\n'
    )
    body = entry("b", "") + '\n[[package]]\nname = "lib"\nversion = "1"\npath = "./lib"\neditable = true\n'
    body += '\n[[package]]\nname = "shop"\nversion = "1"\npath = "."\neditable = true\n'
    lock = read(write, body, manifest, strategy="[]")
    assert chosen(lock, extras=("all",)) == ["b==1.0"]
    assert chosen(lock, groups=("dev",)) == ["b==1.0", "lib"]


def test_sources(write: Write) -> None:
    manifest = MANIFEST + '[[tool.pdm.source]]\nname = "pypi"\nurl = "https://x.example/simple"\n'
    body = entry("a") + "".join(
        f'\n[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["default"]\n{more}\n'
        for name, more in {
            "git": f'git = "https://git.example/g.git"\nref = "main"\nrevision = "{COMMIT}"\nsubdirectory = "s"',
            "url": f'url = "https://x.example/u-1.zip"\nfiles = [{{url = "{URL}", hash = "sha256:{ZERO}"}}]',
            "file": f'path = "./w/{WHEEL}"\nfiles = [{{file = "{WHEEL}", hash = "sha256:{ZERO}"}}]',
            "dir": 'path = "./libs/dir"\neditable = true',
            "root": 'url = "file:///${PROJECT_ROOT}/libs/root"',
            "shop": 'path = "."',
        }.items()
    )
    found = {package.name: package for package in read(write, body, manifest).packages}
    assert {name: package.source for name, package in found.items()} == {
        "a": Source("index", "https://x.example/simple"),
        "git": Source("git", f"git+https://git.example/g.git@{COMMIT}#subdirectory=s"),
        "url": Source("url", "https://x.example/u-1.zip"),
        "file": Source("file", "w/f-1-py3-none-any.whl"),
        "dir": Source("directory", "libs/dir", editable=True),
        "root": Source("directory", "libs/root"),
        "shop": Source("project", "."),
    }
    assert found["url"].files == (LockedFile("u-1.zip", ZERO, "https://x.example/u-1.zip"),)


def test_static_urls_and_the_files_of_older_locks(write: Write) -> None:
    static = entry("a", files=f'{{url = "https://x.example/a-1.0.tar.gz", hash = "sha256:{ZERO}"}}')
    assert read(write, static).packages[0].files == (
        LockedFile("a-1.0.tar.gz", ZERO, "https://x.example/a-1.0.tar.gz"),
    )
    old = '[[package]]\nname = "a"\nversion = "1.0"\n'
    head = f'[metadata.files]\n"a 1.0" = [{{file = "a-1.0.tar.gz", hash = "sha256:{ZERO}"}}]\n'
    lock = read(write, old, strategy="[]", version="4.0", head=head)
    assert lock.packages[0].files == (LockedFile("a-1.0.tar.gz", ZERO),)


def test_what_the_manifest_excludes_is_left_out(write: Write, chosen: Chosen) -> None:
    manifest = MANIFEST + '[tool.pdm.resolution]\nexcludes = ["D"]\n'
    assert chosen(read(write, entry("a") + entry("d"), manifest)) == ["a==1.0"]
    assert chosen(read(write, GRAPH, manifest, strategy="[]")) == ["a==1.0"]


@pytest.mark.parametrize(
    ("target", "python", "platform", "fits"),
    [
        ('requires_python = ">=3.10"', (3, 9, 1), "linux/amd64", False),
        ('requires_python = ">=3.10"', (3, 12, 1), "linux/amd64", True),
        ('requires_python = "==3.11.*"\nplatform = "manylinux_2_17_x86_64"', (3, 11, 1), "linux/amd64", True),
        ('requires_python = "==3.11.*"\nplatform = "manylinux_2_17_x86_64"', (3, 11, 1), "linux/arm64", False),
        ('requires_python = "<3.10||>=3.12"\nplatform = "linux"', (3, 11, 1), "linux/arm64", False),
        ('requires_python = "<3.10||>=3.12"\nplatform = "linux"', (3, 12, 1), "linux/arm64", True),
        ('requires_python = ""\nplatform = "macos_13_0_arm64"', (3, 12, 1), "linux/arm64", False),
        ('platform = "musllinux_1_2_aarch64"', (3, 12, 1), "linux/arm64", True),
    ],
)
def test_a_lock_is_for_its_targets(  # noqa: PLR0917 - a table
    target: str, python: tuple[int, int, int], platform: str, fits: object, write: Write, refused: Refused
) -> None:
    lock = read(write, entry("a"), head=f"[[metadata.targets]]\n{target}\n")
    if fits:
        assert len(select(lock, Environment(python, platform)).third_party) == 1
    else:
        assert "the lock is not made for Python" in refused(select, lock, Environment(python, platform)).message


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        ('[[package]]\nversion = "1"', "package[0]", 'no "name"'),
        (entry("a!"), "package[0].name", '"a!" is no name of a package'),
        (entry("a", ""), "package[0]", 'no "groups"'),
        (entry("a", 'groups = ["default"]\nmarker = "x"'), "package[0].marker", 'the marker "x" cannot be evaluated'),
        (entry("a", files=""), "package[0].files", '"a" 1.0 has no file with a hash'),
        (entry("a", files='{file = "a.zip"}'), "package[0].files[0]", "no hash"),
        (
            entry("a", files='{file = "a.zip", hash = "md5:0"}'),
            "package[0].files[0].hash",
            'the hash "md5:0" is no sha256',
        ),
        (
            entry("a", files=f'{{file = "x/a.zip", hash = "sha256:{ZERO}"}}'),
            "package[0].files[0].file",
            "plain file name",
        ),
        (entry("a", 'git = "https://x.example"\nrevision = "main"'), "package[0].revision", '"main" is no commit'),
        (entry("a", 'hg = "https://x.example"'), "package[0].hg", '"hg" repositories are not read'),
        (
            entry("a", 'requires_python = "x"').replace('">=3.8"\nrequires_python', '"x"\n_'),
            "package[0].requires_python",
            "'x'",
        ),
    ],
)
def test_what_is_wrong_is_placed(body: str, where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read, write, body)
    assert error.where == f"pdm.lock: {where}"
    assert message in error.message


@pytest.mark.parametrize(
    ("more", "where", "message"),
    [
        ({"version": "5.0"}, "metadata.lock_version", 'lock_version "5.0" is not known, only 4.0 to 4.5'),
        ({"digest": ZERO}, "metadata.content_hash", "the lock does not fit pyproject.toml, which has changed since"),
        ({"head": '[[metadata.targets]]\nplatform = "amiga"'}, "metadata.targets[0].platform", '"amiga" is not known'),
        ({"head": '[[metadata.targets]]\nrequires_python = "x"'}, "metadata.targets[0].requires_python", "'x'"),
    ],
)
def test_a_head_that_is_wrong(more: dict[str, str], where: str, message: str, write: Write, refused: Refused) -> None:
    error = refused(read, write, entry("a"), **more)
    assert error.where == f"pdm.lock: {where}"
    assert message in error.message


def test_hashes_of_older_versions_fit(write: Write) -> None:
    manifest = MANIFEST + '[tool.pdm.resolution.overrides]\na = "1"\n[tool.pdm.dev-dependencies]\nDocs_x = ["d"]\n'
    hashes = list(content_hashes(tomli.loads(manifest)))
    assert len(set(hashes)) == 4
    for digest in hashes:
        assert read(write, entry("a"), manifest, digest=digest).packages
    assert list(content_hashes(tomli.loads(manifest), "md5")) != hashes


def test_with_lock_inputs_the_requirements_are_held_against_the_selection(write: Write, refused: Refused) -> None:
    manifest = MANIFEST.replace('["a"]', '["a>=1"]')
    lock = read(write, entry("a"), manifest, digest=ZERO, head="lock_inputs = {}")
    assert select(lock, Environment((3, 12, 1))).third_party
    stale = read(write, entry("a"), MANIFEST.replace('["a"]', '["a>=2"]'), digest=ZERO, head="lock_inputs = {}")
    assert '"a>=2"' in refused(select, stale, Environment((3, 12, 1))).message
    assert not select(stale, Environment((3, 12, 1)), groups=frozenset({"dev"})).third_party


def test_a_new_version_of_the_project_reads_the_same_lock(write: Write) -> None:
    first = lock_fingerprint(discover(write(lock_of(entry("a"), MANIFEST + '[tool.pdm.scripts]\nx = "y"\n'))))
    assert lock_fingerprint(discover(write(lock_of(entry("a"))))) == first
    assert lock_fingerprint(discover(write(lock_of(entry("a"), MANIFEST.replace('["b"]', '["b", "d"]'))))) != first
