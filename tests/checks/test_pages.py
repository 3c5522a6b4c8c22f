"""The pages in docs/rules are those of the rules' docstrings."""

from __future__ import annotations

from scripts.rule_pages import DIRECTORY, pages


def test_the_pages_are_up_to_date() -> None:
    written = {path.name: path.read_text() for path in DIRECTORY.glob("*.md")}
    assert written == pages(), "run `python -m scripts.rule_pages`"
