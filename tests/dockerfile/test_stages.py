"""Stages, their names, and who refers to whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import processor_seconds

from depsfirst.dockerfile.stages import (
    Outline,
    base_stage,
    find_stage,
    outline,
    references,
    require_outline,
    require_target,
)
from depsfirst.dockerfile.syntax import parse
from depsfirst.errors import DepsfirstError


def read(text: str) -> Outline:
    result = outline(parse(text))
    assert not result.problems
    return result


def test_stages_and_the_arguments_before_them() -> None:
    result = read("ARG A=1\nARG B\nFROM a AS One\nARG C\nRUN x\nFROM one\n")
    assert [pair.name for argument in result.arguments for pair in argument.pairs] == ["A", "B"]
    assert [(stage.index, stage.name, stage.origin.image) for stage in result.stages] == [
        (0, "one", "a"),
        (1, None, "one"),
    ]
    assert [instruction.name for instruction in result.stages[0].instructions] == ["ARG", "RUN"]


def test_the_last_of_two_stages_with_one_name_counts() -> None:
    stages = read("FROM a AS x\nFROM b AS y\nFROM c AS X\n").stages
    assert find_stage(stages, "x") == stages[2]
    assert find_stage(stages, "Y") == stages[1]
    assert find_stage(stages, "z") is None


def test_from_finds_earlier_stages_in_small_letters_only() -> None:
    stages = read("FROM a AS x\nFROM x AS x\nFROM x AS y\n").stages
    assert base_stage(stages, 0, "x") is None
    assert base_stage(stages, 1, "x") == stages[0]
    assert base_stage(stages, 2, "x") == stages[1]
    assert base_stage(stages, 2, "X") is None


def test_references() -> None:
    text = "FROM a AS x\nFROM b\nCOPY --from=X c d\nCOPY --from=0 c d\nCOPY --from=img c d\nCOPY e f\n"
    text += "RUN --mount=from=x,target=/a --mount=type=cache,from=0,target=/b --mount=target=/c g\n"
    stages = read(text).stages
    found = [[(each.name, each.stage) for each in references(stages, step)] for step in stages[1].instructions]
    assert found == [[("X", 0)], [("0", 0)], [("img", None)], [], [("x", 0), ("0", None)]]


def test_a_reference_stands_even_where_the_rest_of_the_mount_has_variables() -> None:
    stages = read("FROM a AS x\nFROM b\nRUN --mount=type=$T,from=y,FROM=x,readonly=$R,target=/a c\n").stages
    assert [(each.name, each.stage) for each in references(stages, stages[1].instructions[0])] == [("x", 0)]


def test_the_target() -> None:
    stages = read("FROM a AS x\nFROM b AS y\n").stages
    assert require_target(stages, None) == stages[1]
    assert require_target(stages, "X") == stages[0]
    with pytest.raises(DepsfirstError) as raised:
        require_target(stages, "0", "docker/Dockerfile")
    assert str(raised.value) == 'docker/Dockerfile: no stage is called "0"'
    assert raised.value.hint == 'choose one of "x", "y"'
    with pytest.raises(DepsfirstError, match="no stage is called"):
        require_target(read("FROM a\n").stages, "x")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file has no instruction"),
        ("ARG a\n", 1, "no FROM begins a stage"),
        ("ARG a\nRUN b\nFROM c\n", 2, "RUN stands before the first FROM"),
        ("FROM a\n\nfoo b\n", 3, '"foo" is no instruction'),
        ("FROM a\nfoo b\nENV c\n", 3, '"c" has no value'),
        ("FROM a AS x\nFROM b\nCOPY --from=$x c d\n", 3, '"--from=$x" has a variable, a quote or an escape'),
        ("FROM a AS x\nFROM b\nCOPY --from=x\\' c d\n", 3, '"--from=x\'" has a variable, a quote or an escape'),
        ("FROM a\nCOPY --from=1 c d\n", 2, "there is no stage 1"),
        ("FROM a\nCOPY --from=-1 c d\n", 2, "there is no stage -1"),
        ("FROM a\nCOPY --from=0 c d\n", 2, 'the stage "0" needs itself'),
        (
            "FROM a AS x\nCOPY --from=y c d\nFROM b AS y\nRUN --mount=from=x,target=/a c\n",
            4,
            'the stage "x" needs itself',
        ),
    ],
)
def test_what_is_refused(text: str, line: int, message: str) -> None:
    found = outline(parse(text)).problems[0]
    assert (found.line, found.message) == (line, message)
    with pytest.raises(DepsfirstError) as raised:
        require_outline(parse(text), "x/Dockerfile")
    assert str(raised.value) == f"x/Dockerfile:{line}: {message}"
    assert raised.value.hint


def test_a_later_stage_is_no_circle() -> None:
    assert read("FROM a AS x\nCOPY --from=y c d\nFROM b AS y\n")
    assert require_outline(parse("FROM a\n")).stages


def test_many_stages_in_a_row() -> None:
    text = "".join(f"FROM a AS s{index}\nCOPY --from=s{index + 1} a b\n" for index in range(1500))
    assert len(read(text).stages) == 1500


@given(st.text(st.sampled_from("FROMasCPYRUN -=\n\\<'\"[]$0123x#"), max_size=60))
def test_any_text_has_an_outline(text: str) -> None:
    outline(parse(text))


def seconds(text: str) -> float:
    """Processor time for the text."""
    return processor_seconds(lambda: outline(parse(text)))


@pytest.mark.parametrize(
    "line", ["(_ x\n", "RUN <<E \\\n", "COPY --a=é \\\n", "ENV a='b\\\n", 'CMD ["a", \\\n', "#\n", "FROM a AS b\n"]
)
def test_garbage_takes_no_more_time_than_its_length_says(line: str) -> None:
    few = 20_000 // len(line)
    assert seconds("FROM a\n" + line * few * 6) < 20 * seconds("FROM a\n" + line * few)
