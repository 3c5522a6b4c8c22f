from __future__ import annotations

import pytest

from depsfirst.debian.relations import Relation, parse_relations
from depsfirst.errors import DepsfirstError


def test_members_and_alternatives() -> None:
    text = "libc6 (>= 2.38), debconf (>= 0.5) | debconf-2.0,python3:any,\n zlib1g(=1:1.2), a [amd64 !i386] <!nocheck>"
    assert parse_relations(text, "x: Depends") == (
        (Relation("libc6", ">=", "2.38"),),
        (Relation("debconf", ">=", "0.5"), Relation("debconf-2.0")),
        (Relation("python3"),),
        (Relation("zlib1g", "=", "1:1.2"),),
        (Relation("a"),),
    )


def test_nothing_is_no_relation() -> None:
    assert parse_relations("", "x") == ()
    assert parse_relations(" , ", "x") == ()


def test_versions_are_accepted_or_not() -> None:
    assert Relation("a").accepts("1")
    assert Relation("a", "<<", "2").accepts("1")
    assert not Relation("a", "<<", "2").accepts("2")


def test_a_relation_reads_as_it_was_written() -> None:
    assert str(Relation("a", ">=", "1")) == "a (>= 1)"
    assert str(Relation("a")) == "a"


@pytest.mark.parametrize("text", ["a (~ 1)", "a (>= )", "a b", "a | ", "(>= 1)", "a (>= 1"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(DepsfirstError, match="no relation") as caught:
        parse_relations(text, "x: Depends")
    assert caught.value.where == "x: Depends"
