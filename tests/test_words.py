"""What is read without argparse is what argparse reads, whatever the words are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst import cli
from depsfirst.cli.parser import parse, parsers
from depsfirst.cli.words import read
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = ("build", "why", "check", "rules", "recipe", "init")
VALUES = ("x", "a=b", "", "text", "json", "-", "-1", "--", "a b", "always", "never", "docker", "error", "é", "-tx")


def by_argparse(verb: str, words: Sequence[str]) -> dict[str, Any] | None:
    """What argparse makes of it; None for the help and for what is wrong."""
    try:
        return vars(parse([verb, *words], dict.fromkeys(VERBS, ""), cli._describing))
    except (SystemExit, DepsfirstError):
        return None


def options_of(verb: str) -> list[str]:
    """All options of a verb, from its help."""
    parser = parsers({verb: ""}).verbs[verb]
    cli._describing(verb)(parser)
    return sorted(parser._option_string_actions)


OPTIONS = {verb: options_of(verb) for verb in VERBS}


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    verb = draw(st.sampled_from(VERBS))
    option = st.sampled_from(OPTIONS[verb])
    value = st.sampled_from(VALUES)
    word = st.one_of(
        option,
        value,
        st.builds(lambda name, text: f"{name}={text}", option, value),
        st.builds(lambda name, length: name[:length], option, st.integers(2, 8)),
    )
    return verb, draw(st.lists(word, max_size=6))


@given(command_lines())
def test_what_is_read_here_is_what_argparse_reads(line: tuple[str, list[str]]) -> None:
    verb, words = line
    ours = read(cli._describing(verb), words)
    if ours is not None:
        assert vars(ours) == by_argparse(verb, words)


USUAL = (
    "build",
    "build . --load --tag shop:1 --base deb:bookworm",
    "build services/api -t shop --extra a --extra b --group=dev -q --verify always",
    "build -o out.tar --format json --platform linux/arm64",
    "why src/a.py src/b.py --target final --build-arg A=1",
    "why --change code --format json -f Dockerfile",
    "check",
    "check Dockerfile --fix --select order",
    "check . --format sarif --exit-zero",
    "rules",
    "rules git-in-context",
    "recipe --group dev",
    "init services/api --diff",
)


@pytest.mark.parametrize("line", USUAL)
def test_usual_command_lines_need_no_argparse(line: str) -> None:
    verb, *words = line.split()
    ours = read(cli._describing(verb), words)
    assert ours is not None
    assert vars(ours) == by_argparse(verb, words)


UNUSUAL = (
    "build --help",
    "build --bas x",
    "build -q -v",
    "build -tx",
    "build a b",
    "build --tag",
    "build --format xml",
    "build --load -o x",
    "cache size",
    "check --fix=1",
    "why -- --odd",
)


@pytest.mark.parametrize("line", UNUSUAL)
def test_what_is_unusual_is_left_to_argparse(line: str) -> None:
    verb, *words = line.split()
    assert read(cli._describing(verb), words) is None
