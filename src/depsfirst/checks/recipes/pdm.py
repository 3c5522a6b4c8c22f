"""PDM: ``pdm export`` writes the packages, and pip installs them into an environment of the same kind."""

from __future__ import annotations

from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.recipes.environment import environment_of, refuse_makers, settings_before, with_pip
from depsfirst.checks.recipes.model import RESULT, Question, Recipe
from depsfirst.checks.recipes.sources import refuse_local
from depsfirst.checks.recipes.versions import provided
from depsfirst.dockerfile.installers.call import table

_EXPORTS = (2, 0)
_VALUED = frozenset(["--group", "-G", "--without"])
_CHOICE = ("--prod", "--production", "--dev", "-d", "--no-default", *sorted(_VALUED))
_CHECKED = ("--check",)
_FROZEN = ("--frozen-lockfile", "--no-lock", "--frozen")
_LEFT_OUT = ("--no-self", "--no-editable", "--quiet", "-q", "--verbose", "-v", "--fail-fast", "-x")
_KNOWN = frozenset([*_CHOICE, *_CHECKED, *_FROZEN, *_LEFT_OUT])
_VARIABLES = ("VIRTUAL_ENV", "PDM_USE_VENV", "PDM_LOCKFILE", "PDM_PYTHON", "PDM_IGNORE_SAVED_PYTHON")
_OTHER_INSTALLER = "pip installs what PDM did: it compiles bytecode, and calls itself the installer"
_FIRST_PYTHON = '"python3" makes the environment, where PDM looks for a Python that the project allows'


def recipe(question: Question) -> Recipe:
    """What exports and installs the packages of a ``pdm sync`` or ``pdm install``."""
    given = question.given(_KNOWN, _VALUED)
    if table(question.values, "tool", "pdm").get("source"):
        raise UnprovenError("the manifest names package indexes, whose passwords only PDM knows")
    _refuse_settings(question)
    refuse_local(question)
    directory = environment_of(question)
    refuse_makers(question, directory)
    compared = "install" in question.installation.command.texts and not given.has(*_FROZEN)
    verified = [f"{given.program} lock --check &&"] if compared or given.has(*_CHECKED) else []
    words = [*verified, f"{given.program} export", *given.sources(*_CHOICE), f"--output {RESULT}"]
    return Recipe(
        export=(" ".join(words),),
        install=with_pip(question, ("python3 -m venv --without-pip .venv", "pip --python .venv"), no_cache=False),
        unsafe=(_OTHER_INSTALLER, _FIRST_PYTHON),
    )


def _refuse_settings(question: Question) -> None:
    """See that PDM is of a version that is known, and makes its usual environment."""
    brought = provided(question.subject, question.step, "pdm")
    if brought is None or brought.program not in ("pip", "uv"):
        raise UnprovenError("which PDM runs is not known, nor whether pip stands beside it")
    if not brought.is_at_least(*_EXPORTS):
        raise UnprovenError(f"PDM {brought.version} of line {brought.line} exports in another way")
    for name in _VARIABLES:
        if question.step.scope.variables.get(name):
            raise UnprovenError(f'"{name}" says where PDM installs')
    if settings_before(question, "pdm"):
        raise UnprovenError('"pdm config" says where PDM installs')
