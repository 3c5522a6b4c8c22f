"""What starts code that is no package, and where its modules are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.plan import runtime, undecided
from depsfirst.project.discover import discover, discover_library
from depsfirst.project.in_place import in_place, module_of
from depsfirst.project.manifest import SETUPTOOLS
from depsfirst.project.model import Project
from depsfirst.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def written(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return root


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (["main.py", "helper.py", "setup.py"], ("main.py",)),
        (["app.py", "shop/__init__.py"], ("app.py",)),
        (["__main__.py", "tables.py"], ("__main__.py",)),
        (["manage.py", "shop/wsgi.py"], ("manage.py",)),
        (["src/main.py", "src/shop/__init__.py"], ("src/main.py",)),
        (["shop/__init__.py", "shop/__main__.py"], ("-m", "shop")),
        (["src/shop/__init__.py", "src/shop/__main__.py"], ("-m", "shop")),
        (["bot.py", "conftest.py", "noxfile.py", "test_bot.py", "bot_test.py", "_private.py"], ("bot.py",)),
        (["src/bot.py"], ("src/bot.py",)),
    ],
)
def test_one_candidate_is_guessed_aloud(names: list[str], start: tuple[str, ...], tmp_path: Path) -> None:
    found = in_place(written(tmp_path, *names))
    assert found.start == start
    assert " ".join(("python", *start)) in found.note
    assert "[tool.depsfirst] cmd = " in found.note


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["main.py", "app.py"], 'may be "python app.py", "python main.py"'),
        (["a/__main__.py", "b/__main__.py"], 'may be "python -m a", "python -m b"'),
        (["load.py", "report.py"], 'may be "python load.py", "python report.py"'),
        (["README.md", "odd-name.py"], "was not found"),
        ([], "was not found"),
    ],
)
def test_nothing_is_chosen_among_several(names: list[str], said: str, tmp_path: Path) -> None:
    found = in_place(written(tmp_path, *names))
    assert found.start == ()
    assert said in found.note
    assert "[tool.depsfirst] cmd = " in found.note


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["main.py"], (".",)),
        (["src/shop/__init__.py"], ("src", ".")),
        (["src/main.py"], ("src", ".")),
        (["src/__init__.py", "src/shop.py", "main.py"], (".",)),
        (["src/app.js", "main.py"], (".",)),
    ],
)
def test_modules_are_found_in_src_before_the_top(names: list[str], paths: tuple[str, ...], tmp_path: Path) -> None:
    assert in_place(written(tmp_path, *names)).paths == paths


def test_django_is_told_by_its_program(tmp_path: Path) -> None:
    written(tmp_path, "manage.py", "shop/wsgi.py")
    (tmp_path / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.live")\n')
    found = in_place(tmp_path)
    assert found.settings == "shop.settings.live"
    assert '"gunicorn", "shop.wsgi"' in found.note


@pytest.mark.parametrize(
    ("start", "module"),
    [
        (("main.py",), "main"),
        (("src/main.py",), "main"),
        (("-m", "shop"), "shop.__main__"),
        (("tools/load.py",), "tools.load"),
        ((), None),
    ],
)
def test_the_module_that_is_started(start: tuple[str, ...], module: str | None) -> None:
    assert module_of(start) == module


def test_how_it_runs(tmp_path: Path) -> None:
    layout = in_place(written(tmp_path, "src/shop.py", "main.py"))
    project = Project(tmp_path, None, tmp_path / "uv.lock", "shop", scripts={"shop": "shop:main"}, in_place=layout)
    made = runtime(project, Settings(workdir="/srv/shop"), "abcd", None)
    assert (made.entrypoint, made.cmd) == ((), ("/opt/venv/bin/python", "main.py"))
    assert made.env == {"PYTHONPATH": "/srv/shop/src:/srv/shop"}
    assert runtime(project, Settings(env={"PYTHONPATH": "/else"}), "", None).env == {"PYTHONPATH": "/else"}
    said = undecided(project, Settings())
    assert said is not None
    assert "its scripts (shop) are not installed" in said
    assert 'it is guessed: "python main.py"' in said
    assert undecided(project._replace(scripts={}), Settings(cmd=("python", "main.py"))) is None


def test_a_script_that_is_not_installed_starts_nothing(tmp_path: Path) -> None:
    layout = in_place(written(tmp_path, "main.py"))
    project = Project(tmp_path, None, tmp_path / "uv.lock", "shop", scripts={"shop": "shop:main"}, in_place=layout)
    with pytest.raises(DepsfirstError, match='no script "shop"'):
        runtime(project, Settings(entrypoint="shop"), "", None)


def test_it_does_not_run_among_the_files_of_the_base(tmp_path: Path) -> None:
    project = Project(tmp_path, None, tmp_path / "uv.lock", "shop", in_place=in_place(written(tmp_path, "main.py")))
    with pytest.raises(DepsfirstError, match="among the files of the base"):
        runtime(project, Settings(workdir="/"), "", None)


PROJECT = '[project]\nname = "corner-shop"\nversion = "1"\n'
BUILT = '[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
NAMELESS = 'Poetry has no "corner_shop" to make a package of'


@pytest.mark.parametrize(
    ("manifest", "names", "package"),
    [
        (PROJECT, ["main.py"], False),
        (PROJECT + BUILT, ["corner_shop/__init__.py"], True),
        (PROJECT + BUILT, ["src/corner_shop.py"], True),
        (PROJECT + BUILT + "[tool.poetry]\npackage-mode = false\n", ["corner_shop/__init__.py"], False),
        (PROJECT + BUILT + '[tool.poetry]\npackages = [{include = "shop"}]\n', ["shop/__init__.py"], True),
        (PROJECT + BUILT + "[tool.uv]\npackage = false\n", ["corner_shop/__init__.py"], False),
        (PROJECT + BUILT + "[tool.pdm]\ndistribution = false\n", ["corner_shop/__init__.py"], False),
        (PROJECT + "[tool.pdm]\ndistribution = true\n", ["corner_shop/__init__.py"], True),
        (PROJECT + "[tool.uv]\npackage = true\n", ["corner_shop/__init__.py"], True),
    ],
)
def test_what_is_a_package(manifest: str, names: list[str], package: bool, tmp_path: Path) -> None:  # noqa: FBT001
    written(tmp_path, *names, "requirements.txt")
    (tmp_path / "pyproject.toml").write_text(manifest)
    found = discover(tmp_path)
    assert (found.build_system is not None, found.in_place is None) == (package, package)
    assert undecided(found, Settings(cmd=("python",))) is None


def test_what_poetry_could_not_build_is_run_where_it_stands(tmp_path: Path) -> None:
    """As for all who install with ``--no-root`` and never said that there is no package."""
    written(tmp_path, "main.py", "app/__init__.py", "requirements.txt")
    (tmp_path / "pyproject.toml").write_text(PROJECT + BUILT)
    found = discover(tmp_path)
    assert (found.build_system, found.in_place and found.in_place.start) == (None, ("main.py",))
    said = undecided(found, Settings(cmd=("python", "main.py")))
    assert said is not None
    assert said.startswith(NAMELESS)
    assert "package-mode = false" in said


def test_a_library_that_is_locked_is_built_whatever_it_says_of_its_build(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert discover_library(tmp_path, tmp_path / "uv.lock").build_system == SETUPTOOLS
