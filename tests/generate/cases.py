"""Projects of every kind, as files, and what is asked for: each has a Dockerfile in ``expected``."""

from __future__ import annotations

from dataclasses import dataclass, field

BACKEND = '[build-system]\nrequires = ["hatchling>=1.27"]\nbuild-backend = "hatchling.build"\n'
HASH = "--hash=sha256:" + "a" * 64
MAIN = "def main():\n    print('shop')\n"

UV_MANIFEST = f"""\
[project]
name = "shop"
version = "1.2.3"
description = "Sells \\"things\\" for $5"
readme = "README.md"
license = "MIT"
requires-python = ">=3.12"
dependencies = ["idna>=3"]

[project.scripts]
shop = "shop.main:main"

[project.urls]
Repository = "https://code.example/shop"

{BACKEND}"""
UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.12"

[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://index.example/simple" }
wheels = [
    { url = "https://index.example/idna-3.10-py3-none-any.whl", hash = "sha256:%s" },
]

[[package]]
name = "shop"
version = "1.2.3"
source = { %s = "." }
dependencies = [
    { name = "idna" },
]

[package.metadata]
requires-dist = [{ name = "idna", specifier = ">=3" }]
"""
SHOP = {"src/shop/__init__.py": "", "src/shop/main.py": MAIN, "README.md": "# Shop\n"}
UV = {"pyproject.toml": UV_MANIFEST, "uv.lock": UV_LOCK % ("b" * 64, "editable"), **SHOP}


@dataclass(frozen=True, slots=True)
class Case:
    """A project and what is asked for; ``directory`` is where in the fixture the project is."""

    files: dict[str, str]
    like: str | None = None
    directory: str = "."
    options: dict[str, object] = field(default_factory=dict)


CASES = {
    "uv": Case(UV),
    "uv-settings": Case(
        UV
        | {
            "pyproject.toml": UV_MANIFEST
            + '[tool.depsfirst]\nports = [8000]\nuser = "1000:1000"\nworkdir = "/srv/shop"\npackages = ["libpq5"]\n'
            'entrypoint = ["shop", "--serve"]\ncmd = ["now"]\nimports = ["shop", "shop.main:main"]\n'
            'env = {GREETING = "it\'s \\"$5\\""}\n'
        },
        options={"base": "python:3.12"},
    ),
    "uv-tree": Case(
        {
            "pyproject.toml": UV_MANIFEST.replace(BACKEND, "").replace(
                '[project.scripts]\nshop = "shop.main:main"\n', ""
            ),
            "uv.lock": UV_LOCK % ("b" * 64, "virtual"),
            "main.py": "print('shop')\n",
            "README.md": "",
        }
    ),
    "uv-workspace": Case({"packages/app/app/__init__.py": ""}, "uv_workspace", "packages/app"),
    "poetry": Case(
        {"demo/__init__.py": "", "local/pyproject.toml": f'[project]\nname = "local"\nversion = "1"\n{BACKEND}'},
        "poetry_2_1",
    ),
    "pdm": Case({}, "pdm_flat"),
    "pipenv": Case({}, "pipenv"),
    "pylock": Case({}, "pylock"),
    "pip-tools": Case(
        {
            "requirements/base.txt": f"idna==3.10 {HASH}\n",
            "requirements/prod.txt": f"-r base.txt\nattrs==25.3.0 {HASH}\n",
            "requirements/dev.txt": f"iniconfig==2.0.0 {HASH}\n",
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
            '[build-system]\nrequires = ["setuptools>=70", "setuptools-scm"]\nbuild-backend = "setuptools.build_meta"\n'
            '[tool.depsfirst]\nlock = "requirements/prod.txt"\n',
            "shop/__init__.py": "",
        }
    ),
    "requirements": Case(
        {"requirements.txt": "flask>=3  # not pinned\n-e .\n", "manage.py": "", "app.py": "", "setup.py": ""},
    ),
    "django": Case({"requirements.txt": f"django==5.2 {HASH}\n", "manage.py": "", "site/wsgi.py": ""}),
    "unlocked": Case(
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = "==3.10.*"\n'
            f'dependencies = ["flask"]\n[project.optional-dependencies]\npg = ["psycopg"]\n{BACKEND}',
            "shop.py": "",
        },
        options={"extras": ("pg",)},
    ),
    "unlocked-setup": Case(
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = []\n',
            "setup.py": "",
            "src/shop/__init__.py": "",
        },
        options={"index_url": "https://user:secret@index.example/simple/"},
    ),
}
