"""Code that is no package: its files in the working directory, what starts it, and what an edit of it changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pypi_simple import PYPI_SIMPLE_ENDPOINT
from tests.acceptance import projects
from tests.acceptance.images import below, read_image, tree_of
from tests.acceptance.machines import Machine, machine
from tests.acceptance.product import FAILURE
from tests.conftest import absent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.acceptance.loopback import Index
    from tests.acceptance.product import Product

__all__ = ["machine"]

pytestmark = pytest.mark.index

CODE = {
    "main.py": 'import click\n\nfrom tills import till\n\nclick.echo(f"shop: {till.count()}")\n',
    "tills/till.py": "import markupsafe\n\n\ndef count() -> str:\n    return str(markupsafe.escape('1 < 2'))\n",
    "tills/prices.csv": "tea,1\n",
    "scripts/fill.py": "import helper\nimport faker\n",
    "scripts/helper.py": "",
    "tests/test_till.py": "import pytest\n",
    "README.md": "# Shop\n",
}
SHIPPED = {"main.py", "tills/till.py", "tills/prices.csv", "scripts/fill.py", "scripts/helper.py", "README.md"}
PROJECT = """\
[project]
name = "shop"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = ["click", "markupsafe"]
"""
HATCHLING = '\n[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
POETRY = """\
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
python = ">=3.11"
click = "*"
markupsafe = "*"
"""
PIPFILE = """\
[[source]]
url = "{}"
verify_ssl = true
name = "main"

[packages]
click = "*"
markupsafe = "*"
"""


def uv(root: Path, index: str) -> None:
    projects.write(root, {"pyproject.toml": PROJECT})
    projects.uv_lock(root, index=index)


def uv_that_is_no_package(root: Path, index: str) -> None:
    scripts = '\n[project.scripts]\nshop = "main:main"\n'
    projects.write(root, {"pyproject.toml": PROJECT + scripts + HATCHLING + "\n[tool.uv]\npackage = false\n"})
    projects.uv_lock(root, index=index)


def poetry(root: Path, _: str) -> None:
    projects.write(root, {"pyproject.toml": POETRY})
    projects.poetry_lock(root)


def pdm(root: Path, _: str) -> None:
    projects.write(root, {"pyproject.toml": PROJECT + "\n[tool.pdm]\ndistribution = false\n"})
    managed(root, "pdm", "lock", PDM_CHECK_UPDATE="0", PDM_PYPI_URL=PYPI_SIMPLE_ENDPOINT)


def pipenv(root: Path, _: str) -> None:
    projects.write(root, {"Pipfile": PIPFILE.format(os.environ.get("UV_DEFAULT_INDEX", PYPI_SIMPLE_ENDPOINT))})
    variables = {"PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_PYTHON": sys.executable, "PYTHONWARNINGS": "ignore"}
    managed(root, "pipenv", "lock", **variables, WORKON_HOME=str(root.parent / "environments"))


def requirements(root: Path, index: str) -> None:
    projects.write(root, {"requirements.in": "click\nmarkupsafe\n"})
    words = ("pip", "compile", "--quiet", "--generate-hashes", "requirements.in", "-o", "requirements.txt")
    projects.uv(*words, index=index, cwd=root)


def managed(root: Path, name: str, *words: str, **variables: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
    path = shutil.which(name, path=f"{os.environ['PATH']}:{os.path.dirname(sys.executable)}")  # noqa: PTH120
    if path is None:
        absent(f'the program "{name}" is needed')
    done = subprocess.run([path, *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


WAYS = {way.__name__: way for way in (uv, uv_that_is_no_package, poetry, pdm, pipenv, requirements)}


@pytest.fixture(params=WAYS)
def root(request: pytest.FixtureRequest, tmp_path: Path, loopback: Index) -> Path:
    made = projects.write(tmp_path / "shop", CODE)
    WAYS[request.param](made, loopback.url)
    return made


@pytest.fixture
def plain(tmp_path: Path, loopback: Index) -> Path:
    made = projects.write(tmp_path / "shop", CODE)
    uv(made, loopback.url)
    return made


@pytest.fixture
def quick(product: Product, loopback: Index, small_base: str, request: pytest.FixtureRequest) -> Product:
    shared = product.using(base=small_base)
    ways = getattr(getattr(request.node, "callspec", None), "params", {})
    foreign = ways.get("root") in {"poetry", "pdm", "pipenv"}
    return shared if foreign else shared.using(UV_DEFAULT_INDEX=loopback.url)


def test_every_manager_has_a_word_for_it(root: Path, quick: Product, tmp_path: Path) -> None:
    made = quick.build(root, tmp_path / "image.tar")
    assert made.kinds == ["base", "environment", "dependencies", "code"]
    assert made.how in {"copied", "reused"}
    assert made.report["import_check"] in {"passed", "passed before"}
    image = read_image(tmp_path / "image.tar")
    code = below(tree_of(image.tars[-1]), "app")
    files = {path for path, entry in code.items() if entry.kind == "file"}
    manifests = {"pyproject.toml", "Pipfile", "Pipfile.lock", "requirements.in", "requirements.txt"}
    manifests |= {"uv.lock", "poetry.lock", "pdm.lock"}
    assert files - manifests == SHIPPED
    assert {(entry.owner, entry.mtime) for entry in code.values()} == {((0, 0), 315532800)}
    config = image.config["config"]
    assert config["Cmd"] == ["/opt/venv/bin/python", "main.py"]
    assert "PYTHONPATH=/app" in config["Env"]
    assert config["WorkingDir"] == "/app"
    assert "Entrypoint" not in config
    assert 'it is guessed: "python main.py"' in made.stderr
    assert 'scripts/fill.py:2: "faker" is imported' in made.stderr
    assert "helper" not in made.stderr
    assert ("its scripts (shop) are not installed" in made.stderr) is ("[project.scripts]" in manifest(root))


def manifest(root: Path) -> str:
    path = root / "pyproject.toml"
    return path.read_text() if path.exists() else ""


def edit_code(root: Path, _: str) -> None:
    projects.replace(root / "main.py", "shop: ", "the shop: ")


def bump_version(root: Path, index: str) -> None:
    projects.replace(root / "pyproject.toml", '"1.0.0"', '"1.0.1"')
    projects.uv_lock(root, index=index)


def edit_readme(root: Path, _: str) -> None:
    (root / "README.md").write_text("# Corner shop\n")


def set_linter(root: Path, _: str) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n[tool.ruff]\nline-length = 99\n")


def edit_test(root: Path, _: str) -> None:
    (root / "tests/test_till.py").write_text("import pytest  # now\n")


def add_module(root: Path, _: str) -> None:
    (root / "tills/drawer.py").write_text("import click\n")


def make_executable(root: Path, _: str) -> None:
    (root / "main.py").chmod(0o755)


EDITS: dict[Callable[[Path, str], None], set[str]] = {
    edit_code: {"code"},
    bump_version: {"code"},
    edit_readme: {"code"},
    set_linter: {"code"},
    edit_test: set(),
    add_module: {"code"},
    make_executable: {"code"},
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_changes_the_code_alone(
    edit: Callable[[Path, str], None], plain: Path, quick: Product, loopback: Index, tmp_path: Path
) -> None:
    before = quick.build(plain, tmp_path / "before.tar")
    edit(plain, loopback.url)
    after = quick.build(plain, tmp_path / "after.tar")
    assert before.differing(after) == EDITS[edit]
    assert after.how == ("copied" if EDITS[edit] else "reused")
    fresh = quick.using(tmp_path / "another cache").build(plain, tmp_path / "fresh.tar")
    assert fresh.digest == after.digest
    assert (tmp_path / "fresh.tar").read_bytes() == (tmp_path / "after.tar").read_bytes()


def test_another_directory_gives_the_same_image(plain: Path, quick: Product, tmp_path: Path) -> None:
    plain.joinpath("pyproject.toml").chmod(0o600)
    first = quick.build(plain, tmp_path / "first.tar", umask=0o022)
    moved = plain.rename(tmp_path / "elsewhere")
    cold = quick.using(tmp_path / "cold")
    assert cold.build(moved, tmp_path / "second.tar", umask=0o077).digest == first.digest


def test_links_are_kept_and_the_working_directory_is_the_users(plain: Path, quick: Product, tmp_path: Path) -> None:
    (plain / "till.py").symlink_to("tills/till.py")
    (plain / "shelf").symlink_to("tills")
    (plain / "uploads").mkdir()
    large = bytes(range(256)) * 8192
    (plain / "model.bin").write_bytes(large)
    quick.build(plain, tmp_path / "image.tar")
    image = read_image(tmp_path / "image.tar")
    code = below(tree_of(image.tars[-1]), "app")
    assert {path: code[path].content for path in ("till.py", "shelf")} == {
        "till.py": b"tills/till.py",
        "shelf": b"tills",
    }
    assert code["uploads"].kind == "directory"
    assert code["model.bin"].content == large
    assert tree_of(image.tars[-1])["app"].owner == (65532, 65532)


def test_a_missing_module_is_told_where_the_start_needs_it(plain: Path, quick: Product, tmp_path: Path) -> None:
    projects.write(plain, {"tills/till.py": "import celery\n"})
    said = quick.refused(plain, tmp_path / "image.tar")
    assert "tills/till.py:1" in said
    assert '"celery" is imported, but nothing in the image provides it' in said


def test_names_and_kinds_that_no_image_can_have(plain: Path, quick: Product, tmp_path: Path) -> None:
    os.mkfifo(plain / "queue")
    made = quick.build(plain, tmp_path / "first.tar")
    assert '"queue" is neither a file nor a link, and is left out' in made.stderr
    (plain / os.fsdecode(b"caf\xe9.txt")).write_text("")
    said = quick.refused(plain, tmp_path / "image.tar")
    assert "the name of a file is not UTF-8" in said
    assert r"caf\udce9.txt" in said


def test_a_directory_without_code_is_refused(plain: Path, quick: Product, tmp_path: Path) -> None:
    projects.write(plain, {".dockerignore": "**/*.py\n"})
    said = quick.refused(plain, tmp_path / "image.tar")
    assert "there is no Python code here" in said
    assert "what .dockerignore leaves" in said


def test_what_its_surroundings_lack_is_no_failure(plain: Path, quick: Product, tmp_path: Path) -> None:
    """A package of the project may read its settings when it is imported, and they are there only when it runs."""
    projects.write(plain, {"tills/__init__.py": "import os\n\nos.environ['SHOP_SECRET']\n"})
    made = quick.build(plain, tmp_path / "image.tar", "--verify", "always")
    assert made.report["import_check"] == "passed but for tills (KeyError)"
    projects.write(plain, {"tills/__init__.py": "raise ImportError('libtill.so.1')\n"})
    said = quick.run(*quick.order(plain, tmp_path / "other.tar"), "--verify", "always")
    assert said.status == FAILURE
    assert 'importing "tills" in the image failed: ImportError: libtill.so.1' in said.stderr


DJANGO = {
    "manage.py": """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
""",
    "site_/__init__.py": "",
    "site_/settings.py": """\
SECRET_KEY = "for tests alone"
INSTALLED_APPS = ["django.contrib.contenttypes", "blog"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
""",
    "site_/wsgi.py": "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
    "blog/__init__.py": "",
    "blog/models.py": "from django.db import models\n\n\nclass Post(models.Model):\n    text = models.TextField()\n",
    "requirements.in": "django\n",
}


@pytest.fixture
def django(tmp_path: Path) -> Path:
    made = projects.write(tmp_path / "shop", DJANGO)
    words = (
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "-p",
        "3.11",
        "requirements.in",
        "-o",
        "requirements.txt",
    )
    projects.uv(*words, cwd=made)
    return made


CASES = [
    pytest.param("classic load", marks=pytest.mark.docker),
    pytest.param("containerd archive", marks=pytest.mark.containerd),
    pytest.param("podman", marks=pytest.mark.podman),
    pytest.param("runc", marks=pytest.mark.umoci),
]


@pytest.mark.slow
@pytest.mark.parametrize("machine", CASES, indirect=True)
def test_it_runs_on_every_machine(machine: Machine, plain: Path, quick: Product, tmp_path: Path) -> None:
    machine.build(quick, plain, tmp_path)
    assert machine.run().strip() == "shop: 1 &lt; 2"
    probe = "import json, os, sys, tills.till; print(json.dumps([os.getcwd(), tills.till.__file__, os.getuid()]))"
    assert json.loads(machine.python(probe)) == ["/app", "/app/tills/till.py", 65532]


@pytest.mark.slow
@pytest.mark.parametrize("machine", CASES[:1], indirect=True)
def test_a_project_of_django_runs(
    machine: Machine, django: Path, product: Product, base_archive: Path, tmp_path: Path
) -> None:
    made = machine.build(product.using(base=f"docker-archive:{base_archive}"), django, tmp_path)
    assert made.report["import_check"] in {"passed", "passed before"}
    assert '"gunicorn", "site_.wsgi"' in made.stderr
    assert "Available subcommands" in machine.run()
    assert "SECRET_KEY = 'for tests alone'" in machine.run("python", "manage.py", "diffsettings")


def test_an_application_that_django_does_not_find_is_told(
    django: Path, product: Product, small_base: str, tmp_path: Path
) -> None:
    settings = django / "site_/settings.py"
    settings.write_text(settings.read_text().replace('"blog"', '"blog", "corsheaders"'))
    quick = product.using(base=small_base)
    said = quick.run(*quick.order(django, tmp_path / "image.tar"))
    assert said.status == FAILURE
    assert 'importing "django:setup()" in the image failed' in said.stderr
    assert "No module named 'corsheaders'" in said.stderr
    assert not (tmp_path / "image.tar").exists()
