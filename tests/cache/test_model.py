from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.cache.contexts import FILES, Project, file, folder, letters, link

from depsfirst.dockerfile.buildkit import CLASSIC, CURRENT, Version

if TYPE_CHECKING:
    from collections.abc import Mapping


class Row(NamedTuple):
    """Before, after (None for the same), an edit of the files, options of both builds, and what is expected."""

    before: str
    after: str | None = None
    edit: Mapping[str, Any] = {}
    expected: str = ""
    first: Mapping[str, Any] = {}
    second: Mapping[str, Any] = {}


def check(row: Row, version: Version, expected: str, files: Mapping[str, Any] = FILES) -> None:
    one = Project(row.before, files, version, row.first)
    other = Project(row.before if row.after is None else row.after, files, version, row.second or row.first)
    assert letters(one, other.edited(row.edit)) == expected


SOURCES = [
    ("main.py", {}, "c"),
    ("main.py", {"main.py": "other"}, "R"),
    ("main.py", {"main.py": file("print()", 0o755)}, "R"),
    ("main.py", {"notes.md": "other"}, "c"),
    ("src", {"src/shop/new.py": ""}, "R"),
    ("src", {"src/shop/empty": folder()}, "R"),
    ("src", {"src/README": None}, "R"),
    ("src", {"src/README": None, "src/README.md": "read"}, "R"),
    ("src", {"notes.md": None}, "c"),
    ("src", {"src": folder(0o700)}, "R"),
    ("src/*", {"src": folder(0o700)}, "c"),
    ("src/*", {"src/shop": folder(0o700)}, "R"),
    (".", {"notes.md": "other"}, "R"),
    ("*.md", {"notes.md": "other"}, "R"),
    ("*.md", {"run.sh": "other"}, "c"),
    ("*.md", {"more.md": ""}, "R"),
    ("*.md", {"notes.md": None, "note.md": "notes"}, "R"),
    ("*/main.py", {"copy/main.py": None, "other/main.py": "print()"}, "c"),
    ("main.py nothing.tx[t]", {"nothing.txt": ""}, "R"),
]


@pytest.mark.parametrize("version", [CLASSIC, CURRENT])
@pytest.mark.parametrize(("sources", "edit", "expected"), SOURCES)
def test_copy_notices_what_its_sources_select(
    sources: str, edit: Mapping[str, Any], expected: str, version: Version
) -> None:
    check(Row(f"COPY {sources} /to/", edit=edit), version, expected)


REWORDED = [
    # where files come from does not count, their last name does
    ("COPY main.py /a", "COPY copy/main.py /a", "c"),
    ("COPY main.py /a", "COPY run.sh /a", "R"),
    ("COPY main.py /a", "copy  ./main.py   /a", "c"),
    ("COPY main.py /a", 'COPY ["../main.py", "/a"]', "c"),
    ("COPY src /a", "COPY src/ /a", "c"),
    ("COPY src /a", "COPY src/. /a", "c"),
    ("COPY main.py /a", "COPY main.py /a/", "R"),
    ("COPY main.py /a", "COPY main.py /b", "R"),
    ("COPY main.py /a", "ADD main.py /a", "R"),
    ("COPY main.py run.sh /a/", "COPY run.sh main.py /a/", "R"),
    ("COPY main.py run.sh /a/", "COPY main.py main.py run.sh /a/", "R"),
    ("COPY main.py /a", "ENV D=/a\nCOPY main.py $D", "c"),
    ("COPY main.py /a", "ENV X=1\nARG Y=2\nUSER 5\nLABEL z=3\nCOPY main.py /a", "c"),
    # owner and mode
    ("COPY main.py /a", "COPY --chown=0:0 main.py /a", "R"),
    ("COPY --chown=root main.py /a", "COPY --chown=0 main.py /a", "c"),
    ("COPY --chown=4 main.py /a", "COPY --chown=4:4 main.py /a", "R"),
    ("COPY --chown=app main.py /a", "COPY --chown=4 main.py /a", "R"),
    ("COPY --chmod=755 main.py /a", "COPY --chmod=0755 main.py /a", "c"),
    ("COPY main.py /a", "COPY --chmod=644 main.py /a", "R"),
    # WORKDIR
    ("WORKDIR /a", "WORKDIR /a/", "c"),
    ("WORKDIR /a\nRUN x", "WORKDIR /a/\nRUN x", "cR"),
    ("WORKDIR /a/b\nRUN x", "WORKDIR /a\nWORKDIR b\nRUN x", "RRR"),
    ("RUN x", "WORKDIR /\nRUN x", "c"),
    ("RUN x", "WORKDIR /a\nWORKDIR /\nRUN x", "RR"),
    ("WORKDIR /a", "USER root\nWORKDIR /a", "R"),
    ("USER root\nWORKDIR /a", "USER 0\nWORKDIR /a", "c"),
    ("USER 0\nWORKDIR /a", "USER 0:0\nWORKDIR /a", "R"),
    ("WORKDIR /a\nCOPY main.py ./x", "WORKDIR /a\nCOPY main.py /a/x", "cc"),
    # RUN
    ("RUN x", 'RUN ["/bin/sh", "-c", "x"]', "c"),
    ("RUN x", 'SHELL ["/bin/sh", "-c"]\nRUN x', "c"),
    ("RUN x", 'SHELL ["/bin/bash", "-c"]\nRUN x', "R"),
    ('RUN ["/bin/x"]', 'SHELL ["/bin/bash", "-c"]\nRUN ["/bin/x"]', "c"),
    ("RUN x && \\\n  y", "RUN x && \\\n # note\n\n  y", "c"),
    ("RUN x && \\\n  y", "RUN x && \\\n    y", "R"),
    ("RUN x && \\\n  y", "RUN x &&   y", "c"),
    ("RUN x", "  run\tx  ", "c"),
    ("RUN x", "RUN x # note", "R"),
    ("RUN x", "USER root\nRUN x", "R"),
    ("USER root\nRUN x", "USER 0\nRUN x", "R"),
    ("RUN x", "LABEL a=1\nEXPOSE 1\nVOLUME /v\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nMAINTAINER m\nRUN x", "c"),
    ("RUN x", 'CMD x\nENTRYPOINT ["x"]\nONBUILD RUN y\nRUN x', "c"),
    # position
    ("COPY main.py /a\nCOPY run.sh /b\nRUN x", "COPY run.sh /b\nCOPY main.py /a\nRUN x", "RRR"),
    ("COPY main.py /a", "COPY main.py /a\nRUN x", "cR"),
    ("RUN x\nCOPY main.py /a", "COPY main.py /a", "R"),
    ("RUN true\nRUN x", "RUN :\nRUN x", "RR"),
    # variables are an ordered list
    ("RUN x", "ENV A=1\nRUN x", "R"),
    ("ENV A=1\nRUN x", "ARG A=1\nRUN x", "c"),
    ("ENV A=1\nENV B=2\nRUN x", "ENV B=2\nENV A=1\nRUN x", "R"),
    ("ENV A=1\nENV B=2\nRUN x", "ENV A=1 B=2\nRUN x", "c"),
    ("ENV A=1\nENV B=2\nRUN x", "ENV A=1\nENV B=2\nENV A=1\nRUN x", "R"),
    ("ENV A=1\nRUN x", 'ENV A "1"\nRUN x', "c"),
    ("RUN x", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nRUN x", "c"),
    ("RUN x", "ARG A\nRUN x", "c"),
    ("RUN x", "ARG A=\nRUN x", "R"),
    ("ARG A=1\nARG B=2\nRUN x", "ARG B=2\nARG A=1\nRUN x", "R"),
    ("RUN x", "ARG TARGETARCH\nRUN x", "R"),
    ("ENV A=1\nCOPY main.py /a\nRUN x", "ENV A=2\nCOPY main.py /a\nRUN x", "cR"),
    # mounts
    ("RUN x", "RUN --mount=source=src,target=/m x", "R"),
    ("RUN --mount=source=src,target=/m x", "RUN --mount=type=bind,src=src,dst=/m,ro x", "c"),
    ("RUN --mount=source=src,target=/m x", "RUN --mount=source=src,target=/n x", "R"),
    ("RUN --mount=source=src,target=/m x", "RUN --mount=source=src,target=/m,rw x", "R"),
    (
        "RUN --mount=source=src,target=/m --mount=source=run.sh,target=/a x",
        "RUN --mount=source=run.sh,target=/a --mount=source=src,target=/m x",
        "c",
    ),
    ("RUN --mount=source=main.py,target=/m x", "RUN --mount=source=copy/main.py,target=/m x", "c"),
    ("RUN --mount=type=cache,target=/c x", "RUN --mount=type=cache,target=/c,id=/c x", "c"),
    ("RUN --mount=type=cache,target=/c x", "RUN --mount=type=cache,target=/c,sharing=shared x", "c"),
    ("RUN --mount=type=cache,target=/c x", "RUN --mount=type=cache,target=/c,id=k x", "R"),
    ("RUN --mount=type=cache,target=/c x", "RUN --mount=type=cache,target=/c,uid=4 x", "R"),
    ("RUN --mount=type=secret,id=s x", "RUN --mount=type=secret,id=s,mode=0400 x", "c"),
    ("RUN --mount=type=secret,id=s x", "RUN --mount=type=secret,id=s,mode=0444 x", "R"),
    ("RUN --mount=type=secret,id=s x", "RUN --mount=type=secret,id=s,target=/run/secrets/s x", "c"),
    ("RUN x", "RUN --mount=type=ssh x", "R"),
    ("RUN --mount=type=ssh x", "RUN --mount=type=ssh,id=k x", "R"),
    ("RUN x", "RUN --mount=type=tmpfs,target=/t x", "R"),
]


@pytest.mark.parametrize("version", [CLASSIC, CURRENT])
@pytest.mark.parametrize(("before", "after", "expected"), REWORDED)
def test_a_dockerfile_counts_by_what_it_means(before: str, after: str, expected: str, version: Version) -> None:
    check(Row(before, after), version, expected)


NEW_WORDS = [
    ("RUN x", "RUN --network=none x", "R"),
    ("RUN x", "RUN --network=default --security=sandbox x", "c"),
    ("RUN --mount=type=secret,id=s x", "RUN --mount=type=secret,id=s,env=S x", "R"),
    ("RUN <<A\nx\nA", "RUN <<B\nx\nB", "c"),
    ("RUN <<A\nx\nA", 'RUN <<"A"\nx\nA', "c"),
    ("RUN <<A\nx\nA", "RUN x", "R"),
    ("RUN <<A\nx\nA", "RUN <<A\n# note\nx\nA", "R"),
    ("RUN <<-A\n\tx\nA", "RUN <<-A\n\t\tx\nA", "c"),
    ("RUN cat <<A\nx\nA", "RUN cat <<B\nx\nB", "R"),
    ("RUN <<A\n#!/bin/sh\nA", "RUN <<B\n#!/bin/sh\nB", "R"),
    ("COPY <<A /f\nx\nA", "COPY <<A /f\ny\nA", "R"),
    ("COPY <<A /f\nx\nA", "COPY <<B /f\nx\nB", "R"),
    ("ENV V=1\nCOPY <<A /f\n$V\nA", "COPY <<A /f\n1\nA", "c"),
    ('ENV V=1\nCOPY <<"A" /f\n$V\nA', 'ENV V=2\nCOPY <<"A" /f\n$V\nA', "c"),
    ("COPY src /s", "COPY --exclude=nothing src /s", "R"),
    ("COPY --exclude=a --exclude=b src /s", "COPY --exclude=b --exclude=a src /s", "R"),
    ("COPY main.py /a", "COPY --link=false main.py /a", "c"),
    ("COPY main.py /a", "COPY --link main.py /a", "R"),
    ("COPY --chmod=644 main.py /a", "COPY --link --chmod=644 main.py /a", "c"),
    ("RUN 1\nCOPY --link main.py /a\nRUN x", "RUN 2\nCOPY --link main.py /a\nRUN x", "RcR"),
    ("FROM scratch\nCOPY main.py /a", "FROM scratch\nCOPY --link main.py /a", "c"),
    ("COPY --parents src/shop /s", "COPY --parents ./src/shop/ /s", "c"),
    ("COPY --chmod=u=rw main.py /a", "COPY --chmod=600 main.py /a", "R"),
    ("ENV M=644\nCOPY --chmod=$M main.py /a", "COPY --chmod=644 main.py /a", "c"),
    ("RUN --mount=type=cache,target=/c,id=j x", "RUN --mount=type=cache,target=/c,id=k x", "c"),
    ("RUN --mount=type=cache,target=/c,id=j x", "RUN --mount=type=cache,target=/c,id=j,sharing=locked x", "c"),
]


@pytest.mark.parametrize(("before", "after", "expected"), NEW_WORDS)
def test_newer_words_count_by_what_they_mean(before: str, after: str, expected: str) -> None:
    check(Row(before, after), CURRENT, expected)


def test_an_old_builder_takes_the_id_of_a_cache_for_part_of_its_key() -> None:
    check(Row("RUN --mount=type=cache,target=/c,id=j x", "RUN --mount=type=cache,target=/c,id=k x"), (0, 12), "R")
    check(Row("RUN --mount=type=cache,target=/c,id=j x", "RUN --mount=type=cache,target=/c,id=k x"), (0, 13), "c")


def test_an_old_builder_takes_a_mode_as_it_is_written() -> None:
    check(Row("ENV M=644\nCOPY --chmod=$M main.py /a", "COPY main.py /a"), CLASSIC, "c")


EDITED = [
    ("COPY --parents src/shop/main.py /s", {"src/shop/data/prices.csv": "2"}, "c"),
    ("COPY --parents src/shop/main.py /s", {"src/shop": folder(0o700)}, "R"),
    ("COPY --parents src/*/main.py /s", {"src/new/main.py": ""}, "R"),
    ("COPY --exclude=shop src /s", {"src/shop/main.py": "2"}, "c"),
    ("COPY --exclude=shop src /s", {"src/README": "2"}, "R"),
    ("COPY --chmod=644 main.py /a", {"main.py": file("print()", 0o755)}, "R"),
    ("COPY lnk /a", {"main.py": "2"}, "R"),
    ("COPY lnk /a", {"lnk": link("copy/main.py")}, "c"),
    ("COPY dir /a", {"main.py": "2"}, "c"),
    ("COPY dir /a", {"dir/in": link("../run.sh")}, "R"),
    ("RUN --mount=source=src,target=/m x", {"main.py": "2"}, "c"),
    ("RUN --mount=source=src,target=/m x", {"src/new": ""}, "R"),
    ("RUN --mount=target=/m x", {"notes.md": "2"}, "R"),
    ("RUN --mount=source=run.sh,target=/a --mount=source=src,target=/m x", {"run.sh": "2"}, "R"),
    ("RUN --mount=type=cache,target=/c x", {"main.py": "2"}, "c"),
    ("ADD main.py /a", {"main.py": "2"}, "R"),
]


@pytest.mark.parametrize(("dockerfile", "edit", "expected"), EDITED)
def test_an_edit_is_noticed_by_what_reads_it(dockerfile: str, edit: Mapping[str, Any], expected: str) -> None:
    files = {**FILES, "lnk": link("main.py"), "dir/in": link("../main.py")}
    check(Row(dockerfile, edit=edit), CURRENT, expected, files)


ARGUMENTS = [
    ("RUN r\nARG X\nCOPY main.py /a\nRUN x", {"X": "1"}, {"X": "2"}, "ccR"),
    ("ARG X=1\nRUN x", {}, {"X": "1"}, "c"),
    ("RUN x", {"X": "1"}, {"X": "2"}, "c"),
    ("ARG X=1\nENV X=5\nRUN x", {"X": "1"}, {"X": "2"}, "c"),
    ("ENV X=5\nARG X=1\nRUN x", {"X": "1"}, {"X": "2"}, "R"),
    ("RUN x", {}, {"HTTP_PROXY": "a", "no_proxy": "b"}, "c"),
    ("ARG HTTP_PROXY\nRUN x", {"HTTP_PROXY": "a"}, {"HTTP_PROXY": "b"}, "R"),
    ("RUN x", {}, {"BUILDKIT_INLINE_CACHE": "1"}, "c"),
    ("ARG X=1\nLABEL v=$X\nRUN x", {}, {"X": "1"}, "c"),
    ("ARG V=1\nFROM base\nRUN x", {"V": "1"}, {"V": "2"}, "c"),
    ("ARG V=1\nFROM base\nRUN x\nARG V\nRUN y", {"V": "1"}, {"V": "2"}, "cR"),
    ("RUN --mount=type=cache,target=/c x", {}, {"BUILDKIT_CACHE_MOUNT_NS": "n"}, "R"),
]


@pytest.mark.parametrize("version", [CLASSIC, CURRENT])
@pytest.mark.parametrize(("dockerfile", "first", "second", "expected"), ARGUMENTS)
def test_arguments_count_from_the_line_that_declares_them(
    dockerfile: str, first: dict[str, str], second: dict[str, str], expected: str, version: Version
) -> None:
    check(Row(dockerfile, first={"arguments": first}, second={"arguments": second}), version, expected)


def test_a_date_reaches_directories_since_022() -> None:
    dated = Row("WORKDIR /a\nRUN x", second={"arguments": {"SOURCE_DATE_EPOCH": "1"}})
    check(dated, (0, 21), "cc")
    check(dated, (0, 22), "RR")


def test_a_hostname_reaches_runs_since_010() -> None:
    named = Row("WORKDIR /a\nRUN x", second={"arguments": {"BUILDKIT_SANDBOX_HOSTNAME": "h"}})
    check(named, CLASSIC, "cc")
    check(named, CURRENT, "cR")


OPTIONS = [
    ({"network": "host"}, "cR"),
    ({"network": "default"}, "cc"),
    ({"add_hosts": ("h:1.2.3.4",)}, "cR"),
    ({"ulimits": ("nofile=1:1",)}, "cR"),
    ({"shm_size": 1}, "cR"),
    ({"cgroup_parent": "c"}, "cR"),
    ({"no_cache": True}, "RR"),
    ({"no_cache_stages": frozenset({"last"})}, "RR"),
    ({"no_cache_stages": frozenset({"other"})}, "cc"),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS)
def test_options_of_the_build_count_for_runs(options: Mapping[str, Any], expected: str) -> None:
    check(Row("FROM base AS last\nCOPY main.py /a\nRUN x", second=options), CURRENT, expected)


def test_the_address_of_an_added_host_does_not_count() -> None:
    row = Row("RUN x", first={"add_hosts": ("h:1.2.3.4",)}, second={"add_hosts": ("h=1.2.3.5",)})
    check(row, CURRENT, "c")


def test_no_cache_leaves_a_first_directory_alone() -> None:
    check(Row("WORKDIR /a\nCOPY main.py /a\nWORKDIR /b", second={"no_cache": True}), CURRENT, "cRR")
