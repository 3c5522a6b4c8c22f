"""What compose files, bake files, workflows, Makefiles and scripts say about builds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.checks.discovery import bake, command_lines, compose, hcl, pipelines, workflows
from depsfirst.checks.discovery.found import Misunderstood
from depsfirst.checks.model import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from depsfirst.checks.discovery.found import Found

ROOT = Path("/repo")


def told(found: Iterable[Found]) -> list[Any]:
    """Each build as Dockerfile, context, target, arguments and contexts below the root; a word for what is unclear."""
    return [_told(each) for each in found]


def _told(found: Found) -> Any:
    if isinstance(found, Misunderstood):
        return "misunderstood"
    context = found.context.relative_to(ROOT).as_posix() if found.context else None
    told = (found.dockerfile.relative_to(ROOT).as_posix(), context)
    rest = (found.target, dict(found.arguments), dict(found.contexts))
    return told if rest == (None, {}, {}) else (*told, *rest)


# Compose


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("build: .", ("Dockerfile", ".")),
        ("build: ./api", ("api/Dockerfile", "api")),
        ("build: {context: .., dockerfile: deploy/D}", "outside"),
        ("build: {context: api, dockerfile: ../docker/api.Dockerfile}", ("docker/api.Dockerfile", "api")),
        ("build: {dockerfile: D, target: prod}", ("D", ".", "prod", {}, {})),
        (
            "build: {context: ., args: {A: 1, B: true, C: null, D: x}}",
            ("Dockerfile", ".", None, {"A": "1", "B": "true", "D": "x"}, {}),
        ),
        ("build: {context: ., args: [A=1, B, C=$$x]}", ("Dockerfile", ".", None, {"A": "1", "C": "$x"}, {})),
        (
            "build: {context: '${DIR:-api}', args: {A: '${B-1}', C: '${D}'}}",
            ("api/Dockerfile", "api", None, {"A": "1"}, {}),
        ),
        (
            "build: {context: ., additional_contexts: {own: ./shared, base: 'docker-image://x:1'}}",
            ("Dockerfile", ".", None, {}, {"own": "/repo/shared", "base": "docker-image://x:1"}),
        ),
        ("build: {context: ., additional_contexts: [own=../other]}", ("Dockerfile", ".", None, {}, {"own": "/other"})),
        ("build: {context: '${DIR}'}", "misunderstood"),
        ("build: {context: 'https://git.example/x.git'}", "misunderstood"),
        ("build: {context: ., dockerfile_inline: 'FROM x'}", "misunderstood"),
        ("build: !reset null", None),
        ("image: x", None),
    ],
)
def test_compose(build: str, expected: object) -> None:
    found = list(compose.read(f"services:\n  shop:\n    {build}\n", ROOT / "compose.yaml", "compose.yaml"))
    if expected == "outside":
        assert [(each.dockerfile, each.context) for each in found if isinstance(each, Invocation)] == [
            (Path("/deploy/D"), Path("/"))
        ]
    else:
        assert told(found) == ([] if expected is None else [expected])
    assert all(each.origin == "compose.yaml: services.shop.build" for each in found)


def test_compose_with_anchors_and_merges() -> None:
    text = """
x-build: &build
  context: .
  args: {A: "1"}
services:
  web:
    build: {<<: *build, target: web}
  worker:
    build: {<<: *build, target: worker}
"""
    targets = [each.target for each in compose.read(text, ROOT / "c", "c") if isinstance(each, Invocation)]
    assert targets == ["web", "worker"]


@pytest.mark.parametrize("text", ["services: [", "- 1", "services: 3", "services: {a: 3}", "", "a: &a [*a]", "\0"])
def test_compose_that_is_none(text: str) -> None:
    assert [each for each in compose.read(text, ROOT / "c", "c") if isinstance(each, Invocation)] == []


def told_of(files: dict[str, str], name: str = "compose.yaml") -> list[Any]:
    """The builds of a compose file that stands beside others."""
    texts = {ROOT / path: text for path, text in files.items()}
    return told(compose.read(texts[ROOT / name], ROOT / name, name, texts.get))


def test_variables_of_compose_stand_in_the_file_beside_it() -> None:
    env = "# paths\nexport SERVICE=./src/service/Dockerfile\nTAG='1.2'   # of the base\nIMAGE=\"base:${TAG}\"\nEMPTY=\n"
    build = "{context: ., dockerfile: '${SERVICE}', target: '${EMPTY:-${S:-prod}}', args: {A: '$IMAGE', B: '${NONE}'}}"
    files = {"compose.yaml": f"services: {{service: {{build: {build}}}}}", ".env": env}
    assert told_of(files) == [("src/service/Dockerfile", ".", "prod", {"A": "base:1.2"}, {})]


def test_a_service_extends_one_of_another_file() -> None:
    base = "services: {web: {build: {context: ../api, target: base, args: {A: '1', B: '2'}}}}"
    own = "services: {shop: {extends: {file: common/base.yaml, service: web}, build: {target: prod, args: [B=3]}}}"
    found = told_of({"compose.yaml": own, "common/base.yaml": base})
    assert found == [("api/Dockerfile", "api", "prod", {"A": "1", "B": "3"}, {})]


def test_a_service_extends_one_of_its_own_file_and_not_itself() -> None:
    text = "services: {a: {extends: b}, b: {extends: {service: c}, build: {target: t}}, c: {build: x}, d: {extends: d}}"
    assert told_of({"compose.yaml": text}) == [
        ("x/Dockerfile", "x", "t", {}, {}),
        ("x/Dockerfile", "x", "t", {}, {}),
        ("x/Dockerfile", "x"),
    ]


def test_included_files_are_relative_to_themselves_or_to_what_is_said() -> None:
    text = """
include:
  - api/compose.yaml
  - path: [deploy/web.yaml]
    project_directory: .
  - compose.yaml
  - missing.yaml
"""
    api = "services: {api: {build: {context: ., target: '${STAGE}'}}}"
    web = "services: {web: {build: web}}"
    files = {"compose.yaml": text, "api/compose.yaml": api, "api/.env": "STAGE=prod", "deploy/web.yaml": web}
    assert told_of(files) == [("api/Dockerfile", "api", "prod", {}, {}), ("web/Dockerfile", "web")]


def test_an_override_is_laid_over_the_file_of_the_usual_name() -> None:
    base = "services: {web: {build: {context: ., dockerfile: docker/Dockerfile}}, db: {image: x}}"
    own = "services: {web: {build: {target: dev}}, db: {build: db}}"
    files = {"docker-compose.yml": base, "docker-compose.override.yml": own}
    assert told_of(files, "docker-compose.override.yml") == [
        ("docker/Dockerfile", ".", "dev", {}, {}),
        ("db/Dockerfile", "db"),
    ]


# Bake

BAKE = """
// what is built
variable "TAG" { default = "1.0" }
variable "DIR" { default = "api" }
variable "CPUS" { default = cpus() }
function "up" { params = [a]  result = upper(a) }
group "default" { targets = ["api", "docs"] }

target "_common" {
  context = "."
  args = { PYTHON = "3.12", TAG = "${TAG}" }
  labels = { "a.b" = "c" }
}
target "api" {
  inherits = ["_common"]
  dockerfile = "${DIR}/Dockerfile" # in its directory
  target   = "final"
  args     = { WORKERS = 2, MODE = "x", OTHER = up("x") }
  contexts = { base = "target:docs", own = "./shared" }
  tags = ["x:${TAG}", notequal("", TAG) ? "y" : ""]
  attest = [
    { type = "provenance" },
  ]
}
target "docs" {
  context = "docs"
}
target "computed" { context = up(DIR) }
target "inline" { dockerfile-inline = <<EOT
FROM x
EOT
}
"""


def test_bake_hcl() -> None:
    arguments = {"PYTHON": "3.12", "TAG": "1.0", "MODE": "x", "WORKERS": "2"}
    contexts = {"base": "target:docs", "own": "/repo/shared"}
    assert told(bake.read(BAKE, ROOT, "docker-bake.hcl")) == [
        ("api/Dockerfile", ".", "final", arguments, contexts),
        ("docs/Dockerfile", "docs"),
        "misunderstood",
    ]


def test_bake_json() -> None:
    text = '{"variable": {"T": {"default": "a"}}, "target": {"x": {"context": "d", "args": {"A": "${T}"}}}}'
    assert told(bake.read(text, ROOT, "docker-bake.json")) == [("d/Dockerfile", "d", None, {"A": "a"}, {})]


@pytest.mark.parametrize(
    "text", ['target "x" {', 'target "x" { a = }', "= 3", 'a = "', "target x y z", "}", "[" * 5000, "a" + "{a " * 5000]
)
def test_hcl_that_is_none(text: str) -> None:
    with pytest.raises(hcl.HclError):
        hcl.blocks(text)
    assert told(bake.read(text, ROOT, "docker-bake.hcl")) == ["misunderstood"]


# Workflows


def workflow(step: str, *, job: str = "", top: str = "") -> list[Any]:
    text = (
        f"on: push\n{top}\njobs:\n  image:\n    {job}\n    steps:\n      - uses: actions/checkout@v4\n      - {step}\n"
    )
    return told(workflows.read(text, ROOT, "w.yml"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{}", ("Dockerfile", ".")),
        ("{context: api}", ("api/Dockerfile", "api")),
        ("{context: ., file: docker/D, target: prod}", ("docker/D", ".", "prod", {}, {})),
        ("{context: '{{defaultContext}}:api'}", ("api/Dockerfile", "api")),
        ("{context: '${{ github.workspace }}', push: true}", ("Dockerfile", ".")),
        ('{build-args: "A=1\\nB=${{ github.sha }}\\n C=x=y"}', ("Dockerfile", ".", None, {"A": "1", "C": "x=y"}, {})),
        ("{build-contexts: 'own=shared'}", ("Dockerfile", ".", None, {}, {"own": "/repo/shared"})),
        ("{context: '${{ inputs.dir }}'}", "misunderstood"),
    ],
)
def test_the_action_of_docker(given: str, expected: object) -> None:
    assert workflow(f"uses: docker/build-push-action@v6\n        with: {given}") == [expected]


def test_a_matrix_is_multiplied_out() -> None:
    more = "include: [{image: web, target: x}, {image: docs, target: y}]"
    job = f"strategy: {{matrix: {{image: [api, web], python: ['3.12'], {more}}}}}"
    given = "{context: '${{ matrix.image }}', target: '${{matrix.target}}'}"
    step = f"uses: docker/build-push-action@v6\n        with: {given}"
    assert workflow(step, job=job) == [("web/Dockerfile", "web", "x", {}, {}), ("docs/Dockerfile", "docs", "y", {}, {})]
    assert workflow(step.replace(", target: '${{matrix.target}}'", ""), job=job.partition(", include")[0] + "}}") == [
        ("api/Dockerfile", "api"),
        ("web/Dockerfile", "web"),
    ]


def test_variables_of_a_workflow() -> None:
    step = "uses: docker/build-push-action@v6\n        with: {file: '${{ env.FILE }}', build-args: 'A=${{ env.A }}'}"
    env = "env: {FILE: docker/D, A: '${{ inputs.a }}'}"
    assert workflow(step, top=env) == workflow(step, job=env) == [("docker/D", ".")]


def test_commands_of_a_workflow() -> None:
    step = (
        "run: |\n          cd api\n          docker build -t x:${{ github.sha }} .\n        working-directory: services"
    )
    assert workflow(step) == [("services/api/Dockerfile", "services/api")]


# Commands


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker build .", [("Dockerfile", ".")]),
        ("docker build -t a -f docker/D --target prod .", [("docker/D", ".", "prod", {}, {})]),
        ("sudo docker buildx build --push --platform linux/amd64 --file=D api", [("D", "api")]),
        ("docker --context x build api", [("api/Dockerfile", "api")]),
        ("podman build --build-arg A=1 --build-arg B --build-arg=C=$X .", [("Dockerfile", ".", None, {"A": "1"}, {})]),
        ("buildah bud --build-context own=shared -fD .", [("D", ".", None, {}, {"own": "/repo/shared"})]),
        ("set -e\nif true; then\n  docker build \\\n    -t a \\\n    api\nfi", [("api/Dockerfile", "api")]),
        ("(cd api && docker build .) && docker build web", [("api/Dockerfile", "api"), ("web/Dockerfile", "web")]),
        ("D=docker/D; docker build -f $D .", [("docker/D", ".")]),
        ('docker build -f "$1" .', ["misunderstood"]),
        ("docker build -f $FILE .", ["misunderstood"]),
        ("docker build - < Dockerfile", ["misunderstood"]),
        ("docker build https://git.example/x.git", ["misunderstood"]),
        ("docker build", ["misunderstood"]),
        ("echo docker build .", []),
        ("docker compose build", []),
        ("docker run build .", []),
    ],
)
def test_scripts(text: str, expected: list[object]) -> None:
    assert told(command_lines.read(text, ROOT, "build.sh")) == expected


@pytest.mark.parametrize(
    "first", ['cd "$(dirname "$0")/.."', 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "cd `dirname $0`/.."]
)
def test_scripts_that_begin_in_their_own_directory(first: str) -> None:
    found = command_lines.read(f"{first}\ndocker build -f docker/D .", ROOT / "scripts", "s", own=ROOT / "scripts")
    assert told(found) == [("docker/D", ".")]


def test_makefiles() -> None:
    text = (
        "IMAGE := shop\nDIR ?= docker\nFILE = $(DIR)/D\n\n"
        "image: ## build it\n\t@docker build -t $(IMAGE) \\\n\t  -f ${FILE} .\n"
        "other:\n\t-docker build -f $(UNKNOWN) .\n\techo docker build\n"
    )
    found = list(command_lines.read_makefile(text, ROOT, "Makefile"))
    assert told(found) == [("docker/D", "."), "misunderstood"]
    assert [each.origin for each in found] == ["Makefile:6", "Makefile:9"]


# Pipelines


def test_pipelines_of_gitlab() -> None:
    text = """
variables:
  FOLDER: services/api
  TARGET: {value: prod, description: which stage}
default:
  before_script: [cd services]
include: {local: ci/more.yml}
.template: &template
  script:
    - docker build -f $FOLDER/Dockerfile --target "$TARGET" .
build:
  <<: *template
  before_script: []
  variables: {TARGET: "${KIND}-x", KIND: dev}
web:
  script:
    - echo first
    - - docker build web
kaniko:
  image: {name: "kaniko:v1", entrypoint: [""]}
  before_script: null
  script: >
    /kaniko/executor --context "$CI_PROJECT_DIR/api" --dockerfile "$CI_PROJECT_DIR/api/D" --build-arg A=1
    --target prod --destination "$CI_REGISTRY_IMAGE:$CI_COMMIT_TAG"
later:
  before_script: null
  script: [docker build -f $CI_JOB_NAME/Dockerfile .]
"""
    assert told(pipelines.read_gitlab(text, ROOT, ".gitlab-ci.yml")) == [
        ("services/services/api/Dockerfile", "services", "prod", {}, {}),
        ("services/api/Dockerfile", ".", "dev-x", {}, {}),
        ("services/web/Dockerfile", "services/web"),
        ("api/D", "api", "prod", {"A": "1"}, {}),
        "misunderstood",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps:\n- script: |\n    cd api\n    docker build -t x .\n", [("api/Dockerfile", "api")]),
        ("script:\n- cd api\n- docker build .\n", [("api/Dockerfile", "api")]),
        ("phases: {build: {commands: ['docker build -f D .']}}", [("D", ".")]),
        ("- docker build\n- x: [1, {y: docker build a}]", ["misunderstood", ("a/Dockerfile", "a")]),
        ("script: '/kaniko/executor -c dir:///repo --context-sub-path api'", [("api/Dockerfile", "api")]),
        ("script: /kaniko/executor -c $WHERE", ["misunderstood"]),
        ("script: [", []),
        ("script: make build", []),
    ],
)
def test_pipelines_of_others(text: str, expected: list[object]) -> None:
    assert told(pipelines.read_commands(text, ROOT, "p.yml")) == expected
