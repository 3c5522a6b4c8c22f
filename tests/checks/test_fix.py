"""Fixes: applied whole, in rounds, judged again; those that do harm are refused, and files stay what they are."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.checks.conftest import checker

from depsfirst.checks import run as engine
from depsfirst.checks.edits import before, inserted, removed, replaced, without_word
from depsfirst.checks.files import Files
from depsfirst.checks.fix import applied, line_end
from depsfirst.checks.model import Edit, Fix, Rule, Severity
from depsfirst.checks.places import span_of
from depsfirst.checks.writing import changes, write
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from depsfirst.checks.fix import Mended
    from depsfirst.checks.model import Finding
    from depsfirst.checks.subject import Subject

    Project = Callable[[Mapping[str, str]], Path]
    Finder = Callable[[Subject], Iterator[Finding]]

GOOD = """FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
"""
FILES = {"Dockerfile": GOOD, "requirements.txt": "flask==3.0.3\n", "app.py": "print(1)\n", ".dockerignore": "docs\n"}


def row_of(rule: Rule) -> SimpleNamespace:
    """A row of the table of rules for one that no module has."""
    return SimpleNamespace(name=rule.name, family=rule.family, may_find=bool, load=lambda: rule)


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Subject], Fix | None]], None]:
    """``rule(make)`` puts a rule in place of all others, which finds something as long as ``make`` gives a fix."""

    def put(make: Callable[[Subject], Fix | None]) -> None:
        def find(subject: Subject) -> Iterator[Finding]:
            if fix := make(subject):
                yield own.finding(subject, span_of(subject.steps[0]), "something", fixes=[fix])

        own = Rule("own-rule", "order", Severity.WARNING, find, "A rule of the tests.")
        monkeypatch.setattr(engine, "RULES", (row_of(own),))

    return put


def mended(root: Path, *, unsafe: bool = False) -> Mended:
    return checker(root / "Dockerfile").mended(unsafe=unsafe)[0]


def reason(root: Path) -> str:
    """Why the only fix was refused."""
    result = mended(root)
    assert not result.made
    assert [path for path, _, _ in changes(Files(), result.files)] == []
    return result.refused[0].reason


# What is refused


def test_a_fix_that_buildkit_would_refuse(project: Project, rule: Callable[..., None]) -> None:
    rule(lambda subject: Fix("break it", safe=True, edits=(inserted(subject, 0, "COPPY a b\n"),)))
    assert reason(project(FILES)) == 'BuildKit would refuse the file: "COPPY" is no instruction'


def test_a_fix_that_reads_what_is_not_there(project: Project, rule: Callable[..., None]) -> None:
    def make(subject: Subject) -> Fix:
        return Fix("copy it", safe=True, edits=(before(subject, subject.steps[-1].instruction, "COPY gone.txt ."),))

    rule(make)
    assert reason(project(FILES)) == 'it would read "gone.txt", which is not there'


def test_a_fix_that_names_a_stage_which_is_not_there(project: Project, rule: Callable[..., None]) -> None:
    rule(
        lambda subject: Fix("cut it", safe=True, edits=(inserted(subject, len(subject.text), "COPY --from=9 /a /\n"),))
    )
    assert reason(project(FILES)) == "BuildKit would refuse the file: there is no stage 9"


def test_a_fix_after_which_an_edit_installs_more(project: Project, rule: Callable[..., None]) -> None:
    def make(subject: Subject) -> Fix | None:
        copies = [step for step in subject.transfers if "app.py" in step.instruction.syntax.text]
        install = subject.installing[0]
        if copies[0].line < install.line:
            return None
        edits = (before(subject, install.instruction, "COPY app.py ."), removed(subject, copies[0].instruction))
        return Fix("move the code up", safe=True, edits=edits)

    rule(make)
    assert reason(project(FILES)) == "after an edit (code) more would be installed again than before"


def test_a_fix_that_lowers_nothing_it_claims_to(project: Project, rule: Callable[..., None]) -> None:
    def make(subject: Subject) -> Fix | None:
        text = "LABEL a=b\n"
        edits = (inserted(subject, len(subject.text), text),)
        return None if text in subject.text else Fix("label it", safe=True, edits=edits, lowers=("code",))

    rule(make)
    assert reason(project(FILES)) == "it would not make an edit (code) install less"


def test_a_fix_after_which_the_same_is_found(project: Project, rule: Callable[..., None]) -> None:
    rule(lambda subject: Fix("say it", safe=True, edits=(inserted(subject, 0, "# more and more\n"),)))
    assert reason(project(FILES)) == "it would not mend what was found"


def test_a_fix_that_makes_a_file_which_is_there(project: Project, rule: Callable[..., None]) -> None:
    def make(subject: Subject) -> Fix:
        return Fix("write it", safe=True, edits=(Edit(subject.directory / "app.py", 0, 0, "", creates=True),))

    rule(make)
    assert reason(project(FILES)).endswith("app.py: this file is there already")


def test_an_ignore_file_that_another_dockerfile_needs(project: Project, rule: Callable[..., None]) -> None:
    other = "FROM python:3.12-slim\nCOPY docs/guide.md /\n"
    root = project({**FILES, ".dockerignore": "*.log\n", "docs/guide.md": "", "Dockerfile.docs": other})

    def make(subject: Subject) -> Fix | None:
        text = subject.files.text(subject.ignore_file)
        edit = Edit(subject.ignore_file, len(text), len(text), "docs\n")
        return None if "docs" in text else Fix("leave docs out", safe=True, edits=(edit,))

    rule(make)
    assert reason(root) == (
        'another Dockerfile is built with the same files: it would read "docs/guide.md", which is not there'
    )


def test_a_refusal_stands_in_the_report(project: Project, rule: Callable[..., None]) -> None:
    rule(lambda subject: Fix("break it", safe=True, edits=(inserted(subject, 0, "COPPY a b\n"),)))
    _, report = checker(project(FILES) / "Dockerfile").mended(unsafe=False)
    (finding,) = report.findings
    assert finding.no_fix.startswith("the fix was refused: BuildKit would refuse the file")


# What is made


def test_unsafe_fixes_are_made_only_if_they_are_asked_for(project: Project, rule: Callable[..., None]) -> None:
    def make(subject: Subject) -> Fix | None:
        edits = (inserted(subject, len(subject.text), "# end\n"),)
        return None if "# end" in subject.text else Fix("end it", safe=False, edits=edits)

    rule(make)
    root = project(FILES)
    assert not mended(root).made
    assert mended(root, unsafe=True).files.text(root / "Dockerfile") == GOOD + "# end\n"


def test_fixes_at_one_place_are_made_one_after_the_other(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def finder(word: str) -> Finder:
        def find(subject: Subject) -> Iterator[Finding]:
            if word not in subject.text:
                edits = (inserted(subject, len(subject.text), f"# {word}\n"),)
                yield rules[word].finding(
                    subject, span_of(subject.steps[0]), word, fixes=[Fix(word, safe=True, edits=edits)]
                )

        return find

    rules = {word: Rule(word, "order", Severity.NOTE, finder(word), "A rule.") for word in ("first", "second")}
    monkeypatch.setattr(engine, "RULES", tuple(map(row_of, rules.values())))
    root = project(FILES)
    assert mended(root).files.text(root / "Dockerfile") == GOOD + "# first\n# second\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_stay(
    project: Project, rule: Callable[..., None], newline: str, mark: str
) -> None:
    text = mark + GOOD.replace("\n", newline)
    root = project({**FILES, "Dockerfile": text})

    def make(subject: Subject) -> Fix | None:
        edits = (before(subject, subject.steps[0].instruction, "# two\n# lines"),)
        return None if "# two" in subject.text else Fix("say it", safe=True, edits=edits)

    rule(make)
    result = mended(root)
    expected = text.replace("WORKDIR", f"# two{newline}# lines{newline}WORKDIR")
    assert result.files.text(root / "Dockerfile") == expected
    write(Files(), result.files)
    assert (root / "Dockerfile").read_bytes() == expected.encode()


def test_text_that_is_no_utf8_stays(project: Project, rule: Callable[..., None]) -> None:
    root = project(FILES)
    (root / "Dockerfile").write_bytes(b"# caf\xe9\n" + GOOD.encode())

    def make(subject: Subject) -> Fix | None:
        edits = (inserted(subject, len(subject.text), "# end\n"),)
        return None if "# end" in subject.text else Fix("end it", safe=True, edits=edits)

    rule(make)
    write(Files(), mended(root).files)
    assert (root / "Dockerfile").read_bytes() == b"# caf\xe9\n" + GOOD.encode() + b"# end\n"


def test_most_line_ends_decide() -> None:
    assert line_end("a\r\nb\r\nc\n") == "\r\n"
    assert line_end("a\r\nb\nc\n") == "\n"
    assert line_end("") == "\n"


def test_edits_are_made_from_the_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("one two three")
    edits = (Edit(path, 0, 3, "1"), Edit(path, 8, 13, "3"), Edit(path, 4, 7, "2"))
    assert applied(Files(), [Fix("count", safe=True, edits=edits)]).text(path) == "1 2 3"


# Writing


def changed(path: Path, text: str) -> tuple[Files, Files]:
    files = Files()
    files.text(path)
    return files, files.edited({path: text})


def test_mode_and_symlink_stay(tmp_path: Path) -> None:
    real = tmp_path / "real/Dockerfile.main"
    real.parent.mkdir()
    real.write_text("FROM a\n")
    real.chmod(0o640)
    link = tmp_path / "Dockerfile"
    link.symlink_to("real/Dockerfile.main")
    assert write(*changed(link, "FROM b\n")) == (link,)
    assert link.is_symlink()
    assert real.read_text() == "FROM b\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert os.listdir(real.parent) == ["Dockerfile.main"]


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        files = Files()
        write(files, files.edited({tmp_path / ".dockerignore": ".git\n"}))
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / ".dockerignore").stat().st_mode) == 0o640


def test_what_somebody_else_changed_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n")
    before_and_after = changed(path, "FROM b\n")
    path.write_text("FROM c\n")
    with pytest.raises(DepsfirstError, match="changed by somebody else"):
        write(*before_and_after)
    assert path.read_text() == "FROM c\n"
    assert os.listdir(tmp_path) == ["Dockerfile"]


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM a\n")
    files = Files()
    files.text(path)
    after = files.edited({path: "FROM b\n", tmp_path / "nowhere/.dockerignore": "x\n"})
    with pytest.raises(DepsfirstError, match="cannot be written"):
        write(files, after)
    assert path.read_text() == "FROM a\n"
    assert os.listdir(tmp_path) == ["Dockerfile"]


# Words and lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN a --word b\n", "RUN a b\n"),
        ("RUN a --word\n", "RUN a\n"),
        ("RUN a \\\n    --word \\\n    b\n", "RUN a \\\n    b\n"),
        ("RUN a \\\n    --word b\n", "RUN a \\\n    b\n"),
        ("RUN a \\\n    b --word\n", "RUN a \\\n    b\n"),
        ("RUN a \\\n    --word\n", "RUN a\n"),
        ("RUN a \\\r\n    --word\r\nRUN b\r\n", "RUN a\r\nRUN b\r\n"),
        ("# escape=`\nRUN a `\n    --word `\n    b\n", "# escape=`\nRUN a `\n    b\n"),
        ("# escape=`\nRUN a `\n    --word", "# escape=`\nRUN a"),
    ],
)
def test_a_word_is_taken_out(project: Project, text: str, expected: str) -> None:
    head = "" if text.startswith("# escape") else "FROM x\n"
    root = project({"Dockerfile": head + text})
    files = Files()
    (subject,) = checker(root / "Dockerfile").subjects()
    start = subject.text.index("--word")
    edit = without_word(subject, subject.span(start, start + len("--word")))
    assert applied(files, [Fix("", safe=True, edits=(edit,))]).text(root / "Dockerfile") == head + expected


def test_comments_above_an_instruction_belong_to_it(project: Project) -> None:
    text = "# syntax=docker/dockerfile:1\nFROM x\n\n# far\n\n# why\n# so\nRUN a\nCOPY b c"
    root = project({"Dockerfile": text, "b": ""})
    (subject,) = checker(root / "Dockerfile").subjects()
    run, copy = subject.steps
    moved = (removed(subject, run.instruction, comments=True), inserted(subject, len(text), "\n# why\n# so\nRUN a"))
    result = applied(Files(), [Fix("", safe=True, edits=moved)]).text(root / "Dockerfile")
    assert result == "# syntax=docker/dockerfile:1\nFROM x\n\n# far\n\nCOPY b c\n# why\n# so\nRUN a"
    assert replaced(subject, span_of(copy), "x").text == "x"
