"""What holds the model against real builds: reading an engine's account, laying out contexts, making pairs smaller."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scripts.built_pairs import Built, Observation, Vertex, failing_line, read_plain, read_raw
from scripts.judged_pairs import Ending, Judged, Verdict, judge
from scripts.prediction_figures import Figures, page
from scripts.shrunk_pairs import shrink
from tests.cache.drawn import draw
from tests.cache.pairs import BASE, Block, File, Folder, Link, Pair, Places, Project, Tree

from depsfirst.cache.model import Status

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = """\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#4 [b  1/10] FROM docker.io/library/localbase:1
#4 CACHED

#5 [b  2/10] RUN echo one
#5 sha256:6fab
#5 ...

#7 [stage-1 3/4] RUN printf 'no line feed'
#7 0.059 no line feed#7 DONE 0.1s

#5 [b  2/10] RUN echo one
#5 CACHED

#8 [2/2] RUN exit 1
#8 ERROR: executor failed running [/bin/sh -c exit 1]: exit code: 1
"""


def test_the_steps_of_plain_progress() -> None:
    assert list(read_plain(PLAIN)) == [
        Vertex("b", 2, 10, "RUN echo one", cached=True),
        Vertex("stage-1", 3, 4, "RUN printf 'no line feed'", cached=False),
        Vertex("", 2, 2, "RUN exit 1", cached=False),
    ]


def raw(*vertices: dict[str, object]) -> str:
    return "\n".join(json.dumps({"vertexes": [vertex]}, indent=2) for vertex in vertices)


def test_the_steps_of_raw_progress_tell_a_linked_copy_from_what_joins_it() -> None:
    text = raw(
        {"digest": "1", "name": "[s 2/3] RUN echo {"},
        {"digest": "1", "name": "[s 2/3] RUN echo {", "completed": "t", "cached": True},
        {"digest": "2", "name": "[s 3/3] COPY --link a /", "completed": "t", "cached": True},
        {"digest": "3", "name": "[s 3/3] LINK COPY --link a /", "completed": "t"},
        {"digest": "4", "name": "[s 1/3] FROM localbase:1", "completed": "t"},
    )
    assert list(read_raw(text + '\nDockerfile:3\n--------------------\nERROR: failed to solve: "/{": not found')) == [
        Vertex("s", 2, 3, "RUN echo {", cached=True),
        Vertex("s", 3, 3, "COPY --link a /", cached=True),
    ]


def test_the_line_of_a_complaint() -> None:
    assert failing_line("failed to solve: dockerfile parse error on line 3: unknown flag: parents") == 3
    assert failing_line("failed to solve: no such thing") is None


def test_an_edit_is_written_with_a_new_time_and_nothing_else_is(tmp_path: Path) -> None:
    places = Places(tmp_path / "contexts")
    before: Tree = {
        "a": File(b"1"),
        "d/b": File(b"1", 0o755),
        "d/l": Link("../a"),
        "e": Folder(0o700),
        "f/g/h": File(b"2"),
    }
    place = places.lay("one", before)
    times = {path: (place / path).lstat().st_mtime_ns for path in before}
    after: Tree = {**before, "a": File(b"1", touched=1), "e": Folder(0o755), "d/l": File(b"3")}
    del after["f/g/h"]
    assert places.lay("one", after) == place
    changed = {path for path in after if (place / path).lstat().st_mtime_ns != times[path]}
    assert changed == {"a", "e", "d/l"}
    assert len({time // 10**6 for time in times.values()}) == len(times)
    assert sorted(os.listdir(place)) == ["a", "d", "e"]
    assert not (place / "d/l").is_symlink()
    places.clear()
    assert not (tmp_path / "contexts").exists()


def test_a_new_mode_of_a_folder_needs_another_context() -> None:
    project = Project((Block("FROM", f"FROM {BASE}"),), {"d/a": File(b"1")})
    assert not Pair("", project, project, ()).moves
    others: tuple[Tree, ...] = ({"d/a": File(b"1"), "d": Folder()}, {"d/a": File(b"2")}, {"e": Folder(0o700)})
    for tree in others:
        assert not Pair("", project, replace(project, tree=tree), ()).moves
    assert Pair("", project, replace(project, tree={"d": Folder(0o700), "d/a": File(b"1")}), ()).moves


def pair_of(*lines: str, after: tuple[str, ...] = ()) -> Pair:
    blocks = tuple(Block(line.split()[0], line) for line in lines)
    project = Project(blocks, {"a": File(b"1\n"), "b": File(b"1\n"), "c": File(b"1\n")})
    other = replace(project, tree={**project.tree, "a": File(b"2\n"), "c": File(b"2\n")})
    if after:
        other = replace(other, blocks=tuple(Block(line.split()[0], line) for line in after))
    return Pair("0-0", project, other, ("edit a",))


def test_a_pair_is_made_smaller_as_long_as_it_shows_the_same() -> None:
    pair = pair_of(f"FROM {BASE}", "ENV A=1", "COPY a /", "RUN true", "COPY b /")
    small = shrink(pair, lambda other: "COPY a" in other.before.text("") and "a" in other.after.tree)
    assert small.before.text("") == f"FROM {BASE}\nCOPY a /\n"
    assert small.after.tree == {"a": File(b"1\n")}


@pytest.mark.parametrize(("cached", "faults"), [(False, set()), (True, {"reruns"})])
def test_a_step_is_judged_by_its_number_in_its_stage(tmp_path: Path, *, cached: bool, faults: set[str]) -> None:
    pair = pair_of(f"FROM {BASE} AS one", "RUN true", "COPY a /", f"FROM {BASE}", "COPY b /", "COPY --from=one /a /a")
    seen = Observation(
        Built(()),
        Built(
            (
                Vertex("one", 3, 3, "COPY a /", cached=cached),
                Vertex("one", 2, 3, "RUN true", cached=True),
                Vertex("stage-1", 3, 3, "COPY --from=one /a /a", cached=False),
                Vertex("stage-1", 2, 3, "COPY b /", cached=True),
            )
        ),
    )
    verdict = judge(pair, seen, Places(tmp_path / "contexts"), (0, 13), lambda _: None)
    assert [(step.title, step.predicted) for step in verdict.steps] == [
        ("RUN true", Status.CACHED),
        ("COPY a /", Status.RERUNS),
        ("COPY b /", Status.CACHED),
        ("COPY --from=one /a /a", Status.RERUNS),
    ]
    assert verdict.faults == faults


def test_a_step_that_is_not_shown_is_a_fault(tmp_path: Path) -> None:
    pair = pair_of(f"FROM {BASE}", "RUN true", "COPY a /")
    seen = Observation(Built(()), Built((Vertex("", 2, 3, "RUN true", cached=True),)))
    assert judge(pair, seen, Places(tmp_path / "c"), (0, 8), lambda _: None).ending is Ending.UNMATCHED


def test_what_the_engine_refuses_the_model_has_to_refuse(tmp_path: Path) -> None:
    pair = pair_of(f"FROM {BASE}", "COPY nothing /")
    for error, ending in (
        ('ERROR: failed to solve: failed to compute cache key: "/nothing": not found', Ending.REFUSED_ALIKE),
        ("ERROR: failed to solve: something else", Ending.ACCEPTED),
        ("ERROR: failed to solve: process did not complete successfully: exit code: 1", Ending.FAILED),
    ):
        seen = Observation(Built((), error), Built(()))
        assert judge(pair, seen, Places(tmp_path / "c"), (0, 13), lambda _: None).ending is ending
    refused = pair_of(f"FROM {BASE}", "COPY --chmod=read a /")
    seen = Observation(Built(()), Built(()))
    assert judge(refused, seen, Places(tmp_path / "c"), (0, 13), lambda _: None).ending is Ending.REFUSED


def test_figures_count_steps_by_what_was_said_and_what_happened() -> None:
    figures = Figures("26.1.5", (0, 13), 1)
    steps = (
        Judged(1, "RUN true", Status.CACHED, (), cached=True),
        Judged(2, "RUN date", Status.RERUNS, (), cached=True),
        Judged(3, "COPY --from=a / /", Status.UNKNOWN, ("stage-content: it may differ",), cached=True),
    )
    figures.add(draw(1, 1, (0, 13)), Verdict(Ending.COMPARED, "", steps))
    table = figures.table()
    assert (table["right cached"], table["wrong reruns"], table["wrong cached"], table["unknown"]) == (1, 1, 0, 1)
    assert table["unknown percent"] == pytest.approx(33.33)
    assert table["unknown by cause"] == {"stage-content": 1}
    assert figures.wrong_pairs == ["1-1"]
    assert "| wrong reruns | 1 |" in page({"containerd": table})
