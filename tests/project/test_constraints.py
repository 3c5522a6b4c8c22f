from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from depsfirst.project.constraints import alternatives, python_marker, python_specifier


@pytest.mark.parametrize(
    ("constraint", "specifiers"),
    [
        ("^1.2.3", [">=1.2.3,<2"]),
        ("^0.2.3", [">=0.2.3,<0.3"]),
        ("^0.0.3", [">=0.0.3,<0.0.4"]),
        ("^0.0", [">=0.0,<0.1"]),
        ("^0", [">=0,<1"]),
        ("^1.2.3b1", [">=1.2.3b1,<2"]),
        ("~1", [">=1,<2"]),
        ("~1.2", [">=1.2,<1.3"]),
        ("~1.2.3", [">=1.2.3,<1.3"]),
        ("~=1.4", ["~=1.4"]),
        ("*", [""]),
        ("", [""]),
        ("x", [""]),
        ("1.*", ["==1.*"]),
        ("!=1.2.x", ["!=1.2.*"]),
        (">=1.*", [">=1"]),
        ("1.2", ["==1.2"]),
        ("=1.2", ["==1.2"]),
        ("<>1.2", ["!=1.2"]),
        ("v1.2", ["==1.2"]),
        (">=3.8 <4", [">=3.8,<4"]),
        (">=2.7, !=3.0.*,!=3.1.*", [">=2.7,!=3.0.*,!=3.1.*"]),
        ("^3.9,<3.13", [">=3.9,<4,<3.13"]),
        (">=1,<2 || >3.1", [">=1,<2", ">3.1"]),
        ("1.0 | 2.0", ["==1.0", "==2.0"]),
    ],
)
def test_a_constraint_of_poetry_in_the_words_of_pep_440(constraint: str, specifiers: list[str]) -> None:
    assert list(alternatives(constraint)) == specifiers
    for specifier in specifiers:
        SpecifierSet(specifier)


@pytest.mark.parametrize("text", ["foo", ">=", "^1.2>=4", "1.2 foo", "^", ">=1 and <2", "||<"])
def test_what_is_no_constraint_is_turned_down(text: str) -> None:
    with pytest.raises(ValueError, match="is no version constraint"):
        alternatives(text)


@given(st.text(alphabet="^~=<>!*x.,| 0123456789ab", max_size=20))
def test_any_text_is_read_or_turned_down(text: str) -> None:
    for read in (alternatives, python_marker, python_specifier):
        try:
            read(text)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^3.9", ">=3.9,<4"),
        ("*", None),
        ("^3.9 || *", None),
        ("~3.9 || ~3.11", ">=3.9,!=3.10.*,<3.12"),
        ("^3.8 || ~2.7", ">=2.7,!=3.0.*,!=3.1.*,!=3.2.*,!=3.3.*,!=3.4.*,!=3.5.*,!=3.6.*,!=3.7.*,<4.0"),
        (">=3.8.1,<3.9 || >=3.10", ">=3.8.1,!=3.9.*"),
    ],
)
def test_versions_of_python_become_one_specifier(constraint: str, specifier: str | None) -> None:
    assert python_specifier(constraint) == specifier


def test_alternatives_that_allow_no_python_are_turned_down() -> None:
    with pytest.raises(ValueError, match="allows no version of Python"):
        python_specifier("<2 || >99")


@pytest.mark.parametrize(
    ("constraint", "marker"),
    [
        ("*", None),
        ("<3.9", '(python_version < "3.9")'),
        ("^3.8.1", '(python_full_version >= "3.8.1" and python_version < "4")'),
        ("~3.9 || 3.12.*", '(python_version >= "3.9" and python_version < "3.10") or (python_version == "3.12.*")'),
    ],
)
def test_versions_of_python_become_a_marker(constraint: str, marker: str | None) -> None:
    assert python_marker(constraint) == marker
