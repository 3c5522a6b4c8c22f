"""Small projects, two and more for each rule that has a fix, and what that fix promises of them."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from pypi_simple import PYPI_SIMPLE_ENDPOINT
from tests.checks.built import MANAGERS, OFFLINE, UV, Case, pins

if TYPE_CHECKING:
    from collections.abc import Mapping

_BASE, _CASE = f"FROM python:3.11-{OFFLINE}", "ENV FOR=CASE\n"
_UV = f"COPY --from={UV}:{importlib.metadata.version('uv')} /uv /usr/local/bin/\n"
FROM, WITH_UV = f"{_BASE}\n{_CASE}", f"{_BASE}\n{_UV}{_CASE}"
BUILDER, BUILDER_WITH_UV = f"{_BASE} AS builder\n{_CASE}", f"{_BASE} AS builder\n{_UV}{_CASE}"
WITH_INDEX = f"FROM python:3.11-{MANAGERS}\n"
PIP = f"{FROM}WORKDIR /srv\n"
CODE = {"app/__init__.py": "import alpha\n", "app/main.py": "import app\nprint('started')\n"}
RUN_CODE = {**CODE, "requirements.txt": "alpha\nbeta\n"}
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
UV_PROJECT = {"pyproject.toml": MANIFEST, "src/app/__init__.py": "import alpha\n", "src/app/main.py": "import app\n"}
INDEXED = MANIFEST.replace('"alpha"', '"six"').replace('"gamma"', '"iniconfig"')
MEMBER = MANIFEST.replace('"app"', '"shelf"').replace('"0.1.0"', '"1.0"').replace('"alpha"', '"beta"')
POETRY = INDEXED[: INDEXED.index("[build-system]")] + (
    '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
)
PDM = INDEXED[: INDEXED.index("[build-system]")] + (
    '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
)
APPLICATION = """\
[project]
name = "app"
requires-python = ">=3.11"
dependencies = ["six"]

[dependency-groups]
dev = ["iniconfig"]
"""
PACKAGE = {"app/__init__.py": "import six\n", "app/main.py": "import app\n"}
PIPFILE = f"""\
[[source]]
url = "{PYPI_SIMPLE_ENDPOINT.rstrip("/")}"
verify_ssl = true
name = "index"

[packages]
six = "*"

[dev-packages]
iniconfig = "*"
"""

IN_CODE = {"app/main.py": (r"\Z", "print('TOKEN')\n")}
IN_SRC = {"src/app/main.py": (r"\Z", "print('TOKEN')\n")}
VERSION = {"pyproject.toml": (r'version = "0\.1\.0"', 'version = "0.2.NUMBER"')}
LOCKED_VERSION = {**VERSION, "uv.lock": (r'version = "0\.1\.0"', 'version = "0.2.NUMBER"')}
SETTING = {"pyproject.toml": (r"\Z", "\n[tool.other]\nlevel = NUMBER\n")}
README = {"README.md": (r"\Z", "\nMore of it: TOKEN.\n")}

ORDER: Mapping[str, Case] = {
    "code-before-pip": Case(
        ("code-before-dependencies",),
        {**CODE, "requirements.txt": "alpha==1.0\nbeta\n",
         "Dockerfile": f"{PIP}COPY . .\nRUN pip install -r requirements.txt\n"},
        IN_CODE,
    ),
    "code-before-pip-with-steps-between": Case(
        ("code-before-dependencies",),
        {
            **CODE,
            "requirements/base.txt": "alpha\n",
            "requirements/prod.txt": "-r base.txt\nbeta\n",
            "limits.txt": "beta<3\n",
            "Dockerfile": f"{FROM}COPY . /srv/\nWORKDIR /srv\nRUN mkdir -p /var/log/app\n"
            "RUN pip install --no-cache-dir -r requirements/prod.txt -c limits.txt\n",
        },
        IN_CODE,
    ),
    "source-before-pip": Case(
        ("source-before-dependencies",),
        {**RUN_CODE, "Dockerfile": f"{PIP}COPY requirements.txt ./\nCOPY app ./app\n"
         "RUN pip install -r requirements.txt\n"},
        IN_CODE,
    ),
    "source-named-with-requirements": Case(
        ("source-before-dependencies",),
        {"main.py": "import alpha\n", "requirements.txt": "alpha\ngamma\n",
         "Dockerfile": f"{PIP}COPY main.py requirements.txt ./\nRUN pip install -r requirements.txt\n"},
        {"main.py": (r"\Z", "import gamma  # TOKEN\n")},
        imports=("main",),
    ),
    "project-with-uv": Case(
        ("project-with-dependencies",),
        {**UV_PROJECT, "Dockerfile": f"{WITH_UV}WORKDIR /srv\nCOPY . .\nRUN uv sync --locked\n"},
        IN_SRC,
        kept="--no-install-project",
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "version-beside-requirements": Case(
        ("version-bump-reinstalls",),
        {**RUN_CODE, "pyproject.toml": MANIFEST,
         "Dockerfile": f"{PIP}COPY pyproject.toml requirements.txt ./\nRUN pip install -r requirements.txt\n"
         "COPY . .\n"},
        {**VERSION, **IN_CODE},
    ),
    "version-copied-before-requirements": Case(
        ("version-bump-reinstalls",),
        {**RUN_CODE, "pyproject.toml": MANIFEST,
         "Dockerfile": f"{PIP}COPY pyproject.toml ./\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\n"
         "COPY app app\n"},
        {**VERSION, **IN_CODE},
    ),
    "settings-beside-requirements": Case(
        ("settings-reinstall",),
        {**RUN_CODE, "pyproject.toml": "[tool.ruff]\nline-length = 100\n",
         "Dockerfile": f"{PIP}COPY requirements.txt pyproject.toml ./\nRUN pip install -r requirements.txt\n"
         "COPY app app\n"},
        {**SETTING, **IN_CODE},
    ),
    "readme-beside-requirements": Case(
        ("readme-reinstalls",),
        {**RUN_CODE, "README.md": "# App\n",
         "Dockerfile": f"{PIP}COPY requirements.txt README.md ./\nRUN pip install -r requirements.txt\nCOPY app app\n"},
        {**README, **IN_CODE},
    ),
    "readme-before-requirements": Case(
        ("readme-reinstalls",),
        {**RUN_CODE, "README.md": "# App\n",
         "Dockerfile": f"{PIP}COPY README.md /srv/\nCOPY requirements.txt ./\nRUN pip install -r requirements.txt\n"
         "COPY . .\n"},
        {**README, **IN_CODE},
    ),
    "context-bound-into-pip": Case(
        ("context-bound-into-install",),
        {**RUN_CODE, "Dockerfile": f"{PIP}RUN --mount=target=/context pip install -r /context/requirements.txt\n"
         "COPY . .\n"},
        IN_CODE,
    ),
    "context-bound-into-uv": Case(
        ("context-bound-into-install",),
        {
            **UV_PROJECT,
            "Dockerfile": f"{WITH_UV}ENV UV_PROJECT_ENVIRONMENT=/opt/venv\nWORKDIR /srv\n"
            "RUN --mount=type=bind,target=. uv sync --locked --no-install-project --no-dev\n"
            "COPY . .\nRUN uv sync --locked --no-dev\n",
        },
        IN_SRC,
        kept="--no-install-project",
        python="/opt/venv/bin/python",
        lock="uv",
    ),
    "commit-before-install": Case(
        ("volatile-argument",),
        {**RUN_CODE,
         "Dockerfile": f"{PIP}ARG GIT_SHA=unknown\nENV GIT_SHA=$GIT_SHA\nCOPY requirements.txt ./\n"
         'RUN pip install -r requirements.txt\nCOPY . .\nRUN test -n "$GIT_SHA"\n'},
        {"$GIT_SHA": ("", "TOKEN"), **IN_CODE},
    ),
    "build-number-before-install": Case(
        ("volatile-argument",),
        {**RUN_CODE,
         "Dockerfile": f"{FROM}ARG BUILD_NUMBER\nWORKDIR /srv\nCOPY requirements.txt ./\n"
         "RUN pip install -r requirements.txt\nCOPY . .\nRUN true\n"},
        {"$BUILD_NUMBER": ("", "NUMBER"), **IN_CODE},
    ),
    "system-packages-behind-code": Case(
        ("system-packages-after-code",),
        {**CODE, "Dockerfile": f"{PIP}COPY . .\nRUN apt-get update && apt-get install -y libalpha\n"},
        IN_CODE,
        kept="apt-get install",
        imports=(),
    ),
    "index-fetched-alone": Case(
        ("apt-update-alone",),
        {**RUN_CODE,
         "Dockerfile": f"{PIP}RUN apt-get update\nRUN apt-get install -y libalpha\nCOPY requirements.txt .\n"
         "RUN pip install -r requirements.txt\nCOPY . .\n"},
        IN_CODE,
        kept=r"apt-get install|install\b.* -r ",
    ),
    "index-fetched-alone-and-packages-behind-code": Case(
        ("apt-update-alone", "system-packages-after-code"),
        {**RUN_CODE, "Dockerfile": f"{PIP}COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
         "# what it needs\nRUN apt-get -qq update\nRUN apt-get install -y libalpha && rm -rf /var/lib/apt/lists/*\n"},
        IN_CODE,
        kept=r"apt-get install|install\b.* -r ",
    ),
}  # fmt: skip
RECIPES: Mapping[str, Case] = {
    "recipe-of-uv": Case(
        ("project-with-dependencies", "version-bump-reinstalls"),
        {
            **UV_PROJECT,
            "pyproject.toml": MANIFEST.replace('["alpha"]', '["alpha", "beta>=2"]'),
            "Dockerfile": f"{WITH_UV}COPY . /srv\nWORKDIR /srv\n"
            "RUN echo begins && uv sync --locked --no-dev --no-editable\n",
        },
        {**LOCKED_VERSION, **IN_SRC},
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "recipe-of-uv-bound": Case(
        ("version-bump-reinstalls",),
        {
            **UV_PROJECT,
            "README.md": "# App\n",
            ".python-version": "3.11\n",
            "Dockerfile": f"{WITH_UV}"
            "ENV UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/venv\nWORKDIR /srv\n"
            "RUN --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\\n"
            "    --mount=type=bind,source=uv.lock,target=uv.lock \\\n"
            "    uv sync --locked --no-install-project\n"
            "COPY . .\nRUN uv sync --locked\n",
        },
        {**LOCKED_VERSION, **IN_SRC},
        imports=("app", "gamma"),
        python="/opt/venv/bin/python",
        lock="uv",
    ),
    "recipe-of-uv-for-production": Case(
        ("version-bump-reinstalls",),
        {
            **UV_PROJECT,
            "Dockerfile": f"{WITH_UV}WORKDIR /srv\nCOPY pyproject.toml /srv/\n# what is locked\nCOPY uv.lock /srv/\n"
            "RUN mkdir -p /var/lib/app\nRUN uv sync --locked --no-install-project --no-dev\n"
            "COPY src src\nRUN uv sync --locked --no-dev\n",
        },
        {**LOCKED_VERSION, **IN_SRC},
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "recipe-of-uv-workspace": Case(
        ("version-bump-reinstalls",),
        {
            **UV_PROJECT,
            "pyproject.toml": MANIFEST + '\n[tool.uv.workspace]\nmembers = ["libs/*"]\n',
            "libs/shelf/pyproject.toml": MEMBER,
            "libs/shelf/src/shelf/__init__.py": "import beta\n",
            "Dockerfile": f"{WITH_UV}WORKDIR /srv\n"
            "RUN --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\\n"
            "    --mount=type=bind,source=uv.lock,target=uv.lock \\\n"
            "    QUIET=1 uv sync --frozen --no-install-workspace --package shelf\n"
            "COPY . .\nRUN uv sync --frozen --package shelf\n",
        },
        {**LOCKED_VERSION, "libs/shelf/src/shelf/__init__.py": (r"\Z", "print('TOKEN')\n")},
        imports=("shelf",),
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "recipe-of-poetry": Case(
        ("unpinned-installer", "project-with-dependencies", "version-bump-reinstalls"),
        {
            **PACKAGE,
            "pyproject.toml": POETRY,
            "Dockerfile": f"{WITH_INDEX}RUN pip install poetry-plugin-pypi-mirror poetry\n"
            "ENV POETRY_VIRTUALENVS_IN_PROJECT=1\nWORKDIR /srv\nCOPY . .\n"
            "RUN poetry install --only main --no-interaction\n",
        },
        {**VERSION, **IN_CODE},
        python="/srv/.venv/bin/python",
        lock="poetry",
    ),
    "recipe-of-poetry-beside-the-interpreter": Case(
        ("unpinned-installer", "settings-reinstall"),
        {
            **PACKAGE,
            "pyproject.toml": APPLICATION + "\n[tool.poetry]\npackage-mode = false\n",
            "Dockerfile": f"{WITH_INDEX}RUN pip install poetry-plugin-pypi-mirror poetry\nWORKDIR /srv\n"
            "COPY pyproject.toml poetry.lock ./\n"
            "RUN poetry config virtualenvs.create false && poetry install --no-root --without dev\nCOPY . .\n",
        },
        {**SETTING, **IN_CODE},
        lock="poetry",
    ),
    "recipe-of-pdm": Case(
        ("project-with-dependencies", "version-bump-reinstalls"),
        {
            "src/app/__init__.py": "import six\n",
            "src/app/main.py": "import app\n",
            "pyproject.toml": PDM,
            "Dockerfile": f"{WITH_INDEX}RUN pip install pdm=={pins()['pdm']}\nWORKDIR /srv\nCOPY . .\n"
            "RUN pdm sync --prod\n",
        },
        {**VERSION, **IN_SRC},
        python="/srv/.venv/bin/python",
        lock="pdm",
    ),
    "recipe-of-pdm-for-production": Case(
        ("dev-lock-reinstalls-production",),
        {
            **PACKAGE,
            "pyproject.toml": APPLICATION + "\n[tool.pdm]\ndistribution = false\n",
            "Dockerfile": f"{WITH_INDEX}RUN pip install pdm=={pins()['pdm']}\nWORKDIR /srv\n"
            "COPY pyproject.toml pdm.lock ./\nRUN pdm install --check --prod\nCOPY . .\n",
        },
        {"pdm.lock": (r'(name = "iniconfig"\nversion = ")[^"]+', r"\g<1>1.1.NUMBER"), **IN_CODE},
        python="/srv/.venv/bin/python",
        lock="pdm",
    ),
    "recipe-of-pipenv": Case(
        ("dev-lock-reinstalls-production",),
        {
            **PACKAGE,
            "Pipfile": PIPFILE,
            "Dockerfile": f"{WITH_INDEX}RUN pip install pipenv=={pins()['pipenv']}\nWORKDIR /srv\n"
            "COPY Pipfile Pipfile.lock ./\nRUN pipenv install --system --deploy\nCOPY . .\n",
        },
        {"Pipfile.lock": (r'(?s)("iniconfig": \{.*?"version": "==)[^"]+', r"\g<1>1.1.NUMBER"), **IN_CODE},
        lock="pipenv",
    ),
    "recipe-of-pipenv-in-an-environment": Case(
        ("dev-lock-reinstalls-production",),
        {
            **PACKAGE,
            "Pipfile": PIPFILE,
            "Dockerfile": f"{WITH_INDEX}RUN pip install pipenv=={pins()['pipenv']}\n"
            "ENV PIPENV_VENV_IN_PROJECT=1\nWORKDIR /srv\nCOPY Pipfile Pipfile.lock ./\nRUN pipenv sync\nCOPY . .\n",
        },
        {"Pipfile.lock": (r'(?s)("iniconfig": \{.*?"version": "==)[^"]+', r"\g<1>1.1.NUMBER"), **IN_CODE},
        python="/srv/.venv/bin/python",
        lock="pipenv",
    ),
}
IMAGE: Mapping[str, Case] = {
    "environment-with-code-of-uv": Case(
        ("environment-with-code",),
        {
            **UV_PROJECT,
            "pyproject.toml": MANIFEST[: MANIFEST.index("[build-system]")],
            "Dockerfile": f"{BUILDER_WITH_UV}WORKDIR /srv\nCOPY pyproject.toml uv.lock ./\n"
            f"RUN uv sync --locked\nCOPY . .\n{FROM}COPY --from=builder --chown=1000 /srv /srv\n"
            "ENV PYTHONPATH=/srv/src\nUSER 1000\n",
        },
        IN_SRC,
        kept=r"COPY .*--from=builder /srv/\.venv",
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "environment-with-code-of-poetry": Case(
        ("environment-with-code",),
        {
            **PACKAGE,
            "pyproject.toml": POETRY,
            "Dockerfile": f"{WITH_INDEX.rstrip()} AS builder\nRUN pip install poetry-plugin-pypi-mirror poetry\n"
            "ENV POETRY_VIRTUALENVS_IN_PROJECT=1\nWORKDIR /srv\nCOPY pyproject.toml poetry.lock ./\n"
            "RUN poetry install --only main --no-root\nCOPY . .\nRUN poetry install --only main\n"
            f"{WITH_INDEX}COPY --from=builder /srv /srv\n",
        },
        IN_CODE,
        kept=r"COPY .*--from=builder /srv/\.venv",
        python="/srv/.venv/bin/python",
        lock="poetry",
    ),
    "owner-of-all": Case(
        ("recursive-ownership",),
        {
            **UV_PROJECT,
            "Dockerfile": f"{BUILDER_WITH_UV}WORKDIR /srv\n"
            "COPY pyproject.toml uv.lock ./\nRUN uv sync --locked --no-install-project --no-dev\nCOPY . .\n"
            f"RUN uv sync --locked --no-dev\n{FROM}RUN useradd app\nCOPY --from=builder /srv /srv\n"
            "RUN chown -R app:app /srv\nUSER app\n",
        },
        IN_SRC,
        kept="--no-install-project",
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "owner-of-the-environment": Case(
        ("recursive-ownership",),
        {
            **RUN_CODE,
            "Dockerfile": f"{BUILDER}COPY requirements.txt ./\n"
            f"RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install -r requirements.txt\n{FROM}"
            "RUN useradd app\nCOPY --from=builder /opt/venv /opt/venv\nRUN chown -R app:app /opt/venv\n"
            "USER app\nWORKDIR /srv\nCOPY . .\n",
        },
        IN_CODE,
        kept=r"install\b.* -r |COPY .*--from=builder",
        python="/opt/venv/bin/python",
    ),
    "base-without-a-version": Case(
        ("floating-base-tag",),
        {**RUN_CODE, ".python-version": "3.11\n",
         "Dockerfile": f"FROM python:{OFFLINE}\nENV FOR=CASE\nWORKDIR /srv\nCOPY requirements.txt ./\n"
         "RUN pip install -r requirements.txt\nCOPY . .\n"},
        IN_CODE,
    ),
    "base-of-a-major-version": Case(
        ("floating-base-tag",),
        {**RUN_CODE, ".python-version": "3.11.2\n",
         "Dockerfile": f"FROM python:3-{OFFLINE} AS one\nENV FOR=CASE\nFROM one\nWORKDIR /srv\n"
         "COPY requirements.txt ./\nRUN pip install -r requirements.txt\nCOPY . .\n"},
        IN_CODE,
    ),
}  # fmt: skip
INSTALLERS: Mapping[str, Case] = {
    "mounted-into-pip-for-podman": Case(
        ("stale-bind-mount",),
        {
            **RUN_CODE,
            "Makefile": "image:\n\tpodman build .\n",
            "Dockerfile": f"{PIP}RUN --mount=type=bind,source=requirements.txt,target=/tmp/requirements.txt \\\n"
            "    pip install -r /tmp/requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
    ),
    "mounted-into-uv-for-podman": Case(
        ("stale-bind-mount",),
        {
            **UV_PROJECT,
            "Makefile": "image:\n\tpodman build .\n",
            "Dockerfile": f"{WITH_UV}WORKDIR /srv\n"
            "RUN --mount=type=bind,source=uv.lock,target=uv.lock \\\n"
            "    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \\\n"
            "    uv sync --locked --no-install-project\nCOPY . .\nRUN uv sync --locked\n",
        },
        IN_SRC,
        kept="--no-install-project",
        python="/srv/.venv/bin/python",
        lock="uv",
    ),
    "cache-of-uv-turned-off": Case(
        ("cache-mount-disabled",),
        {
            **UV_PROJECT,
            "Dockerfile": f"{WITH_UV}ENV UV_CACHE_DIR=/cache/TOKEN UV_LINK_MODE=copy\nWORKDIR /srv\n"
            "COPY pyproject.toml uv.lock ./\nRUN --mount=type=cache,target=/cache/TOKEN \\\n"
            "    uv sync --locked --no-install-project --no-cache\nCOPY . .\nRUN uv sync --locked\n",
        },
        IN_SRC,
        kept="--no-install-project",
        python="/srv/.venv/bin/python",
        lock="uv",
        cache="/cache/TOKEN",
    ),
    "cache-of-pip-turned-off": Case(
        ("cache-mount-disabled",),
        {
            **CODE,
            "requirements.txt": "alpha\n",
            "Dockerfile": f"{FROM}ENV PIP_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\nCOPY requirements.txt ./\n"
            "RUN --mount=type=cache,target=/cache/TOKEN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
    ),
    "cache-of-uv-elsewhere": Case(
        ("cache-mount-misplaced", "uv-link-mode"),
        {
            **RUN_CODE,
            "Dockerfile": f"{WITH_UV}ENV UV_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\nCOPY requirements.txt ./\n"
            "RUN uv venv\nRUN --mount=type=cache,target=/root/.cache/uv uv pip install -r requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
        python="/srv/.venv/bin/python",
        cache="/cache/TOKEN",
    ),
    "cache-of-pip-elsewhere": Case(
        ("cache-mount-misplaced",),
        {
            **CODE,
            "requirements.txt": "alpha\n",
            "Dockerfile": f"{FROM}ENV PIP_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\nCOPY requirements.txt ./\n"
            "RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
    ),
    "no-cache-of-uv": Case(
        ("no-cache-mount", "uv-link-mode"),
        {
            **UV_PROJECT,
            "Dockerfile": f"{WITH_UV}ENV UV_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\n"
            "COPY pyproject.toml uv.lock ./\nRUN uv sync --locked --no-install-project\n"
            "COPY . .\nRUN uv sync --locked\n",
        },
        IN_SRC,
        kept="--no-install-project",
        python="/srv/.venv/bin/python",
        lock="uv",
        cache="/cache/TOKEN",
    ),
    "no-cache-of-pip": Case(
        ("no-cache-mount",),
        {
            **CODE,
            "requirements.txt": "alpha\n",
            "Dockerfile": f"{FROM}ENV PIP_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\nCOPY requirements.txt ./\n"
            "RUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
    ),
    "links-that-cannot-be": Case(
        ("uv-link-mode",),
        {
            **RUN_CODE,
            "Dockerfile": f"{WITH_UV}ENV UV_CACHE_DIR=/cache/TOKEN\nWORKDIR /srv\nCOPY requirements.txt ./\n"
            "RUN --mount=type=cache,target=/cache/TOKEN uv venv && uv pip install -r requirements.txt\nCOPY . .\n",
        },
        IN_CODE,
        python="/srv/.venv/bin/python",
        cache="/cache/TOKEN",
        silences="ailed to hardlink",
    ),
}
_COMMIT = {".git/HEAD": (r"\Z", "TOKEN\n")}
_TAKES_ALL = f"{PIP}COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
CONTEXT: Mapping[str, Case] = {
    "no-ignore-file": Case(
        ("missing-dockerignore",),
        {**RUN_CODE, ".git/HEAD": "one\n", "app/__pycache__/main.cpython-311.pyc": "one", "Dockerfile": _TAKES_ALL},
        {**_COMMIT, "app/__pycache__/main.cpython-311.pyc": (r"\Z", "TOKEN")},
        quiet=True,
    ),
    "no-ignore-file-before-an-install": Case(
        ("missing-dockerignore", "code-before-dependencies"),
        {**RUN_CODE, ".git/HEAD": "one\n",
         "Dockerfile": f"{PIP}COPY . .\nRUN pip install -r requirements.txt\n"},
        _COMMIT,
        quiet=True,
    ),
    "repository-in-the-context": Case(
        ("git-in-context", "unused-ignore"),
        {**RUN_CODE, ".git/HEAD": "one\n", ".dockerignore": "*.md\n",
         "Dockerfile": _TAKES_ALL.replace("COPY r", "# depsfirst: ignore[git-in-context] as it was\nCOPY r")},
        _COMMIT,
        quiet=True,
    ),
    "repository-before-an-install": Case(
        ("git-in-context", "generated-in-context"),
        {**RUN_CODE, ".git/HEAD": "one\n", ".dockerignore": "*.md\n", "app/__pycache__/main.pyc": "one",
         "Dockerfile": f"{PIP}COPY . .\nRUN pip install -r requirements.txt\n"},
        {**_COMMIT, "app/__pycache__/main.pyc": (r"\Z", "TOKEN")},
        quiet=True,
    ),
    "leftovers-in-the-context": Case(
        ("generated-in-context", "unused-ignore"),
        {**RUN_CODE, ".dockerignore": ".git\n", ".coverage": "one", "app/__pycache__/main.pyc": "one",
         "Dockerfile": _TAKES_ALL.replace("RUN", "# depsfirst: ignore[generated-in-context] as it was\nRUN")},
        {"app/__pycache__/main.pyc": (r"\Z", "TOKEN")},
        quiet=True,
    ),
    "patterns-that-match-nothing": Case(
        ("ineffective-ignore-pattern",),
        {**RUN_CODE, ".dockerignore": ".git\n__pycache__\n", "app/__pycache__/main.pyc": "one",
         "Dockerfile": _TAKES_ALL},
        {"app/__pycache__/main.pyc": (r"\Z", "TOKEN")},
        quiet=True,
    ),
    "comments-behind-patterns": Case(
        ("ineffective-ignore-pattern",),
        {**RUN_CODE, ".dockerignore": ".git\ndocs/ # not for the image\n", "docs/index.txt": "one\n",
         "Dockerfile": _TAKES_ALL},
        {"docs/index.txt": (r"\Z", "TOKEN\n")},
        quiet=True,
    ),
}  # fmt: skip
CASES: Mapping[str, Case] = {**ORDER, **RECIPES, **IMAGE, **INSTALLERS, **CONTEXT}
NEED_AN_INDEX = frozenset(
    name for name, case in CASES.items() if MANAGERS in case.files["Dockerfile"] or case.lock not in ("", "uv")
)
