from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cache.contexts import FILES, Project, outcomes

from depsfirst.cache.model import Status
from depsfirst.dockerfile.instructions import Copy

if TYPE_CHECKING:
    from collections.abc import Mapping

HELD = {**FILES, ".dockerignore": "Dockerfile\n"}
LINES = [
    "COPY main.py /a",
    "COPY src /src",
    "COPY *.md run.sh /b/",
    "COPY . /all",
    "COPY --chown=app src/shop /c",
    "COPY --link notes.md /d",
    "ADD src/README /e",
    "RUN make",
    "RUN cp -r /src /f",
    "RUN date > /g",
    "RUN cat /a /e > /h",
    "RUN rm -rf /src/shop",
    "RUN pip install flask",
    "RUN --mount=source=src,target=/m cp /m/README /i",
    "RUN --mount=type=cache,target=/c true",
    "WORKDIR /w",
    "WORKDIR x",
    "USER app",
    "ENV A=1",
    "ARG B=2",
    'SHELL ["/bin/bash", "-c"]',
    "ONBUILD RUN later",
]
TAKEN = ["/src", "/src/shop/main.py", "/f", "/g", "/a", "/i", "/all/*.md", "/w", "/"]
CALM = ["# note", "LABEL a=1", "CMD x", "EXPOSE 80", 'ENTRYPOINT ["x"]', "STOPSIGNAL 9", "VOLUME /v"]


@st.composite
def dockerfiles(draw: st.DrawFn) -> list[str]:
    """One to three stages; later ones start from earlier ones, copy from them and mount them."""
    lines: list[str] = []
    names: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        lines.append(f"FROM {draw(st.sampled_from(['base', 'scratch', *names]))} AS s{number}")
        lines += draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=6))
        if names:
            other, path = draw(st.sampled_from(names)), draw(st.sampled_from(TAKEN))
            lines.append(
                draw(st.sampled_from([f"COPY --from={other} {path} /t/", f"RUN --mount=from={other},target=/m x"]))
            )
        names.append(f"s{number}")
    return lines


edits = st.dictionaries(st.sampled_from(sorted(FILES)), st.sampled_from(["one", "two"]), max_size=3)


def project(lines: list[str], files: Mapping[str, object] = HELD) -> Project:
    return Project("\n".join(lines), files)


@given(dockerfiles())
@settings(max_examples=60)
def test_the_same_build_is_cached(lines: list[str]) -> None:
    assert all(outcome.status is Status.CACHED for outcome in outcomes(project(lines), project(lines)))


@given(dockerfiles(), st.lists(st.tuples(st.integers(1, 99), st.sampled_from(CALM)), max_size=4))
@settings(max_examples=60)
def test_what_makes_no_step_changes_none(lines: list[str], calm: list[tuple[int, str]]) -> None:
    other = list(lines)
    for place, line in calm:
        other.insert(min(place, len(other)), line)
    assert all(outcome.status is Status.CACHED for outcome in outcomes(project(lines), project(other)))


@given(dockerfiles(), edits)
@settings(max_examples=100)
def test_a_step_is_never_better_than_what_it_stands_on(lines: list[str], edit: dict[str, str]) -> None:
    found = outcomes(project(lines), project(lines, {**HELD, **edit}))
    status = {outcome.step.key: outcome.status for outcome in found}
    for outcome in found:
        assert bool(outcome.causes) is (outcome.status is not Status.CACHED)
        assert all(cause.text for cause in outcome.causes)
        instruction, parent = outcome.step.instruction, outcome.step.key.parent
        if parent not in status or (isinstance(instruction, Copy) and instruction.link):
            continue
        if status[parent] is not Status.CACHED:
            assert outcome.status in {Status.UNKNOWN, status[parent], Status.RERUNS}
        if status[parent] is Status.RERUNS:
            assert outcome.status is Status.RERUNS


@given(dockerfiles(), edits, edits)
@settings(max_examples=100)
def test_more_edits_cache_no_more(lines: list[str], edit: dict[str, str], more: dict[str, str]) -> None:
    few = outcomes(project(lines), project(lines, {**HELD, **edit}))
    many = outcomes(project(lines), project(lines, {**HELD, **more, **edit}))
    for one, other in zip(few, many, strict=True):
        assert one.status is Status.CACHED or other.status is not Status.CACHED


@given(dockerfiles(), edits)
@settings(max_examples=60)
def test_there_and_back_is_alike(lines: list[str], edit: dict[str, str]) -> None:
    one, other = project(lines), project(lines, {**HELD, **edit})
    there = [outcome.status for outcome in outcomes(one, other)]
    assert there == [outcome.status for outcome in outcomes(other, one)]
