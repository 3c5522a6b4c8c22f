"""What a manifest asks for."""

from __future__ import annotations

import tomllib

from depsfirst.project.requirement import Manifest


def test_what_only_groups_and_extras_ask_for() -> None:
    text = """
[project]
dependencies = ["a", "Zoo_Keeper"]
optional-dependencies = { Fast-Mode = ["b[x]>1; python_version > '3'", "c"] }
[dependency-groups]
base = ["C", "d"]
dev = [{ include-group = "base" }, "zoo-keeper", "e @ https://files.example/e-1.tar.gz"]
"""
    assert Manifest(tomllib.loads(text), ".").optional() == {
        "b": ("extra", "fast-mode"),
        "c": ("extra", "fast-mode"),
        "d": ("group", "base"),
        "zoo-keeper": ("group", "dev"),
        "e": ("group", "dev"),
    }
