from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.commands import Cache, Installs, only_project

if TYPE_CHECKING:
    from tests.dockerfile.installers.conftest import Read

D, P, TOOL = Installs.DEPENDENCIES, Installs.PROJECT, Installs.INSTALLER
MANIFEST, LOCK = "/app/pyproject.toml", "/app/uv.lock"
PACKAGE = {MANIFEST: '[project]\nname = "shop"\ndependencies = ["flask"]\n[build-system]\nrequires = ["uv_build"]\n'}
VIRTUAL = {MANIFEST: '[project]\nname = "shop"\n'}
SAID = {MANIFEST: '[project]\nname = "shop"\n[build-system]\nrequires = []\n[tool.uv]\npackage = false\n'}
FORCED = {MANIFEST: '[project]\nname = "shop"\n[tool.uv]\npackage = true\n'}
WORKSPACE = {
    MANIFEST: '[tool.uv.workspace]\nmembers = ["backend", "lib"]\n',
    "/app/backend/pyproject.toml": '[project]\nname = "app"\n',
    "/app/lib/pyproject.toml": '[project]\nname = "Lib"\n[build-system]\nrequires = []\n',
}

SYNCS = [
    ("uv sync", PACKAGE, True),
    ("uv sync --frozen --no-dev", PACKAGE, True),
    ("uv sync", VIRTUAL, False),
    ("uv sync", SAID, False),
    ("uv sync", FORCED, True),
    ("uv sync", {}, None),
    ("uv sync", {MANIFEST: "not = toml = at all"}, None),
    ("uv sync --no-install-project", PACKAGE, False),
    ("uv sync --locked --no-install-workspace --no-editable", PACKAGE, False),
    ("uv sync --no-install-local", PACKAGE, False),
    ("uv sync --only-group lint", PACKAGE, False),
    ("uv sync --only-dev", PACKAGE, False),
    ("uv sync --no-install-package shop", PACKAGE, False),
    ("uv sync --no-install-package other", PACKAGE, True),
    ("UV_NO_INSTALL_PROJECT=1 uv sync", PACKAGE, False),
    ("export UV_NO_INSTALL_PROJECT=true && uv sync", PACKAGE, False),
    ("UV_NO_INSTALL_PROJECT=0 uv sync", PACKAGE, True),
    ("uv sync $OPTIONS", PACKAGE, None),
    ("uv sync $OPTIONS --no-install-project", PACKAGE, False),
    ("uv sync --package app", WORKSPACE, False),
    ("uv sync --package=lib", WORKSPACE, True),
    ("uv sync --package app --no-install-workspace", WORKSPACE, False),
    ("uv sync --package elsewhere", WORKSPACE, None),
    ("uv sync", WORKSPACE, False),
    ("uv sync --all-packages", WORKSPACE, True),
    ("uv --quiet --directory /app sync", PACKAGE, True),
    ("uv sync --project /app", PACKAGE, True),
    ("cd / && /root/.local/bin/uv sync --directory app", PACKAGE, True),
    ("python -m uv sync", PACKAGE, True),
]


@pytest.mark.parametrize(("text", "files", "with_project"), SYNCS, ids=[row[0] for row in SYNCS])
def test_sync(read: Read, *, text: str, files: dict[str, str], with_project: bool | None) -> None:
    (found,) = read(text, files).installations
    assert (found.tool, found.verb, found.kind, found.with_project) == ("uv", "sync", D, with_project)
    assert found.inputs[:2] == (MANIFEST, LOCK)
    assert found.with_dependencies is True
    assert (found.project is None) == (with_project is False)
    assert bool(found.unsure) == (with_project is None)


INSTALLS = [
    ("uv pip install -r requirements.txt", "pip install", D, None),
    ("uv pip install --system .", "pip install", D, True),
    ("uv pip install --no-deps .", "pip install", P, True),
    ("uv pip install -e . --no-deps", "pip install", P, True),
    ("uv pip install uv", "pip install", TOOL, False),
    ("uv pip install --no-deps /tmp/*.whl", "pip install", D, None),
    ("uv pip install -r pyproject.toml --extra web", "pip install", D, False),
    ("uv pip sync requirements.txt --require-hashes", "pip sync", D, None),
    ("uv tool install httpie", "tool install", D, False),
    ("uv tool install poetry==2", "tool install", TOOL, False),
    ("uv tool run ruff check", "tool run", TOOL, False),
    ("uvx --from build pyproject-build .", "tool run", TOOL, False),
    ("uv build --wheel", "build", P, True),
    ("uv run app assets build", "run", D, True),
    ("uv run --frozen python -m app", "run", D, True),
    ("uv run -m app", "run", D, True),
    ("uv add flask", "add", D, True),
    ("uv python install 3.13", "python install", TOOL, False),
    ("uv sync --only-install-project", "sync", P, True),
]


@pytest.mark.parametrize(("text", "verb", "kind", "with_project"), INSTALLS, ids=[row[0] for row in INSTALLS])
def test_installs(read: Read, *, text: str, verb: str, kind: Installs, with_project: bool | None) -> None:
    (found,) = read(text, PACKAGE).installations
    assert (found.tool, found.verb, found.kind, found.with_project) == ("uv", verb, kind, with_project)


@pytest.mark.parametrize(
    "text",
    [
        "uv --version",
        "uv venv /venv",
        "uv run --no-sync pytest",
        "uv run --no-project python x.py",
        "uv run --script tool.py",
        "UV_NO_SYNC=1 uv run pytest",
        "uv run",
        "uv sync --dry-run",
        "uv sync --check",
        "uv pip uninstall flask",
        "uv pip list",
        "uv cache clean",
        "uv tree",
        "uv pip install --dry-run flask",
        "uv python pin 3.13",
        'echo "uv sync"',
        "uv self update",
    ],
)
def test_installs_nothing(read: Read, *, text: str) -> None:
    assert read(text, PACKAGE).installations == ()


def test_run_brings_packages_and_runs_what_stands_behind(read: Read) -> None:
    first, second, third = read("uv run --with rich pip install -r r.txt", PACKAGE).installations
    assert (first.packages, second.verb) == (("rich",), "run")
    assert (third.tool, third.inputs) == ("pip", ("/app/r.txt",))


@pytest.mark.parametrize(
    ("text", "variables", "cache", "link_mode"),
    [
        ("uv sync", {}, Cache(("/root/.cache/uv",)), None),
        ("uv sync --no-cache", {}, Cache(("/root/.cache/uv",), used=False), None),
        ("uv sync -n", {}, Cache(("/root/.cache/uv",), used=False), None),
        ("uv --cache-dir /c sync", {"UV_CACHE_DIR": "/d"}, Cache(("/c",)), None),
        ("uv sync", {"UV_CACHE_DIR": "/d", "UV_LINK_MODE": "copy"}, Cache(("/d",)), "copy"),
        ("uv sync --link-mode=hardlink", {"UV_LINK_MODE": "copy"}, Cache(("/root/.cache/uv",)), "hardlink"),
        ("UV_NO_CACHE=1 UV_LINK_MODE=copy uv pip install a", {}, Cache(("/root/.cache/uv",), used=False), "copy"),
    ],
)
def test_cache_and_link_mode(
    read: Read, *, text: str, variables: dict[str, str], cache: Cache, link_mode: str | None
) -> None:
    (found,) = read(text, PACKAGE, variables=variables).installations
    assert (found.cache, found.link_mode) == (cache, link_mode)


EXPORTS = [
    ("uv export --frozen --no-emit-project -o requirements.txt", "/app/requirements.txt", False, True, False, True),
    ("uv export --frozen --no-hashes --no-emit-workspace > /r.txt", "/r.txt", False, False, False, True),
    ("uv export --frozen --output-file=r.txt", "/app/r.txt", True, True, False, True),
    ("uv export --no-emit-local -o r.txt", "/app/r.txt", False, True, True, True),
    ("uv export --frozen | grep -v x > r.txt", None, True, True, False, True),
    ("uv export --frozen --no-emit-project --universal -o r.txt", "/app/r.txt", False, True, False, False),
    ("{ uv export --frozen; echo; } > r.txt", None, True, True, False, True),
    ("uv export --frozen -o $OUT", None, True, True, False, True),
    ("UV_FROZEN=1 uv export > r.txt", "/app/r.txt", True, True, False, True),
]


@pytest.mark.parametrize(
    ("text", "output", "with_project", "hashes", "locks", "exact"), EXPORTS, ids=[row[0] for row in EXPORTS]
)
def test_export(
    read: Read, *, text: str, output: str | None, with_project: bool, hashes: bool, locks: bool, exact: bool
) -> None:
    found = read(text, PACKAGE)
    (export,) = found.exports
    assert export.inputs == (MANIFEST, LOCK)
    assert (export.output, export.with_project, export.hashes) == (output, with_project, hashes)
    assert (export.locks, export.exact) == (locks, exact)
    assert found.installations == ()


def test_export_with_options_that_are_not_known(read: Read) -> None:
    (export,) = read("uv export --frozen $OPTIONS -o r.txt", PACKAGE).exports
    assert (export.with_project, export.hashes, export.exact) == (None, None, False)
    assert read("uv export --frozen -o r.txt", VIRTUAL).exports[0].with_project is False
    assert read("uv export --frozen -o r.txt").exports[0].with_project is None


def test_the_selection_can_be_compared(read: Read) -> None:
    first, second = read(
        "uv export --group b --frozen --extra=a > x; uv export --extra a --group b --frozen > y"
    ).exports
    assert first.selection == second.selection == ("--extra=a", "--group=b")


def test_locking_and_compiling_are_exports_that_resolve(read: Read) -> None:
    (lock,) = read("uv lock").exports
    assert (lock.output, lock.locks) == (LOCK, True)
    (compiled,) = read("uv pip compile pyproject.toml -o r.txt --generate-hashes").exports
    assert (compiled.inputs, compiled.output, compiled.hashes, compiled.locks) == (
        (MANIFEST,),
        "/app/r.txt",
        True,
        True,
    )
    assert read("uv lock --check").exports == ()


PAIRS = [
    ("uv sync --frozen --no-install-project", "uv sync --frozen", True),
    ("uv sync --frozen --no-install-project --no-dev", "uv sync --frozen --no-dev", True),
    ("uv sync --no-install-project --all-extras", "uv sync", True),
    ("uv sync --no-install-project --no-dev", "uv sync", False),
    ("uv sync --no-install-project", "uv sync --group docs", False),
    ("uv sync --no-install-project", "uv sync --extra web", False),
    ("uv sync --no-install-project", "cd /src && uv sync", False),
    ("uv sync --no-install-project", "UV_PROJECT_ENVIRONMENT=/venv uv sync", False),
    ("uv sync --no-install-project", "uv run app build", True),
    ("uv pip install -r requirements.txt", "uv pip install .", False),
    ("poetry install --no-root", "uv sync", False),
    ("uv tool install poetry", "uv sync", False),
]


@pytest.mark.parametrize(("before", "after", "alone"), PAIRS, ids=[f"{row[0]} | {row[1]}" for row in PAIRS])
def test_a_second_install_of_the_same_is_the_project_alone(read: Read, *, before: str, after: str, alone: bool) -> None:
    first, second = read(f"{before} && {after}", PACKAGE).installations
    assert only_project(second, [first]) is alone
    assert not only_project(second, [])


def test_a_copied_lock_counts_as_the_same(read: Read) -> None:
    (first,) = read("uv sync --no-install-project", PACKAGE, UV_PROJECT_ENVIRONMENT="/venv").installations
    (second,) = read("cd /src && uv sync", UV_PROJECT_ENVIRONMENT="/venv").installations
    assert not only_project(second, [first])
    assert only_project(second, [first], lambda path: path.rpartition("/")[2])
