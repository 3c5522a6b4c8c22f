"""The environment that an install fills: where it is, and who makes it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.environments import is_within
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.places import below
from depsfirst.checks.recipes.model import RESULT
from depsfirst.checks.recipes.sources import are_hashed
from depsfirst.dockerfile.instructions import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.recipes.model import Question
    from depsfirst.dockerfile.shell import Command

_OF_THE_INTERPRETER = ("/usr", "/usr/local", "/")


def commands_before(question: Question) -> Iterator[tuple[Step, Command]]:
    """The commands that run in the stages an install stands on before it does, those of its own RUN included."""
    subject = question.subject
    for step in (*reversed(below(subject, question.step)), question.step):
        for command in subject.commands.script(step).commands if isinstance(step.instruction, Run) else ():
            if command is question.installation.command:
                return
            yield step, command


def environment_of(question: Question) -> str:
    """The environment's directory.

    Raises:
        UnprovenError: it is not known, or is the interpreter's own.
    """
    target, tool = question.target, question.installation.tool
    if target is None or not target.startswith("/"):
        raise UnprovenError(f"where {tool} makes its environment is its own choice")
    if target in _OF_THE_INTERPRETER:
        raise UnprovenError(
            f'{tool} installs beside the interpreter, in "{target}", and removes all else: give it a place of its own'
        )
    return target


def makers(question: Question, directory: str) -> Iterator[tuple[Step, Command]]:
    """The commands before an install that name its environment's directory, or what is in it."""
    for step, command in commands_before(question):
        for text in command.texts[1:]:
            path = posixpath.normpath(posixpath.join(command.cwd or "/", text or "/"))
            if is_within(path, directory):
                yield step, command
                break


def path_of(question: Question, directory: str) -> str:
    """An environment's directory as a command of the install's RUN names it: the usual one by its name alone."""
    cwd = question.installation.command.cwd or question.step.cwd
    below = posixpath.relpath(directory, cwd)
    return below if below == ".venv" else directory


def refuse_makers(question: Question, directory: str) -> None:
    """See that no command before an install makes its environment, or uses it.

    Raises:
        UnprovenError: one does.
    """
    for step, _ in makers(question, directory):
        raise UnprovenError(f'line {step.line} uses the environment "{directory}" before')


def require_pip(question: Question, directory: str) -> None:
    """See that pip is in an environment that the commands before an install make.

    Raises:
        UnprovenError: that is not known.
    """
    for _, command in makers(question, directory):
        texts = command.texts
        if "--without-pip" not in texts and (command.program == "virtualenv" or texts[1:3] == ("-m", "venv")):
            return
    raise UnprovenError(f'whether pip is in the environment "{directory}" is not known')


def settings_before(question: Question, tool: str) -> dict[str, str]:
    """What ``TOOL config NAME VALUE`` has set before an install.

    Raises:
        UnprovenError: a value is not known.
    """
    found: dict[str, str] = {}
    for step, command in commands_before(question):
        words = [text for text in command.texts if text is None or not text.startswith("-")]
        if command.program == tool and words[1:2] == ["config"]:
            name, value, *_ = (*words[2:], None, None)
            if name is None or value is None or not command.always:
                raise UnprovenError(f"what line {step.line} sets is not known")
            found[name] = value
    return found


def with_pip(question: Question, place: tuple[str, str], *, no_cache: bool) -> str:
    """The command that installs what was exported with pip.

    Args:
        question: the install.
        place: a command that makes the environment, or nothing, and how pip is called in it.
        no_cache: whether downloads are not to be kept.
    """
    made, pip = place
    words = [f"{pip} install", *(["--no-cache-dir"] if no_cache else []), "--no-deps"]
    words += ["--require-hashes"] if are_hashed(question.lock) else []
    install = " ".join([*words, f"-r {RESULT}"])
    return f"{made} && {install}" if made else install
