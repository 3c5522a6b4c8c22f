"""What the parser of an older BuildKit reads otherwise."""

from __future__ import annotations

import pytest

from depsfirst.dockerfile.syntax import parse

OLD, NEW = (0, 14), (0, 15)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('RUN [ "/bin/sh","-c", "echo ]" ] # why', ("/bin/sh", "-c", "echo ]")),
        ('RUN ["true"] && false', ("true",)),
        ('COPY ["a b", "/c"] /d', ("a b", "/c")),
        ("CMD [] nothing", ()),
        ('CMD ["a"]', ("a",)),
    ],
)
def test_what_stands_behind_an_array_did_not_count(line: str, values: tuple[str, ...]) -> None:
    old = parse(f"FROM a\n{line}\n", OLD).instructions[1]
    assert (old.exec_form, old.values) == (True, values)
    assert str(parse(f"FROM a\n{line}\n", OLD)) == f"FROM a\n{line}\n"
    assert parse(f"FROM a\n{line}\n", NEW).instructions[1].exec_form is line.endswith("]")


@pytest.mark.parametrize("line", ['RUN ["a" && true', 'RUN [ -f a ] && echo "]"', "RUN echo []", 'ENV A=["a"] B=2'])
def test_what_is_no_array_is_what_it_is_now(line: str) -> None:
    old, new = (parse(f"FROM a\n{line}\n", version).instructions[1] for version in (OLD, NEW))
    assert (old.values, old.exec_form) == (new.values, new.exec_form)
    assert not old.exec_form
