"""The versions of the tools that a Dockerfile installs are raised where they stand."""

from __future__ import annotations

import re

from scripts import pin


def test_each_tool_is_raised_and_nothing_else() -> None:
    newest = {tool.name: f"99.{place}" for place, tool in enumerate(pin.pins())}
    found: list[str] = []
    for path in pin.PINNED:
        before = path.read_text()
        after = pin.raised(before, newest)
        lines = zip(before.splitlines(), after.splitlines(), strict=True)
        for old, new in ((old, new) for old, new in lines if old != new):
            (version,) = re.findall(r'"(99\.\d+)"', new)
            assert re.sub(r'"[\d.]+"', f'"{version}"', old) == new
            found.append(version)
    assert sorted(found) == sorted(newest.values())
    assert len(found) == 6
