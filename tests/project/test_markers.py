from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depsfirst.errors import DepsfirstError
from depsfirst.project.markers import Evaluator, admits, check, parse, python_samples, samples
from depsfirst.project.model import Environment


@pytest.fixture
def linux() -> Evaluator:
    return Evaluator(Environment((3, 12, 4), "linux/arm64").markers(), frozenset({"dev"}))


@pytest.mark.parametrize(
    ("marker", "extras", "expected"),
    [
        (None, "", True),
        ("<empty>", "", False),
        ("python_version >= '3.12'", "", True),
        ("python_full_version < '3.12.4'", "", False),
        ("sys_platform == 'linux' and platform_machine == 'aarch64'", "", True),
        ("platform_machine == 'x86_64'", "", False),
        ("platform_release >= '4'", "", False),
        ("python_version in '3.11 3.12'", "", True),
        ("'linux' in sys_platform", "", True),
        ("extra == 'a'", "a", True),
        ("extra == 'a'", "b", False),
        ("extra == 'a' and extra == 'b'", "a b", True),
        ("extra == 'a' and extra != 'b'", "a b", False),
        ("extra != 'b'", "a", True),
        ("extra == 'A_x'", "a-x", True),
        ("'a' == extra and \"b\" != extra", "a", True),
        ("'a' in extras", "a", True),
        ("'dev' in dependency_groups", "", True),
    ],
)
def test_a_marker_is_evaluated_for_the_target(
    linux: Evaluator, marker: str | None, extras: str, expected: object
) -> None:
    assert linux.holds(marker, frozenset(extras.split())) is expected
    assert linux.holds(marker, frozenset(extras.split())) is expected  # the second answer is remembered


@pytest.mark.parametrize(
    "marker",
    [
        "python_version",
        "python >= '3'",
        "os_name ~= 'posix'",
        "(" * 5000 + "os_name == 'a'" + ")" * 5000,
        "extra in 'a'",
    ],
)
def test_what_cannot_be_evaluated_is_said(linux: Evaluator, marker: str) -> None:
    with pytest.raises(DepsfirstError, match="cannot be evaluated"):
        linux.holds(marker)
    with pytest.raises(ValueError, match="cannot be evaluated"):
        check(marker)


def test_a_marker_that_can_be_evaluated_passes_the_check() -> None:
    check("python_version < '3' or extra == 'x'")
    check("<empty>")


@given(st.text(max_size=40))
def test_any_text_is_a_marker_or_turned_down(text: str) -> None:
    try:
        parse(text)
    except ValueError:
        return
    Evaluator(Environment((3, 12, 4)).markers()).holds(text)


def test_nothing_of_this_machine_is_in_an_environment() -> None:
    variables = Environment((3, 9, 1), "linux/arm64").markers()
    assert variables == {
        "implementation_name": "cpython",
        "implementation_version": "3.9.1",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": "3.9.1",
        "python_version": "3.9",
        "sys_platform": "linux",
    }


def test_a_platform_that_is_not_known_is_turned_down() -> None:
    with pytest.raises(DepsfirstError) as caught:
        Environment((3, 12, 0), "windows/amd64").markers()
    assert caught.value.hint == "choose one of linux/amd64, linux/arm64"


def test_admits() -> None:
    assert admits(None, "3.12.1")
    assert admits(">=3.9,<4", "3.12.1")
    assert admits(">=1.0", "2.0rc1")
    assert not admits("<3.9", "3.12.1")
    for specifier, version in ((">>3", "3.12.1"), (">=3", "no"), (">=" + "9" * 9999, "3")):
        with pytest.raises(DepsfirstError):
            admits(specifier, version)


def test_samples_take_every_value_and_one_more() -> None:
    marker = "sys_platform == 'win32' and 'x' in os_name or extra == 'gpu'"
    found = [(sample.holds(marker, extras), sorted(extras)) for sample, extras in samples([marker, None], ">=3.9")]
    assert len(found) == 2 * 2 * 2  # one Python will do
    assert {held for held, extras in found if extras} == {True}
    assert {held for held, extras in found if not extras} == {True, False}


def test_samples_of_python_lie_around_the_versions_compared() -> None:
    assert python_samples(["3.9"], None) == ["3.8.99", "3.9.0", "3.9.1", "3.9.99", "3.10.0", "3.12.0"]
    assert python_samples(["3.9.2"], ">=3.9") == ["3.9.0", "3.9.1", "3.9.2", "3.9.3", "3.9.99", "3.10.0", "3.12.0"]
    assert python_samples([], ">3.99") == ["3.99.1", "3.99.99", "3.100.0"]
    assert python_samples([], "<1") == ["0.0.0", "0.0.1", "0.0.99"] or python_samples([], "<1")


def test_samples_end() -> None:
    marker = " or ".join(f"platform_version == '{number}' and os_name == '{number}'" for number in range(200))
    assert sum(1 for _ in samples([marker], None)) == 4096
