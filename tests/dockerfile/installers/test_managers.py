from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.commands import Cache, Installs, only_project

if TYPE_CHECKING:
    from tests.dockerfile.installers.conftest import Read

D, P, TOOL = Installs.DEPENDENCIES, Installs.PROJECT, Installs.INSTALLER
MANIFEST = "/app/pyproject.toml"
POETRY = {MANIFEST: '[tool.poetry]\nname = "shop"\nversion = "1"\n'}
NO_PACKAGE = {MANIFEST: "[tool.poetry]\npackage-mode = false\n"}
PDM = {MANIFEST: '[project]\nname = "shop"\n'}
NO_DISTRIBUTION = {MANIFEST: '[project]\nname = "shop"\n[tool.pdm]\ndistribution = false\n'}
APPLICATION = {MANIFEST: '[project]\nname = "shop"\n[tool.pdm]\npackage-type = "application"\n'}
PIPFILE = {"/app/Pipfile": '[packages]\nflask = "*"\n'}
OWN_PIPFILE = {"/app/Pipfile": '[packages]\nshop = {path = ".", editable = true}\n'}
PIXI = {"/app/pixi.toml": '[project]\nname = "shop"\n[dependencies]\npython = "*"\n'}
OWN_PIXI = {"/app/pixi.toml": '[feature.app.pypi-dependencies]\nshop = { path = ".", editable = true }\n'}
PIXI_IN_MANIFEST = {MANIFEST: '[tool.pixi.pypi-dependencies]\nshop = { path = "." }\n'}
CONDA = {"/app/environment.yml": "dependencies:\n  - python=3.12\n  - pip:\n    - flask\n    - -r more.txt # pinned\n"}
OWN_CONDA = {"/app/env.yml": "dependencies:\n- pip\n- pip:\n  - -e .\n"}
CONDA["/app/more.txt"] = "django\n"

INSTALLS = [
    ("poetry install", POETRY, "poetry", D, True),
    ("poetry install", {}, "poetry", D, None),
    ("poetry install", NO_PACKAGE, "poetry", D, False),
    ("poetry install --no-root", POETRY, "poetry", D, False),
    ("poetry install --no-interaction --no-ansi --only main --no-root --no-directory", POETRY, "poetry", D, False),
    ("poetry install --only main", POETRY, "poetry", D, True),
    ("poetry install --only-root", {}, "poetry", P, True),
    ("poetry install $OPTIONS", POETRY, "poetry", D, None),
    ("poetry sync --no-root", POETRY, "poetry", D, False),
    ("$POETRY_HOME/bin/poetry install -E web", POETRY, "poetry", D, True),
    ("cd / && poetry -C app install", POETRY, "poetry", D, True),
    ("python -m poetry install --no-root", POETRY, "poetry", D, False),
    ("poetry add flask", POETRY, "poetry", D, False),
    ("poetry update", POETRY, "poetry", D, False),
    ("poetry build -f wheel", POETRY, "poetry", P, True),
    ("poetry self add poetry-plugin-export", POETRY, "poetry", TOOL, False),
    ("poetry bundle venv --only main /venv", POETRY, "poetry", D, True),
    ("poetry run pip install flask", POETRY, "pip", D, False),
    ("pdm install", PDM, "pdm", D, True),
    ("pdm install", NO_DISTRIBUTION, "pdm", D, False),
    ("pdm install", APPLICATION, "pdm", D, False),
    ("pdm install", {}, "pdm", D, None),
    ("pdm install --check --prod --no-editable", PDM, "pdm", D, True),
    ("pdm sync --prod --no-self", PDM, "pdm", D, False),
    ("PDM_NO_SELF=1 pdm sync", PDM, "pdm", D, False),
    ("cd / && pdm install -p app --no-self", PDM, "pdm", D, False),
    ("pdm add flask", PDM, "pdm", D, True),
    ("pdm build -d /dist", PDM, "pdm", P, True),
    ("pdm self add pdm-dockerize", PDM, "pdm", TOOL, False),
    ("pipenv install --deploy --system", PIPFILE, "pipenv", D, False),
    ("pipenv sync", OWN_PIPFILE, "pipenv", D, True),
    ("pipenv sync", {}, "pipenv", D, None),
    ("pipenv --python /usr/bin/python3 install --dev", PIPFILE, "pipenv", D, False),
    ("pipenv install -e .", PIPFILE, "pipenv", D, True),
    ("conda env create -f environment.yml", CONDA, "conda", D, False),
    ("conda env update --name base --file env.yml", OWN_CONDA, "conda", D, True),
    ("conda env create", CONDA, "conda", D, False),
    ("conda env create -f unknown.yml", CONDA, "conda", D, None),
    ("conda install -y -c conda-forge numpy", {}, "conda", D, False),
    ("conda update -n base -y conda", {}, "conda", TOOL, False),
    ("mamba create --name x -c conda-forge --file /tmp/requirements.txt", {}, "mamba", D, False),
    ("micromamba install -y -n base -f env.yml", OWN_CONDA, "micromamba", D, True),
    ("conda run -n x pip install flask", {}, "pip", D, False),
    ("conda run --no-capture-output -n x pip install --no-deps .", {}, "pip", P, True),
    ("conda-lock install --name x conda-lock.yml", {}, "conda-lock", D, False),
    ("pixi install --locked -e docker", PIXI, "pixi", D, False),
    ("pixi install", OWN_PIXI, "pixi", D, True),
    ("pixi install", PIXI_IN_MANIFEST, "pixi", D, True),
    ("pixi install", {}, "pixi", D, None),
    ("pixi run -e prod build --help", PIXI, "pixi", D, False),
    ("pixi global install ruff", PIXI, "pixi", D, False),
]


@pytest.mark.parametrize(
    ("text", "files", "tool", "kind", "with_project"), INSTALLS, ids=[f"{row[0]} {row[4]}" for row in INSTALLS]
)
def test_installs(
    read: Read, *, text: str, files: dict[str, str], tool: str, kind: Installs, with_project: bool | None
) -> None:
    (found,) = read(text, files, POETRY_HOME="/opt/poetry").installations
    assert (found.tool, found.kind, found.with_project) == (tool, kind, with_project)
    if with_project:
        assert found.project == "/app"


@pytest.mark.parametrize(
    "text",
    [
        "poetry --version",
        "poetry config virtualenvs.create false",
        "poetry run python manage.py collectstatic",
        "poetry show",
        "poetry check --lock",
        "poetry env use 3.12",
        "poetry install --dry-run",
        "poetry cache clear --all .",
        "echo poetry install",
        "pdm --version",
        "pdm config check_update false",
        "pdm use -f /venv",
        "pdm venv create",
        "pdm run flask db upgrade",
        "pipenv --version",
        "pipenv run python x.py",
        "pipenv verify",
        "pipenv --rm",
        "conda clean -afy",
        "conda config --add channels conda-forge",
        "conda init bash",
        "conda list",
        "conda remove -y x",
        "conda env remove -n x",
        "micromamba shell init",
        "conda run -n x python app.py",
        "pixi --version",
        "pixi run --no-install test",
        "pixi task add x y",
        "# poetry install",
    ],
)
def test_installs_nothing(read: Read, *, text: str) -> None:
    found = read(f"true; {text}", {**POETRY, **PIPFILE, **PIXI})
    assert (found.installations, found.exports) == ((), ())


EXPORTS = [
    ("poetry export -f requirements.txt --output r.txt", "poetry.lock", "/app/r.txt", True, True),
    ("poetry export -f requirements.txt --without-hashes > /r.txt", "poetry.lock", "/r.txt", False, True),
    ("poetry export --only=main -o r.txt -o s.txt", "poetry.lock", "/app/s.txt", True, True),
    ("poetry export --strange -o r.txt", "poetry.lock", "/app/r.txt", True, False),
    ("pdm export --prod -o r.txt", "pdm.lock", "/app/r.txt", True, True),
    ("pdm export -L other.lock --without-hashes > r.txt", "other.lock", "/app/r.txt", False, True),
    ("pipenv requirements --hash > r.txt", "Pipfile.lock", "/app/r.txt", True, True),
    ("pipenv requirements > r.txt", "Pipfile.lock", "/app/r.txt", False, True),
    ("pipenv lock -r > r.txt", "Pipfile.lock", "/app/r.txt", False, False),
    ("pip install -r <(pipenv lock -r)", "Pipfile.lock", None, False, False),
]


@pytest.mark.parametrize(("text", "lock", "output", "hashes", "exact"), EXPORTS, ids=[row[0] for row in EXPORTS])
def test_exports(read: Read, *, text: str, lock: str, output: str | None, hashes: bool, exact: bool) -> None:
    (export,) = read(text, {**POETRY, **PIPFILE}, shell=("/bin/bash", "-c")).exports
    assert export.inputs[1] == f"/app/{lock}"
    assert (export.output, export.hashes, export.exact) == (output, hashes, exact)
    assert (export.with_project, export.locks) == (False, False)


@pytest.mark.parametrize(
    ("text", "with_project"),
    [
        ("pdm export --self -o r.txt", True),
        ("pdm export --editable-self -o r.txt", True),
        ("pdm export $X > r.txt", None),
    ],
)
def test_exports_can_hold_the_project(read: Read, *, text: str, with_project: bool | None) -> None:
    assert read(text, PDM).exports[0].with_project is with_project
    assert read("pipenv requirements > r.txt", OWN_PIPFILE).exports[0].with_project is True


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("poetry lock", "/app/poetry.lock"),
        ("pdm lock", "/app/pdm.lock"),
        ("pipenv lock", "/app/Pipfile.lock"),
        ("pixi lock", "/app/pixi.lock"),
    ],
)
def test_locking_resolves(read: Read, *, text: str, output: str) -> None:
    (export,) = read(text).exports
    assert (export.output, export.locks, export.exact) == (output, True, False)


@pytest.mark.parametrize(
    ("text", "variables", "cache"),
    [
        ("poetry install", {"VIRTUAL_ENV": "/venv"}, Cache(("/root/.cache/pypoetry",))),
        ("poetry install", {"POETRY_VIRTUALENVS_IN_PROJECT": "true"}, Cache(("/root/.cache/pypoetry",))),
        ("poetry install", {"POETRY_VIRTUALENVS_CREATE": "false"}, Cache(("/root/.cache/pypoetry",))),
        (  # the environment is made in "virtualenvs" beside them
            "poetry install --no-cache",
            {},
            Cache(("/root/.cache/pypoetry/cache", "/root/.cache/pypoetry/artifacts"), used=False),
        ),
        ("poetry install", {"POETRY_CACHE_DIR": "/p"}, Cache(("/p/cache", "/p/artifacts"))),
        ("pdm sync", {}, Cache(("/root/.cache/pdm",))),
        ("pdm sync", {"PDM_CACHE_DIR": "/p"}, Cache(("/p",))),
        ("pipenv sync", {}, Cache(("/root/.cache/pipenv", "/root/.cache/pip"))),
        ("conda install x", {}, Cache()),
        ("mamba install x", {"CONDA_PKGS_DIRS": "/pkgs"}, Cache(("/pkgs",))),
        ("micromamba install x", {"MAMBA_ROOT_PREFIX": "/opt/m"}, Cache(("/opt/m/pkgs",))),
        ("pixi install", {}, Cache(("/root/.cache/rattler/cache",))),
        ("pixi install", {"PIXI_CACHE_DIR": "/p"}, Cache(("/p",))),
    ],
)
def test_caches(read: Read, *, text: str, variables: dict[str, str], cache: Cache) -> None:
    assert read(text, variables=variables).installations[0].cache == cache


@pytest.mark.parametrize(
    ("before", "after", "alone"),
    [
        ("poetry install --no-root --only main", "poetry install --only main", True),
        ("poetry install --no-root", "poetry install --only-root", True),
        ("poetry install --no-root --only main", "poetry install", False),
        ("poetry install --no-root", "poetry install --with docs", False),
        ("pdm sync --prod --no-self", "pdm install --prod", True),
        ("pdm sync --prod --no-self", "pdm install", False),
        ("poetry add flask", "poetry install", False),
    ],
)
def test_a_second_install_of_the_same_is_the_project_alone(read: Read, *, before: str, after: str, alone: bool) -> None:
    first, second = read(f"{before} && {after}", POETRY).installations
    assert only_project(second, [first]) is alone


def test_environment_files_are_read_with_what_they_include(read: Read) -> None:
    (found,) = read("conda env create -f environment.yml", CONDA).installations
    assert found.inputs == ("/app/environment.yml", "/app/more.txt")
