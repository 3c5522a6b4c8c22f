"""What `depsfirst check` and `rules` say: to people, to programs, to code scanning and to GitHub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.checks.conftest import checker

from depsfirst.checks.rules import RULES, every
from depsfirst.cli import main
from depsfirst.reports.check import Style, as_text
from depsfirst.reports.github import as_github

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
RULES_OF_THESE_TESTS = ("apt-update-alone", "no-cache-mount", "unpinned-installer", "bad-ignore", "unused-ignore")
CHECK = ("check", "--select", ",".join(RULES_OF_THESE_TESTS))
DOCKERFILE = """FROM python:3.12-slim
# depsfirst: ignore[unpinned-installer] the newest is wanted
RUN pip install uv
\tRUN apt-get update
COPY requirements.txt .
RUN pip install --no-cache-dir \\
    -r requirements.txt
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "requirements.txt").write_text("flask==3.0.3\nhttpx==0.28\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``call(*CHECK, "--diff")`` gives exit code, standard output and standard error."""

    def called(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(words)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return called


# For people

TEXT = """\
warning[apt-update-alone]: the package index is fetched here, and nothing is installed by it
  --> Dockerfile:4:6
   |
 4 |     RUN apt-get update
   |         ^^^^^^^^^^^^^^
   = no fix: what it is for cannot be told: remove it, or install in the same RUN
   = more: depsfirst rules apt-update-alone

note[no-cache-mount]: whenever this step runs again, pip downloads everything anew: no cache is mounted
  --> Dockerfile:6:5
   |
 6 | RUN pip install --no-cache-dir \\
 7 |     -r requirements.txt
   = cost: about 2 packages
   = fix: Mount a cache at "/root/.cache/pip" \
(--unsafe-fixes; builders without mounts, such as kaniko, refuse the file then)
   = more: depsfirst rules no-cache-mount

1 Dockerfile checked: 1 warning, 1 note (1 ignored by comments); --unsafe-fixes mends 1
"""


@pytest.mark.usefixtures("root")
def test_findings_are_shown_with_their_code(call: Any) -> None:
    assert call(*CHECK) == (1, TEXT, "")


def test_the_lines_of_a_finding_are_in_the_order_of_the_file(root: Path, call: Any) -> None:
    (root / "app.py").write_text("")
    (root / "Dockerfile").write_text(
        "FROM python:3.12-slim\nCOPY app.py /app/\nWORKDIR /app\nENV A=1\nRUN apt-get install -y \\\n a \\\n b \\\n c\n"
    )
    out = call("check", "--select", "system-packages-after-code")[1]
    assert out.splitlines()[1:12] == [
        "  --> Dockerfile:5:1",
        "   |",
        " 2 | COPY app.py /app/",
        "   | ----------------- this one runs again with each edit of the code",
        "...",
        " 5 | RUN apt-get install -y \\",
        " 6 |  a \\",
        " 7 |  b \\",
        "   | ...",
        "   = fix: Install them before line 2 (--fix)",
        "   = more: depsfirst rules system-packages-after-code",
    ]


@pytest.mark.usefixtures("root")
def test_colours_change_no_letter() -> None:
    run = checker(Path(), select=RULES_OF_THESE_TESTS)
    report = run.report()
    texts = {path: run.files.text(path) for path in {finding.path for finding in report.findings}}
    painted = as_text(report, texts, Style(colour=True))
    assert painted.count("\x1b[1;33m") == 1
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) + "\n" == TEXT


@pytest.mark.usefixtures("root")
def test_how_it_is_built_is_said_to_the_curious(call: Any) -> None:
    said = 'Dockerfile: context "." (guessed: the Dockerfile\'s directory, as nothing says another)\n'
    assert said in call(*CHECK, "-v")[1]


def test_nothing_found(call: Any, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12-slim\nCMD python\n")
    assert call("check", str(tmp_path)) == (0, "1 Dockerfile checked: nothing found\n", "")


def test_nothing_to_look_at(call: Any, tmp_path: Path) -> None:
    assert call("check", str(tmp_path)) == (3, "", "no Dockerfile is found; `depsfirst init` writes one\n")


def test_a_file_that_cannot_be_judged(call: Any, root: Path) -> None:
    (root / "Dockerfile").write_text("FRM x\n")
    code, out, err = call("check", "Dockerfile")
    assert (code, out) == (2, "0 Dockerfiles checked: nothing found\n")
    assert err == f'error: {root}/Dockerfile:1: "FRM" is no instruction (FROM is near)\n'
    assert call("check", ".")[2].startswith("skipped: ")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--exit-zero"], 0),
        (["--severity", "error"], 0),
        (["--severity", "warning"], 1),
        (["--select", "no-cache-mount,apt-update-alone", "--ignore", "installer"], 0),
        (["--select", "git-in-context"], 0),
        (["--select", "git-in-contxt"], 2),
        (["--severity", "bad"], 2),
        (["nowhere"], 2),
        (["--context", "nowhere"], 2),
        (["--target", "nowhere", "Dockerfile"], 2),
        (["--build-arg", "=x"], 2),
    ],
)
def test_exit_codes(call: Any, words: list[str], code: int) -> None:
    assert call("check", *words)[0] == code


# Fixing

DIFF = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -3,5 +3,5 @@
 RUN pip install uv
 \tRUN apt-get update
 COPY requirements.txt .
-RUN pip install --no-cache-dir \\
+RUN --mount=type=cache,target=/root/.cache/pip \\
+    pip install \\
     -r requirements.txt
"""


def test_a_diff_writes_nothing_and_can_be_applied(call: Any, root: Path) -> None:
    assert call(*CHECK, "--diff") == (0, "", "")
    code, out, err = call(*CHECK, "--diff", "--unsafe-fixes")
    assert (code, err) == (1, "")
    assert out.splitlines()[:2] == DIFF.splitlines()[:2]
    assert [line for line in out.splitlines() if line[0] in "+-"] == [
        line for line in DIFF.splitlines() if line[0] in "+-"
    ]
    assert (root / "Dockerfile").read_text() == DOCKERFILE
    subprocess.run(["git", "apply", "-"], cwd=root, input=out, text=True, check=True)
    assert "--mount=type=cache" in (root / "Dockerfile").read_text()


def test_a_diff_makes_files(call: Any, root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (root / "Dockerfile").write_text("FROM python:3.12\nCOPY . .")
    _, out, _ = call("check", "--diff", "--select", "git-in-context")
    assert out.startswith("--- /dev/null\n+++ b/.dockerignore\n@@ -0,0 +1,6 @@\n+.git\n+**/__pycache__\n")


def test_fixes_are_said_and_what_is_left(call: Any, root: Path) -> None:
    code, out, err = call(*CHECK, "--unsafe-fixes")
    assert (code, err) == (1, "")
    assert out.startswith('fixed Dockerfile:6: Mount a cache at "/root/.cache/pip" (no-cache-mount)\nwarning[apt-')
    assert "no-cache-mount]" not in out
    text = (root / "Dockerfile").read_text()
    call(*CHECK, "--unsafe-fixes")
    assert (root / "Dockerfile").read_text() == text


# For programs


def valid(text: str) -> Any:
    schema = json.loads((ROOT / "docs/schema/check.json").read_text())
    Draft202012Validator.check_schema(schema)
    value = json.loads(text)
    Draft202012Validator(schema).validate(value)
    return value


@pytest.mark.usefixtures("root")
def test_json_is_as_documented(call: Any) -> None:
    code, out, err = call(*CHECK, "--format", "json")
    value = valid(out)
    assert (code, err, value["version"]) == (1, "", 1)
    apt, mount = value["findings"]
    assert apt["span"] == {"offset": 107, "end": 121, "line": 4, "column": 6, "end_line": 4, "end_column": 20}
    assert DOCKERFILE[107:121] == "apt-get update"
    assert (mount["severity"], mount["cost"], mount["no_fix"]) == ("note", "about 2 packages", None)
    (ignored,) = value["ignored"]
    assert (ignored["rule"], ignored["reason"]) == ("unpinned-installer", "the newest is wanted")


@pytest.mark.usefixtures("root")
def test_edits_in_json_can_be_made(call: Any) -> None:
    (fix,) = valid(call(*CHECK, "--format", "json")[1])["findings"][1]["fixes"]
    text = DOCKERFILE
    for edit in sorted(fix["edits"], key=lambda edit: edit["start"], reverse=True):
        text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
    call(*CHECK, "--unsafe-fixes")
    assert Path("Dockerfile").read_text() == text


def test_json_of_failures_and_of_nothing(call: Any, root: Path) -> None:
    (root / "Dockerfile").write_text("FRM x\n")
    (root / "compose.yaml").write_text("services: {a: {build: '${X}'}}")
    code, out, err = call("check", "--format", "json", "Dockerfile")
    value = valid(out)
    assert (code, err) == (2, "")
    assert value["dockerfiles"][0]["failure"]["message"] == '"FRM" is no instruction'
    assert value["misunderstood"][0]["origin"] == "compose.yaml: services.a.build"
    (root / "empty").mkdir()
    assert valid(call("check", "--format", "json", "empty")[1])["dockerfiles"] == []


@pytest.mark.usefixtures("root")
def test_json_of_fixes(call: Any) -> None:
    value = valid(call(*CHECK, "--format", "json", "--unsafe-fixes")[1])
    title = 'Mount a cache at "/root/.cache/pip"'
    assert value["fixed"] == [{"rule": "no-cache-mount", "file": "Dockerfile", "title": title, "safe": False}]


# SARIF


def test_sarif_is_valid(call: Any, root: Path) -> None:
    (root / "Dockerfile").write_text(DOCKERFILE + "COPY --from=quay.example/a/ü:latest /a ./\n")
    (root / "bad").mkdir()
    (root / "bad/Dockerfile").write_text("FRM x\n")
    code, out, _ = call(*CHECK, "--format", "sarif", ".")
    value = json.loads(out)
    Draft202012Validator(json.loads((Path(__file__).parent / "sarif.json").read_text())).validate(value)
    (run,) = value["runs"]
    assert code == 1
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.name for rule in RULES]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["ruleId"] for result in run["results"] if "suppressions" in result] == ["unpinned-installer"]
    (failed,) = run["invocations"][0]["toolExecutionNotifications"]
    assert failed["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad/Dockerfile"


# GitHub


def test_annotations_are_escaped(root: Path, call: Any) -> None:
    (root / "a,b: 100%").mkdir()
    (root / "a,b: 100%/Dockerfile").write_text("FROM python\n")
    _, out, _ = call("check", "--format", "github", "--select", "floating-base-tag", ".")
    assert out == (
        "::notice file=a%2Cb%3A 100%25/Dockerfile,line=1,endLine=1,title=depsfirst%3A floating-base-tag"
        ',col=6,endColumn=12::"python" is another Python after each release'
        "%0ANo fix: no .python-version says which Python the project is made for\n"
    )


@pytest.mark.usefixtures("root")
def test_annotations_of_several_lines_have_no_columns() -> None:
    run = checker(Path(), select=RULES_OF_THESE_TESTS)
    report = run.report()
    last = as_github(
        report, {path: run.files.text(path) for path in {each.path for each in report.findings}}
    ).splitlines()[-1]
    assert last.startswith("::notice file=Dockerfile,line=6,endLine=7,title=depsfirst%3A no-cache-mount::")


# Rules


def test_rules_are_listed(call: Any) -> None:
    code, out, err = call("rules")
    assert (code, err) == (0, "")
    for rule in every():
        assert f"  {rule.name} " in out
        assert rule.summary in out


def test_a_rule_is_explained(call: Any) -> None:
    code, out, _ = call("rules", "git-in-context")
    assert code == 0
    assert out == (ROOT / "docs/rules/git-in-context.md").read_text()
    assert call("rules", "git-in-contxt") == (
        2,
        "",
        'error: no rule and no family is called "git-in-contxt"\nhint: did you mean "git-in-context"?\n',
    )


def test_rules_for_programs(call: Any) -> None:
    value = json.loads(call("rules", "--format", "json")[1])
    assert value["version"] == 1
    assert [rule["name"] for rule in value["rules"]] == [rule.name for rule in RULES]


# Start-up


def test_a_check_imports_only_what_it_needs(root: Path) -> None:
    program = "import sys; from depsfirst.cli import _run; _run(['check'], None); print(*sys.modules, file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    heavy = {"rich", "yaml", "urllib3", "installer", "zipfile", "tarfile", "packaging.markers", "jsonschema", "difflib"}
    assert heavy & set(done.stderr.split()) == set()
