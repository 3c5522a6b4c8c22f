"""What an answer looks like: as text, on terminals of any width, and as the documented JSON."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from depsfirst.cache.request import Request
from depsfirst.cache.why import Answer, why
from depsfirst.reports.why import as_json, as_text, draw

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
DOCKERFILE = """FROM python:3.12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential libpq-dev git curl && rm -rf /var/lib
COPY . .
RUN pip install \\
    -r requirements.txt
RUN ./prepare
FROM scratch
COPY --from=build /app /app
"""
TEXT = """Dockerfile, target stage-1, context .: an edit of README.md

Dependencies are installed again (line 4); 3 of 5 steps run again, 1 may.

stage build
  2  cached   RUN apt-get update && apt-get install -y --no-install-recommends build-essential libpq-dev git curl && rm -rf /var/lib
              installs system packages
  3  reruns   COPY . .
              reads README.md
  4  reruns   RUN pip install -r requirements.txt
              installs dependencies
              runs on what line 3 made
  6  reruns   RUN ./prepare
              may install dependencies: """  # noqa: E501 (a line of the answer)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    for name in ("README.md", "requirements.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def answer(shop: Path) -> Answer:
    return why(Request(), ["README.md"])


@pytest.fixture
def valid() -> Callable[[Any], None]:
    schema = json.loads((ROOT / "docs/schema/why.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).validate


def drawn(answer: Answer, width: int, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """What a terminal of this width is sent."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": str(width), "LINES": "50", "TERM": "xterm-256color", **variables}.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    draw(answer, stream)
    return stream.getvalue()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_text_says_the_verdict_and_each_step(answer: Answer) -> None:
    text = as_text(answer)
    assert text.startswith(TEXT)
    assert "\x1b" not in text
    assert text.splitlines() == [line.rstrip() for line in text.splitlines()]
    assert (
        'unknown  COPY --from=build /app /app\n              the files that line 8 takes from "build" may differ'
        in text
    )


@pytest.mark.parametrize(
    ("dockerfile", "paths", "verdict"),
    [
        ("FROM x\nCOPY a /\nRUN pip install idna\n", ["README.md"], "Nothing runs again: all 2 steps cached."),
        ("FROM x\nRUN true\n", ["README.md"], "Nothing runs again: 1 step cached."),
        ("FROM x\nCOPY . .\n", ["README.md"], "No dependencies are installed again; 1 of 1 step runs again."),
        (
            "FROM x\nCOPY . .\nRUN pip install idna\nRUN pip install click\n",
            ["README.md"],
            "Dependencies are installed again (line 3, 4); 3 of 3 steps run again.",
        ),
        (
            "FROM x\nCOPY . .\nRUN ./unseen\n",
            ["README.md"],
            "Dependencies may be installed again (line 3); 2 of 2 steps run again.",
        ),
    ],
)
def test_the_verdict_is_one_line(shop: Path, dockerfile: str, paths: list[str], verdict: str) -> None:
    (shop / "Dockerfile").write_text(dockerfile)
    (shop / "a").touch()
    assert as_text(why(Request(), paths)).splitlines()[2] == verdict


def test_edits_without_paths_say_what_they_are(shop: Path) -> None:
    (shop / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.0"\n')
    text = as_text(why(Request(), kind="version-bump"))
    assert ': a new version, pyproject.toml (the version "1.0" in [project] of pyproject.toml)' in text
    assert "an edit of the readme, README.md (it stands beside the manifest)" in as_text(why(Request(), kind="readme"))


def test_many_paths_and_causes_are_counted(shop: Path) -> None:
    names = [f"file{number}" for number in range(9)]
    (shop / "Dockerfile").write_text("FROM x\nCOPY . .\n")
    text = as_text(why(Request(), names))
    assert "an edit of file0, file1, file2 and 6 more" in text
    assert "reads file0, file1, file2 and 6 more" in text


@pytest.mark.parametrize("width", [200, 100, 60, 40, 24])
def test_a_terminal_of_any_width_shows_all_of_it(answer: Answer, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = plain(drawn(answer, width, monkeypatch))
    lines = text.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    words = re.sub(r"\s+", "", text)
    for part in (
        "Dependenciesareinstalledagain(line4);3of5stepsrunagain,1may.",
        "readsREADME.md",
        "runsonwhatline3made",
    ):
        assert part in words
    assert [word for line in lines for word in line.split()[1:2] if word in ("cached", "reruns", "unknown")] == [
        *("cached", "reruns", "reruns", "reruns", "unknown")
    ]


def test_colours_are_for_terminals_that_want_them(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m" in drawn(answer, 80, monkeypatch)
    without = drawn(answer, 80, monkeypatch, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", without)
    assert "\x1b" not in drawn(answer, 80, monkeypatch, TERM="dumb")


def test_brackets_are_no_markup(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "Dockerfile").write_text('FROM x\nCOPY . .\nRUN ["echo", "[red]x[/red]", ":smile:"]\n')
    assert '["echo", "[red]x[/red]", ":smile:"]' in plain(drawn(why(Request(), ["README.md"]), 80, monkeypatch))


def test_json_is_what_the_schema_says(answer: Answer, valid: Callable[[Any], None]) -> None:
    value = json.loads(as_json(answer))
    valid(value)
    assert (value["version"], value["dockerfile"], value["target"]) == (1, "Dockerfile", "stage-1")
    assert value["change"] == ["README.md"]
    assert value["reruns_dependencies"] == "yes"
    assert value["steps"][2] == {
        "stage": "build",
        "line": 4,
        "end_line": 5,
        "instruction": "RUN",
        "text": "pip install     -r requirements.txt",
        "status": "reruns",
        "installs": "dependencies",
        "because": "COPY . . (line 3) reads README.md",
    }
    assert [step["status"] for step in value["steps"]] == ["cached", "reruns", "reruns", "reruns", "unknown"]
    assert [step["because"] is None for step in value["steps"]] == [True, False, False, False, False]


def test_json_of_odd_bytes_is_json(shop: Path, valid: Callable[[Any], None]) -> None:
    (shop / "Dockerfile").write_bytes(b"FROM x\nCOPY . .\nRUN echo \xff\xfe \x1b[31m\n")
    text = as_json(why(Request(), ["\udcff"]))
    valid(json.loads(text))
    assert text.isascii()


# The program


def environment(**variables: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, **variables}


def test_the_program_draws_on_a_terminal_and_writes_plain_text_elsewhere(shop: Path) -> None:
    command = [sys.executable, "-m", "depsfirst", "why", "README.md"]
    leader, follower = pty.openpty()
    variables = environment(TERM="xterm", COLUMNS="80")
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.PIPE, env=variables) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                data = os.read(leader, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
    os.close(leader)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    piped = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    assert piped.stdout.startswith(TEXT)


def test_notes_go_to_standard_error(shop: Path) -> None:
    command = [sys.executable, "-m", "depsfirst", "why", "Dockerfile", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    json.loads(done.stdout)
    assert done.stderr.startswith("note: it is taken for granted")


def test_an_answer_starts_lean(shop: Path) -> None:
    heavy = {"rich", "urllib3", "packaging", "installer", "zipfile", "tarfile", "asyncio", "email", "pysequoia"}
    words = "import sys; from depsfirst.cli import _run; _run(['why', 'README.md', '--format', 'json'], None)"
    code = f"{words}; print(*sorted({heavy} & {{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
