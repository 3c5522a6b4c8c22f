"""The scripts with which installers install themselves, and whether a version of them is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from depsfirst.cache.model import Step
    from depsfirst.dockerfile.commands import Download


class InstallerScript(NamedTuple):
    """A script that installs the newest version, or the one that a variable names."""

    pattern: re.Pattern[str]
    name: str
    variable: str


_SCRIPTS = (
    InstallerScript(re.compile(r"https://astral\.sh/uv/install\.sh"), "uv", "UV_VERSION"),
    InstallerScript(re.compile(r"https://install\.python-poetry\.org"), "poetry", "POETRY_VERSION"),
    InstallerScript(re.compile(r"https://pdm-project\.org/install-pdm\.py"), "pdm", "PDM_VERSION"),
)


def installer_script(download: Download) -> InstallerScript | None:
    """The installer whose script is fetched; None for everything else."""
    for source in download.sources:
        for script in _SCRIPTS:
            if script.pattern.match(source):
                return script
    return None


def is_of_a_release(url: str) -> bool:
    """Whether a URL gives another script for each release of the installer, as that of uv does."""
    return bool(re.fullmatch(r"https://astral\.sh/uv/install\.sh", url))


def names_version(step: Step, script: InstallerScript) -> bool:
    """Whether a RUN, or what stands before it, tells the script which version to install."""
    syntax = step.instruction.syntax
    text = syntax.text + "".join(each.content for each in syntax.heredocs)
    return script.variable in step.scope.variables or script.variable in text or "--version" in text
