"""The environment that an install fills: where it is, and who makes it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.environments import is_within
from depsfirst.checks.needs import UnprovenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.recipes.model import Question
    from depsfirst.dockerfile.shell import Command

_OF_THE_INTERPRETER = ("/usr", "/usr/local", "/")


def commands_before(question: Question) -> Iterator[tuple[Step, Command]]:
    """The commands that run in the stages an install stands on before it does, those of its own RUN included."""
    chain = {id(key) for key in question.step.key.chain()}
    for step in question.subject.runs:
        if id(step.key) in chain:
            for command in question.subject.commands.script(step).commands:
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
        raise UnprovenError(f'{tool} installs beside the interpreter, in "{target}", and removes what is not locked')
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
