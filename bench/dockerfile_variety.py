"""Projects with Dockerfiles of many kinds, drawn: managers, stages, mounts, heredocs, good and bad order."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_BASES = ("python:3.12-slim", "python:3.11", "python:3.13-alpine", "registry.example/base/python:3.12", "python:latest")
_SYSTEM = ("gcc libpq-dev", "curl git build-essential", "libxml2-dev libxslt1-dev", "ffmpeg")
_CACHE = "--mount=type=cache,target=/root/.cache/{tool}"
_RUNTIME = (
    'EXPOSE 8000\nCMD ["python", "-m", "shop"]\n',
    'HEALTHCHECK CMD curl -f http://localhost:8000/\nENTRYPOINT ["gunicorn", "shop.main:app"]\n',
    "LABEL team=shop\nUSER 1000:1000\nCMD python -m shop\n",
)
_IGNORED = (
    "",
    ".git\n**/__pycache__\n.venv\n",
    "*\n!shop\n!pyproject.toml\n!*.lock\n!requirements*.txt\n",
    "__pycache__\n*.pyc\n",
)
_PACKAGES = ("flask", "requests", "sqlalchemy", "pydantic", "httpx", "celery", "numpy", "click", "jinja2", "rich")


class Manager(NamedTuple):
    """How a kind of project installs its packages.

    Attributes:
        manifests: what is copied before the install where the order is good.
        tool: whose cache is mounted.
        frontend: how the manager itself comes; empty for pip.
        dependencies: installs them alone.
        project: installs the project behind them.
    """

    manifests: str
    tool: str
    frontend: str
    dependencies: str
    project: str


_UV = "COPY --from=registry.example/uv:0.9.7 /uv /bin/\n"
_HASHED = "python -m pip install --no-cache-dir --require-hashes -r requirements.txt"
_NO_ENVIRONMENT = "poetry config virtualenvs.create false && poetry install --no-interaction"

MANAGERS = (
    Manager("requirements.txt", "pip", "", "pip install -r requirements.txt", "pip install --no-deps ."),
    Manager("requirements.txt", "pip", "", _HASHED, ""),
    Manager(
        "pyproject.toml uv.lock",
        "uv",
        _UV,
        "uv sync --locked --no-dev --no-install-project",
        "uv sync --locked --no-dev",
    ),
    Manager("pyproject.toml uv.lock", "uv", "RUN pip install uv==0.9.7\n", "uv sync --frozen", ""),
    Manager(
        "pyproject.toml poetry.lock",
        "pypoetry",
        "RUN pip install poetry==2.1.4\n",
        "poetry install --only main --no-root",
        "poetry install --only main",
    ),
    Manager("pyproject.toml poetry.lock", "pypoetry", "RUN pip install poetry\n", _NO_ENVIRONMENT, ""),
    Manager(
        "pyproject.toml pdm.lock",
        "pdm",
        "RUN pip install pdm\n",
        "pdm install --prod --no-self",
        "pdm install --prod",
    ),
    Manager("Pipfile Pipfile.lock", "pipenv", "RUN pip install pipenv\n", "pipenv install --system --deploy", ""),
)


def make_projects(folder: Path, count: int, seed: int = 1) -> list[Path]:
    """Write projects below a directory; their Dockerfiles, which all differ.

    Args:
        folder: becomes a repository with a directory for each project.
        count: how many.
        seed: another one gives others.
    """
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git/objects").mkdir()
    (folder / ".git/refs").mkdir()
    random = Random(seed)
    return [_project(folder / f"service{number:03}", number, random) for number in range(count)]


def _project(folder: Path, number: int, random: Random) -> Path:
    manager = random.choice(MANAGERS)
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/__init__.py").touch()
    (folder / "shop/main.py").write_text(f"NUMBER = {number}\n")
    (folder / "README.md").write_text("# shop\n")
    names = random.sample(_PACKAGES, 5)
    for name in ("pyproject.toml", *manager.manifests.split()):
        (folder / name).write_text(_manifest(name, names, number))
    if ignored := random.choice(_IGNORED):
        (folder / ".dockerignore").write_text(ignored)
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(f"# syntax=docker/dockerfile:1\n# service {number}\n{_dockerfile(manager, random)}")
    return dockerfile


def _manifest(name: str, packages: list[str], number: int) -> str:
    if name == "requirements.txt":
        return "".join(f"{package}==1.{number}\n" for package in packages)
    if name == "Pipfile.lock":
        locked = ", ".join(f'"{package}": {{"version": "==1.{number}"}}' for package in packages)
        return (
            f'{{"_meta": {{"hash": {{"sha256": "0"}}, "pipfile-spec": 6}}, "default": {{{locked}}}, "develop": {{}}}}\n'
        )
    if name == "Pipfile":
        return "[packages]\n" + "".join(f'{package} = "*"\n' for package in packages)
    if name.endswith(".lock"):
        head = 'version = 1\nrequires-python = ">=3.11"\n' if name == "uv.lock" else ""
        return head + "".join(f'\n[[package]]\nname = "{package}"\nversion = "1.{number}"\n' for package in packages)
    listed = ", ".join(f'"{package}"' for package in packages)
    return f'[project]\nname = "shop"\nversion = "0.{number}.0"\nreadme = "README.md"\ndependencies = [{listed}]\n'


def _dockerfile(manager: Manager, random: Random) -> str:
    shape = random.choice((_careful, _careless, _staged, _bound, _scripted))
    return shape(manager, random)


def _head(random: Random, name: str = "") -> str:
    text = f"FROM {random.choice(_BASES)}{name and f' AS {name}'}\n"
    if random.random() < 0.5:
        text += "ENV PYTHONUNBUFFERED=1 \\\n    PIP_DISABLE_PIP_VERSION_CHECK=1\n"
    if random.random() < 0.6:
        text += f"RUN apt-get update \\\n && apt-get install -y --no-install-recommends {random.choice(_SYSTEM)} \\\n"
        text += " && rm -rf /var/lib/apt/lists/*\n"
    return text


def _run(manager: Manager, random: Random, command: str) -> str:
    mounted = random.random() < 0.4
    return f"RUN {_CACHE.format(tool=manager.tool) + ' ' if mounted else ''}{command}\n" if command else ""


def _careful(manager: Manager, random: Random) -> str:
    install = _run(manager, random, manager.dependencies) + "COPY . .\n" + _run(manager, random, manager.project)
    text = f"{_head(random)}{manager.frontend}WORKDIR /app\nCOPY {manager.manifests} ./\n{install}"
    return text + random.choice(_RUNTIME)


def _careless(manager: Manager, random: Random) -> str:
    install = _run(manager, random, manager.project or manager.dependencies)
    late = random.choice(("", "RUN apt-get update && apt-get install -y curl\n", "RUN chown -R 1000:1000 /app\n"))
    return f"{_head(random)}WORKDIR /app\nCOPY . /app\n{manager.frontend}{install}{late}{random.choice(_RUNTIME)}"


def _staged(manager: Manager, random: Random) -> str:
    builder = _careful(manager, random).replace("\n", " AS builder\n", 1)
    taken = random.choice(
        ("COPY --from=builder /app /app", "COPY --from=builder /app/.venv /app/.venv\nCOPY shop /app/shop")
    )
    return f"{builder}\n{_head(random, 'final')}WORKDIR /app\n{taken}\n{random.choice(_RUNTIME)}"


def _bound(manager: Manager, random: Random) -> str:
    mounts = " \\\n    ".join(f"--mount=type=bind,source={each},target={each}" for each in manager.manifests.split())
    whole = random.random() < 0.3
    run = f"RUN {'--mount=type=bind,source=.,target=.' if whole else mounts} \\\n    {manager.dependencies}\n"
    return f"{_head(random)}{manager.frontend}WORKDIR /app\n{run}COPY shop shop\n{random.choice(_RUNTIME)}"


def _scripted(manager: Manager, random: Random) -> str:
    early = random.choice((f"COPY {manager.manifests} ./\n", "COPY . .\n"))
    run = f'RUN <<EOF\nset -e\nif [ -n "$PROXY" ]; then echo proxy; fi\n{manager.dependencies}\nEOF\n'
    download = random.choice(("", "RUN curl -fsSLO https://files.example/model.bin\n"))
    return f"{_head(random)}{manager.frontend}WORKDIR /app\n{early}{run}{download}COPY . .\n{random.choice(_RUNTIME)}"
