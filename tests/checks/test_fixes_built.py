"""Real builds before and after fixes: the same packages, the app starts, and edits install no dependency again.

The packages are wheels in the base image, so that no build needs a network.
"""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scripts.built_pairs import read_plain
from tests.checks.conftest import checker
from tests.conftest import absent, program

from depsfirst.checks.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = [pytest.mark.docker, pytest.mark.slow]

BASE, TAG = "depsfirst-fixes-base", "depsfirst-fixes"
PACKAGES = {"alpha": "1.0", "beta": "2.1", "gamma": "0.3"}
SETTINGS = """\
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
RUN mkdir -p /etc/uv && echo 'no-index = true' > /etc/uv/uv.toml && echo 'find-links = ["/wheels"]' >> /etc/uv/uv.toml
"""
MANIFEST = """\
[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["alpha"]

[dependency-groups]
dev = ["gamma"]

[build-system]
requires = ["uv_build>=0.8,<1"]
build-backend = "uv_build"
"""


class Case(NamedTuple):
    """A project, the rule whose fix is tried, and how the image shows what it holds.

    Attributes:
        rule: its name.
        files: without the lock.
        python: the interpreter in the image.
        edits: what is edited later, file and text; of a build argument with a dollar sign before its name.
    """

    rule: str
    files: Mapping[str, str]
    python: str
    edits: Mapping[str, str]


CODE = {"app/__init__.py": "import alpha\n", "app/main.py": "import app\nprint('started')\n"}
PIP = "FROM depsfirst-fixes-base\nWORKDIR /srv\n"
UV = {"pyproject.toml": MANIFEST, "src/app/__init__.py": "import alpha\n", "src/app/main.py": "import app\n"}
CASES = {
    "code-before-pip": Case(
        "code-before-dependencies",
        {**CODE, "requirements.txt": "alpha==1.0\nbeta\n",
         "Dockerfile": f"{PIP}COPY . .\nRUN pip install -r requirements.txt\n"},
        "python3",
        {"app/main.py": "print('another')\n"},
    ),
    "code-before-pip-with-steps-between": Case(
        "code-before-dependencies",
        {
            **CODE,
            "requirements/base.txt": "alpha\n",
            "requirements/prod.txt": "-r base.txt\nbeta\n",
            "limits.txt": "beta<3\n",
            "Dockerfile": "FROM depsfirst-fixes-base\nCOPY . /srv/\nWORKDIR /srv\nRUN mkdir -p /var/log/app\n"
            "RUN pip install --no-cache-dir -r requirements/prod.txt -c limits.txt\n",
        },
        "python3",
        {"app/main.py": "print('another')\n"},
    ),
    "source-before-pip": Case(
        "source-before-dependencies",
        {**CODE, "requirements.txt": "alpha\n", "Dockerfile": f"{PIP}COPY requirements.txt ./\nCOPY app ./app\n"
         "RUN pip install -r requirements.txt\n"},
        "python3",
        {"app/main.py": "print('another')\n"},
    ),
    "source-named-with-requirements": Case(
        "source-before-dependencies",
        {"main.py": "import alpha\n", "requirements.txt": "alpha\ngamma\n",
         "Dockerfile": f"{PIP}COPY main.py requirements.txt ./\nRUN pip install -r requirements.txt\n"},
        "python3",
        {"main.py": "import alpha, gamma\n"},
    ),
    "project-with-uv": Case(
        "project-with-dependencies",
        {**UV, "Dockerfile": f"{PIP}COPY . .\nRUN uv sync --locked\n"},
        "/srv/.venv/bin/python",
        {"src/app/main.py": "print('another')\n"},
    ),
    "project-with-uv-without-dev": Case(
        "project-with-dependencies",
        {
            **UV,
            "pyproject.toml": MANIFEST.replace('["alpha"]', '["alpha", "beta>=2"]'),
            "Dockerfile": "FROM depsfirst-fixes-base\nENV UV_PROJECT_ENVIRONMENT=/opt/venv\nCOPY . /srv\nWORKDIR /srv\n"
            "RUN echo begins && uv sync --frozen --no-dev --no-editable\n",
        },
        "/opt/venv/bin/python",
        {"src/app/main.py": "print('another')\n"},
    ),
    "version-beside-requirements": Case(
        "version-bump-reinstalls",
        {**CODE, "pyproject.toml": MANIFEST, "requirements.txt": "alpha\n",
         "Dockerfile": f"{PIP}COPY pyproject.toml requirements.txt ./\nRUN pip install -r requirements.txt\n"
         "COPY . .\n"},
        "python3",
        {"pyproject.toml": MANIFEST.replace("0.1.0", "0.2.0"), "app/main.py": "print('another')\n"},
    ),
    "version-copied-before-requirements": Case(
        "version-bump-reinstalls",
        {**CODE, "pyproject.toml": MANIFEST, "requirements.txt": "beta\nalpha\n",
         "Dockerfile": f"{PIP}COPY pyproject.toml ./\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\n"
         "COPY app app\n"},
        "python3",
        {"pyproject.toml": MANIFEST.replace("0.1.0", "0.2.0"), "app/main.py": "print('another')\n"},
    ),
    "commit-before-install": Case(
        "volatile-argument",
        {**CODE, "requirements.txt": "alpha\n",
         "Dockerfile": f"{PIP}ARG GIT_SHA=unknown\nENV GIT_SHA=$GIT_SHA\nCOPY requirements.txt ./\n"
         'RUN pip install -r requirements.txt\nCOPY . .\nRUN test -n "$GIT_SHA"\n'},
        "python3",
        {"$GIT_SHA": "another"},
    ),
    "build-number-before-install": Case(
        "volatile-argument",
        {**CODE, "requirements.txt": "alpha\nbeta\n",
         "Dockerfile": "FROM depsfirst-fixes-base\nARG BUILD_NUMBER\nWORKDIR /srv\nCOPY requirements.txt ./\n"
         "RUN pip install -r requirements.txt\nCOPY . .\nRUN true\n"},
        "python3",
        {"$BUILD_NUMBER": "2"},
    ),
}  # fmt: skip


def wheel(folder: Path, name: str, version: str) -> None:
    """A wheel with one empty module."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


class Builder:
    """Builds with the daemon of the classic store."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients = [client for client in ("/usr/bin/docker", program("docker")) if Path(client).exists()]

    def build(self, directory: Path, tag: str, **arguments: str) -> str:
        """Build a directory; what the builder says."""
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        return self._run("build", "--progress=plain", "--network=none", "-t", tag, *given, str(directory))

    def output(self, tag: str, *command: str) -> str:
        """What a command says in an image."""
        return self._run("run", "--rm", "--network=none", tag, *command)

    def volume(self, directory: Path, tag: str, *command: str) -> str:
        """The same with a directory at /p."""
        return self._run("run", "--rm", "--network=none", "-v", f"{directory}:/p", tag, *command)

    def _run(self, *words: str) -> str:
        variables = {**os.environ, "DOCKER_BUILDKIT": "1", "DOCKER_HOST": self._url}
        command = [self._clients[0], *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + (done.stderr if words[0] == "build" else "")


@pytest.fixture(scope="module")
def builder(docker_classic: str, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The builder, with the base image that the cases start from."""
    from uv import find_uv_bin

    builder = Builder(docker_classic)
    place = tmp_path_factory.mktemp("base")
    (place / "wheels").mkdir()
    for name, version in PACKAGES.items():
        wheel(place / "wheels", name, version)
    (place / "uv").write_bytes(Path(find_uv_bin()).read_bytes())
    (place / "uv").chmod(0o755)
    text = f"FROM localbase:1\nCOPY wheels /wheels\nCOPY uv /usr/local/bin/uv\n{SETTINGS}"
    (place / "Dockerfile").write_text(text)
    try:
        builder.build(place, BASE)
    except AssertionError as error:
        if "localbase" in str(error):
            absent("the base image localbase:1 is needed (python3 -m scripts.engines up)")
        raise
    return builder


def held(builder: Builder, case: Case) -> str:
    """The distributions in an image with their versions, and that the app can be imported."""
    program_text = (
        "import importlib.metadata as m\n"
        "print(sorted((each.name, each.version) for each in m.distributions()))\n"
        "import alpha\n"
    )
    module = "main" if "main.py" in case.files else "app"
    return builder.output(TAG, case.python, "-c", f"{program_text}import {module}\n")


@pytest.mark.parametrize("name", CASES)
def test_a_fix_keeps_the_image_and_saves_the_install(
    name: str, builder: Builder, project: Callable[[Mapping[str, str]], Path]
) -> None:
    case = CASES[name]
    root = project({**case.files, f"{name}.txt": name})
    if "uv sync" in case.files["Dockerfile"]:
        builder.volume(root, BASE, "uv", "lock", "--directory", "/p")
    builder.build(root, TAG)
    before = held(builder, case)
    run = checker(root, select=(case.rule,))
    mended, report = run.mended(unsafe=False)
    assert mended.made
    assert not report.findings
    write(run.files, mended.files)
    builder.build(root, TAG)
    assert held(builder, case) == before
    arguments = {}
    for path, text in case.edits.items():
        if path.startswith("$"):
            arguments[path[1:]] = text
        else:
            (root / path).write_text(text)
    steps = list(read_plain(builder.build(root, TAG, **arguments)))
    installs = [step for step in steps if re.search(r"pip install|uv sync", step.text)]
    assert installs[0].cached
    assert not all(step.cached for step in steps)
