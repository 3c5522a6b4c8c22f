"""Dockerfiles in trees, and the contexts that they are taken to be built in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker

from depsfirst.checks.discovery.search import is_dockerfile
from depsfirst.checks.discovery.survey import survey
from depsfirst.checks.files import Files
from depsfirst.checks.model import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Project = Callable[[Mapping[str, str]], Path]

FROM = "FROM python:3.12-slim\n"


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "Containerfile",
        "dockerfile",
        "api.Dockerfile",
        "Dockerfile.api",
        "Dockerfile.3.12",
        "a.containerfile",
    ],
)
def test_names_of_dockerfiles(name: str) -> None:
    assert is_dockerfile(name)


@pytest.mark.parametrize(
    "name",
    [
        ".dockerignore", "Dockerfile.dockerignore", "Dockerfile.md", "Dockerfiles", "MyDockerfile", "Dockerfile~",
        "Dockerfile.requirements.txt", "Dockerfile.orig", "dockerfile.py", "docker",
        "Dockerfile.j2", "Dockerfile.jinja2", "Dockerfile.tmpl",
    ],
)  # fmt: skip
def test_names_of_other_files(name: str) -> None:
    assert not is_dockerfile(name)


def found(root: Path) -> list[str]:
    return [each.path.relative_to(root).as_posix() for each in survey([root], Files()).candidates]


TREE = {
    "Dockerfile": FROM,
    "api/Containerfile": FROM,
    "docker/web.Dockerfile": FROM,
    "docker/web.Dockerfile.dockerignore": "",
    ".devcontainer/Dockerfile": FROM,
    "node_modules/x/Dockerfile": FROM,
    ".venv/lib/Dockerfile": FROM,
    "env/pyvenv.cfg": "",
    "env/Dockerfile": FROM,
    "build/Dockerfile": FROM,
    "odd/recipe": FROM,
    ".gitignore": "build/\n",
}


def test_a_tree_without_git(project: Project) -> None:
    wanted = [
        ".devcontainer/Dockerfile",
        "Dockerfile",
        "api/Containerfile",
        "build/Dockerfile",
        "docker/web.Dockerfile",
    ]
    assert found(project(TREE)) == wanted


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_a_repository_keeps_out_what_git_ignores(project: Project) -> None:
    root = project({**TREE, "env/.gitignore": "*\n", "node_modules/.gitignore": "*", ".venv/.gitignore": "*"})
    git(root, "init", "-q")
    wanted = [".devcontainer/Dockerfile", "Dockerfile", "api/Containerfile", "docker/web.Dockerfile"]
    assert found(root) == wanted
    assert found(root / "api") == ["Containerfile"]
    git(root, "add", "-f", "build/Dockerfile")
    assert found(root) == sorted([*wanted, "build/Dockerfile"])
    (root / "build/Dockerfile").unlink()
    assert found(root) == wanted


def test_repositories_inside(project: Project) -> None:
    root = project(
        {"Dockerfile": FROM, "inner/Dockerfile": FROM, "inner/build/Dockerfile": FROM, "other/Dockerfile": FROM}
    )
    (root / "inner/.gitignore").write_text("build\n")
    for inner in ("inner", "other"):
        git(root / inner, "init", "-q")
    git(root / "other", "add", ".")
    git(root / "other", "commit", "-qm", "a")
    assert found(root) == ["Dockerfile", "inner/Dockerfile", "other/Dockerfile"]
    git(root, "init", "-q")
    git(root, "submodule", "add", "-q", "./other", "module")
    assert found(root) == ["Dockerfile", "inner/Dockerfile", "module/Dockerfile", "other/Dockerfile"]


def test_a_broken_repository_is_walked(project: Project) -> None:
    assert found(project({"Dockerfile": FROM, ".git/HEAD": "nonsense"})) == ["Dockerfile"]


def test_what_a_compose_file_builds_is_a_dockerfile_whatever_its_name(project: Project) -> None:
    root = project({**TREE, "compose.yaml": "services: {a: {build: {context: ., dockerfile: odd/recipe}}}"})
    assert "odd/recipe" in found(root)


def invocations(root: Path, name: str = "Dockerfile") -> list[tuple[str, str | None, bool, str]]:
    (candidate,) = checker(root / name).candidates
    found = checker(root / name).invocations(candidate, Files())
    return [
        (each.context.relative_to(root).as_posix(), each.target, each.guessed, each.origin)
        for each in found
        if each.context
    ]


def test_a_named_file_is_looked_up_in_its_repository(project: Project) -> None:
    root = project(
        {
            ".git/HEAD": "",
            "services/api/Dockerfile": f"{FROM.strip()} AS x\nFROM x\n",
            "compose.yaml": "services: {a: {build: {context: services, dockerfile: api/Dockerfile, target: x}}}",
            ".github/workflows/image.yml": "jobs: {a: {steps: [{uses: docker/build-push-action@v6, "
            "with: {context: services/api}}]}}",
            "scripts/build.sh": "docker build services/api\n",
            "services/api/Makefile": "x:\n\tdocker build -f Dockerfile ..\n",
        }
    )
    assert invocations(root, "services/api/Dockerfile") == [
        ("services", None, False, "services/api/Makefile:2"),
        ("services", "x", False, "compose.yaml: services.a.build"),
        ("services/api", None, False, "scripts/build.sh:1"),
    ]


@pytest.mark.parametrize(
    ("files", "context"),
    [
        ({"docker/Dockerfile": f"{FROM}COPY pyproject.toml uv.lock /\n", "pyproject.toml": "", "uv.lock": ""}, "."),
        ({"docker/Dockerfile": f"{FROM}COPY run.sh /\n", "docker/run.sh": ""}, "docker"),
        ({"docker/Dockerfile": f"{FROM}COPY . /\n"}, "docker"),
        ({"docker/Dockerfile": f"{FROM}COPY a b* $C /\n", "docker/a": "", "a": ""}, "docker"),
        ({"x/docker/Dockerfile": f"{FROM}COPY src /\n", "x/src/a": "", "src/b": ""}, "x"),
        ({"docker/Dockerfile": f"{FROM}COPY --from=x src /\n", "src/a": ""}, "docker"),
        ({"docker/Dockerfile": f"{FROM}COPY . /\nRUN uv sync\n", "pyproject.toml": ""}, "."),
        ({"x/docker/Dockerfile": f"{FROM}ADD . /\nRUN pip install .\n", "x/setup.py": "", "pyproject.toml": ""}, "x"),
        (
            {"docker/Dockerfile": f"{FROM}COPY . /\nRUN pip install .\n", "docker/setup.py": "", "setup.py": ""},
            "docker",
        ),
        ({"docker/Dockerfile": f"{FROM}COPY . /www\n", "pyproject.toml": ""}, "docker"),
        ({"docker/Dockerfile": f"{FROM}ADD . /\nRUN pip install -t / flask\n", "pyproject.toml": ""}, "docker"),
        ({"docker/Dockerfile": f"{FROM}ADD . /\nRUN pip install \\\n  --user .[web]\n", "pyproject.toml": ""}, "."),
        ({"docker/Dockerfile": f"{FROM}COPY --from=x . /\nRUN pip install .\n", "pyproject.toml": ""}, "docker"),
    ],
)
def test_a_context_is_guessed_by_the_sources(project: Project, files: dict[str, str], context: str) -> None:
    root = project({".git/HEAD": "", **files})
    ((found, target, guessed, _),) = invocations(root, next(iter(files)))
    assert (found, target, guessed) == (context, None, True)


def test_without_a_repository_nothing_above_is_looked_at(project: Project) -> None:
    root = project({"docker/Dockerfile": f"{FROM}COPY app.py /\n", "app.py": ""})
    assert invocations(root, "docker/Dockerfile")[0][0] == "docker"


def test_a_context_that_is_not_there_is_none(project: Project) -> None:
    root = project(
        {"Dockerfile": FROM, "compose.yaml": "services: {a: {build: {context: gone, dockerfile: ../Dockerfile}}}"}
    )
    assert invocations(root)[0][2]


@pytest.mark.parametrize(
    ("line", "engine"),
    [("podman build .", "podman"), ("sudo buildah bud -f Dockerfile .", "buildah"), ("docker build .", "")],
)
def test_builders_that_are_no_buildkit_are_told(project: Project, line: str, engine: str) -> None:
    root = project({"Dockerfile": FROM, "Makefile": f"image:\n\t{line}\n", "compose.yaml": "services: {a: {build: .}}"})
    (candidate,) = survey([root], Files()).candidates
    assert {each.engine for each in candidate.invocations} == {"", engine}
    (subject,) = checker(root).subjects()
    assert subject.invocation.engine == engine


def test_equal_builds_are_one(project: Project) -> None:
    root = project({"Dockerfile": FROM, "compose.yaml": "services: {a: {build: .}, b: {build: .}}"})
    (candidate,) = survey([root], Files()).candidates
    assert [each._replace(origin="") for each in candidate.invocations] == [Invocation(root / "Dockerfile", root)]


def test_stages_that_nothing_builds_are_judged_where_others_are_built(project: Project) -> None:
    stages = "FROM a AS base\nFROM base AS prod\nFROM base AS docs\nFROM base AS dev\n"
    compose = "services: {web: {build: {context: app, target: dev}}}"
    root = project({"app/Dockerfile": stages, "compose.yaml": compose, ".git/HEAD": ""})
    run = checker(root)
    found = run.invocations(run.candidates[0], run.files)
    assert [(each.target, each.guessed) for each in found] == [("dev", False), ("prod", True), ("docs", True)]
    assert {each.context for each in found} == {root / "app"}


def test_a_target_that_is_no_stage_is_not_built(project: Project) -> None:
    steps = ", ".join(
        f"{{uses: docker/build-push-action@v6, with: {{context: ., target: {x}}}}}" for x in ("gone", "dev")
    )
    files = {"Dockerfile": "FROM a AS base\nFROM base AS dev\n", ".git/HEAD": ""}
    run = checker(project({**files, ".github/workflows/image.yml": f"jobs: {{a: {{steps: [{steps}]}}}}"}))
    assert [each.target for each in run.invocations(run.candidates[0], run.files)] == ["dev"]
    assert run.report().diagnoses[0].failure is None


def test_where_no_target_is_a_stage_the_last_one_is_built(project: Project) -> None:
    compose = "services: {web: {build: {context: ., target: gone}}}"
    run = checker(project({"Dockerfile": "FROM a AS base\nFROM base AS dev\n", "compose.yaml": compose}))
    assert [each.target for each in run.invocations(run.candidates[0], run.files)] == [None]


def test_a_last_stage_that_is_built_by_its_name_is_built_once(project: Project) -> None:
    compose = "services: {web: {build: {context: ., target: DEV}}}"
    run = checker(project({"Dockerfile": "FROM a AS base\nFROM base AS dev\n", "compose.yaml": compose}))
    assert [each.target for each in run.invocations(run.candidates[0], run.files)] == ["DEV"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitlab-ci.yml", "build: {script: ['docker build -f api/Dockerfile .']}"),
        ("ci/images.gitlab-ci.yml", "build: {script: ['docker build -f api/Dockerfile .']}"),
        (".circleci/config.yml", "jobs: {b: {steps: [{run: 'docker build -f api/Dockerfile .'}]}}"),
        ("azure-pipelines.yml", "steps: [{script: 'docker build -f api/Dockerfile .'}]"),
        (".travis.yml", "script: docker build -f api/Dockerfile ."),
        ("Taskfile.yml", "tasks: {b: {cmds: ['docker build -f api/Dockerfile .']}}"),
    ],
)
def test_pipelines_say_how_images_are_built(project: Project, path: str, text: str) -> None:
    root = project({"api/Dockerfile": FROM, path: text, ".git/HEAD": "", "api/main.py": ""})
    for asked in (root, root / "api/Dockerfile"):
        (candidate,) = survey((asked,), Files()).candidates
        assert [each.context for each in candidate.invocations] == [root]
