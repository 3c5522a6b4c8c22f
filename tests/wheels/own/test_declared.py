from __future__ import annotations

import tomllib
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from depsfirst.project.model import BuildSystem
from depsfirst.wheels.own.declared import BACKENDS, Subject, reads, remapped, settings, version_key
from depsfirst.wheels.own.tree import walk

if TYPE_CHECKING:
    from pathlib import Path

REQUIRES = {
    "flit": ("flit_core>=3.2,<4", "flit_core.buildapi"),
    "hatch": ("hatchling", "hatchling.build"),
    "pdm": ("pdm-backend", "pdm.backend"),
    "poetry": ("poetry-core>=2", "poetry.core.masonry.api"),
    "setuptools": ("setuptools>=61", "setuptools.build_meta"),
    "legacy": ("setuptools", "setuptools.build_meta:__legacy__"),
    "uv": ("uv_build>=0.7,<1", "uv_build"),
}


def subject(
    root: Path, backend: str, manifest: str = "", files: dict[str, str] | None = None, more: tuple[str, ...] = ()
) -> Subject:
    for name, text in {"src/shop/__init__.py": "", **(files or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    requires, name = REQUIRES.get(backend, (backend, backend))
    return Subject(root, tomllib.loads(dedent(manifest)), BuildSystem((requires, *more), name), walk(root))


@pytest.mark.parametrize("backend", REQUIRES)
def test_a_plain_project_can_be_patched(tmp_path: Path, backend: str) -> None:
    manifest = '[project]\nname = "shop"\nversion = "1.0"\nreadme = "README.md"\nlicense = {file = "LICENSE"}'
    files, always = reads(subject(tmp_path, backend, manifest, {".gitignore": "", "src/.gitignore": ""}, ("wheel",)))
    assert always is None
    assert {"README.md", "LICENSE", ".gitignore", "src/.gitignore"} <= files


def test_there_is_a_case_for_every_backend() -> None:
    assert {name for _, name in REQUIRES.values()} == set(BACKENDS)


@pytest.mark.parametrize(
    ("backend", "manifest", "files", "reason"),
    [
        ("maturin", "", {}, '"maturin" is not known'),
        ("hatch", "[tool.hatch.build.hooks.custom]\nx = 1", {}, "has build.hooks"),
        ("hatch", "[tool.hatch.build.targets.wheel.hooks.mypyc]\nx = 1", {}, "has build.targets.wheel.hooks"),
        ("hatch", "[tool.hatch.metadata.hooks.custom]\nx = 1", {}, "has metadata.hooks"),
        ("hatch", "", {"hatch.toml": "[build.hooks.custom]\nx = 1"}, "hatch.toml has build.hooks"),
        ("hatch", '[tool.hatch.version]\nsource = "vcs"', {}, 'version comes from "vcs"'),
        ("hatch", '[tool.hatch.version]\nsource = "code"\npath = "x.py"', {}, 'version comes from "code"'),
        ("hatch", '[project]\ndependencies = ["lib @ {root:uri}/lib"]', {}, "depends on the environment"),
        ("hatch", '[tool.hatch.build.targets.wheel.force-include]\n"../x" = "shop/x"', {}, "outside the project"),
        ("hatch", '[tool.hatch.build.targets.wheel.force-include]\n"/etc/passwd" = "x"', {}, "outside the project"),
        ("hatch", '[tool.hatch.build.targets.wheel.force-include]\n"~/x" = "shop/x"', {}, "outside the project"),
        ("hatch", '[tool.hatch.build.targets.wheel.force-include]\n"build/x" = "shop/x"', {}, "not watched"),
        ("pdm", "", {"pdm_build.py": ""}, '"pdm_build.py" is a build hook'),
        ("pdm", '[tool.pdm.build]\ncustom-hook = "hooks/x.py"', {"hooks/x.py": ""}, '"hooks/x.py" is a build hook'),
        ("pdm", "[tool.pdm.build]\nrun-setuptools = true", {}, "runs setuptools"),
        ("pdm", '[tool.pdm.version]\nsource = "scm"', {}, 'version comes from "scm"'),
        ("pdm", '[tool.pdm.version]\nsource = "call"\ngetter = "x:y"', {}, 'version comes from "call"'),
        ("pdm", '[project.optional-dependencies]\nx = ["lib @ file:///${HOME}/lib"]', {}, "depends on the environment"),
        ("poetry", '[tool.poetry.build]\nscript = "build.py"', {}, "runs a program"),
        ("poetry", '[[tool.poetry.packages]]\ninclude = "shop"\nfrom = "../lib"', {}, "outside the project"),
        ("setuptools", "", {"setup.py": "from setuptools import setup\nsetup(name='shop')"}, "is a program"),
        ("legacy", "", {"setup.py": "import numpy"}, "is a program"),
        ("setuptools", '[tool.setuptools.cmdclass]\nx = "y"', {}, "has cmdclass"),
        ("setuptools", '[tool.setuptools]\next-modules = [{name = "x"}]', {}, "has ext-modules"),
        ("setuptools", '[tool.setuptools]\nnamespace-packages = ["x"]', {}, "has namespace-packages"),
        ("setuptools", "[tool.distutils.bdist_wheel]\nuniversal = true", {}, "configures commands"),
        ("setuptools", "", {"setup.cfg": "[build_ext]\ninplace = 1"}, "configures a command"),
        ("setuptools", '[tool.setuptools.package-dir]\nshop = "../shop"', {}, "outside the project"),
        ("setuptools", '[tool.setuptools.dynamic]\nversion = {attr = "shop.__version__"}', {}, "importing"),
        ("setuptools", '[tool.setuptools.dynamic]\nversion = {attr = "__version__"}', {}, "importing"),
        ("setuptools", '[tool.setuptools.dynamic]\nversion = {attr = "gone.__version__"}', {}, "importing"),
        ("flit", '[project]\nname = "shop"\ndynamic = ["version"]', {}, "version is found by importing"),
        ("flit", '[project]\nname = "shop"\ndynamic = ["description"]', {}, "description is found by importing"),
        ("flit", '[tool.flit.metadata]\nmodule = "shop"', {}, "is found by importing"),
        ("uv", '[tool.uv.build-backend]\nmodule-root = "../lib"', {}, "outside the project"),
    ],
)
def test_what_nobody_can_foresee_calls_the_backend_every_time(
    tmp_path: Path, backend: str, manifest: str, files: dict[str, str], reason: str
) -> None:
    _, always = reads(subject(tmp_path, backend, manifest, files))
    assert reason in str(always)


@pytest.mark.parametrize(
    "requirement", ["hatch-vcs", "setuptools_scm>=8", "Cython", "numpy", "poetry-dynamic-versioning"]
)
@pytest.mark.parametrize("backend", REQUIRES)
def test_a_plugin_calls_the_backend_every_time(tmp_path: Path, backend: str, requirement: str) -> None:
    _, always = reads(subject(tmp_path, backend, more=(requirement,)))
    assert "may add what it likes" in str(always)


def test_a_backend_of_the_projects_own_is_called_every_time(tmp_path: Path) -> None:
    plain = subject(tmp_path, "hatch")
    own = Subject(plain.root, {}, BuildSystem(("hatchling",), "hatchling.build", (".",)), plain.tree)
    assert reads(own)[1] == 'the backend "hatchling.build" is part of the project'


@pytest.mark.parametrize(
    ("backend", "manifest", "files", "expected"),
    [
        ("poetry", '[tool.poetry]\nreadme = ["README.md", "docs/../NEWS.md"]', {}, {"README.md", "NEWS.md"}),
        ("hatch", '[tool.hatch.version]\npath = "src/shop/about.py"', {}, {"src/shop/about.py", "hatch.toml"}),
        ("pdm", '[tool.pdm.version]\nsource = "file"\npath = "src/shop/v.py"', {}, {"src/shop/v.py"}),
        (
            "flit",
            '[project]\nname = "shop"\ndynamic = ["version", "description"]',
            {"src/shop/__init__.py": '"""A shop."""', "src/shop/version.py": "__version__ = '1'"},
            {"src/shop/__init__.py", "src/shop/version.py"},
        ),
        (
            "flit",
            '[tool.flit.metadata]\nmodule = "tiny"\ndescription-file = "README.rst"',
            {"tiny.py": '"""Tiny."""\n__version__ = "1"'},
            {"tiny.py", "README.rst"},
        ),
        (
            "setuptools",
            '[tool.setuptools.dynamic]\ndependencies = {file = ["requirements.txt"]}\nreadme = {file = "A.md"}',
            {},
            {"requirements.txt", "A.md", "setup.cfg", "setup.py", "MANIFEST.in"},
        ),
        (
            "setuptools",
            '[tool.setuptools.dynamic]\nversion = {attr = "shop.about.VERSION"}',
            {"src/shop/about.py": "VERSION = '1'", "shop/about.py": "VERSION = '2'", "tests/shop/about.py": ""},
            {"src/shop/about.py", "shop/about.py"},
        ),
        (
            "setuptools",
            '[tool.setuptools.dynamic]\nversion = {attr = "store.V"}\n[tool.setuptools.packages.find]\nwhere = ["lib"]',
            {"lib/store/__init__.py": "V = '1'"},
            {"lib/store/__init__.py"},
        ),
        (
            "setuptools",
            '[tool.setuptools]\npackage-dir = {"" = "lib"}\ndynamic.version = {attr = "store.V"}',
            {"lib/store.py": "V = '1'"},
            {"lib/store.py"},
        ),
        (
            "setuptools",
            "",
            {"setup.cfg": "[metadata]\nversion = attr: shop.V\nlong_description = file: README", "shop.py": "V = 1"},
            {"README", "shop.py"},
        ),
    ],
)
def test_files_that_go_into_metadata(
    tmp_path: Path, backend: str, manifest: str, files: dict[str, str], expected: set[str]
) -> None:
    found, _ = reads(subject(tmp_path, backend, manifest, files))
    assert expected <= found


def test_a_file_out_of_the_tree_keeps_its_place(tmp_path: Path) -> None:
    found, _ = reads(subject(tmp_path / "shop", "poetry", '[project]\nreadme = "../README.md"'))
    assert "../README.md" in found
    found, _ = reads(subject(tmp_path / "shop", "poetry", f'[project]\nreadme = "{tmp_path}/README.md"'))
    assert "../README.md" in found


def test_a_setup_cfg_that_is_not_utf_8_is_not_understood(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_bytes(b"[metadata]\nauthor = Andr\xe9\n")
    assert "cannot be read" in str(reads(subject(tmp_path, "setuptools"))[1])


def test_what_only_says_what_to_leave_out_is_no_path(tmp_path: Path) -> None:
    manifest = """
        [tool.hatch.build]
        exclude = ["../x", "build/**"]
        [tool.hatch.build.targets.wheel]
        packages = ["/src/shop"]
    """
    assert reads(subject(tmp_path, "hatch", manifest))[1] is None


BOTH = """
    [build-system]
    requires = ["x"]
    [project]
    name = "shop"
    version = "1.0"
    [dependency-groups]
    dev = ["pytest"]
    [tool.ruff]
    line-length = 80
    [tool.depsfirst]
    base = "deb:trixie"
    [tool.uv.sources]
    x = { path = "../x" }
    [tool.hatch.envs.default]
    dependencies = ["pytest"]
    [tool.pdm.dev-dependencies]
    test = ["pytest"]
    [tool.poetry.group.dev.dependencies]
    pytest = "*"
    [tool.poetry.dev-dependencies]
    pytest = "*"
    [[tool.poetry.source]]
    name = "x"
    [tool.setuptools_scm]
    x = 1
"""


@pytest.mark.parametrize("backend", [name for _, name in REQUIRES.values()])
def test_settings_that_no_backend_reads_do_not_count(backend: str) -> None:
    found = settings(tomllib.loads(dedent(BOTH)), backend)
    assert found == {"build-system.requires": '["x"]', "project.name": '"shop"', "project.version": '"1.0"'}


@pytest.mark.parametrize(
    ("backend", "manifest", "key"),
    [
        ("hatch", "[tool.hatch.build.targets.wheel]\npackages = []", "tool.hatch.build.targets"),
        ("hatch", '[tool.hatch.version]\npath = "x"', "tool.hatch.version.path"),
        ("poetry", '[tool.poetry.dependencies]\nrich = "*"', "tool.poetry.dependencies"),
        ("pdm", "[tool.pdm.build]\nincludes = []", "tool.pdm.build.includes"),
        ("setuptools", "[tool.setuptools]\nzip-safe = true", "tool.setuptools.zip-safe"),
        ("flit", '[tool.flit.module]\nname = "x"', "tool.flit.module"),
        ("uv", '[tool.uv.build-backend]\nmodule-name = "x"', "tool.uv.build-backend.module-name"),
    ],
)
def test_settings_of_the_backend_count(backend: str, manifest: str, key: str) -> None:
    assert key in settings(tomllib.loads(manifest), REQUIRES[backend][1])


def test_the_order_of_keys_counts() -> None:
    one, two = ({"project": {"scripts": dict(pairs)}} for pairs in ([("a", "x"), ("b", "y")], [("b", "y"), ("a", "x")]))
    assert settings(one, "hatchling.build") != settings(two, "hatchling.build")


def test_where_the_version_is_stated() -> None:
    assert version_key({"project": {"version": "1"}, "tool": {"poetry": {"version": "2"}}}) == "project.version"
    assert version_key({"project": {}, "tool": {"poetry": {"version": "2"}}}) == "tool.poetry.version"
    assert version_key({"project": {"dynamic": ["version"]}}) is None
    assert version_key({"project": "nonsense"}) is None


@pytest.mark.parametrize(
    ("backend", "manifest", "expected"),
    [
        ("hatch", '[tool.hatch.build.targets.wheel]\npackages = ["src/shop"]', False),
        ("hatch", '[tool.hatch.build.targets.wheel]\nsources = ["src"]', False),
        ("hatch", '[tool.hatch.build.targets.wheel.sources]\n"src/a" = "b"', True),
        ("hatch", '[tool.hatch.build.force-include]\n"a" = "b"', True),
        ("poetry", '[[tool.poetry.packages]]\ninclude = "shop"\nfrom = "src"', False),
        ("poetry", '[[tool.poetry.packages]]\ninclude = "shop"\nto = "lib"', True),
        ("setuptools", '[tool.setuptools.package-dir]\n"" = "src"', False),
        ("setuptools", '[tool.setuptools.package-dir]\nshop = "code"', True),
    ],
)
def test_whether_paths_are_mapped_to_others(backend: str, manifest: str, *, expected: bool) -> None:
    assert remapped(tomllib.loads(manifest), REQUIRES[backend][1]) is expected
