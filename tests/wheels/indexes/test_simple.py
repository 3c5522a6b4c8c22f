"""One entry of an index page, taken without parsing the page; and which index is the public one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.wheels.indexes import simple as index
from depsfirst.wheels.indexes.simple import index_file, index_files

if TYPE_CHECKING:
    from depsfirst.fetch import Fetcher

INDEX = "https://index.example/simple"
NAMES = ("shop-1.0-py3-none-any.whl", "shop-1.0.tar.gz", 'shop"-1.0.zip', "shøp-1.0.whl", "shop-1.0", "shop-1.0.tar")


class Page:
    """Answers every request with one page."""

    def __init__(self, content: bytes, url: str = f"{INDEX}/shop/") -> None:
        self.content = content
        self.url = url

    def get(self, url: str, headers: dict[str, str]) -> Page:
        assert url == f"{INDEX}/shop/"
        assert "json" in headers["Accept"]
        return self


def fetcher(page: bytes) -> Fetcher:
    return cast("Fetcher", Page(page))


def entry(name: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": "ab"}, "size": 3, **more}


texts = st.text(max_size=6) | st.sampled_from(NAMES)
objects = st.dictionaries(texts, texts, max_size=2)
extras = st.dictionaries(st.sampled_from(["yanked", "core-metadata", "a", "b"]), texts | objects, max_size=3)
shuffled = st.builds(entry, st.sampled_from(NAMES), extras).flatmap(lambda value: st.permutations(list(value.items())))
entries = st.lists(shuffled, max_size=5)


@given(entries, st.sampled_from(NAMES), st.sampled_from([{}, {"indent": 2}, {"ensure_ascii": False}]))
def test_an_entry_is_what_the_whole_page_says(
    listed: list[list[tuple[str, Any]]], name: str, form: dict[str, Any]
) -> None:
    value = {"meta": {"note": name}, "files": [dict(items) for items in listed], "name": "shop"}
    page = json.dumps(value, **form).encode()
    whole = index_files(INDEX, "shop", fetcher(page), name.__eq__)
    assert index_file(INDEX, "shop", name, fetcher(page)) == next(iter(whole), None)


def test_a_page_is_not_parsed_for_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [entry(f"shop-{number}.whl", {}) for number in range(200)]
    page = json.dumps({"files": files, "meta": {}}).encode()
    monkeypatch.setattr(index, "_from_json", lambda *_: pytest.fail("the page was parsed"))
    found = index_file(INDEX, "shop", "shop-150.whl", fetcher(page))
    assert found is not None
    assert found.url == "https://index.example/files/shop-150.whl"


@pytest.mark.parametrize(
    "page", [json.dumps({"files": [entry("shop-1.0.whl", {})]}), '<a href="../../files/shop-1.0.whl">shop-1.0.whl</a>']
)
def test_links_are_relative_to_where_a_redirect_led(page: str) -> None:
    moved = cast("Fetcher", Page(page.encode(), "https://other.example/a/simple/shop/"))
    found = index_file(INDEX, "shop", "shop-1.0.whl", moved)
    assert found is not None
    assert found.url == "https://other.example/a/files/shop-1.0.whl"


def test_html_is_read_where_there_is_no_json() -> None:
    page = b'<a href="../../files/shop-1.0.whl#sha256=ab">shop-1.0.whl</a>'
    found = index_file(INDEX, "shop", "shop-1.0.whl", fetcher(page))
    assert found is not None
    assert (found.url, found.sha256) == ("https://index.example/files/shop-1.0.whl", "ab")


def test_the_public_index_is_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    assert index._endpoint() == PYPI_SIMPLE_ENDPOINT
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert index._endpoint() == PYPI_SIMPLE_ENDPOINT
