from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.oci.reference import parse_reference

NAMES = {
    "shop": ("docker.io/library/shop:latest", "shop:latest"),
    "shop:1.2": ("docker.io/library/shop:1.2", "shop:1.2"),
    "team/shop": ("docker.io/team/shop:latest", "team/shop:latest"),
    "docker.io/shop": ("docker.io/library/shop:latest", "shop:latest"),
    "docker.io/library/shop": ("docker.io/library/shop:latest", "shop:latest"),
    "registry.example/shop": ("registry.example/shop:latest", "registry.example/shop:latest"),
    "registry.example:5000/a/b:x": ("registry.example:5000/a/b:x", "registry.example:5000/a/b:x"),
    "localhost/shop": ("localhost/shop:latest", "localhost/shop:latest"),
    "localhost:5000/shop": ("localhost:5000/shop:latest", "localhost:5000/shop:latest"),
    "[::1]:5000/shop": ("[::1]:5000/shop:latest", "[::1]:5000/shop:latest"),
}
NO_NAMES = ["", "Shop", "shop:", "shop:.x", "shop: x", "-shop", "shop/", "/shop", "a//b", "a_.b", "shop:1:2", "x" * 300]


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_read_as_docker_reads_it(text: str) -> None:
    reference = parse_reference(text)
    assert (reference.full, str(reference)) == NAMES[text]


def test_a_dot_in_front_of_a_slash_makes_a_registry() -> None:
    assert parse_reference("a.b/c").domain == "a.b"
    assert parse_reference("a--b__c/d.e").full == "docker.io/a--b__c/d.e:latest"


@pytest.mark.parametrize("text", NO_NAMES)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        parse_reference(text)
    assert caught.value.hint


def test_a_digest_cannot_be_chosen() -> None:
    with pytest.raises(DepsfirstError, match="digest"):
        parse_reference(f"shop@sha256:{'0' * 64}")


@given(st.from_regex(r"[a-z0-9]{1,9}([._-][a-z0-9]{1,9}){0,2}(:[A-Za-z0-9_][\w.-]{0,20})?", fullmatch=True))
def test_a_name_in_full_is_the_same_name(text: str) -> None:
    if text.isascii():
        assert parse_reference(parse_reference(text).full) == parse_reference(text)
        assert parse_reference(str(parse_reference(text))) == parse_reference(text)
