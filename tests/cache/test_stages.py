from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.cache.contexts import FILES, Project, file, folder, letters, link, outcomes, reasons, tree

from depsfirst.cache.model import CauseKind, ImageFacts, Status, compare, steps
from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version
from depsfirst.dockerfile.context import Context
from depsfirst.dockerfile.platforms import Platform
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILDER = "FROM base AS b\nCOPY src /src\nRUN make\nFROM base\n"


def check(before: str, after: str, expected: str, version: Version = CURRENT, **options: Any) -> None:
    assert (
        letters(Project(before, version=version, options=options), Project(after, version=version, options=options))
        == expected
    )


REWORDED = [
    (
        "FROM base AS b\nRUN x\nFROM base\nCOPY --from=b /o /o",
        "FROM base AS c\nRUN x\nFROM base\nCOPY --from=c /o /o",
        "cc",
    ),
    ("FROM base AS b\nRUN x\nFROM base\nCOPY --from=b /o /o", "FROM base\nRUN x\nFROM base\nCOPY --from=0 /o /o", "cc"),
    ("RUN x", "FROM gone AS u\nRUN no\nCOPY nothing /a\nFROM base\nRUN x", "c"),
    ("FROM base AS b\nRUN x\nFROM b\nRUN y", "FROM base\nRUN x\nRUN y", "cc"),
    ("FROM base AS b\nRUN x\nFROM b\nRUN y", "FROM base AS b\nRUN x\nARG X=1\nFROM b\nRUN y", "cR"),
    ("FROM base AS b\nRUN x\nFROM b\nRUN y", "FROM base AS b\nRUN x\nLABEL x=1\nCMD y\nFROM b\nRUN y", "cc"),
    ("FROM base AS b\nRUN x\nUSER u\nFROM b\nRUN y", "FROM base AS b\nRUN x\nFROM b\nRUN y", "cR"),
    ("FROM base AS b\nARG A=1\nENV A=2 B=3\nFROM b\nRUN y", "FROM base\nENV A=2 B=3\nRUN y", "c"),
    (
        "FROM base AS b\nONBUILD RUN t\nRUN x\nFROM b\nRUN y",
        "FROM base AS b\nONBUILD RUN u\nRUN x\nFROM b\nRUN y",
        "cRR",
    ),
    ("FROM base AS b\nONBUILD RUN t\nRUN x\nFROM b\nRUN y", "FROM base AS b\nRUN x\nFROM b\nRUN t\nRUN y", "ccc"),
    ("ARG B=base\nFROM $B\nRUN x", "ARG B=base\nARG C=1\nFROM ${B}\nRUN x", "c"),
    ("FROM base\nRUN x", "FROM docker.io/library/base:latest\nRUN x", "c"),
    ("FROM scratch\nCOPY main.py /a", "FROM --platform=linux/arm64 scratch\nCOPY main.py /a", "c"),
    ("FROM base\nRUN x && \\\n y", "# escape=`\nFROM base\nRUN x && `\n y", "c"),
    (
        "FROM base AS b\nRUN 1\nFROM base\nRUN --mount=from=b,target=/m x",
        "FROM base AS b\nRUN 2\nFROM base\nRUN --mount=from=b,target=/m x",
        "R?",
    ),
]


@pytest.mark.parametrize("version", [CLASSIC, CURRENT])
@pytest.mark.parametrize(("before", "after", "expected"), REWORDED)
def test_stages_count_by_what_they_are_made_of(before: str, after: str, expected: str, version: Version) -> None:
    check(before, after, expected, version)


def test_only_what_the_target_needs_is_a_step() -> None:
    text = "FROM base AS d\nRUN 4\nFROM base AS a\nRUN 1\nFROM base AS b\nRUN 2\nFROM a AS c\n"
    text += "COPY --from=b /x /x\nRUN --mount=from=d,target=/m 3\nFROM base\nRUN 5\n"
    for target, lines in (("a", [4]), ("c", [2, 4, 6, 8, 9]), ("C", [2, 4, 6, 8, 9]), (None, [11])):
        build = Project(text, options={"target": target}).build()
        assert [step.line for step in steps(build)] == lines


def test_a_step_says_what_is_in_force() -> None:
    text = 'FROM base\nENV A=1\nWORKDIR /w\nUSER u\nSHELL ["/bin/bash", "-c"]\nARG B=$A\nRUN  x\nCOPY $B ./$A\n'
    directory, run, copy = steps(Project(text).build())
    assert (run.line, run.end_line, run.cwd, run.user, run.shell) == (7, 7, "/w", "u", ("/bin/bash", "-c"))
    assert (dict(run.scope.variables)["B"], run.title, directory.user) == ("1", "RUN x", "")
    assert copy.instruction.destination == "./1"  # type: ignore[attr-defined]


FACTS = {
    "plain": ImageFacts(layers=("1",)),
    "renamed": ImageFacts(layers=("1",)),
    "rebuilt": ImageFacts(layers=("2",)),
    "variable": ImageFacts(("A=1",), layers=("1",)),
    "user": ImageFacts(user="u", layers=("1",)),
    "shell": ImageFacts(shell=("/bin/bash", "-c"), layers=("1",)),
    "directory": ImageFacts(cwd="/w", layers=("1",)),
    "trigger": ImageFacts(onbuild=("RUN t",), layers=("1",)),
}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("plain", "cccc"),
        ("renamed", "cccc"),
        ("rebuilt", "RRRR"),
        ("variable", "ccRR"),
        ("user", "cRRR"),
        ("shell", "ccRR"),
        ("directory", "RRRR"),
        ("trigger", "RRRRR"),
        ("unheard", "????"),
    ],
)
def test_an_image_counts_by_its_layers_and_by_what_its_configuration_puts_in_force(image: str, expected: str) -> None:
    text = "FROM {}\nCOPY main.py x\nWORKDIR /d\nRUN x\nRUN y"
    check(text.format("plain"), text.format(image), expected, images=FACTS.get)


def test_a_trigger_of_an_image_is_a_step() -> None:
    check("FROM plain\nRUN t\nRUN x", "FROM trigger\nRUN x", "cc", images=FACTS.get)


def test_nobody_knows_whether_images_of_two_names_are_one() -> None:
    (outcome,) = outcomes(Project("FROM a\nRUN x", options={"images": lambda _: None}), Project("FROM b\nRUN x"))
    assert outcome.status is Status.UNKNOWN
    assert [cause.kind for cause in outcome.causes] == [CauseKind.BASE_IMAGE]
    assert not outcome.causes[0].certain


def test_a_platform_counts_for_runs() -> None:
    text = "FROM scratch\nCOPY main.py /a\nRUN x"
    one, other = Project(text), Project(text, options={"platform": Platform("linux", "arm64")})
    assert letters(one, other) == "cR"


def named(files: Mapping[str, Any]) -> dict[str, Context]:
    return {"more": Context(tree(files))}


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("FROM base\nCOPY --from=more a /a", {"b": "2"}, "c"),
        ("FROM base\nCOPY --from=more a /a", {"a": "2"}, "R"),
        ("FROM base\nCOPY --from=MORE a /a", {"a": "2"}, "R"),
        ("FROM base\nRUN --mount=from=more,target=/m x", {"b": "2"}, "R"),
        ("FROM base AS more\nRUN no\nFROM base\nCOPY --from=more a /a", {"b": "2"}, "c"),
        ("FROM more AS m\nFROM base\nCOPY --from=m a /a", {"b": "2"}, "c"),
        ("FROM more\nRUN x", {}, "R"),
    ],
)
def test_a_named_context_stands_for_a_stage_or_an_image(text: str, edit: Mapping[str, Any], expected: str) -> None:
    files = {"a": "1", "b": "1"}
    one, other = (Project(text, options={"contexts": named(each)}) for each in (files, {**files, **edit}))
    if "MORE" in text:
        text = text.replace("MORE", "more")
        one, other = (Project(text, options={"contexts": named(each)}) for each in (files, {**files, **edit}))
    assert letters(one, other) == expected


def test_remote_files_are_taken_to_stay_what_they_are() -> None:
    url = "ADD https://files.example/d/a.txt /a"
    check(url, url, "c")
    check(url, "ADD https://files.example/e/a.txt /a", "?")
    check(url, "ADD https://files.example/d/b.txt /a", "R")
    check("ADD --checksum=sha256:1 http://x.example/a /a", "ADD --checksum=sha256:2 http://x.example/a /a", "R")
    check("ADD --checksum=sha256:1 http://x.example/a /a", "ADD --checksum=sha256:1 http://y.example/a /a", "c")
    check("ADD https://h.example/r.git#main /r", "ADD https://h.example/r.git#main /r", "c")
    check("ADD git@h.example:o/r.git /r", "ADD git@h.example:o/s.git /r", "?")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("FROM base AS a\nRUN x", {"target": "b"}, 'no stage is called "b"'),
        ("FROM base\nCOPY --from=a /x /x\nFROM base AS a\nRUN x", {"target": "0"}, "no stage is called"),
        ("FROM base AS z\nCOPY --from=a /x /x\nFROM base AS a\nRUN x", {"target": "z"}, 'the stage "a" does not stand'),
        (
            "FROM base AS z\nRUN --mount=from=a,target=/m x\nFROM base AS a\nRUN x",
            {"target": "z"},
            'the stage "a" does',
        ),
        ("COPY --chmod=888 main.py /a", {}, 'the mode "888"'),
        ("RUN --mount=source=src x", {}, 'a mount of type bind cannot stand at "/"'),
        ("RUN --mount=type=cache,target=/ x", {}, 'a mount of type cache cannot stand at "/"'),
        ("RUN --mount=type=ssh,source=a x", {}, 'a mount of type ssh has no "source"'),
        ("COPY https://h.example/a /a", {}, 'COPY cannot copy "https'),
        ("FROM trigger\nRUN x", {"images": lambda _: ImageFacts(onbuild=("FROM x",))}, 'the trigger "FROM x"'),
        ("ADD --exclude=[ src /s", {}, '"[" is no pattern'),
    ],
)
def test_what_a_builder_refuses_is_refused_with_its_line(text: str, options: dict[str, Any], message: str) -> None:
    project = Project(text, options=options)
    with pytest.raises(DepsfirstError, match=re.escape(message)) as refused:
        compare(project.build(), project.edited({"src/README": "2"}).build())
    assert refused.value.hint
    assert (refused.value.where or "").startswith("Dockerfile")


def test_causes_name_what_changed() -> None:
    text = "ARG V=1\nFROM base\nARG V\nCOPY src/ ./src\nRUN make\n"
    edited = Project(text).edited({"src/shop/main.py": "2"})
    assert reasons(Project(text), edited) == [
        ["COPY src/ ./src (line 4) reads src/shop/main.py"],
        ["line 5 runs on what line 4 made"],
    ]
    assert reasons(Project(text), Project(text, options={"arguments": {"V": "2"}})) == [
        ["ARG V (line 3) has another value"],
    ]
    assert reasons(Project(text), Project(text.replace("make", "make all"))) == [["its command is another (line 5)"]]
    assert reasons(Project(text), Project(text + "USER u\nRUN new\n")) == [["RUN new (line 7) is new"]]
    assert reasons(Project(text), Project(text, options={"no_cache": True}))[0] == [
        "it always runs, as the build is told not to use the cache for it"
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("WORKDIR /a\nRUN x", "WORKDIR /b\nRUN x", 'its path is "/b" and was "/a" (line 2)'),
        ("COPY main.py /a", "COPY main.py /b", 'its destination is "/b" and was "/a" (line 2)'),
        ("COPY main.py /a", "COPY --chown=5 main.py /a", "its --chown differs (line 2)"),
        ("COPY main.py /a", "COPY run.sh /a", "its sources differ (line 2)"),
        ("RUN x", "USER u\nRUN x", 'its user is "u" and was "" (line 3)'),
        ("ENV A=1\nENV B=2\nRUN x", "ENV B=2\nENV A=1\nRUN x", "its variables are set in another order"),
        ("ENV A=1\nRUN x", "RUN x", "the variable A is no longer set"),
        ("RUN x", "ENV A=1\nRUN x", "ENV A (line 2) is new"),
        ("RUN x", "RUN --mount=type=tmpfs,target=/t x", "its mounts differ (line 2)"),
        ("FROM a\nRUN x", "FROM b\nRUN x", 'it starts from "b" (line 1), which was "a", and whether they have'),
        ("COPY gone* /a", "COPY gon* /a", "its sources differ (line 2)"),
    ],
)
def test_causes_say_which_part_of_a_step_is_another(before: str, after: str, expected: str) -> None:
    assert reasons(Project(before), Project(after))[0][0].startswith(expected)


def test_a_source_that_is_gone_is_said_to_be() -> None:
    project = Project("COPY main.py /a")
    assert reasons(project, project.edited({"main.py": None})) == [["COPY main.py /a (line 2) does not find main.py"]]


def test_causes_that_are_many_are_counted() -> None:
    edit = {f"src/new/{number}": "" for number in range(6)}
    (outcome,) = outcomes(Project("COPY src /s"), Project("COPY src /s").edited(edit))
    (cause,) = outcome.causes
    assert cause.text == "COPY src /s (line 2) reads src/new/0, src/new/1, src/new/2 and 3 more"
    assert cause.paths == tuple(sorted(edit))


def test_files_that_are_ignored_do_not_count() -> None:
    files = {**FILES, ".dockerignore": "*.md\nDockerfile\n"}
    project = Project("COPY . /a", files)
    assert letters(project, project.edited({"notes.md": "2"})) == "c"
    assert letters(project, Project("COPY . /a\n# more", files)) == "c"
    assert letters(project, project.edited({".dockerignore": "*.md\nDockerfile\n# more\n"})) == "R"
    assert letters(Project("COPY . /a"), Project("COPY . /a\n# more")) == "R"


def test_a_source_that_is_nowhere_changes_nothing_until_it_is_there() -> None:
    project = Project("COPY built.txt /a\nRUN x")
    assert letters(project, project.edited({"notes.md": "2"})) == "cc"
    assert letters(project, project.edited({"built.txt": "2"})) == "RR"


def test_links_in_contexts_are_followed_by_releases() -> None:
    files = {**FILES, "real/a": "1", "lnk": link("real"), "mode": file("x", 0o600), "empty": folder()}
    project = Project("COPY lnk/* /x/", files, CLASSIC)
    assert letters(project, project.edited({"real/a": "2"})) == "c"
    assert letters(Project("COPY lnk/* /x/", files), Project("COPY lnk/* /x/", files).edited({"real/a": "2"})) == "R"
