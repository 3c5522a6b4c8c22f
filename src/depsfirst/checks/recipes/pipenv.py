"""Pipenv: ``pipenv requirements`` writes the packages, and pip installs them, as Pipenv has it do."""

from __future__ import annotations

from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.recipes.environment import refuse_makers, with_pip
from depsfirst.checks.recipes.model import RESULT, Given, Question, Recipe
from depsfirst.checks.recipes.sources import refuse_local
from depsfirst.checks.recipes.versions import provided

_EXPORTS = (2022, 4, 8)
_VALUED = frozenset(["--categories"])
_CHOICE = ("--dev", "-d", "--categories")
_TAKEN_AS_IT_IS = ("--ignore-pipfile",)
_LEFT_OUT = ("--deploy", "--system", "--clear", "--quiet", "-q", "--verbose", "-v", "--keep-outdated")
_KNOWN = frozenset([*_CHOICE, *_TAKEN_AS_IT_IS, *_LEFT_OUT])
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


def recipe(question: Question) -> Recipe:
    """What exports and installs the packages of a ``pipenv sync`` or ``pipenv install``."""
    if question.installation.verb not in ("install", "sync"):
        raise UnprovenError(f'"pipenv {question.installation.verb}" does more than install a lock')
    given = question.given(_KNOWN, _VALUED)
    _refuse_sources(question)
    refuse_local(question)
    compared = question.installation.verb == "install" and not given.has(*_TAKEN_AS_IT_IS)
    verified = [f"{given.program} verify &&"] if compared else []
    chosen = ["--dev" if each == "-d" else each for each in given.sources(*_CHOICE)]
    words = [*verified, f"{given.program} requirements --hash", *chosen, f"> {RESULT}"]
    return Recipe(
        export=(" ".join(words),),
        install=with_pip(question, _place(question, given), no_cache=False),
        unsafe=_unsafe(question),
    )


def _refuse_sources(question: Question) -> None:
    """See that the Pipfile names one index, and no password for it."""
    sources = question.values.get("source")
    found = [each for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []
    if len(found) > 1:
        raise UnprovenError("the Pipfile names several package indexes")
    if any("$" in str(each.get("url")) or each.get("verify_ssl") is False for each in found):
        raise UnprovenError("what Pipenv makes of the index of the Pipfile is not known")


def _unsafe(question: Question) -> tuple[str, ...]:
    brought = provided(question.subject, question.step, "pipenv")
    if brought is None:
        return ("which Pipenv the image has is not known: it has to be 2022.4.8 or newer",)
    if not brought.is_at_least(*_EXPORTS):
        raise UnprovenError(f"Pipenv {brought.version} of line {brought.line} exports in another way")
    return ()


def _place(question: Question, given: Given) -> tuple[str, str]:
    """The command that makes the environment, and pip in it."""
    variables = question.step.scope.variables
    if variables.get("VIRTUAL_ENV"):
        raise UnprovenError('"VIRTUAL_ENV" says where Pipenv installs')
    if given.has("--system") or (variables.get("PIPENV_SYSTEM") or "").lower() in _TRUE:
        return "", "pip"
    if question.target is None:
        raise UnprovenError("where Pipenv makes its environment is its own choice")
    refuse_makers(question, question.target)
    brought = provided(question.subject, question.step, "pipenv")
    if brought is None or brought.program not in ("pip", "uv"):
        raise UnprovenError('Pipenv stands in an environment of its own, and "virtualenv" with it')
    return "virtualenv .venv", ".venv/bin/pip"
