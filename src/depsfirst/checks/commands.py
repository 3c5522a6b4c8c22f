"""What each RUN of a Dockerfile runs and installs, and where in the file that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.instructions import Run
from depsfirst.dockerfile.shell import Word

if TYPE_CHECKING:
    from depsfirst.cache.model import Step
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.shell import Command, Script
    from depsfirst.dockerfile.source import Span


class Commands:
    """The commands of one Dockerfile, each RUN read once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._scripts: dict[int, Script] = {}

    def script(self, step: Step) -> Script:
        """The commands of a RUN."""
        if id(step) not in self._scripts:
            self._scripts[id(step)] = _read(step)
        return self._scripts[id(step)]

    def installs_dependencies(self, step: Step) -> bool:
        """Whether a RUN installs third-party packages of Python."""
        return "install" in str(step.instruction.syntax.text)

    def span(self, step: Step, part: Command | Word) -> Span:
        """Where in the Dockerfile a command or a word of a RUN stands; the whole RUN where that is not known."""
        end = part.start + len(part.source) if isinstance(part, Word) else part.end
        return self._place(step, part.start, end)

    def _place(self, step: Step, start: int, end: int) -> Span:
        """Where in the Dockerfile a part of a RUN's script stands."""
        run = step.instruction
        if not isinstance(run, Run) or run.exec_form or not run.syntax.tokens or step.trigger:
            return run.syntax.span
        if run.heredocs and run.script() == run.heredocs[0].text:
            heredoc = run.heredocs[0]
            if heredoc.opener.strips_tabs:
                return heredoc.body_span
            return self._subject.span(heredoc.body_span.offset + start, heredoc.body_span.offset + end)
        first = run.syntax.tokens[0].start
        if first + end > len(run.syntax.text):  # behind the command stand its heredocs
            return run.syntax.span
        return run.syntax.place(first + start, first + end)


def _read(step: Step) -> Script:
    from depsfirst.dockerfile.shell import argv_command, read_script

    run = step.instruction
    if not isinstance(run, Run):
        raise TypeError(run.name)
    if run.exec_form:
        return argv_command(run.command, step.scope.variables, step.cwd)
    return read_script(run.script(), step.scope.variables, step.cwd)
