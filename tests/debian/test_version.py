from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.debian.version import compare, satisfies, upstream_release

# in order, oldest first; a list in a list holds equals
ORDER = [
    ["0~~"],
    ["0~~a"],
    ["0~"],
    ["0", "0:0", "0-0", "00", "0:0-0"],
    ["0-0.1"],
    ["0-1"],
    ["0a"],
    ["0+"],
    ["0.0"],
    ["1~rc1-1"],
    ["1", "1-0", "0:1", "01"],
    ["1-1~bpo12+1"],
    ["1-1"],
    ["1-1+b1"],
    ["1-1+deb13u1"],
    ["1-1.1"],
    ["1-2"],
    ["1-10"],
    ["1a-1"],
    ["1+git20200101-1"],
    ["1.0-1"],
    ["1.2.3"],
    ["1.10"],
    ["2-1-1"],
    ["2-1-2"],
    ["9999"],
    ["1:0~"],
    ["1:0"],
    ["10:0"],
]
PAIRS = [
    (left, right, (place > other) - (place < other))
    for (place, lefts), (other, rights) in itertools.product(enumerate(ORDER), repeat=2)
    for left in lefts
    for right in rights
]


def test_known_versions_are_in_order() -> None:
    wrong = [(left, right) for left, right, sign in PAIRS if _sign(compare(left, right)) != sign]
    assert wrong == []


@pytest.mark.skipif(shutil.which("dpkg") is None, reason='the program "dpkg" is needed')
def test_dpkg_agrees() -> None:
    """One shell compares them all: a process for each pair would take long."""
    words = {-1: "lt", 0: "eq", 1: "gt"}
    script = "".join(
        f"dpkg --compare-versions '{a}' {words[sign]} '{b}' || echo '{a} {b}'\n" for a, b, sign in PAIRS[::5]
    )
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == ""


versions = st.from_regex(r"\A([0-9]:)?[0-9][0-9a-z.+~]{0,6}(-[0-9a-z.+~]{1,4})?\Z")


@given(versions, versions, versions)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    assert _sign(compare(one, two)) == -_sign(compare(two, one))
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


@given(versions)
def test_a_tilde_is_older_and_anything_else_newer(version: str) -> None:
    assert compare(f"{version}~", version) < 0
    assert compare(f"{version}+a", version) > 0


@pytest.mark.parametrize(
    ("version", "relation", "wanted", "expected"),
    [
        ("1.0", "=", "1.0-0", True),
        ("1.0", ">=", "1.0", True),
        ("1.0", ">>", "1.0", False),
        ("1.0", "<<", "1.0+", True),
        ("1.0", "<=", "1.0~", False),
        ("1.0", "<", "1.0", True),
        ("1.0", ">", "1.0", True),
    ],
)
def test_relations_to_a_version(version: str, relation: str, wanted: str, expected: bool) -> None:  # noqa: FBT001
    assert satisfies(version, relation, wanted) is expected


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("3.13.5-2+deb13u1", (3, 13, 5)), ("1:2.41-12", (2, 41)), ("3.14.0~rc1", (3, 14, 0)), ("git", ())],
)
def test_the_release_of_a_version(version: str, numbers: tuple[int, ...]) -> None:
    assert upstream_release(version) == numbers


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
