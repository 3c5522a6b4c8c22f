from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depsfirst.dockerfile.commands import installations
from depsfirst.dockerfile.installers import FAMILIES
from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

TOOLS = sorted({tool for tools in FAMILIES.values() for tool in tools})
TOOLS += ["python -m pip", "make", "npx", "bash", "uv pip", "./a", "pdm run"]
VERBS = st.sampled_from(
    ("install", "sync", "run", "add", "update", "export", "lock", "build", "env", "tool", "clone", "ci")
)
OPTIONS = st.sampled_from(
    ("-r", "-c", "-e", "-o", "--output", "--no-deps", "--no-root", "-f", "-n", "-C", "--directory=d")
)
MORE = st.sampled_from(
    ("--group", "--with", "-", "--", "--frozen", "--package", "-d", "--no-install-project", "-p", "-t")
)
OPERANDS = st.sampled_from(
    (".", ".[x]", "./a", "b", "/w/*.whl", "x=1", "a==1", "a@b", "file:///x", "https://x.example", "git+x")
)
SHELL = st.sampled_from(
    ("$X", "'$X'", '"$X"', "$(x)", ">", "|", "&&", ";", "'a b'", "'a>=1'", "<(x)", "${X}", "#", "\\", "{")
)
WORDS = st.one_of(OPTIONS, MORE, OPERANDS, SHELL)
MANIFEST = """\
[project]
name = "x"
[tool.pdm]
scripts = 1
[tool.uv]
workspace = []
[tool.poetry]
dependencies = 2
"""
FILES = {
    "/app/a": "#!/bin/sh\npip install $1\n",
    "/app/pyproject.toml": MANIFEST,
    "/app/Pipfile": "[packages]\na = 1\n",
    "/app/pixi.toml": "feature = 1\n",
    "/app/b": "-r b\n-e\n-c\n--\n \\\n",
    "/app/environment.yml": "pip:\n- -r b\n- -e\n",
    "/app/Makefile": "install: install\n\t$(shell x) $(X) ${Y} $$z $(\n%: b\n\ninclude\n= x\n",
}


def run_of(text: str) -> Run:
    (run,) = outline(parse("FROM scratch\nRUN true")).stages[0].instructions
    assert isinstance(run, Run)
    found = outline(parse(f"FROM scratch\nRUN {text}\n")).stages[0].instructions
    return found[0] if found and isinstance(found[0], Run) else run


@settings(max_examples=400)
@given(st.sampled_from(TOOLS), st.lists(st.one_of(VERBS, WORDS), max_size=7))
def test_any_command_line_is_judged(tool: str, words: list[str]) -> None:
    found = installations(run_of(" ".join([tool, *words])), variables={"X": "a b"}, cwd="/app", files=FILES.get)
    for installation in found.installations:
        assert all(installation.inputs)
        assert installation.tool
        if installation.with_project is False:
            assert installation.project is None
    assert all(export.inputs for export in found.exports if export.exact)


@settings(max_examples=100)
@given(st.sampled_from(TOOLS), st.lists(WORDS, max_size=5), st.dictionaries(st.sampled_from(sorted(FILES)), st.text()))
def test_any_file_is_read(tool: str, words: list[str], files: dict[str, str]) -> None:
    for verb in ("install", "sync", ""):
        installations(run_of(" ".join([tool, verb, *words])), cwd="/app", files={**FILES, **files}.get)


@given(st.lists(st.sampled_from(TOOLS), min_size=1))
def test_a_command_in_quotes_is_text(tools: list[str]) -> None:
    lines = " && ".join(f"echo '{tool} install x'" for tool in tools)
    found = installations(run_of(lines), cwd="/app", files=FILES.get)
    assert found[1:] == ((), (), (), (), ())


@pytest.mark.parametrize("cwd", ["/app", None])
def test_a_directory_that_is_not_known_leaves_paths_as_they_are(cwd: str | None) -> None:
    (found,) = installations(run_of("pip install -r a.txt ./lib /opt/lib"), cwd=cwd).installations
    base = "/app/" if cwd else ""
    assert found.inputs == (f"{base}a.txt", "/app/lib" if cwd else "./lib", "/opt/lib")
