from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.commands import Cache, Installs

if TYPE_CHECKING:
    from tests.dockerfile.installers.conftest import Read

D, P, TOOL = Installs.DEPENDENCIES, Installs.PROJECT, Installs.INSTALLER
PROJECT = {"/app/pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask"]\n'}
FILES = {
    **PROJECT,
    "/app/requirements.txt": "flask==3.0 # web\n-r more/base.txt\n-c limits.txt\n",
    "/app/more/base.txt": "django \\\n  ==5.0\n--index-url https://index.example/simple\n",
    "/app/limits.txt": "flask<4\n-e .\n",
    "/app/editable.txt": "flask\n-e .[web]\n",
    "/app/file.txt": "shop @ file:///opt/shop\nflask\n",
    "/app/tools.txt": "poetry==2.1\npoetry-plugin-export\n",
}

INSTALLS = [
    ("pip install -r requirements.txt", D, False, ("/app/requirements.txt", "/app/more/base.txt", "/app/limits.txt")),
    ("pip3 install --no-cache-dir --requirement=requirements.txt", D, False, None),
    ("pip install -rrequirements.txt", D, False, None),
    ("python -m pip install -qr requirements.txt", D, False, None),
    ("python3.12 -mpip install -r requirements.txt", D, False, None),
    ("python -TOOL -W ignore -m pip install -r requirements.txt", D, False, None),
    ("/opt/venv/bin/pip install -r requirements.txt", D, False, None),
    ("sudo -H pip install -r requirements.txt", D, False, None),
    ('sh -c "pip install -r requirements.txt"', D, False, None),
    ('["pip", "install", "-r", "requirements.txt"]', D, False, None),
    ('["/bin/bash", "-euxc", "cd sub && pip install -r ../requirements.txt"]', D, False, None),
    ("cat requirements.txt | xargs -n 1 pip install", D, None, ()),
    ("pip install -r unknown.txt", D, None, ("/app/unknown.txt",)),
    ("pip install -r editable.txt", D, True, ("/app/editable.txt", "/app")),
    ("pip install -r file.txt", D, True, ("/app/file.txt", "/opt/shop")),
    ("pip install -r tools.txt", TOOL, False, ("/app/tools.txt",)),
    ("pip install flask==3.0 'django>5'", D, False, ()),
    ("pip install https://files.example/shop.zip", D, False, ()),
    ("pip install git+https://code.example/shop.git@v1", D, False, ()),
    ("pip install 'shop @ git+https://code.example/shop.git'", D, False, ()),
    ("pip install .", D, True, ("/app",)),
    ("pip install .[web]", D, True, ("/app",)),
    ('pip install ".[web,api]"', D, True, ("/app",)),
    ("pip install -e .", D, True, ("/app",)),
    ("pip install --editable=.[dev]", D, True, ("/app",)),
    ("pip install ./libs/one libs/two/", D, True, ("/app/libs/one", "/app/libs/two")),
    ("pip install --no-deps .", P, True, ("/app",)),
    ("pip install . --no-dependencies", P, True, ("/app",)),
    ("pip install --no-dep .", P, True, ("/app",)),
    ("pip install --no-deps -e .", P, True, ("/app",)),
    ("pip install --no-deps . -r requirements.txt", D, True, None),
    ("pip install --no-deps -r requirements.txt", D, False, None),
    ("PIP_NO_DEPS=1 pip install .", P, True, ("/app",)),
    ("pip install dist/*.whl", D, None, ("/app/dist/*.whl",)),
    ("pip install /wheels/shop-1-py3-none-any.whl", D, None, ("/wheels/shop-1-py3-none-any.whl",)),
    ("pip install --no-cache /wheels/*", D, None, ("/wheels/*",)),
    ("pip install --group web", D, False, ("/app/pyproject.toml",)),
    ("pip install --group /opt/pyproject.toml:web --group=docs", D, False, None),
    ("pip wheel -w /wheels --group web .", D, True, ("/app/pyproject.toml", "/app")),
    ("pip install poetry==2.1", TOOL, False, ()),
    ("pip install --upgrade pip setuptools wheel", TOOL, False, ()),
    ("pip install -U pip uv", TOOL, False, ()),
    ("pip install poetry flask", D, False, ()),
    ("python get-pip.py", TOOL, False, ()),
    ("pip wheel -w /wheels -r requirements.txt", D, False, None),
    ("pip wheel --no-deps -w /wheels .", P, True, ("/app",)),
    ("pip download -d /wheels flask", D, False, ()),
    ("python setup.py install", D, True, ("/app",)),
    ("python setup.py develop", D, True, ("/app",)),
    ("python setup.py develop --no-deps", P, True, ("/app",)),
    ("python setup.py bdist_wheel", P, True, ("/app",)),
    ("cd /src && python setup.py build_ext --inplace", P, True, ("/src",)),
    ("python -m build --wheel", P, True, ("/app",)),
    ("python -m build /src -o /dist", P, True, ("/src",)),
    ("maturin build --release -o /dist", P, True, ("/app",)),
    ("cd / && maturin develop -m app/Cargo.toml", D, True, ("/app",)),
    ("hatch build", P, True, ("/app",)),
    ("flit install --deps none", P, True, ("/app",)),
    ("flit install", D, True, ("/app",)),
    ("pip-sync requirements.txt", D, False, None),
    ("python -m piptools sync editable.txt", D, True, None),
    ("pipx install poetry", TOOL, False, ()),
    ("pipx install httpie", D, False, ()),
    ("pipx run build", TOOL, False, ()),
    ("easy_install flask", D, False, ()),
    ("/venv/bin/opentelemetry-bootstrap -a install", D, False, ()),
]


@pytest.mark.parametrize(("text", "kind", "with_project", "inputs"), INSTALLS, ids=[row[0] for row in INSTALLS])
def test_installs(
    read: Read, *, text: str, kind: Installs, with_project: bool | None, inputs: tuple[str, ...] | None
) -> None:
    found = read(text, FILES)
    (installation,) = found.installations
    assert installation.kind is kind
    assert installation.with_project is with_project
    if inputs is not None:
        assert installation.inputs == inputs
    assert installation.bootstrap == (kind is TOOL)


@pytest.mark.parametrize(
    "text",
    [
        'echo "pip install flask"',
        "true # pip install flask",
        "pip --version",
        "pip install --help",
        "pip install --dry-run flask",
        "pip uninstall -y flask",
        "pip freeze > installed.txt",
        "pip config set global.index-url https://index.example",
        "pip cache purge",
        "pip list",
        "pip check",
        "python -c 'print(\"pip install flask\")'",
        "rm -rf /root/.cache/pip",
        "apt-get remove -y python3-pip",
        "grep 'pip install' README.md",
        "cat <<EOF > notes\npip install flask\nEOF",
        "mkdir pip && ls pip install",
        "pipx list",
        "python setup.py --version",
        "python -m venv /venv",
        "which pip",
    ],
)
def test_installs_nothing(read: Read, *, text: str) -> None:
    found = read(text, FILES)
    assert found.installations == ()
    assert found.installs is None


def test_what_is_not_known_is_said(read: Read) -> None:
    (unknown,) = read("pip install $PACKAGES").installations
    assert unknown.with_project is None
    assert "$PACKAGES" in unknown.unsure[0]
    (version,) = read('pip install "flask==$VERSION"').installations
    assert version.unsure == ()
    assert version.packages == ('"flask==$VERSION"',)
    assert read("pip install -r $FILE").installations[0].with_project is None
    assert read("pip install $OPTIONS .").installations[0].with_dependencies is None


def test_variables_are_known_where_the_dockerfile_sets_them(read: Read) -> None:
    (found,) = read(
        "pip install ${OPTIONS} -r ${FILE}", FILES, OPTIONS="--no-cache-dir -q", FILE="requirements.txt"
    ).installations
    assert found.inputs[0] == "/app/requirements.txt"
    assert found.cache.used is False


@pytest.mark.parametrize(
    ("text", "variables", "user", "cache"),
    [
        ("pip install a", {}, "", Cache(("/root/.cache/pip",))),
        ("pip install a", {"HOME": "/home/app"}, "", Cache(("/home/app/.cache/pip",))),
        ("pip install a", {}, "app", Cache()),
        ("sudo pip install a", {}, "app", Cache(("/root/.cache/pip",))),
        ("pip install a", {"PIP_CACHE_DIR": "/pip"}, "app", Cache(("/pip",))),
        ("pip install a", {"XDG_CACHE_HOME": "/cache"}, "", Cache(("/cache/pip",))),
        ("pip install --cache-dir /c a", {}, "", Cache(("/c",))),
        ("pip install --no-cache-dir a", {}, "", Cache(("/root/.cache/pip",), used=False)),
        ("pip install a", {"PIP_NO_CACHE_DIR": "1"}, "", Cache(("/root/.cache/pip",), used=False)),
        ("pip install a", {"PIP_NO_CACHE_DIR": "off"}, "", Cache(("/root/.cache/pip",))),
        ("export PIP_CACHE_DIR=/x; pip install a", {}, "", Cache(("/x",))),
        ("PIP_CACHE_DIR=$(mktemp) pip install a", {}, "", Cache()),
    ],
)
def test_the_cache_is_where_the_tool_keeps_it(
    read: Read, *, text: str, variables: dict[str, str], user: str, cache: Cache
) -> None:
    assert read(text, user=user, variables=variables).installations[-1].cache == cache


def test_a_project_that_declares_no_dependencies_is_installed_alone(read: Read) -> None:
    bare = {"/app/setup.py": "from setuptools import setup\nsetup(name='shop')\n"}
    assert read("pip install .", bare).installs is P
    assert read("pip install .", {"/app/pyproject.toml": '[project]\nname="shop"\ndependencies=[]'}).installs is P
    asks = {"/app/setup.py": "setup(name='shop', install_requires=['flask'])"}
    assert read("pip install .", asks).installs is D
    assert read("pip install .[web]", bare).installs is D
    assert read("pip install . flask", bare).installs is D
    dynamic = {"/app/pyproject.toml": '[project]\nname="shop"\ndynamic=["dependencies"]'}
    assert read("pip install .", dynamic).installs is D


def test_wheels_that_were_built_before_are_known(read: Read) -> None:
    text = "python -m build -o /dist && pip install --no-deps /dist/*.whl"
    first, second = read(text, PROJECT).installations
    assert (first.output, second.kind, second.with_project, second.project) == ("/dist", P, True, "/app")
    with_dependencies = read("python -m build && pip install dist/*.whl", PROJECT).installations[1]
    assert (with_dependencies.kind, with_dependencies.with_project) == (D, True)
    house = {"/r.txt": "flask\n"}
    third_party = read("pip wheel -w /w -r /r.txt && pip install --no-deps /w/*", house).installations[1]
    assert (third_party.kind, third_party.with_project) == (D, False)


def test_a_wheel_that_needs_nothing_is_installed_alone(read: Read) -> None:
    bare = {"/app/pyproject.toml": '[project]\nname = "shop"\n'}
    text = "python -m build && pip install dist/*.whl"
    assert [each.kind for each in read(text, bare).installations] == [P, P]
    assert [each.kind for each in read(text, PROJECT).installations] == [P, D]


def test_where_it_goes(read: Read) -> None:
    assert read("/opt/venv/bin/pip install a").installations[0].target == "/opt/venv"
    assert read(". /opt/venv/bin/activate && pip install a").installations[0].target == "/opt/venv"
    assert read("pip install --target=lib a").installations[0].target == "/app/lib"
    assert read("pip install a").installations[0].target is None


@pytest.mark.parametrize(
    ("text", "inputs", "output", "hashes"),
    [
        ("pip-compile", ("/app/requirements.in",), "/app/requirements.txt", False),
        ("pip-compile --generate-hashes -o out.txt pyproject.toml", ("/app/pyproject.toml",), "/app/out.txt", True),
        ("pip-compile dev.in", ("/app/dev.in",), "/app/dev.txt", False),
        ("python -m piptools compile a.in", ("/app/a.in",), "/app/a.txt", False),
    ],
)
def test_compiling_locks(read: Read, *, text: str, inputs: tuple[str, ...], output: str, hashes: bool) -> None:
    (export,) = read(text).exports
    assert (export.inputs, export.output, export.hashes, export.locks, export.exact) == (
        inputs,
        output,
        hashes,
        True,
        False,
    )


def test_requirements_that_include_themselves_end(read: Read) -> None:
    (found,) = read("pip install -r a.txt", {"/app/a.txt": "-r b.txt", "/app/b.txt": "-r a.txt"}).installations
    assert found.inputs == ("/app/a.txt", "/app/b.txt")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/opt/venv/bin:/usr/local/bin:/usr/bin", "/opt/venv"),
        ("/root/.local/bin/:/app/.venv/bin/", "/app/.venv"),
        ("/usr/local/bin:/opt/venv/bin", None),
        ("/opt/tools/bin:/opt/venv/bin", None),
    ],
)
def test_the_first_environment_on_the_path_is_the_one(path: str, target: str | None, read: Read) -> None:
    assert read(f"PATH={path} pip install a").installations[0].target == target
