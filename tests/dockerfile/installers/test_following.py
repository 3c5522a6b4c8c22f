from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.dockerfile.commands import Installs

if TYPE_CHECKING:
    from tests.dockerfile.installers.conftest import Read

D, P = Installs.DEPENDENCIES, Installs.PROJECT
MAKEFILE = """\
include common.mk
PIP ?= pip
VENV := /venv
FLAGS = -r
FLAGS += requirements.txt
export OTHER = x

.PHONY: bootstrap all
all: bootstrap
	@echo done

bootstrap: venv ## installs
	@$(VENV)/bin/$(PIP) install \\
	$(FLAGS)
	-true $$HOME

venv:
	python -m venv $(VENV)

odd:
	pip install $(shell cat names) $(wildcard *.whl)

loop: loop
	$(MAKE) loop
# a comment
"""
COMMON = "shared:\n\tpip install shared\n"


def lines_of(read: Read, text: str, files: dict[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.tool, each.inputs or each.packages) for each in read(text, files).installations]


FILES = {"/app/Makefile": MAKEFILE, "/app/common.mk": COMMON, "/app/requirements.txt": "flask\n"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("make bootstrap", [("pip", ("/app/requirements.txt",))]),
        ("make", [("pip", ("shared",))]),
        ("make all", [("pip", ("/app/requirements.txt",))]),
        ('make -j "$(nproc)" X="$Y" shared', [("pip", ("shared",))]),
        ("make -s -j4 shared", [("pip", ("shared",))]),
        ("make bootstrap FLAGS='-r other.txt'", [("pip", ("/app/other.txt",))]),
        ("cd / && make -C app shared", [("pip", ("shared",))]),
        ("cd / && make -f /app/Makefile --directory=/app shared", [("pip", ("shared",))]),
        ("make loop", []),
    ],
)
def test_targets_of_make(read: Read, *, text: str, found: list[tuple[str, tuple[str, ...]]]) -> None:
    assert lines_of(read, text, FILES) == found


def test_what_was_followed_is_said(read: Read) -> None:
    (found,) = read("set -e; make bootstrap && rm x", FILES).installations
    assert found.via == ("make bootstrap",)
    assert found.command.nested
    assert (found.command.start, found.command.end) == (8, 22)


def test_the_file_that_is_missing_is_named(read: Read) -> None:
    assert read("cd sub && ./install.sh").unknown[0].path == "/app/sub/install.sh"
    assert read("make -C sub x").unknown[0].path == "/app/sub/Makefile"


def test_what_only_make_can_tell_is_not_known(read: Read) -> None:
    (found,) = read("make odd", FILES).installations
    assert found.with_project is None
    assert len(found.unsure) == 1


@pytest.mark.parametrize(
    ("text", "files", "reason"),
    [
        ("make bootstrap", {}, "Makefile cannot be read"),
        ("make missing", FILES, "no such target"),
        ("make $TARGET", FILES, "is not known"),
        ("./install.sh", {}, 'what "./install.sh" runs is not known'),
        ("bash scripts/setup.sh", {}, 'what "scripts/setup.sh" runs is not known'),
        ("bash $SCRIPT", {}, "which script"),
        ("python install_requirements.py", {}, "programs in Python are not followed"),
        ("./bin/install", {"/app/bin/install": "#!/usr/bin/env ruby\n"}, "is no shell script"),
        ("just deps", {}, '"just" runs'),
        ("tox -e py", {}, '"tox" runs'),
        ("$INSTALLER install flask", {}, 'which program "$INSTALLER" is'),
        ("pip install a; (", {}, "not all of it can be read"),
        ("eval $COMMAND", {}, '"eval" is not known'),
        ("sh -c $COMMAND", {}, 'the script of "sh" is not known'),
    ],
)
def test_what_cannot_be_followed_is_unknown(read: Read, *, text: str, files: dict[str, str], reason: str) -> None:
    (unknown,) = read(text, files).unknown
    assert reason in unknown.reason


@pytest.mark.parametrize(
    "text",
    [
        "./manage.py migrate --help",
        "/usr/local/bin/something",
        "/opt/venv/bin/flask db upgrade",
        "python manage.py collectstatic",
        "python -c 'import x'",
        '"$@"',
        "./tool --version",
        "echo make bootstrap",
        "./configure_me --help",
        "nginx -t",
        "./configure --prefix=/usr",
    ],
)
def test_what_installs_nothing_is_not_unknown(read: Read, *, text: str) -> None:
    found = read(text)
    assert (found.unknown, found.installations) == ((), ())


SCRIPT = """\
#!/usr/bin/env bash
set -euo pipefail
function setup_deps {
  uv sync --frozen --no-install-project "$@"
}
cd "$1"
shift
if [ "$MODE" = dev ]; then
  pip install debugger
fi
setup_deps "$@" && uv sync --frozen "$@"
exec "$@"
pip install late
"""


@pytest.mark.parametrize(
    "text",
    [
        "./setup.sh sub --no-dev",
        "bash -x setup.sh sub --no-dev",
        "sh /app/setup.sh sub --no-dev",
        "chmod +x x && /app/setup.sh sub --no-dev",
    ],
)
def test_scripts_are_read_with_their_arguments(read: Read, *, text: str) -> None:
    files = {"/app/setup.sh": SCRIPT, "/app/sub/pyproject.toml": '[project]\nname="x"\n[build-system]\nrequires=[]'}
    first, second, late = read(text, files, MODE="prod").installations
    assert first.inputs == second.inputs[:2] == ("/app/sub/pyproject.toml", "/app/sub/uv.lock")
    assert (first.with_project, second.with_project) == (False, True)
    assert first.selection == ("--no-dev",)
    assert first.via == ("/app/setup.sh",)
    assert late.packages == ("late",)


def test_a_branch_that_is_not_decided_may_run(read: Read) -> None:
    found = read("./setup.sh sub", {"/app/setup.sh": SCRIPT}).installations
    assert [each.packages for each in found if each.packages] == [("debugger",), ("late",)]
    assert [each.command.always for each in found] == [False, True, True, True]


def test_scripts_that_run_scripts_end(read: Read) -> None:
    files = {"/app/a.sh": "./b.sh\n", "/app/b.sh": "./a.sh && pip install x\n"}
    found = read("./a.sh", files)
    assert found.installations[0].via == ("/app/a.sh", "/app/b.sh")
    assert "not followed any further" in found.unknown[0].reason


PDM = """\
[project]
name = "shop"
[tool.pdm.scripts]
one = "pip install one"
two = { cmd = ["pip", "install", "two"] }
three = { shell = "pip install three && true" }
four = { composite = ["one", "two --upgrade", "pip install four"] }
five = { call = "shop:main" }
"""


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("pdm run one", ["one"]),
        ("pdm two", ["two"]),
        ("pdm run three", ["three"]),
        ("pdm run four", ["one", "two", "four"]),
        ("pdm run five", []),
        ("pdm run missing", []),
    ],
)
def test_scripts_of_pdm(read: Read, *, text: str, packages: list[str]) -> None:
    found = read(text, {"/app/pyproject.toml": PDM}).installations
    assert [name for each in found for name in each.packages] == packages


def test_heredocs_and_loops(read: Read) -> None:
    text = "<<EOF\nset -e\nfor part in one two; do\n  pip install ./libs/$part\ndone\nEOF"
    found = read(text).installations
    assert [each.project for each in found] == ["/app/libs/one", "/app/libs/two"]
    assert all(each.command.always for each in found)
    assert read("bash <<EOF\npip install x\nEOF").installs is D
    assert read("<<EOF\n#!/bin/bash -e\npip install x\nEOF").installs is D
    python = read("<<EOF\n#!/usr/bin/env python3\nimport pip\nEOF")
    assert python.installs is None
    assert "python3" in python.unknown[0].reason


@pytest.mark.parametrize(
    ("shell", "text", "kind"),
    [
        (("/bin/bash", "-o", "pipefail", "-c"), "pip install x | cat", D),
        (("conda", "run", "-n", "env", "/bin/bash", "-c"), "pip install --no-deps .", P),
        (("/bin/bash", "-lc"), "pip install x", D),
    ],
)
def test_shells(read: Read, shell: tuple[str, ...], text: str, kind: Installs) -> None:
    assert read(text, shell=shell).installs is kind


def test_other_shells_are_not_read(read: Read) -> None:
    found = read("pip install x", shell=("powershell", "-Command"))
    assert found.installs is None
    assert '"powershell"' in found.unknown[0].reason


def test_the_exec_form_is_no_shell(read: Read) -> None:
    assert read('["pip", "install", "$NAME"]', NAME="flask").installations[0].packages == ("$NAME",)
    assert read('["echo", "x", "&&", "pip", "install", "y"]').installs is None


def test_dependencies_come_before_all_else(read: Read) -> None:
    found = read("apt-get update && pip install --no-deps . && npm ci && pip install flask")
    assert found.installs is D
    assert read("apt-get update && npm ci && pip install --no-deps .").installs is P
    assert read("apt-get update && npm ci").installs is Installs.FRONTEND
    assert read("pip install uv").installs is Installs.INSTALLER
