"""What an edit does to whole builds: patterns that are seen in real repositories, each as a small project."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.cache.model import Status
from depsfirst.cache.request import Request
from depsfirst.cache.why import Answer, why

if TYPE_CHECKING:
    from collections.abc import Mapping

PYPROJECT = """[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
readme = "README.md"
dependencies = ["idna>=3"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
UV_LOCK = """version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://files.example/idna-3.10-py3-none-any.whl", hash = "sha256:%s" }]

[[package]]
name = "shop"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "idna" }]

[package.metadata]
requires-dist = [{ name = "idna", specifier = ">=3" }]
""" % ("0" * 64)
PROJECT: Mapping[str, str] = {
    "pyproject.toml": PYPROJECT,
    "uv.lock": UV_LOCK,
    "poetry.lock": "",
    "requirements.txt": "idna==3.10\n",
    "README.md": "# Shop\n",
    "src/shop/__init__.py": "",
    "src/shop/main.py": "",
}
FROM = "FROM python:3.12-slim"


@dataclass(frozen=True)
class Case:
    """A Dockerfile, and whether dependencies are installed again after edits of code, version and readme."""

    dockerfile: str
    code: str = "no"
    version: str = "no"
    readme: str = "no"
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


CASES = {
    "deps first with uv": Case(
        f"{FROM}\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --frozen --no-install-project\n"
        "COPY . .\nRUN uv sync --frozen\n",
        version="yes",
    ),
    "code first": Case(f"{FROM}\nCOPY . .\nRUN pip install -r requirements.txt\n", "yes", "yes", "yes"),
    "requirements alone": Case(f"{FROM}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"),
    "careful copies made useless": Case(
        f"{FROM}\nCOPY pyproject.toml uv.lock ./\nCOPY . .\nRUN uv sync --frozen\n", "yes", "yes", "yes"
    ),
    "an allow-list": Case(
        f"{FROM}\nCOPY . .\nRUN uv sync --frozen\n",
        version="yes",
        files={".dockerignore": "*\n!pyproject.toml\n!uv.lock\n"},
    ),
    "an unset variable is all of the context": Case(
        f"{FROM}\nARG NOTHING\nCOPY ${{NOTHING}} /x\nRUN pip install -r /x/requirements.txt\n", "yes", "yes", "yes"
    ),
    "a clean builder, and a wheel with its dependencies": Case(
        f"{FROM} AS builder\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
        "RUN python -m build\n"
        f"{FROM}\nCOPY . /src\nRUN pip install /src\n",
        "yes",
        "yes",
        "yes",
    ),
    "only the wheels are taken of a builder": Case(
        f"{FROM} AS builder\nCOPY requirements.txt /tmp/\nRUN pip wheel -w /wheels -r /tmp/requirements.txt\n"
        f"COPY . /opt/shop\nRUN rm -rf /opt/shop/.git\n"
        f"{FROM}\nRUN --mount=from=builder,source=/wheels,target=/wheels pip install /wheels/*\n"
        "COPY --from=builder /opt/shop /app\n",
    ),
    "an export copied as one file": Case(
        f"{FROM} AS recipe\nWORKDIR /src\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv export --frozen --no-emit-project -o requirements.txt\n"
        f"{FROM}\nCOPY --from=recipe /src/requirements.txt .\nRUN pip install -r requirements.txt\nCOPY src src\n",
    ),
    "the project on top of an export of its lock": Case(
        f"{FROM} AS recipe\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv export --locked --no-dev --no-emit-project -o /tmp/requirements.txt\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=recipe /tmp/requirements.txt /tmp/requirements.txt\n"
        "RUN uv venv && uv pip install --python .venv --no-deps -r /tmp/requirements.txt\n"
        "COPY . .\nRUN uv sync --locked --no-dev\n",
    ),
    "the project with more groups than an export of its lock": Case(
        f"{FROM} AS recipe\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv export --locked --no-dev --no-emit-project -o /tmp/requirements.txt\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=recipe /tmp/requirements.txt /tmp/requirements.txt\n"
        "RUN uv venv && uv pip install --python .venv --no-deps -r /tmp/requirements.txt\n"
        "COPY . .\nRUN uv sync --locked --group docs\n",
        "yes",
        "yes",
        "yes",
    ),
    "the project in another environment than an export of its lock": Case(
        f"{FROM} AS recipe\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv export --locked --no-emit-project -o /tmp/requirements.txt\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=recipe /tmp/requirements.txt /tmp/requirements.txt\n"
        "RUN uv venv /opt/venv && uv pip install --python /opt/venv --no-deps -r /tmp/requirements.txt\n"
        "COPY . .\nRUN uv sync --locked\n",
        "yes",
        "yes",
        "yes",
    ),
    "all groups of Poetry on top of the main one": Case(
        f"{FROM} AS recipe\nWORKDIR /app\nCOPY pyproject.toml poetry.lock ./\nRUN poetry export -o /tmp/r.txt\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=recipe /tmp/r.txt /tmp/r.txt\nRUN pip install --no-deps -r /tmp/r.txt\n"
        "COPY . .\nRUN poetry install\n",
        "yes",
        "yes",
        "yes",
        files={"pyproject.toml": f"{PYPROJECT}[tool.poetry.group.docs.dependencies]\nmarkdown = '*'\n"},
    ),
    "the groups of Poetry that were exported": Case(
        f"{FROM} AS recipe\nWORKDIR /app\nCOPY pyproject.toml poetry.lock ./\n"
        "RUN poetry export --with docs -o /tmp/r.txt\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=recipe /tmp/r.txt /tmp/r.txt\nRUN pip install --no-deps -r /tmp/r.txt\n"
        "COPY . .\nRUN poetry install --without dev\n",
        files={
            "pyproject.toml": f"{PYPROJECT}[tool.poetry.group.docs.dependencies]\nmarkdown = '*'\n"
            "[tool.poetry.group.dev.dependencies]\nruff = '*'\n"
        },
    ),
    "an export in a mounted directory": Case(
        f"{FROM} AS recipe\nWORKDIR /src\nCOPY pyproject.toml uv.lock ./\n"
        "RUN uv export --frozen --no-emit-project -o requirements.txt\n"
        f"{FROM}\nRUN --mount=from=recipe,source=/src,target=/src pip install -r /src/requirements.txt\n",
        version="yes",
    ),
    "export and install in one RUN": Case(
        f"{FROM}\nCOPY pyproject.toml uv.lock ./\nRUN uv export --frozen -o r.txt && pip install -r r.txt\n",
        version="yes",
    ),
    "bind mounts of the manifests": Case(
        f"{FROM}\nWORKDIR /app\nRUN --mount=source=uv.lock,target=uv.lock"
        " --mount=source=pyproject.toml,target=pyproject.toml"
        " uv sync --frozen --no-install-project\nCOPY . .\nRUN uv sync --frozen\n",
        version="yes",
    ),
    "a bind mount of everything": Case(
        f"{FROM}\nRUN --mount=target=/src pip install -r /src/requirements.txt\n", "yes", "yes", "yes"
    ),
    "the good target": Case(
        f"{FROM} AS base\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
        "FROM base AS dev\nRUN pip install -r requirements.txt pytest\n",
        options={"target": "base"},
    ),
    "the bad target is the last": Case(
        f"{FROM} AS base\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
        "FROM base AS dev\nRUN pip install pytest\n",
        "yes",
        "yes",
        "yes",
    ),
    "copies of named files": Case(
        f"{FROM}\nCOPY src/shop/main.py src/shop/__init__.py /app/\nCOPY README.md /app/\nRUN pip install idna\n",
        "yes",
        "no",
        "yes",
    ),
    "make": Case(
        f"{FROM}\nCOPY . .\nRUN make bootstrap\n",
        "yes",
        "yes",
        "yes",
        files={"Makefile": "bootstrap:\n\tpip install -r requirements.txt\nlint:\n\truff check\n"},
    ),
    "another target of make": Case(
        f"{FROM}\nCOPY . .\nRUN make lint\n",
        files={"Makefile": "bootstrap:\n\tpip install -r requirements.txt\nlint:\n\techo ok\n"},
    ),
    "a script": Case(
        f"{FROM}\nCOPY . .\nRUN ./install.sh\n",
        "yes",
        "yes",
        "yes",
        files={"install.sh": "#!/bin/sh\npip install -r requirements.txt\n"},
    ),
    "a script that cannot be read": Case(f"{FROM}\nCOPY . .\nRUN ./made-elsewhere\n", "unknown", "unknown", "unknown"),
    "a program in Python that starts nothing": Case(
        f"{FROM}\nCOPY . .\nRUN python src/install_model.py\n",
        files={
            "src/install_model.py": "import urllib.request\nurllib.request.urlretrieve('https://files.example/m')\n"
        },
    ),
    "a program in Python that starts something": Case(
        f"{FROM}\nCOPY . .\nRUN python src/install_things.py\n",
        "unknown",
        "unknown",
        "unknown",
        files={"src/install_things.py": "import subprocess\nsubprocess.run(['x'])\n"},
    ),
    "a script of pdm": Case(
        f"{FROM}\nCOPY . .\nRUN pdm run setup\n",
        "yes",
        "yes",
        "yes",
        files={"pyproject.toml": PYPROJECT + '[tool.pdm.scripts]\nsetup = "pip install -r requirements.txt"\n'},
    ),
    "a loop in a heredoc": Case(
        f"{FROM}\nCOPY . .\nRUN <<EOF\nfor package in idna click; do\n  pip install $package\ndone\nEOF\n",
        "yes",
        "yes",
        "yes",
    ),
    "uv without a package": Case(
        f"{FROM}\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --frozen\nCOPY . .\n",
        version="yes",
        files={"pyproject.toml": PYPROJECT + "[tool.uv]\npackage = false\n"},
    ),
    "the project on what was installed from its lock": Case(
        f"{FROM}\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --frozen --no-install-project\n"
        "COPY . .\nRUN uv pip install .\n",
        version="yes",
    ),
    "the project on requirements that have all it asks for": Case(
        f"{FROM}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\nRUN pip install .\n",
    ),
    "the project on requirements that lack something": Case(
        f"{FROM}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\nRUN pip install .\n",
        "yes",
        "yes",
        "yes",
        files={"requirements.txt": "click==8.1.0\n"},
    ),
    "the project without dependencies": Case(f"{FROM}\nCOPY . .\nRUN pip install --no-deps .\n"),
    "a copied environment": Case(
        f"{FROM} AS builder\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --frozen --no-install-project\n"
        f"{FROM}\nWORKDIR /app\nCOPY --from=builder /app/.venv /app/.venv\nCOPY . .\nRUN uv sync --frozen\n",
        version="yes",
    ),
    "an installer of installers": Case(f"{FROM}\nCOPY . .\nRUN pip install uv\n"),
    "packages of the system": Case(f"{FROM}\nCOPY . .\nRUN apt-get update && apt-get install -y git\n"),
    "a front end": Case(f"{FROM}\nCOPY . .\nRUN npm ci\n"),
    "a condition": Case(
        f"{FROM}\nCOPY . .\nRUN if [ -f extra ]; then pip install -r requirements.txt; fi\n",
        "unknown",
        "unknown",
        "unknown",
    ),
    "a condition with two branches": Case(
        f"{FROM}\nCOPY . .\nRUN if [ -f x ]; then pip install -r requirements.txt; else pip install idna; fi\n",
        "yes",
        "yes",
        "yes",
    ),
    "a dead ignore file": Case(
        f"{FROM}\nCOPY src src\nRUN pip install idna\n", "yes", files={"src/.dockerignore": "*\n"}
    ),
    "an ignore file of the Dockerfile": Case(
        f"{FROM}\nCOPY . .\nRUN pip install idna\n",
        version="yes",
        readme="yes",
        files={"Dockerfile.dockerignore": "src\n", ".dockerignore": "README.md\n"},
    ),
}


def written(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    written(folder, PROJECT)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("title", CASES)
def test_whether_dependencies_are_installed_again(shop: Path, title: str) -> None:
    case = CASES[title]
    written(shop, {"Dockerfile": case.dockerfile, **case.files})
    request = Request(**case.options)
    answers = [why(request, kind=kind) for kind in ("code", "version-bump", "readme")]
    assert [answer.reruns_dependencies for answer in answers] == [case.code, case.version, case.readme]


def statuses(answer: Answer) -> dict[int, str]:
    return {step.outcome.step.line: step.outcome.status.value for step in answer.steps}


def test_each_step_has_its_status_and_its_chain(shop: Path) -> None:
    written(shop, {"Dockerfile": CASES["deps first with uv"].dockerfile})
    answer = why(Request(), kind="code")
    assert answer.change.paths == ("src/shop/main.py",)
    assert statuses(answer) == {2: "cached", 3: "cached", 4: "reruns", 5: "reruns"}
    assert [step.because for step in answer.steps] == [
        None,
        None,
        "COPY . . (line 4) reads src/shop/main.py",
        "COPY . . (line 4) reads src/shop/main.py",
    ]
    assert [step.installs.main for step in answer.steps] == [None, "dependencies", None, "project"]
    assert answer.target == "stage-0"


def test_a_chain_leads_through_stages(shop: Path) -> None:
    dockerfile = (
        f"{FROM} AS one\nCOPY README.md /a\nRUN cp /a /b\n"
        f"{FROM} AS two\nCOPY --from=one /b /c\nRUN true\nRUN pip install idna\n"
    )
    written(shop, {"Dockerfile": dockerfile})
    answer = why(Request(), ["README.md"])
    last = answer.steps[-1]
    assert last.outcome.status is Status.RERUNS
    assert last.because is not None
    assert 'line 5 takes from "one" differ' in last.because
    assert "README.md" in last.because
    assert answer.reruns_dependencies == "yes"
    assert [step.outcome.step.line for step in answer.reinstalling] == [7]


def test_files_that_change_together_are_one_edit(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY README.md /\nCOPY requirements.txt /\nCOPY uv.lock /other\n"})
    assert statuses(why(Request(), ["README.md"])) == {2: "reruns", 3: "reruns", 4: "reruns"}
    assert statuses(why(Request(), ["requirements.txt"])) == {2: "cached", 3: "reruns", 4: "reruns"}
    both = why(Request(), ["uv.lock", "requirements.txt"])
    assert both.change.paths == ("uv.lock", "requirements.txt")
    assert statuses(both) == {2: "cached", 3: "reruns", 4: "reruns"}


def test_a_path_that_is_not_there_yet_and_one_that_nothing_reads(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY src /src\n"})
    assert statuses(why(Request(), ["src/shop/new.py"])) == {2: "reruns"}
    answer = why(Request(), ["nowhere.py"])
    assert statuses(answer) == {2: "cached"}
    assert answer.reinstalling == ()


def test_named_contexts(shop: Path, tmp_path: Path) -> None:
    written(tmp_path / "sdk", {"pyproject.toml": PYPROJECT, "sdk.py": ""})
    written(shop, {"Dockerfile": f"{FROM}\nCOPY --from=sdk . /sdk\nRUN pip install /sdk\nCOPY src /src\n"})
    request = Request(contexts={"sdk": str(tmp_path / "sdk")})
    assert why(request, ["src/shop/main.py"]).reruns_dependencies == "no"
    answer = why(request, ["../sdk/sdk.py"])
    assert answer.reruns_dependencies == "yes"
    assert answer.change.paths == ("sdk:sdk.py",)
    assert "sdk.py" in str(answer.steps[1].because)


def test_build_arguments_decide(shop: Path) -> None:
    written(shop, {"Dockerfile": f"ARG WHAT=README.md\n{FROM}\nARG WHAT\nCOPY $WHAT /x\nRUN pip install idna\n"})
    assert why(Request(), ["README.md"]).reruns_dependencies == "yes"
    assert why(Request(arguments={"WHAT": "uv.lock"}), ["README.md"]).reruns_dependencies == "no"


def test_a_git_directory_in_the_context(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY . .\nRUN pip install .\n", ".git/HEAD": "ref: refs/heads/main\n"})
    assert why(Request(), [".git/HEAD"]).reruns_dependencies == "yes"
    written(shop, {".dockerignore": ".git\n"})
    assert why(Request(), [".git/HEAD"]).reruns_dependencies == "no"


def test_a_commit_is_asked_instead_of_the_disk(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY . .\nRUN pip install -r requirements.txt\n"})
    environment = {
        **os.environ,
        **{f"GIT_{who}_{what}": "t@t.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *words], check=True, env=environment)
    better = f"{FROM}\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
    written(shop, {"Dockerfile": better})
    for kind in ("code", "readme", "version-bump"):
        assert why(Request(), kind=kind).reruns_dependencies == "no"
        answer = why(Request(revision="HEAD"), kind=kind)
        assert answer.reruns_dependencies == "yes"
        assert answer.change.paths == why(Request(), kind=kind).change.paths


def test_the_usual_context_is_the_one_that_has_the_sources(shop: Path) -> None:
    written(
        shop, {"docker/Dockerfile": f"{FROM}\nCOPY requirements.txt /\n", "web/Dockerfile": f"{FROM}\nCOPY app.py /\n"}
    )
    written(shop, {"web/app.py": ""})
    assert statuses(why(Request(file="docker/Dockerfile"), ["requirements.txt"])) == {2: "reruns"}
    answer = why(Request(file="web/Dockerfile"), ["app.py"])
    assert (answer.context, statuses(answer)) == ("web", {2: "reruns"})
    assert statuses(why(Request(context="web"), ["app.py"])) == {2: "reruns"}


def test_what_is_taken_for_granted_is_said(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY src /src\n", ".dockerignore": "*.md\n"})
    assert why(Request(), ["src/shop/main.py"]).notes == ()
    assert "Dockerfile" in why(Request(), ["Dockerfile"]).notes[0]
    assert ".dockerignore" in why(Request(), [".dockerignore"]).notes[0]
    assert why(Request(), ["src/new.py"]).notes == ('"src/new.py" is not there yet: the answer is that for a new file',)
    assert why(Request(), ["README.md"]).notes == (
        '"README.md" is not sent to the builder: .dockerignore:1 leaves it out',
    )


def test_a_step_that_fails_at_any_rate_is_said(shop: Path) -> None:
    written(shop, {"Dockerfile": f"{FROM}\nCOPY nowhere README.md /\n", ".dockerignore": "*.md\n"})
    notes = why(Request(), ["src/shop/main.py"]).notes
    assert notes == (
        'Dockerfile:2 copies "nowhere", which fails: there is no "nowhere"',
        'Dockerfile:2 copies "README.md", which fails: .dockerignore:1 leaves it out: "*.md"',
    )


def test_texts_that_are_no_utf_8_are_read(shop: Path) -> None:
    (shop / "Dockerfile").write_bytes(FROM.encode() + b"\nCOPY . .\nRUN make \xe9\n")
    (shop / "Makefile").write_bytes(b"all:\n\tpip install \xe9\n")
    assert why(Request(), ["README.md"]).steps[-1].text == "make \udce9"


@pytest.mark.parametrize("name", ["Dockerfile", "Containerfile", "dockerfile"])
def test_a_dockerfile_is_found_by_its_usual_names(shop: Path, name: str) -> None:
    (shop / name).write_text(f"{FROM}\nCOPY . .\n")
    assert why(Request(), ["README.md"]).dockerfile == name
    assert why(Request(context=str(shop)), ["README.md"]).dockerfile == os.fspath(shop / name)


def test_text_of_a_step_has_its_heredocs(shop: Path) -> None:
    (shop / "Dockerfile").write_text(f"{FROM}\nrun --network=none \\\n  <<EOF\ntrue\nEOF\n")
    step = why(Request(), ["README.md"]).steps[0]
    assert step.text == "--network=none   <<EOF\ntrue\nEOF"
    assert Path("Dockerfile").read_text().count("EOF") == 2
