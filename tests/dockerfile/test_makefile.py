from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.dockerfile.makefile import UNKNOWN, read_makefile


def lines(text: str, *targets: str, **given_values: str) -> list[str] | None:
    return read_makefile(text, {"other.mk": "C = d\nother:\n\tother $(C)\n"}.get).lines(targets, given_values)


@pytest.mark.parametrize(
    ("text", "targets", "expected"),
    [
        ("a:\n\tx\n\ty z\nb:\n\tw\n", ("a",), ["x", "y z"]),
        ("a:\n\tx\nb:\n\tw\n", (), ["x"]),
        (".PHONY: b\n%.o: x\n\tn\nb:\n\tw\n", (), ["w"]),
        ("a: b c | d\n\tx\nb:\n\ty\nd:\n\tz\n", ("a",), ["y", "z", "x"]),
        ("a: b\n\tx\nb: a\n\ty\n", ("a",), ["y", "x"]),
        ("a b:\n\tx $@\n", ("b",), ["x b"]),
        ("a: ; x y\n", ("a",), ["x y"]),
        ("a:: b ## help\n\t@-+ x # y\nb:\n", ("a",), ["x # y"]),
        ("V = 1\na:\n\tx $(V) ${V} $$V $V\n", ("a",), ["x 1 1 $V 1"]),
        ("V = $(W)\nW := w\na:\n\tx $(V)\n", ("a",), ["x w"]),
        ("V = $(V)\na:\n\tx $(V)\n", ("a",), [f"x {UNKNOWN}"]),
        ("V ?= 1\nV ?= 2\nV += 3\na:\n\tx $(V)\n", ("a",), ["x 1 3"]),
        ("a:\n\tx $(shell y) $(wildcard $(V)) $(NO)\n", ("a",), [f"x {UNKNOWN} {UNKNOWN} {UNKNOWN}"]),
        ("a:\n\tx \\\n\t  y\n", ("a",), ["x \\\n\t  y"]),
        ("V = a \\\n  b\na:\n\tx $(V)\n", ("a",), ["x a    b"]),
        ("include other.mk\na: other\n\tx\n", ("a",), ["other d", "x"]),
        ("a: CFLAGS = x\na:\n\t$(MAKE) b\n", ("a",), ["make b"]),
        ("a:\n\tx\n", ("b",), None),
        ("", (), None),
        ("# a:\n\n", (), None),
    ],
)  # fmt: skip
def test_lines(text: str, targets: tuple[str, ...], expected: list[str] | None) -> None:
    assert lines(text, *targets) == expected


def test_values_that_grow_without_end_are_not_known() -> None:
    text = "".join(f"V{number} = {f'$(V{number + 1})' * 20}\n" for number in range(30)) + "V30 = x\na:\n\tx $(V0)\n"
    (line,) = lines(text, "a") or []
    assert UNKNOWN in line
    assert len(line) < 10_000


def test_what_is_given_wins() -> None:
    assert lines("V = 1\na:\n\tx $(V)\n", "a", V="2") == ["x 2"]


def test_what_cannot_be_included_is_said() -> None:
    assert read_makefile("include other.mk\n", {"other.mk": ""}.get).whole
    assert not read_makefile("-include missing.mk\n", {"other.mk": ""}.get).whole


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["a", ":", "=", "\n", "\t", "$(", ")", "include ", "\\", "#", "$"])).map("".join),
    )
)
def test_any_text_is_read(text: str) -> None:
    read_makefile(text, lambda _: text).lines((), {})
