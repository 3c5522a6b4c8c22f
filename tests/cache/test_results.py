from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.cache.contexts import FILES, Project, file, folder, letters, link, reasons

from depsfirst.cache.model import CauseKind
from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from depsfirst.cache.keys import Place
    from depsfirst.cache.packed import Read
    from depsfirst.dockerfile.shell import Command

NOTES = {"notes.md": "2"}
CODE = {"src/shop/main.py": "2"}
LIST = {"src/README": "2"}


def fate(stage: str, taken: str, edit: Mapping[str, Any], files: Mapping[str, Any] = FILES, **more: Any) -> str:
    """What becomes of a ``COPY --from`` after an edit; the stage copies all of ``src`` to ``/src`` first."""
    text = f"FROM base AS b\nCOPY src /src\n{stage}\nFROM other\nCOPY --from=b {taken}"
    project = Project(text, files, **more)
    return letters(project, project.edited(edit))[-1]


KNOWN = [
    ("RUN true", "/src/README /r", CODE, "c"),
    ("RUN true", "/src/README /r", LIST, "R"),
    ("RUN true", "/src /r", CODE, "R"),
    ("RUN true", "/src/shop/*.py /r/", LIST, "c"),
    ("RUN true", "/etc/hosts /r", CODE, "c"),
    ("RUN echo done", "/src/README /r", CODE, "c"),
    ("RUN cp /src/README /out", "/out /r", CODE, "c"),
    ("RUN cp /src/README /out", "/out /r", LIST, "R"),
    ("RUN cp /src/README /out; date +%N > /noise", "/out /r", CODE, "c"),
    ("RUN cp /src/README /out; date +%N > /noise", "/noise /r", CODE, "R"),
    ("RUN cp -r /src/shop /out", "/out /r", LIST, "c"),
    ("RUN cp -r /src/shop /out", "/out /r", CODE, "R"),
    ("RUN cat /src/README > /out", "/out /r", CODE, "c"),
    ("RUN cat /src/README > /out", "/out /r", LIST, "R"),
    ("RUN cat /src/shop/main.py /src/README > /out", "/out /r", CODE, "?"),
    ("RUN cat /src/shop/main.py | sort > /out", "/out /r", LIST, "c"),
    ("RUN sort /src/shop/main.py > /out", "/out /r", LIST, "c"),
    ("RUN sort /src/shop/main.py > /out", "/out /r", CODE, "?"),
    ("RUN sed -i s/a/b/ /src/README", "/src/README /r", CODE, "c"),
    ("RUN mkdir /o && mv /src/README /o/x", "/o /r", CODE, "c"),
    ("RUN mkdir -p /o/p && cp /src/README /o/p", "/o/p/README /r", LIST, "R"),
    ("RUN rm -rf /src/shop", "/src /r", CODE, "c"),
    ("RUN rm -r /src/shop/*", "/src /r", CODE, "c"),
    ("RUN rm -r /src/shop/*", "/src /r", LIST, "R"),
    ("RUN rm -rf /var/lib/apt/lists/*", "/var /r", CODE, "c"),
    ("RUN ln -s /src/README /l", "/l /r", LIST, "?"),
    ("RUN mkdir /k && ln -s /src/README /k/l", "/k/l /r", LIST, "R"),
    ("RUN ln -s /src/README /l", "/l /r", CODE, "c"),
    ("RUN chmod -R 755 /src", "/src/README /r", CODE, "c"),
    ("RUN chown -R 5:5 /src", "/src/README /r", CODE, "c"),
    ("RUN echo one > /a && echo two >> /a", "/a /r", CODE, "c"),
    ("RUN tee /a < /src/README", "/a /r", CODE, "c"),
    ("RUN <<E\ncp /src/README /out\nE", "/out /r", LIST, "R"),
    ('RUN ["cp", "/src/README", "/out"]', "/out /r", LIST, "R"),
    ("WORKDIR /w\nRUN cp ../src/README .", "/w/README /r", CODE, "c"),
    ("ENV D=/out\nRUN cp /src/README $D", "/out /r", LIST, "R"),
    ("RUN if true; then cp /src/README /out; fi", "/out /r", CODE, "c"),
    ("RUN --mount=source=src,target=/m cp /m/README /out", "/out /r", CODE, "c"),
    ("RUN --mount=source=src,target=/m cp /m/README /out", "/out /r", LIST, "R"),
    ("RUN --mount=type=cache,target=/c cp /src/README /c/x", "/src/README /r", CODE, "c"),
    ("RUN --mount=type=tmpfs,target=/t cp /src/README /t/x", "/src/README /r", CODE, "c"),
    ("COPY main.py /src/shop/", "/src/shop/main.py /r", CODE, "c"),
    ("COPY main.py /src/README", "/src/README /r", LIST, "c"),
    ("COPY copy /src/shop", "/src/shop/main.py /r", CODE, "c"),
    ("COPY --chmod=600 src/README /x", "/x /r", CODE, "c"),
    ("COPY --chown=5:5 src/README /x", "/x /r", LIST, "R"),
    ("COPY --exclude=shop src /x", "/x /r", CODE, "c"),
    ("COPY --parents src/shop/main.py /x", "/x /r", LIST, "c"),
    ("COPY <<E /x\ntext\nE", "/x /r", CODE, "c"),
    ("ADD src/README /x", "/x /r", LIST, "R"),
    ("COPY --link src/README /x", "/x /r", CODE, "c"),
    ("COPY --link src/README /x", "/x /r", LIST, "R"),
    ("RUN cp /src/README /usr/bin/x", "/usr/bin/x /r", CODE, "c"),
    ("RUN cp /src/README /usr/bin/x", "/usr/bin/x /r", LIST, "R"),
    ("RUN cp /src/README /usr/bin/x", "/bin/x /r", CODE, "c"),
    ("RUN cp /src/README /usr/bin/x", "/bin/x /r", LIST, "?"),
    ("RUN cp /src/README /bin/x", "/usr/bin/x /r", LIST, "?"),
    ("RUN cp /src/README /bin/x", "/usr/bin/y /r", LIST, "c"),
    ("RUN mkdir -p /out && cp -r /src/shop /out/shop", "/out /r", CODE, "R"),
    ("RUN cp /src/$UNSET/README /out", "/out /r", CODE, "c"),
    # what nobody knows
    ("RUN cp /src/${UNSET-shop}/README /out", "/out /r", CODE, "?"),
    ("RUN cp /src/README $HOME", "/out /r", CODE, "?"),
    ("RUN sort /src/README > /src/README", "/src/README /r", CODE, "?"),
    ("RUN make", "/src/README /r", CODE, "?"),
    ("RUN make", "/src/README /r", NOTES, "c"),
    ("RUN make || true", "/src/README /r", CODE, "?"),
    ("RUN test -e /x || cp /src/README /out", "/out /r", CODE, "?"),
    ("RUN cp /src/shop/main.py $(cat /where)", "/out /r", CODE, "?"),
    ("RUN ls -l /src > /out", "/out /r", CODE, "?"),
    ("RUN find /src -delete", "/src/README /r", CODE, "?"),
    ("RUN date +%Y > /out", "/out /r", CODE, "?"),
    ("RUN --mount=type=cache,target=/c cp /c/x /out", "/out /r", CODE, "?"),
    ("USER app\nRUN cp /src/README /out", "/out /r", LIST, "R"),
    ('SHELL ["/usr/bin/fish", "-c"]\nRUN true', "/src/README /r", CODE, "?"),
    ("RUN <<E\n#!/usr/bin/env python\nE", "/src/README /r", CODE, "?"),
]


@pytest.mark.parametrize(("stage", "taken", "edit", "expected"), KNOWN)
def test_files_of_a_stage_count_by_their_content(
    stage: str, taken: str, edit: Mapping[str, Any], expected: str
) -> None:
    assert fate(stage, taken, edit) == expected


@pytest.mark.parametrize(
    ("stage", "taken", "edit", "expected"),
    [
        ("RUN cp /src/README /out", "source=/out", CODE, "c"),
        ("RUN cp /src/README /out", "source=/out", LIST, "R"),
        ("RUN date +%s%N > /noise", "source=/etc", CODE, "c"),
        ("RUN date +%s%N > /noise", "source=/", CODE, "R"),
        ("RUN date +%s%N > /noise", "type=cache,source=/src/shop", LIST, "c"),
        ("RUN date +%s%N > /noise", "type=cache,source=/src/shop", CODE, "R"),
    ],
)
def test_mounts_of_a_stage_count_by_their_content(
    stage: str, taken: str, edit: Mapping[str, Any], expected: str
) -> None:
    text = f"FROM base AS b\nCOPY src /src\n{stage}\nFROM other\nRUN --mount=from=b,{taken},target=/m x"
    project = Project(text)
    assert letters(project, project.edited(edit))[-1] == expected


def test_a_rerun_below_makes_everything_above_it_run_again() -> None:
    project = Project("FROM base AS b\nCOPY src /src\nRUN true\nFROM b\nCOPY main.py /m")
    assert letters(project, project.edited(CODE)) == "RRR"


def test_behind_what_is_unknown_nothing_is_cached() -> None:
    text = "FROM base AS b\nCOPY src /src\nRUN make\nFROM base\nCOPY --from=b /out /out\nRUN x\nCOPY notes.md /n"
    project = Project(text)
    assert letters(project, project.edited(CODE)) == "RR???"
    assert letters(project, project.edited({**CODE, **NOTES})) == "RR??R"


def test_files_count_for_every_stage_that_takes_them_on() -> None:
    text = "FROM base AS b\nCOPY src /src\nFROM base AS c\nCOPY --from=b /src/{} /x/\nFROM base\nCOPY --from=c /x /x"
    for name, expected in (("README", "Rcc"), ("shop", "RRR")):
        project = Project(text.format(name))
        assert letters(project, project.edited(CODE)) == expected


def test_equal_files_of_another_stage_are_a_hit() -> None:
    text = "FROM base AS b\nRUN echo 1; echo x > /o\nFROM base AS c\nRUN echo 2; echo x > /o\n"
    text += "FROM base\nCOPY --from={} /o /o\nRUN y"
    assert letters(Project(text.format("b")), Project(text.format("c"))) == "Rcc"


@pytest.mark.parametrize(
    ("source", "other", "expected"),
    [
        ("main.py", "/m/main.py", "c"),
        ("src", "/src", "c"),
        ("src/shop", "/src/shop", "c"),
        ("run.sh", "/m/main.py", "R"),
        ("src", "/m/src", "R"),
        ("copy/main.py", "/m/main.py", "c"),
        ("*.sh", "/m/*.sh", "c"),
        (".", "/", "?"),
    ],
)
def test_files_of_a_context_are_those_of_a_stage_if_they_are_alike(source: str, other: str, expected: str) -> None:
    stage = "FROM scratch AS b\nCOPY src /src\nCOPY src/README /m/src\nCOPY main.py run.sh /m/\nFROM base\nCOPY"
    one, again = Project(f"{stage} {source} /to/"), Project(f"{stage} --from=b {other} /to/")
    assert letters(one, again)[-1] == letters(again, one)[-1] == expected


@pytest.mark.parametrize(("version", "expected"), [(CLASSIC, "c"), ((0, 11), "R")])
def test_owners_count_since_011(version: Version, expected: str) -> None:
    text = "FROM base AS b\nCOPY --chown={} main.py /m\nFROM base\nCOPY --from=b /m /m"
    one, other = (Project(text.format(owner), version=version) for owner in ("5:5", "6:6"))
    assert letters(one, other) == f"R{expected}"


@pytest.mark.parametrize(("version", "expected"), [(CLASSIC, "c"), (CURRENT, "?")])
def test_an_owner_that_a_command_finds_out_is_not_known(version: Version, expected: str) -> None:
    stage = "RUN install -o $(cat /src/README) /etc/hosts /out"
    assert fate(stage, "/out /r", LIST, version=version) == expected


@pytest.mark.parametrize(
    ("before", "after", "path", "expected"),
    [
        ("mkdir -m 755 /o", "mkdir -m 700 /o", "/o", "R"),
        ("mkdir -m 755 /o; echo x > /o/f", "mkdir -m 700 /o; echo x > /o/f", "/o/*", "c"),
        ("echo x > /o", "echo y > /o", "/o", "R"),
        ("echo x > /o", "printf '' > /o; echo x > /o", "/o", "c"),
        ("echo x > /o", "echo x > /o; chmod 600 /o", "/o", "?"),
        ("mkdir /p; echo x > /p/o", "mkdir /p; echo x > /p/o; chmod 600 /p/o", "/p/o", "R"),
        ("touch /o", "touch /o /p", "/o", "c"),
        ("ln -s a /o", "ln -s b /o", "/o", "?"),
    ],
)
def test_commands_count_by_what_they_leave(before: str, after: str, path: str, expected: str) -> None:
    text = "FROM base AS b\nRUN {}\nFROM base\nCOPY --from=b {} /to/"
    assert letters(Project(text.format(before, path)), Project(text.format(after, path)))[-1] == expected


def test_what_an_image_holds_is_the_same_while_the_image_is() -> None:
    text = "FROM base\nCOPY --from={} /a /a"
    assert letters(Project(text.format("one")), Project(text.format("one"))) == "c"
    assert letters(Project(text.format("one")), Project(text.format("two"))) == "?"


def test_a_directory_in_the_way_is_nobody_s_guess() -> None:
    """Where an image may have a directory, a file may go into it: then it has another path, and is not there."""
    assert fate("COPY src/README /o", "/o/README /r", CODE) == "c"
    assert fate("COPY src/README /o", "/o/README /r", LIST) == "?"
    assert fate("COPY src/README /o/", "/o/README /r", LIST) == "R"


def test_reasons_name_the_step_that_may_write() -> None:
    text = "FROM base AS b\nCOPY src /src\nRUN make\nFROM base\nCOPY --from=b /out /out\n"
    project = Project(text)
    assert reasons(project, project.edited(CODE))[-1] == [
        'the files that line 5 takes from "b" may differ: line 3 runs again and may write another /out'
    ]
    text = text.replace("RUN make", "RUN cp -r /src /out")
    project = Project(text)
    assert reasons(project, project.edited(CODE))[-1] == [
        'the files that line 5 takes from "b" differ: line 2 copies src/shop/main.py into them'
    ]
    text = text.replace("RUN cp -r /src /out", "RUN date > /out")
    project = Project(text)
    assert reasons(project, project.edited(CODE))[-1] == [
        'the files that line 5 takes from "b" differ: line 3 runs again and writes another /out'
    ]


class Lines(NamedTuple):
    """A filter of a command that writes the first lines of a file."""

    output: str
    inputs: tuple[str, ...]
    reason: str = "the first line alone is written"

    def same(self, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> bool | None:
        first = [texts.get(self.inputs[0]) for texts in (before, after)]
        if None in first:
            return None
        return first[0].split("\n")[0] == first[1].split("\n")[0]  # type: ignore[union-attr]


def heads(command: Command, place: Place) -> Lines | None:
    assert place.stage.name == "b"
    if command.program != "first-line":
        return None
    return Lines(command.words[2].text or "", (command.words[1].text or "",))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [({"src/README": "read\nmore"}, "c"), ({"src/README": "new"}, "R"), (CODE, "c"), ({"src/README": None}, "?")],
)
def test_a_filter_says_what_a_command_writes(edit: Mapping[str, Any], expected: str) -> None:
    files = {**FILES, **edit}
    options = {"filters": (heads,)}
    text = "FROM base AS b\nCOPY src /src\nRUN first-line /src/README /out\nFROM base\nCOPY --from=b /out /out"

    def reader(held: Mapping[str, Any]) -> Any:
        return lambda path: held[path].encode() if isinstance(held.get(path), str) else None

    one = Project(text, FILES, options={**options, "read": reader(FILES)})
    other = Project(text, files, options={**options, "read": reader(files)})
    assert letters(one, other)[-1] == expected


def test_causes_of_stage_content_say_where_from() -> None:
    project = Project("FROM base AS b\nCOPY src /src\nRUN make\nFROM base\nRUN --mount=from=b,target=/m x\n")
    from tests.cache.contexts import outcomes

    cause = outcomes(project, project.edited(CODE))[-1].causes[0]
    assert (cause.kind, cause.line, cause.certain) == (CauseKind.STAGE_CONTENT, 3, False)


@pytest.mark.parametrize(
    ("version", "expected"), [(CLASSIC, "RRR"), ((0, 12), "RRR"), ((0, 13), "Rcc"), ((0, 15), "RRR")]
)
def test_secrets_make_some_releases_compare_what_is_below(version: Version, expected: str) -> None:
    text = "RUN echo {}\nRUN --mount=type=secret,id=s true\nRUN true"
    one, other = (Project(text.format(word), version=version) for word in ("a", "b"))
    assert letters(one, other) == expected


INSTALLED = [
    ("RUN pip install -r /src/README", "/src/README /r", CODE, "c"),
    ("RUN pip install -r /src/README", "/src /r", CODE, "R"),
    (
        "RUN pip install flask && apt-get update && apt-get install -y curl && apt-get clean",
        "/src/README /r",
        CODE,
        "c",
    ),
    ("RUN pip install flask", "/usr/local/lib /r", CODE, "?"),
    ("RUN pip install flask", "/src/shop /r", LIST, "c"),
    ("RUN pip install -t /src/shop flask", "/src/shop /r", LIST, "?"),
    ("WORKDIR /src\nRUN pip install flask", "/src/shop /r", LIST, "c"),
    ("WORKDIR /src\nRUN pip install .", "/src/shop /r", LIST, "?"),
    ("WORKDIR /src\nRUN uv run x", "/src/README /r", CODE, "?"),
    ("WORKDIR /src\nRUN npm install left-pad", "/src/README /r", CODE, "?"),
    ("RUN pip install flask && rm -rf /src/shop", "/src /r", LIST, "R"),
    ("RUN pip install flask && make", "/src/README /r", CODE, "?"),
    ("RUN pip install flask && make", "/src /r", CODE, "?"),
    ("WORKDIR /src\nRUN poetry install --only-root", "/src /r", CODE, "R"),
    ("WORKDIR /src\nRUN poetry install", "/src/poetry.lock /r", CODE, "?"),
    ("WORKDIR /src\nRUN poetry add flask", "/src/README /r", CODE, "?"),
    ("WORKDIR /src\nRUN npm ci", "/src/README /r", CODE, "c"),
    ("WORKDIR /src\nRUN npm run build", "/src/README /r", CODE, "?"),
    ("WORKDIR /src\nRUN python setup.py install", "/src/README /r", CODE, "?"),
    ("RUN poetry export -o /src/README", "/src/README /r", CODE, "?"),
    ("RUN poetry export -o /src/README", "/src/shop /r", LIST, "c"),
    ("RUN uv --version && pip config set a b", "/src/README /r", CODE, "c"),
    ("RUN useradd -m app && chown -R 5 /src", "/src/README /r", CODE, "c"),
    ("RUN useradd -m app", "/etc/passwd /r", CODE, "?"),
    ("RUN useradd -m -d /src app", "/src/README /r", CODE, "?"),
    ("RUN curl -o /tool https://h.example/tool && chmod +x /tool", "/src/README /r", CODE, "c"),
    ("RUN curl -o /tool https://h.example/tool && chmod +x /tool", "/tool /r", CODE, "?"),
    ("RUN curl https://h.example/tool | sh", "/src/README /r", CODE, "?"),
    ("RUN --mount=type=cache,target=/root/.cache pip install flask", "/src/README /r", CODE, "c"),
]


@pytest.mark.parametrize(("stage", "taken", "edit", "expected"), INSTALLED)
def test_installers_leave_alone_what_was_put_there(
    stage: str, taken: str, edit: Mapping[str, Any], expected: str
) -> None:
    assert fate(stage, taken, edit) == expected


def test_what_installers_write_is_theirs() -> None:
    files = {f"src/{name}": "1" for name in ("uv.lock", "venv/a", "node_modules/a", "x.egg-info/a", "_version.py")}
    for name in files:
        assert fate("WORKDIR /src\nRUN uv sync", f"/{name} /r", CODE, {**FILES, **files}) == "?"


MAKEFILE = "copy:\n\tcp /src/README /out\nodd:\n\t./configure\n"


@pytest.mark.parametrize(
    ("target", "taken", "edit", "expected"),
    [
        ("copy", "/out /r", CODE, "c"),
        ("copy", "/out /r", LIST, "R"),
        ("copy", "/src/README /r", CODE, "c"),
        ("odd", "/src/README /r", CODE, "?"),
        ("none", "/src/README /r", CODE, "?"),
    ],
)
def test_a_makefile_is_followed(target: str, taken: str, edit: Mapping[str, Any], expected: str) -> None:
    files = {**FILES, "Makefile": MAKEFILE}
    options = {"read": lambda path: files[path].encode() if path in files else None}
    stage = f"WORKDIR /w\nCOPY Makefile ./\nRUN make {target}"
    assert fate(stage, taken, edit, files, options=options) == expected


class Whole(NamedTuple):
    """A wheel of everything."""

    source: str
    output: str

    def differs(self, paths: Collection[str], before: Read, after: Read) -> bool:
        return any(path.endswith(".py") and before(path) != after(path) for path in paths)


@pytest.mark.parametrize(
    ("taken", "edit", "expected"),
    [
        ("/dist/*.whl /r/", CODE, "R"),
        ("/dist/shop-*.whl /r/", CODE, "R"),
        ("/dist /r", CODE, "R"),
        ("/dist/*.whl /r/", LIST, "?"),
        ("/dist/*.whl /r/", NOTES, "c"),
        ("/dist/[a-f]*.whl /r/", CODE, "?"),
        ("/src/README /r/", CODE, "c"),
    ],
)
def test_a_wheel_is_another_one_with_other_code(taken: str, edit: Mapping[str, Any], expected: str) -> None:
    text = f"FROM base AS b\nCOPY src /src\nRUN pack\nFROM other\nCOPY --from=b {taken}"

    def project(files: Mapping[str, Any]) -> Project:
        packers = (lambda command, _: Whole("/src", "/dist") if command.program == "pack" else None,)
        return Project(text, files, options={"packers": packers, "read": lambda path: files[path].encode()})

    assert letters(project(FILES), project({**FILES, **edit}))[-1] == expected


def test_links_of_a_stage_lead_where_they_say() -> None:
    files = {**FILES, "src/lnk": link("shop"), "src/mode": file("x", 0o600), "src/empty": folder()}
    assert fate("RUN true", "/src/lnk/main.py /r", CODE, files) == "R"
    assert fate("RUN true", "/src/lnk/data /r", CODE, files) == "c"
