"""Which export plugin goes with which Poetry."""

from __future__ import annotations

import pytest

from depsfirst.project.exporters import poetry_plugin


@pytest.mark.parametrize(
    ("poetry", "python", "plugin"),
    [
        ((2, 5, 1), None, "1.10.1"),
        ((2, 1, 0), (3, 10), "1.10.1"),
        ((2,), None, "1.10.1"),
        ((2, 0, 1), None, "1.9.0"),
        ((2, 2, 1), (3, 9), "1.9.0"),
    ],
)
def test_the_plugin_fits(poetry: tuple[int, ...], python: tuple[int, int] | None, plugin: str) -> None:
    assert poetry_plugin(poetry, python) == plugin
