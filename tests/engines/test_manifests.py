"""What a manifest came to is remembered as it was, order and all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.engines.manifests import remembering
from depsfirst.errors import DepsfirstError
from depsfirst.project.toml import parse

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
[project]
name = "shop"
version = "1"
[project.urls]
zoo = "z"
"a b" = "é"
[tool.depsfirst]
max-layers = 3
ignore-imports = ["b", "a"]
weights = [1.5, -0.0, inf]
load = true
[[tool.uv.index]]
name = "x"
"""


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    """An empty cache."""
    return ContentStore(tmp_path / "cache")


def test_a_text_is_parsed_once(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = remembering(store)(TEXT, "pyproject.toml")
    monkeypatch.setattr("depsfirst.project.toml.parse", lambda *_: pytest.fail("it was parsed again"))
    again = remembering(store)(TEXT, "pyproject.toml")
    assert repr(again) == repr(first) == repr(parse(TEXT, "x"))


def test_another_text_is_parsed(store: ContentStore) -> None:
    values = remembering(store)
    assert values("a = 1", "x") == {"a": 1}
    assert values("a = 2", "x") == {"a": 2}
    assert values("a = 1", "x") == {"a": 1}


def test_dates_are_never_remembered_as_something_else(store: ContentStore) -> None:
    text = "when = [{ day = 2020-01-02 }]"
    for _ in range(2):
        assert repr(remembering(store)(text, "x")) == repr(parse(text, "x"))


def test_what_is_no_toml_is_told_each_time(store: ContentStore) -> None:
    for _ in range(2):
        with pytest.raises(DepsfirstError) as caught:
            remembering(store)("a = \n", "pyproject.toml")
        assert caught.value.where == "pyproject.toml:1:5"
