"""What a wheel asks for only with an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.wheels.extras import asked_elsewhere, asked_with_extras, asked_with_extras_of_packages
from depsfirst.wheels.own.wheel import WheelEntry

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"""\
Metadata-Version: 2.1
Name: shop
Requires-Dist: click
Requires-Dist: tomli; python_version < "3.11"
Provides-Extra: Web_Server
Requires-Dist: Uvicorn[standard] (>=0.2) ; extra == 'Web_Server'
Requires-Dist: till (>=1) ; (python_version < "4") and extra == "card"
Requires-Dist: till; extra == "cash"

Requires-Dist: words; extra == "of-the-readme"
"""


def entry(content: Path | bytes) -> WheelEntry:
    return WheelEntry("shop-1.dist-info/METADATA", content, executable=False, sha256="")


def test_what_extras_bring(tmp_path: Path) -> None:
    wanted = {"uvicorn": ("extra", "web-server"), "till": ("extra", "card")}
    assert asked_with_extras([entry(TEXT)]) == wanted
    (tmp_path / "file").write_bytes(TEXT)
    assert asked_with_extras([entry(tmp_path / "file")]) == wanted


def test_nothing_is_asked_for() -> None:
    assert asked_with_extras([]) == {}
    assert asked_with_extras([entry(b"")]) == {}


def test_what_extras_of_packages_bring() -> None:
    found = asked_with_extras_of_packages([TEXT, b"", b"Name: other\nRequires-Dist: till; extra == 'x'\n"])
    assert found == {"uvicorn": ("package", "shop[web-server]"), "till": ("package", "shop[card]")}


def test_what_is_asked_for_elsewhere() -> None:
    assert asked_elsewhere([entry(TEXT)]) == {"tomli": ("marker", 'python_version < "3.11"')}
    assert asked_elsewhere([]) == {}
