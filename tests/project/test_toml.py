from __future__ import annotations

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.toml import Table, parse


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\nb = = 2\n", "lock:2:5"),
        ("a = [1,\n", "lock:2"),
        ("a = 1\na = 2\n", "lock:2:6"),
        ("a = 9" + "9" * 5000, "lock"),
        ("a = 2020-13-01", "lock:1"),
    ],
)
def test_a_broken_text_is_placed(text: str, where: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        parse(text, "lock")
    assert caught.value.where is not None
    assert caught.value.where.startswith(where)
    assert caught.value.message.startswith("this is no TOML: ")
    assert "(at " not in caught.value.message


def test_a_text_nested_without_end_is_no_traceback() -> None:
    with pytest.raises(DepsfirstError, match="lock: "):
        parse("a = " + "[" * 100_000, "lock")


@pytest.fixture
def table() -> Table:
    values = {
        "text": "t",
        "empty": "",
        "flag": True,
        "number": 3,
        "texts": ["a", 1],
        "tables": [{"x": "y"}, 2],
        "table": {"in": {"x": "y", "n": 1}},
        "forms": ["1.0", {"x": "y"}],
    }
    return Table(values, "uv.lock", "package[3]")


def test_values_of_the_right_type_are_given(table: Table) -> None:
    assert table.text("text") == "t"
    assert table.maybe_text("empty") is None
    assert table.maybe_text("none") is None
    assert table.get("flag", bool) is True
    assert table.get("number", int) == 3
    assert table.texts("none") == ()
    assert table.tables("none") == []
    assert table.table("none").values == {}
    assert "text" in table
    assert [form.values for form in table.forms("forms", "version")] == [{"version": "1.0"}, {"x": "y"}]
    assert [form.values for form in table.forms("table")] == [{"in": {"x": "y", "n": 1}}]


def test_errors_say_the_place(table: Table) -> None:
    inner = table.table("table").table("in")
    for call, where, message in (
        (lambda: table.text("none"), "uv.lock: package[3]", 'no "none"'),
        (lambda: table.text("empty"), "uv.lock: package[3].empty", 'no "empty"'),
        (lambda: table.text("flag"), "uv.lock: package[3].flag", "this must be a string"),
        (lambda: table.get("flag", int), "uv.lock: package[3].flag", "this must be a whole number"),
        (lambda: table.texts("texts"), "uv.lock: package[3].texts[1]", "this must be a string"),
        (lambda: table.texts("text"), "uv.lock: package[3].texts", "this must be a list"),
        (lambda: table.tables("tables"), "uv.lock: package[3].tables[1]", "this must be a table"),
        (lambda: table.table("text"), "uv.lock: package[3].text", "this must be a table"),
        (lambda: table.forms("text"), "uv.lock: package[3].text[0]", "this must be a table"),
        (lambda: table.table("table").text_table("in"), "uv.lock: package[3].table.in.n", "this must be a string"),
        (lambda: inner.text("n"), "uv.lock: package[3].table.in.n", "this must be a string"),
    ):
        with pytest.raises(DepsfirstError) as caught:
            call()
        assert caught.value.where is not None
        assert caught.value.where.startswith(where.removesuffix("s")), where
        assert caught.value.message == message


def test_the_root_of_a_file_has_its_name() -> None:
    table = Table({"a": {}}, "uv.lock")
    assert table.where == "uv.lock"
    assert table.place("version") == "uv.lock: version"
    assert table.table("a").where == "uv.lock: a"
