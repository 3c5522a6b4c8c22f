"""Poetry: its plugin writes the packages, and pip installs them to where Poetry would."""

from __future__ import annotations

from depsfirst.cache.exported import with_named_groups
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.recipes.environment import refuse_makers, require_pip, settings_before, with_pip
from depsfirst.checks.recipes.model import RESULT, Given, Question, Recipe
from depsfirst.checks.recipes.sources import refuse_local
from depsfirst.checks.recipes.versions import Provided, provided, python_of
from depsfirst.dockerfile.installers.call import table
from depsfirst.dockerfile.installers.pip import environment_on
from depsfirst.project.exporters import POETRY_PLUGIN, poetry_plugin
from depsfirst.project.model import MAIN

_EXPORTS = (1, 2)
_WITHOUT_PLUGIN = (2, 0)
_CHOICE = ("--only", "--with", "--without", "--no-dev")
_EXTRAS = ("--extras", "-E", "--all-extras")
_VALUED = frozenset(["--only", "--with", "--without", "--extras", "-E"])
_LEFT_OUT = ("--no-root", "--no-interaction", "-n", "--no-ansi", "--quiet", "-q", "--verbose", "-v", "-vv", "-vvv")
_KNOWN = frozenset([*_CHOICE, *_EXTRAS, *_LEFT_OUT, "--no-cache", "--sync"])
_OTHER_INSTALLER = "pip installs what Poetry did: it compiles bytecode, and calls itself the installer"
_NAMED_GROUPS = "a group of dependencies that is added later has to be named in the recipe stage"


def recipe(question: Question) -> Recipe:
    """What exports and installs the packages of a ``poetry install``."""
    given = question.given(_KNOWN, _VALUED)
    if table(question.values, "tool").get("poetry") and table(question.values, "tool", "poetry").get("source"):
        raise UnprovenError("the manifest names package indexes, whose passwords only Poetry knows")
    refuse_local(question)
    brought = _tool(question)
    groups, named = _groups(question, given)
    extras = given.sources(*_EXTRAS)
    return Recipe(
        export=(f"{given.program} export --only {groups}", " ".join([*extras, f"--output {RESULT}"])),
        install=with_pip(question, _place(question, given, brought), no_cache=_no_cache(question, given)),
        prepare=_prepare(question, brought),
        unsafe=(_OTHER_INSTALLER, *([] if named else [_NAMED_GROUPS])),
    )


def _tool(question: Question) -> Provided:
    brought = provided(question.subject, question.step, "poetry")
    if brought is None or not brought.version:
        raise UnprovenError("which Poetry runs is not written, and with it which export plugin fits: pin it")
    if not brought.is_at_least(*_EXPORTS):
        raise UnprovenError(f"Poetry {brought.version} of line {brought.line} cannot export groups")
    if brought.program not in ("pip", "uv"):
        raise UnprovenError("Poetry stands in an environment of its own, and not beside pip")
    return brought


def _prepare(question: Question, brought: Provided) -> str:
    """What adds the plugin; Poetry 1 has it."""
    if not brought.is_at_least(*_WITHOUT_PLUGIN) or provided(question.subject, question.step, POETRY_PLUGIN):
        return ""
    if table(question.values, "tool", "poetry", "requires-plugins").get(POETRY_PLUGIN):
        return ""
    variables = question.step.scope.variables
    if brought.environment != (variables.get("VIRTUAL_ENV") or environment_on(variables.get("PATH") or "")):
        raise UnprovenError("Poetry stands in another environment than the one that is active, and its plugin has to")
    python = python_of(question.subject, question.step)
    known = tuple(int(part) for part in python.split(".")) if python else None
    version = poetry_plugin(brought.numbers, (known[0], known[1]) if known else None)
    return f"pip install {POETRY_PLUGIN}=={version}"


def _groups(question: Question, given: Given) -> tuple[str, bool]:
    """The groups that are installed, and whether the command names them itself."""
    only = [each.value or "" for each in given.options if each.name == "--only"]
    if only:
        return ",".join(only), True
    named = with_named_groups(question.installation.selection, question.values)
    groups = next(each.partition("=")[2] for each in named if each.startswith("--only="))
    return ",".join(sorted(groups.split(","), key=lambda group: (group != MAIN, group))), False


def _no_cache(question: Question, given: Given) -> bool:
    return given.has("--no-cache") or bool(question.step.scope.variables.get("POETRY_NO_CACHE"))


def _place(question: Question, given: Given, brought: Provided) -> tuple[str, str]:
    """The command that makes the environment, and pip in it."""
    settings = settings_before(question, "poetry")
    settings_file = f"{question.directory}/poetry.toml"
    if settings_file in question.texts or question.subject.commands.found(question.step, settings_file) is not None:
        raise UnprovenError('"poetry.toml" says where Poetry installs')
    variables = question.step.scope.variables
    removes = "sync" in question.installation.command.texts or given.has("--sync")
    if active := variables.get("VIRTUAL_ENV"):
        require_pip(question, active)
    created = _said(variables.get("POETRY_VIRTUALENVS_CREATE"), settings.get("virtualenvs.create"))
    if active or created is False:
        if removes:
            raise UnprovenError(f"line {question.step.line} removes what is not locked")
        return "", f"{active}/bin/pip" if active else "pip"
    if _said(variables.get("POETRY_VIRTUALENVS_IN_PROJECT"), settings.get("virtualenvs.in-project")) is not True:
        raise UnprovenError(
            'where Poetry makes its environment is its own choice: "POETRY_VIRTUALENVS_IN_PROJECT" can say it'
        )
    if not brought.is_at_least(*_WITHOUT_PLUGIN):
        raise UnprovenError(f"what else Poetry {brought.version} puts into a new environment is not known")
    refuse_makers(question, f"{question.directory}/.venv")
    return "virtualenv --no-setuptools .venv", ".venv/bin/pip"


def _said(variable: str | None, setting: str | None) -> bool | None:
    """What a variable says, which goes before a setting; None if neither does."""
    text = (variable or setting or "").lower()
    return {"true": True, "1": True, "false": False, "0": False}.get(text)
