"""What a set of installed wheels requires and does not have."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from depsfirst.project.markers import Evaluator
from depsfirst.project.model import Environment
from depsfirst.wheels.install import Venv
from depsfirst.wheels.parts import install_wheel
from depsfirst.wheels.unmet import unmet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.wheels.parts import InstalledWheel

HERE = Evaluator(Environment((3, 12, 4), "linux/amd64").markers())


@pytest.fixture
def installed(store: ContentStore, tmp_path: Path) -> Callable[..., dict[str, InstalledWheel]]:
    """``installed(shop=["till>=1"])`` is a set of wheels by name, each with what it requires."""

    def made(**requires: list[str]) -> dict[str, InstalledWheel]:
        return {name: one(name, lines) for name, lines in requires.items()}

    def one(name: str, requires: list[str]) -> InstalledWheel:
        path = tmp_path / f"{name}-1.0-py3-none-any.whl"
        path.write_bytes(wheel(name, requires))
        return install_wheel(f"{name}0", path, path.name, Venv((3, 12)), store, {})

    return made


def wheel(name: str, requires: list[str]) -> bytes:
    info = f"{name}-1.0.dist-info"
    lines = [f"Requires-Dist: {each}" for each in requires]
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines, "", "Text."]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return made.getvalue()


def test_what_is_there_is_met_whatever_its_version(installed: Callable[..., dict[str, InstalledWheel]]) -> None:
    assert unmet(installed(shop=["Till >=2"], till=[]), (), HERE) == {}


def test_what_is_not_there_is_named_with_one_that_requires_it(
    installed: Callable[..., dict[str, InstalledWheel]],
) -> None:
    found = unmet(installed(shop=["till", "Rate.Table (>=1)"], bank=["rate_table"]), (), HERE)
    assert set(found) == {"till", "rate-table"}
    assert found["till"] == "shop"
    assert found["rate-table"] in {"shop", "bank"}


@pytest.mark.parametrize(
    "line", ["till; python_version < '3.12'", "till; sys_platform == 'win32'", "till; extra == 'card'", "till &&& no"]
)
def test_what_is_not_wanted_here_is_not_missed(line: str, installed: Callable[..., dict[str, InstalledWheel]]) -> None:
    assert unmet(installed(shop=[line]), (), HERE) == {}


def test_extras_are_followed(installed: Callable[..., dict[str, InstalledWheel]]) -> None:
    wheels = installed(shop=["till[card]; extra == 'web'"], till=["chip; extra == 'card'", "coin; extra == 'cash'"])
    assert unmet(wheels, [("shop", "web")], HERE) == {"chip": "till"}
    assert unmet(wheels, [("till", "cash"), ("absent", "web")], HERE) == {"coin": "till"}


def test_circles_come_to_an_end(installed: Callable[..., dict[str, InstalledWheel]]) -> None:
    wheels = installed(shop=["till[card]"], till=["shop[web]; extra == 'card'"])
    assert unmet(wheels, [("shop", "web")], HERE) == {}
