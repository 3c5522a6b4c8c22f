"""Reads a RUN line as a Dockerfile has it, with the files that its image is said to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from depsfirst.dockerfile.commands import Reading, installations
from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.stages import outline
from depsfirst.dockerfile.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Mapping


class Read(Protocol):
    """Reads what stands behind RUN."""

    def __call__(
        self,
        text: str,
        files: Mapping[str, str] | None = None,
        *,
        cwd: str = "/app",
        user: str = "",
        shell: tuple[str, ...] = ("/bin/sh", "-c"),
        variables: Mapping[str, str] | None = None,
        **more: str,
    ) -> Reading: ...


@pytest.fixture
def read() -> Read:
    def reading(
        text: str,
        files: Mapping[str, str] | None = None,
        *,
        cwd: str = "/app",
        user: str = "",
        shell: tuple[str, ...] = ("/bin/sh", "-c"),
        variables: Mapping[str, str] | None = None,
        **more: str,
    ) -> Reading:
        stages = outline(parse(f"FROM scratch\nRUN {text}\n")).stages
        (run,) = stages[0].instructions
        assert isinstance(run, Run)
        known = (files or {}).get
        return installations(run, shell=shell, variables={**(variables or {}), **more}, cwd=cwd, user=user, files=known)

    return reading
