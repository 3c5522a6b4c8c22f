"""``--package NAME``: one member of a workspace with its own closure, from everywhere in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from tests.acceptance import projects
from tests.acceptance.images import read_image, tree_of
from tests.acceptance.machines import Machine, machine
from tests.acceptance.product import FAILURE
from tests.acceptance.test_in_place import managed
from tests.conftest import program, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

__all__ = ["machine"]

pytestmark = pytest.mark.index

SITE = "opt/venv/lib/python3.11/site-packages"
CODE = {"README.md": "# It\n", "src/NAME/__init__.py": "", "src/NAME/cli.py": "MAIN"}
POETRY = '\n[tool.poetry.dependencies]\ntill = { path = "../../libs/till", develop = true }\n'


def member(
    root: Path, place: str, *dependencies: str, imports: str = "", more: str = "", backend: str = "flit"
) -> None:
    name = place.rpartition("/")[2]
    main = f"{imports}\n\n\ndef main() -> None:\n    print('{name} is open')\n".lstrip()
    files = {path.replace("NAME", name): text.replace("MAIN", main) for path, text in CODE.items()}
    manifest = projects.manifest(dependencies, name=name, more=more, backend=backend)
    projects.write(root / place, {**files, "pyproject.toml": manifest})


def uv_workspace(root: Path, index: str) -> Path:
    member(root, "apps/shop", "click", "till", imports="import click\nimport till.cli")
    member(root, "apps/office", "attrs", imports="import attrs")
    member(root, "libs/till", "six", imports="import six")
    sources = "[tool.uv.sources]\ntill = { workspace = true }\n"
    projects.write(root, {"pyproject.toml": f'[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n{sources}'})
    return projects.uv_lock(root, index=index)


def poetry_with_a_lock_each(root: Path, _: str) -> Path:
    member(root, "apps/shop", "click", "till", imports="import click\nimport till.cli", more=POETRY, backend="poetry")
    member(root, "apps/office", "attrs", imports="import attrs", backend="poetry")
    member(root, "libs/till", "six", imports="import six", backend="poetry")
    for place in ("apps/shop", "apps/office", "libs/till"):
        projects.poetry_lock(root / place)
    return root


def poetry_with_one_lock(root: Path, _: str) -> Path:
    member(root, "apps/shop", "click", "till", imports="import click\nimport till.cli", more=POETRY, backend="poetry")
    member(root, "apps/office", "attrs", imports="import attrs", backend="poetry")
    member(root, "libs/till", "six", imports="import six", backend="poetry")
    places = {"shop": "apps/shop", "office": "apps/office", "till": "libs/till"}
    paths = "".join(f'{name} = {{ path = "{place}", develop = true }}\n' for name, place in places.items())
    manifest = f'[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = ">=3.11"\n{paths}'
    projects.write(root, {"pyproject.toml": manifest})
    return projects.poetry_lock(root)


def pdm_with_one_lock(root: Path, _: str) -> Path:
    member(root, "apps/shop", "click", "till", imports="import click\nimport till.cli")
    member(root, "apps/office", "attrs", imports="import attrs")
    member(root, "libs/till", "six", imports="import six")
    places = {"shop": "apps/shop", "office": "apps/office", "till": "libs/till"}
    paths = "".join(f'    "{name} @ file:///${{PROJECT_ROOT}}/{place}",\n' for name, place in places.items())
    head = '[project]\nname = "work"\nversion = "1"\nrequires-python = ">=3.11"\n'
    projects.write(root, {"pyproject.toml": f"{head}dependencies = [\n{paths}]\n[tool.pdm]\ndistribution = false\n"})
    managed(root, "pdm", "lock", PDM_CHECK_UPDATE="0", PDM_PYPI_URL=PYPI_SIMPLE_ENDPOINT)
    return root


def plain_directories(root: Path, index: str) -> Path:
    """Projects beside each other that know of each other by paths alone."""
    member(root, "apps/shop", "click", "till", imports="import click\nimport till.cli")
    member(root, "apps/office", "attrs", imports="import attrs")
    member(root, "libs/till", "six", imports="import six")
    needs = {"apps/shop": "click\nsix\n", "apps/office": "attrs\n", "libs/till": "six\n"}
    for place, names in needs.items():
        projects.write(root / place, {"requirements.in": names})
        words = ("pip", "compile", "--quiet", "--no-header", "requirements.in", "-o", "requirements.txt")
        projects.uv(*words, index=index, cwd=root / place)
    with (root / "apps/shop/requirements.txt").open("a") as file:
        file.write("-e ../../libs/till\n")
    return root


WAYS = {
    way.__name__: way
    for way in (
        uv_workspace,
        poetry_with_a_lock_each,
        poetry_with_one_lock,
        pdm_with_one_lock,
        plain_directories,
    )
}


@pytest.fixture(params=WAYS)
def root(request: pytest.FixtureRequest, tmp_path: Path, loopback: Index) -> Path:
    root = projects.write(tmp_path / "work", {".git/HEAD": ""})
    return WAYS[request.param](root, loopback.url)


@pytest.fixture
def shared(product: Product, loopback: Index, small_base: str, request: pytest.FixtureRequest) -> Product:
    shared = product.using(base=small_base)
    foreign = request.node.callspec.params["root"].startswith(("poetry", "pdm"))
    return shared if foreign else shared.using(UV_DEFAULT_INDEX=loopback.url)


def test_a_member_has_its_own_closure(root: Path, shared: Product, tmp_path: Path) -> None:
    made = shared.build(root, tmp_path / "shop.tar", "--package", "shop")
    assert made.kinds == ["base", "environment", "dependencies", "first-party", "code"]
    assert made.report["reference"] == "shop:latest"
    image = read_image(tmp_path / "shop.tar")
    dependencies, libraries, code = (set(tree_of(tar)) for tar in image.tars[-3:])
    assert {f"{SITE}/click/core.py", f"{SITE}/six.py"} <= dependencies
    assert not any("/attr" in path for path in dependencies)
    assert f"{SITE}/till/cli.py" in libraries
    assert f"{SITE}/shop/cli.py" in code
    assert not any("office" in path for path in libraries | code)
    for start in ("apps/shop", "libs/till", "apps/office"):
        assert shared.build(root / start, tmp_path / "other.tar", "--package", "shop").digest == made.digest
    assert shared.build(root / "apps/shop", tmp_path / "direct.tar").digest == made.digest


EDITS: dict[str, tuple[str, set[str]]] = {
    "code of another member": ("apps/office/src/office/cli.py", set()),
    "readme of another member": ("apps/office/README.md", set()),
    "code of a library": ("libs/till/src/till/cli.py", {"first-party"}),
    "its own code": ("apps/shop/src/shop/cli.py", {"code"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_outside_of_the_closure_changes_nothing(edit: str, root: Path, shared: Product, tmp_path: Path) -> None:
    path, changed = EDITS[edit]
    before = shared.build(root, tmp_path / "before.tar", "--package", "shop")
    with (root / path).open("a") as file:
        file.write("# edited\n")
    after = shared.build(root, tmp_path / "after.tar", "--package", "shop")
    assert before.differing(after) == changed
    assert (before.digest == after.digest) is not bool(changed)


def test_a_dependency_of_another_member_changes_nothing(tmp_path: Path, loopback: Index, fast: Product) -> None:
    root = uv_workspace(projects.write(tmp_path / "work", {".git/HEAD": ""}), loopback.url)
    before = fast.build(root, tmp_path / "before.tar", "--package", "shop")
    projects.replace(root / "apps/office/pyproject.toml", '"attrs"', '"attrs", "jinja2"')
    projects.replace(root / "apps/office/pyproject.toml", 'version = "1.0.0"', 'version = "2.0.0"')
    projects.uv_lock(root, index=loopback.url)
    after = fast.build(root, tmp_path / "after.tar", "--package", "shop")
    assert after.digest == before.digest
    assert (tmp_path / "before.tar").read_bytes() == (tmp_path / "after.tar").read_bytes()


def test_a_member_is_named_or_told(tmp_path: Path, loopback: Index, fast: Product) -> None:
    root = uv_workspace(projects.write(tmp_path / "work", {".git/HEAD": ""}), loopback.url)
    assert "--package office (office, shop, till)" in fast.refused(root, tmp_path / "image.tar")
    said = fast.refused(root, tmp_path / "image.tar", "--package", "shops")
    assert 'there is no project "shops"' in said
    assert 'did you mean "shop"? the projects there are: office, shop, till' in said
    assert "--package is empty" in fast.refused(root, tmp_path / "image.tar", "--package", "")


def test_other_verbs_know_members_too(tmp_path: Path, loopback: Index, fast: Product) -> None:
    root = uv_workspace(tmp_path / "work", loopback.url)
    run(program("git"), "init", "--quiet", root)
    said = fast.run("recipe", "--package", "till", root)
    assert (said.status, "six==" in said.stdout, "click" in said.stdout) == (0, True, False), said
    said = fast.run("init", "--package", "shop", root)
    assert said.status == 0, said
    text = (root / "apps/shop/Dockerfile").read_text()
    assert "COPY apps/shop apps/shop" in text
    assert "office" not in text


def test_a_member_that_is_no_package_has_libraries_too(tmp_path: Path, loopback: Index, fast: Product) -> None:
    root = uv_workspace(
        projects.write(tmp_path / "work", {".git/HEAD": "", ".dockerignore": "**/*.md\n"}), loopback.url
    )
    manifest = '[project]\nname = "site"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["till"]\n'
    files = {"pyproject.toml": manifest, "main.py": "import till.cli\n\ntill.cli.main()\n", "notes.md": ""}
    projects.write(root / "apps/site", files)
    projects.uv_lock(root, index=loopback.url)
    made = fast.build(root, tmp_path / "site.tar", "--package", "site")
    assert made.kinds == ["base", "environment", "dependencies", "first-party", "code"]
    image = read_image(tmp_path / "site.tar")
    assert set(tree_of(image.tars[-1])) == {"app", "app/main.py", "app/pyproject.toml"}
    assert f"{SITE}/till/cli.py" in tree_of(image.tars[-2])
    assert made.report["import_check"] == "passed"


def test_what_no_manager_exports_is_no_dockerfile(tmp_path: Path, product: Product) -> None:
    root = poetry_with_one_lock(projects.write(tmp_path / "work", {".git/HEAD": ""}), "")
    said = product.run("init", "--package", "shop", root)
    assert said.status == FAILURE
    assert 'the lock is that of "work", and its manager exports all of it or nothing' in said.stderr
    assert not (root / "apps/shop/Dockerfile").exists()


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("machine", ["classic load"], indirect=True)
def test_a_member_runs(machine: Machine, tmp_path: Path, loopback: Index, fast: Product) -> None:
    root = uv_workspace(projects.write(tmp_path / "work", {".git/HEAD": ""}), loopback.url)
    made = machine.build(fast, root / "apps/shop", tmp_path)
    assert made.report["import_check"] == "passed"
    assert machine.run().strip() == "shop is open"
