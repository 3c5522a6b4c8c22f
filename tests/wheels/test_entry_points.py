"""What a wheel says of its entry points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depsfirst.wheels.entry_points import EntryPoints, entry_points
from depsfirst.wheels.own.wheel import WheelEntry

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# written by a backend
[console_scripts]
shop = shop.cli:main
shop-web=shop.web:main [web, metrics]

[gui_scripts]
shop-window = shop.window:main

[pytest11]
shop = shop.testing
[shop.payment]
card = shop.payment:Card [card]
"""


def declared(text: str, extras: frozenset[str] = frozenset()) -> EntryPoints:
    entry = WheelEntry("shop-1.dist-info/entry_points.txt", text.encode(), executable=False, sha256="")
    return entry_points([WheelEntry("shop/cli.py", b"", executable=False, sha256=""), entry], extras)


def test_scripts_and_plugins() -> None:
    found = declared(TEXT)
    assert found.scripts == {"shop": "shop.cli:main"}
    assert found.gui_scripts == {"shop-window": "shop.window:main"}
    assert found.plugins == {"shop.testing", "shop.payment:Card"}


@pytest.mark.parametrize(("extras", "there"), [({"web"}, False), ({"web", "metrics", "more"}, True)])
def test_a_script_that_asks_for_extras_counts_if_all_were_chosen(extras: set[str], there: bool) -> None:  # noqa: FBT001
    assert ("shop-web" in declared(TEXT, frozenset(extras)).scripts) is there


def test_a_wheel_without_any(tmp_path: Path) -> None:
    assert entry_points([]) == EntryPoints({}, {}, frozenset())
    (tmp_path / "file").write_text("[console_scripts]\na = b:c\n")
    entry = WheelEntry("shop-1.dist-info/entry_points.txt", tmp_path / "file", executable=False, sha256="")
    assert entry_points([entry]).scripts == {"a": "b:c"}


@pytest.mark.parametrize("text", ["", "[", "nothing", "[a]\n=\n", "a = b\n[console_scripts", "\0"])
def test_nonsense_declares_nothing(text: str) -> None:
    assert declared(text).scripts == {}
