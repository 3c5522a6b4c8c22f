"""Whether a uv.lock fits its manifest: what changes nothing passes, what changes something is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from depsfirst.project.discover import discover, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError

    Write = Callable[..., Path]
    Refused = Callable[..., DepsfirstError]

OWN = '[[package]]\nname = "shop"\nversion = "1"\nsource = { virtual = "." }\n'
FIXTURES = Path(__file__).parent / "fixtures"


def edited(write: Write, folder: str, *edits: tuple[str, str], member: str = "") -> Path:
    """A copy of a fixture, its manifest edited."""
    source = FIXTURES / folder
    files = {str(path.relative_to(source)): path.read_text() for path in source.rglob("*.toml")}
    files["uv.lock"] = (source / "uv.lock").read_text()
    manifest = str(Path(member) / "pyproject.toml")
    for old, new in edits:
        assert old in files[manifest], old
        files[manifest] = files[manifest].replace(old, new)
    return write(files) / member


@pytest.mark.parametrize(
    "edit",
    [
        ("httpx[http2]>=0.27", "HTTPX[HTTP2] >= 0.27.0"),
        ("python_version < '3.13' and sys_platform == 'linux'", "'linux' == sys_platform and python_version <= '3.12'"),
        ("python_version < '3.13' and", "python_full_version < '3.13' and (os_name == 'nt' or os_name != 'nt') and"),
        ("tomli>=2; python_version<'3.11'", "tomli>=2; python_version in '3.9 3.10'"),
        ('"demo-app[pg,redis]"', '"Demo_App[redis]", "demo.app[pg]"'),
        ('all = ["demo-app[pg,redis]"]', "all = [\"psycopg[binary]>=3; sys_platform != 'win32'\", 'redis~=5.0']"),
        ('["pytest>=8", {include-group = "lint"}]', '["ruff", "demo-app[redis]", "pytest>=8"]'),
        ("empty = []", ""),
        ('version = "1.2.3"', 'version = "9"'),
        ('requires-python = ">=3.9"', 'requires-python = ">=3.9.0"'),
        ('requires-python = ">=3.9"', 'requires-python = ">=3.9,!=3.9.2"'),
        ('path = "libs/one"', 'path = "./libs/../libs/one"'),
        ('path = "libs/one"', 'path = "/elsewhere/libs/one"'),
    ],
)
def test_another_spelling_still_fits(edit: tuple[str, str], write: Write) -> None:
    read_lock(discover(edited(write, "uv_forks", edit)))


@pytest.mark.parametrize(
    ("edit", "key", "what"),
    [
        (("httpx[http2]>=0.27", "httpx[http2]>=0.28"), "requires-dist", '"httpx"'),
        (("httpx[http2]>=0.27", "httpx>=0.27"), "requires-dist", '"httpx"'),
        (('"one",', ""), "requires-dist", '"one"'),
        (('"one",', '"one", "two",'), "requires-dist", '"two"'),
        (("python_version < '3.13'", "python_version < '3.14'"), "requires-dist", '"numpy"'),
        (("sys_platform == 'linux'", "sys_platform == 'darwin'"), "requires-dist", '"numpy"'),
        (('"demo-app[pg,redis]"', '"demo-app[pg]"'), "requires-dist", '"redis"'),
        (("redis = [", "cache = ["), "provides-extras", '"cache", "redis"'),
        (('path = "libs/one"', 'path = "libs/two"'), "requires-dist", '"one"'),
        (('one = { path = "libs/one", editable = true }', ""), "requires-dist", '"one"'),
        (('["ruff", "demo-app[redis]"]', '["ruff<1", "demo-app[redis]"]'), "requires-dev.dev", '"ruff"'),
        (("empty = []", "empty = ['a']"), "requires-dev.empty", '"a"'),
        (("lint = [", "more = ['mypy']\nlint = ["), "requires-dev.more", '"mypy"'),
        (("[build-system]", "[tool.uv]\nconstraint-dependencies = ['a<1']\n[build-system]"), "constraints", '"a"'),
        (("[build-system]", "[tool.uv]\noverride-dependencies = ['a==1']\n[build-system]"), "overrides", '"a"'),
        (('requires-python = ">=3.9"', 'requires-python = ">=3.10"'), "requires-python", '">=3.10"'),
        (('requires-python = ">=3.9"', 'requires-python = ">=3.9,<4"'), "requires-python", '">=3.9,<4"'),
    ],
)
def test_a_change_that_matters_is_named(
    edit: tuple[str, str], key: str, what: str, write: Write, refused: Refused
) -> None:
    error = refused(read_lock, discover(edited(write, "uv_forks", edit)))
    assert str(error.where).endswith(key)
    assert what in error.message
    assert error.hint == "run `uv lock`"


@pytest.mark.parametrize(
    "edit",
    [
        ('tag = "v1"', 'tag = "v1", group = "one"'),
        ('tag = "v1"', 'tag = "v2"'),
        ('tag = "v1"', 'rev = "v1"'),
        ('tag = "v1"', 'tag = "v1", subdirectory = "x"'),
        ("https://git.example/gitdep", "https://git.example/other"),
        ("exceptiongroup-1.3.1-py3", "exceptiongroup-1.3.0-py3"),
        ("sys_platform == 'linux'\" }]", "sys_platform == 'darwin'\" }]"),
        (" or python_version > '3.12'", ""),
        ('override-dependencies = ["idna==3.6"]', ""),
        ('constraint-dependencies = ["attrs<24"]', 'constraint-dependencies = ["attrs<25"]'),
        ('dev-dependencies = ["toml"]', 'dev-dependencies = ["tomli"]'),
        ('local = { path = "./local" }', 'local = { url = "https://files.example/local.zip" }'),
        ('local = { path = "./local" }', 'local = { index = "mine" }'),
    ],
)
def test_a_change_of_a_source_matters(edit: tuple[str, str], write: Write, refused: Refused) -> None:
    assert refused(read_lock, discover(edited(write, "uv_conflicts", edit))).hint == "run `uv lock`"


@pytest.mark.parametrize(
    "edits",
    [
        [("https://git.example/gitdep", "https://me:secret@git.example/gitdep/")],
        [
            (
                'gitdep = { git = "https://git.example/gitdep", tag = "v1" }',
                "GitDep = {git = 'https://git.example/gitdep', tag = 'v1'}",
            )
        ],
        [('local = { path = "./local" }', 'local = [{ path = "local", extra = "cpu" }, { path = "local" }]')],
        [('dev-dependencies = ["toml"]', ""), ("[dependency-groups]", "[dependency-groups]\ndev = ['toml']")],
        [('override-dependencies = ["idna==3.6"]', "override-dependencies = ['idna==3.6', {package = 'x'}]")],
    ],
)
def test_a_source_in_other_words_still_fits(edits: list[tuple[str, str]], write: Write) -> None:
    read_lock(discover(edited(write, "uv_conflicts", *edits)))


def test_a_direct_reference_can_stand_for_a_source(write: Write) -> None:
    edits = (
        ('"gitdep"', '"gitdep @ git+https://git.example/gitdep"'),
        ('gitdep = { git = "https://git.example/gitdep", tag = "v1" }', ""),
        ('"local"', '"local @ file:///elsewhere/local"'),
        ('local = { path = "./local" }', ""),
    )
    root = edited(write, "uv_conflicts", *edits)
    lock = (root / "uv.lock").read_text()
    (root / "uv.lock").write_text(
        lock.replace('git = "https://git.example/gitdep?tag=v1" }', 'git = "https://git.example/gitdep" }')
    )
    read_lock(discover(root))
    manifest = (
        (root / "pyproject.toml")
        .read_text()
        .replace(
            "gitdep @ git+https://git.example/gitdep", "gitdep @ git+https://git.example/gitdep@v1#subdirectory=x%2Fy"
        )
    )
    (root / "pyproject.toml").write_text(manifest)
    (root / "uv.lock").write_text(lock.replace("gitdep?tag=v1", "gitdep?subdirectory=x%2Fy&rev=v1"))
    read_lock(discover(root))


def test_members_of_a_workspace_have_their_own_entry(write: Write, refused: Refused) -> None:
    app = {"member": "packages/app"}
    read_lock(discover(edited(write, "uv_workspace", ('">=3.11"', '">=3.8"'), **app)))  # others narrow it down
    error = refused(read_lock, discover(edited(write, "uv_workspace", ('">=3.11"', '">=3.12"'), **app)))
    assert error.where == "../../uv.lock: requires-python"
    error = refused(read_lock, discover(edited(write, "uv_workspace", ("click>=8", "click>=9"), **app)))
    assert error.where == "../../uv.lock: package[0].metadata.requires-dist"


def test_what_the_backend_fills_in_is_not_compared(write: Write) -> None:
    edit = ('dynamic = ["version"]', 'dynamic = ["version", "dependencies"]')
    read_lock(discover(edited(write, "uv_workspace", edit, ("click>=8", "click>=9"), member="packages/app")))


def test_an_index_by_name_is_compared_by_url(write: Write, refused: Refused) -> None:
    def lock_with(url: str, manifest: str) -> Path:
        own = (
            f'version = 1\nrequires-python = ">=3.9"\n{OWN}'
            f'[package.metadata]\nrequires-dist = [{{ name = "a", specifier = ">=1", index = "{url}" }}]\n'
        )
        head = '[project]\nname = "shop"\ndependencies = ["a>=1"]\n[tool.uv.sources]\na = { index = "mine" }\n'
        return write({"uv.lock": own, "pyproject.toml": head + manifest})

    index = '[[tool.uv.index]]\nname = "mine"\nurl = "https://me:x@index.example/simple/"\n'
    read_lock(discover(lock_with("https://index.example/simple", index)))
    read_lock(discover(lock_with("https://index.example/simple", "")))  # the user's settings name it
    error = refused(read_lock, discover(lock_with("https://other.example/simple", index)))
    assert '"a"' in error.message


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (('"one",', '"one one",'), 'pyproject.toml: project.dependencies[1]: "one one" is no requirement: '),
        (('"one",', "3,"), "pyproject.toml: project.dependencies[1]: this must be a string"),
        (('{include-group = "lint"}', '{include-group = "none"}'), "pyproject.toml: dependency-groups.dev: "),
        (('{include-group = "lint"}', '{include-group = "dev"}'), "pyproject.toml: dependency-groups.dev: Cyclic"),
        (('one = { path = "libs/one", editable = true }', "one = 3"), "pyproject.toml: tool.uv.sources.one[0]: "),
        (
            ('one = { path = "libs/one", editable = true }', "one = {}"),
            'pyproject.toml: tool.uv.sources.one[0]: no "index"',
        ),
        (
            ('one = { path = "libs/one", editable = true }', "one = {path = 'x', marker = 'y'}"),
            'pyproject.toml: tool.uv.sources.one[0].marker: the marker "y" cannot be evaluated',
        ),
        (('requires-python = ">=3.9"', 'requires-python = "three"'), "pyproject.toml: project.requires-python: "),
    ],
)
def test_a_broken_manifest_is_said_by_key(edit: tuple[str, str], message: str, write: Write, refused: Refused) -> None:
    assert str(refused(read_lock, discover(edited(write, "uv_forks", edit)))).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ('specifier = ">=0.27"', 'specifier = "27>"', "requires-dist[1].specifier"),
        ("marker = \"extra == 'redis'\"", "marker = \"extra = 'redis'\"", "requires-dist[5].marker"),
        ('{ name = "one", editable', '{ nam = "one", editable', "requires-dist[3]"),
        ('provides-extras = ["all"', 'provides-extras = [1, "all"', "provides-extras[0]"),
    ],
)
def test_broken_metadata_is_said_by_key(old: str, new: str, where: str, write: Write, refused: Refused) -> None:
    root = edited(write, "uv_forks")
    text = (root / "uv.lock").read_text()
    assert old in text
    (root / "uv.lock").write_text(text.replace(old, new))
    assert f"].metadata.{where}" in str(refused(read_lock, discover(root)).where)


def test_a_lock_that_does_not_say_what_it_was_made_from_is_turned_down(write: Write, refused: Refused) -> None:
    lock = f'version = 1\nrevision = 4\nrequires-python = ">=3.9"\n{OWN}'
    root = write({"uv.lock": lock, "pyproject.toml": '[project]\nname = "shop"\n'})
    read_lock(discover(root))
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["a"]\n')
    error = refused(read_lock, discover(root))
    assert error.message.startswith("the lock does not say what it was made from")


@pytest.mark.parametrize(
    ("asked", "locked"),
    [
        ("a; platform_system != 'Windows'", "sys_platform != 'win32'"),
        ("a; python_version < '<3.10'", None),
    ],
)
def test_what_uv_takes_for_the_same_fits(asked: str, locked: str | None, write: Write) -> None:
    marker = f', marker = "{locked}"' if locked else ""
    own = OWN + f'[package.metadata]\nrequires-dist = [{{ name = "a"{marker} }}]\n'
    manifest = f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["{asked}"]\n'
    lock = f'version = 1\nrevision = 3\nrequires-python = ">=3.9"\n{own}'
    assert read_lock(discover(write({"pyproject.toml": manifest, "uv.lock": lock}))).format == "uv"
