from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.project.discover import discover, read_lock
from depsfirst.project.model import Lock, LockedFile, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]
    Chosen = Callable[..., list[str]]

FIXTURES = Path(__file__).parents[1] / "fixtures"
HASH = "sha256:" + "0" * 64
INDEX = 'source = { registry = "https://index.example/simple" }'
HEAD = 'version = 1\nrevision = 3\nrequires-python = ">=3.9"\n'
OWN = '[[package]]\nname = "shop"\nversion = "1.0"\nsource = { editable = "." }\n'


def project(manifest: str, lock: str, head: str = HEAD, own: str = OWN) -> dict[str, str]:
    return {"pyproject.toml": f'[project]\nname = "shop"\n{manifest}', "uv.lock": f"{head}{own}{lock}"}


def read(write: Write, *texts: str, **more: str) -> Lock:
    return read_lock(discover(write(project(*texts, **more))))


def package(name: str = "a", source: str = INDEX, more: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "1.0"\n{source}\n{more}\n'


@pytest.mark.parametrize(
    ("source", "files", "kind", "expected"),
    [
        (
            INDEX,
            f'wheels = [{{ url = "https://files.example/a%2B-1-py3-none-any.whl?t=1#f", hash = "{HASH}", size = 3 }}]',
            Source("index", "https://index.example/simple"),
            LockedFile("a+-1-py3-none-any.whl", "0" * 64, "https://files.example/a%2B-1-py3-none-any.whl?t=1#f", 3),
        ),
        (
            INDEX,
            'sdist = { url = "https://files.example/a-1.0.tar.gz" }',
            Source("index", "https://index.example/simple"),
            LockedFile("a-1.0.tar.gz", None, "https://files.example/a-1.0.tar.gz"),
        ),
        (
            'source = { registry = "../wheels" }',
            f'wheels = [{{ path = "./a-1.0-py3-none-any.whl", hash = "{HASH}" }}]',
            Source("index", "../wheels"),
            LockedFile("a-1.0-py3-none-any.whl", "0" * 64, "../wheels/a-1.0-py3-none-any.whl"),
        ),
        (
            'source = { url = "https://files.example/a.zip", subdirectory = "x" }',
            f'sdist = {{ hash = "{HASH}" }}',
            Source("url", "https://files.example/a.zip#subdirectory=x"),
            LockedFile("a.zip", "0" * 64, "https://files.example/a.zip#subdirectory=x"),
        ),
        (
            'source = { path = "wheels/a-1.0-py3-none-any.whl" }',
            f'wheels = [{{ filename = "a-1.0-py3-none-any.whl", hash = "{HASH}" }}]',
            Source("file", "wheels/a-1.0-py3-none-any.whl"),
            LockedFile("a-1.0-py3-none-any.whl", "0" * 64, "wheels/a-1.0-py3-none-any.whl"),
        ),
        (
            f'source = {{ git = "https://git.example/a?subdirectory=x%2Fy&tag=v1#{"AB" * 20}" }}',
            "",
            Source("git", f"git+https://git.example/a@{'ab' * 20}#subdirectory=x/y"),
            None,
        ),
        ('source = { directory = "lib" }', "", Source("directory", "lib"), None),
        ('source = { editable = "lib" }', "", Source("directory", "lib", editable=True), None),
        ('source = { virtual = "lib" }', "", Source("virtual", "lib"), None),
    ],
)
def test_sources_and_files(source: str, files: str, kind: Source, expected: LockedFile | None, write: Write) -> None:
    found = read(write, "", package("A.a", source, files)).packages[1]
    assert (found.name, found.version, found.source) == ("a-a", "1.0", kind)
    assert found.files == ((expected,) if expected else ())
    assert found.where == "uv.lock: package[1]"


def test_edges_name_version_and_source_where_names_are_ambiguous(write: Write, chosen: Chosen) -> None:
    other = INDEX.replace("index.", "other.")
    old, new = "python_version < '3.10'", "python_version >= '3.10'"
    edges = (
        f'dependencies = [{{ name = "a", version = "1.0", {INDEX}, extra = ["X"], marker = "{old}" }},'
        f' {{ name = "a", version = "1.0", {other}, marker = "{new}" }}]\n'
    )
    extra = '[package.optional-dependencies]\nX = [{ name = "b" }]\n'
    lock = read(
        write,
        "dynamic = ['dependencies']",
        package("a", INDEX, extra) + package("a", other) + package("b"),
        own=OWN + edges,
    )
    assert chosen(lock, (3, 9, 0)) == ["a==1.0", "b==1.0"]
    assert chosen(lock, (3, 12, 0)) == ["a==1.0"]
    assert [edge.candidates for edge in lock.roots["main"]] == [(1,), (2,)]


def test_a_version_that_is_dynamic_is_none(write: Write) -> None:
    own = OWN.replace('version = "1.0"\n', "")
    assert read(write, "dynamic = ['version']", "", own=own).packages[0].version is None


def test_groups_extras_conflicts_and_environments(write: Write) -> None:
    head = HEAD + (
        "supported-markers = [\"sys_platform == 'linux'\"]\n"
        'conflicts = [[{package = "shop", extra = "Cpu"}, {package = "shop", group = "dev"}, {package = "shop"}]]\n'
    )
    own = OWN + (
        '[package.dev-dependencies]\nDev_x = [{ name = "a" }]\n[package.metadata]\n'
        '[package.metadata.requires-dev]\ndev-x = [{ name = "a" }]\n'
    )
    lock = read(write, "[dependency-groups]\nDev_X = ['a']", package(), head, own)
    assert set(lock.roots) == {"main", "dev-x"}
    assert lock.conflicts == (frozenset({"extra-4-shop-cpu", "group-4-shop-dev", "project-4-shop"}),)
    assert lock.environments == ("sys_platform == 'linux'",)
    assert (lock.requires_python, lock.project, lock.format) == (">=3.9", "shop", "uv")


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        (package(more="wheels = [{}]"), 'package[1].wheels[0]: no "url"'),
        (package(more='wheels = [{ url = "https://files.example/" }]'), "package[1].wheels[0].url: "),
        (package(more='wheels = [{ url = "https://x/a%2Fb.whl" }]'), "package[1].wheels[0].url: "),
        (package(more='wheels = [{ url = "https://x/a.whl", hash = "sha512:0" }]'), "package[1].wheels[0].hash: "),
        (package(more='wheels = [{ url = "https://x/a.whl", size = "3" }]'), "package[1].wheels[0].size: "),
        (package(more="sdist = 3"), "package[1].sdist: this must be a table"),
        (package(source=""), "package[1].source: the source is of no kind that is known"),
        (package(source="source = { git = 'https://git.example/a' }"), "package[1].source.git: no commit"),
        (package(source="source = { git = 'https://[' }"), 'package[1].source.git: "https://[" is no URL'),
        (package(source="source = 'x'"), "package[1].source: this must be a table"),
        (package("a b"), 'package[1].name: "a b" is no name of a package'),
        (package().replace('"1.0"', '"x"'), 'package[1].version: "x" is no version'),
        (package(more="dependencies = [{ name = 'none' }]"), "package[1].dependencies[0]: the lock has no package for"),
        (package(more="dependencies = [{}]"), 'package[1].dependencies[0]: no "name"'),
        (package(more="dependencies = 'b'"), "package[1].dependencies: this must be a list"),
        (
            package() + package("c", more="dependencies = [{ name = 'a', version = '2' }]"),
            "package[2].dependencies[0]: ",
        ),
        (
            package() + package() + package("c", more="dependencies = [{ name = 'a' }]"),
            "package[3].dependencies[0]: the lock has several packages for this edge",
        ),
        (
            package() + package("c", more="dependencies = [{ name = 'a', marker = 'x' }]"),
            'package[2].dependencies[0].marker: the marker "x" cannot be evaluated',
        ),
    ],
)
def test_a_broken_lock_is_said_by_key(lock: str, message: str, write: Write, refused: Refused) -> None:
    assert str(refused(read, write, "", lock)).startswith(f"uv.lock: {message}")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("", 'uv.lock: no "version"'),
        ("version = 2\n", 'version: version "2" is not known, only 1'),
        ("version = '1'\n", "version: this must be a whole number"),
        ("version = 1\n", 'uv.lock: no "requires-python"'),
        ("version = 1\nrequires-python = 'three'\n", "requires-python: Invalid specifier"),
        (HEAD + "supported-markers = ['x']\n", 'supported-markers[0]: the marker "x" cannot be evaluated'),
        (HEAD + "conflicts = [[{ extra = 'a' }]]\n", 'conflicts[0][0]: no "package"'),
        (HEAD + "conflicts = [3]\n", "conflicts[0]: this must be a list"),
    ],
)
def test_a_broken_head_is_said_by_key(head: str, message: str, write: Write, refused: Refused) -> None:
    assert str(refused(read, write, "", "", head)).startswith(
        f"uv.lock: {message}".replace("uv.lock: uv.lock", "uv.lock")
    )


def test_a_lock_of_another_project_is_turned_down(write: Write, refused: Refused) -> None:
    for own in (OWN.replace("shop", "store"), OWN.replace('"."', '"lib"'), ""):
        error = refused(read, write, "", "", own=own)
        assert (str(error), error.hint) == ('uv.lock: the lock has no entry for the project "shop"', "run `uv lock`")


def test_a_workspace_without_a_project_names_its_members(write: Write, refused: Refused) -> None:
    lock = HEAD + '[manifest]\nmembers = ["web", "api"]\n' + package("api", 'source = { editable = "api" }')
    root = write({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["*"]\n', "uv.lock": lock})
    error = refused(read_lock, discover(root))
    assert (error.message, error.where) == ("this is a workspace without a project of its own", str(root))
    assert error.hint == "name one of its members: --package api (api, web)"
