"""What a wheel says that it requires, for an environment and extras."""

from __future__ import annotations

from typing import Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import Environment
from depsfirst.wheels.own.stated import Stated, stated, wanted
from depsfirst.wheels.own.wheel import WheelEntry

HERE = Environment((3, 12, 4), "linux/amd64")
METADATA = b"""\
Metadata-Version: 2.1
Name: Shop
Requires-Python: >=3.11
Provides-Extra: all
Provides-Extra: Fast_er
Requires-Dist: tell[more]>=1; python_version < "3.12"
Requires-Dist: greet (>=1,<2)
Requires-Dist: quick @ https://files.example/quick-1.0-py3-none-any.whl ; extra == "fast-er"
Requires-Dist: arm; platform_machine == "aarch64"
Requires-Dist: shop[Fast_er]; extra == "all"

Requires-Dist: not this one
"""


@pytest.fixture
def says() -> Stated:
    entry = WheelEntry("shop-1.0.dist-info/METADATA", METADATA, executable=False, sha256="")
    return stated("Shop", [entry], "setup.py")


def test_what_holds_is_wanted(says: Stated) -> None:
    assert wanted(says, HERE, frozenset()) == ("greet<2,>=1",)
    assert wanted(says, HERE._replace(python=(3, 11, 2)), frozenset()) == ("greet<2,>=1", "tell[more]>=1")
    assert wanted(says, HERE._replace(platform="linux/arm64"), frozenset()) == ("arm", "greet<2,>=1")


@pytest.mark.parametrize("extra", ["fast-er", "all"])
def test_an_extra_may_ask_for_others(says: Stated, extra: str) -> None:
    quick = "quick@ https://files.example/quick-1.0-py3-none-any.whl"
    assert wanted(says, HERE, frozenset({extra})) == ("greet<2,>=1", quick.replace("quick@", "quick @"))


@pytest.mark.parametrize(
    ("change", "extras", "message"),
    [
        ({}, {"slow"}, 'there is no extra "slow"'),
        ({"requires_python": ">=3.13"}, set(), 'the project is for Python ">=3.13", not for 3.12.4'),
        ({"requires": ("what is this",)}, set(), '"what is this" is no requirement'),
    ],
)
def test_what_cannot_be_had_is_said(says: Stated, change: dict[str, Any], extras: set[str], message: str) -> None:
    with pytest.raises(DepsfirstError) as caught:
        wanted(says._replace(**change), HERE, frozenset(extras))
    assert message in caught.value.message
    assert str(caught.value.where).startswith("setup.py")
