"""The versions of the tools that a Dockerfile installs are raised where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts import pin

if TYPE_CHECKING:
    import pytest


def test_each_tool_is_raised_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "_newest", lambda name: f"99.{len(name)}")
    before = pin.SCHEME.read_text()
    after = pin.raised(before)
    changed = [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert len(changed) == len(pin.pins()) == 6
    assert all(f'"99.{len(tool.name)}"' in line for tool, line in zip(pin.pins(), changed, strict=True))
    assert '"PDM_VERSION", "99.3", "[locked]"' in after
