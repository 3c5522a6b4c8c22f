"""What an edit does to a build, for people and programs: a verdict, then each step with what becomes of it and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from depsfirst.cache.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import Console

    from depsfirst.cache.causes import Cause
    from depsfirst.cache.why import Answer, Answered

_MOST = 3
_NARROW = 48
_STYLES = {Status.CACHED: "green", Status.RERUNS: "red", Status.UNKNOWN: "yellow"}
_VERDICT_STYLES = {"yes": "bold red", "no": "bold green", "unknown": "bold yellow"}
_EDITS = {"code": "an edit of the code", "version-bump": "a new version", "readme": "an edit of the readme"}
_INSTALLS = {
    "dependencies": "installs dependencies",
    "project": "installs the project",
    "system": "installs system packages",
}


def as_json(answer: Answer) -> str:
    """The documented object, ``"version": 1``."""
    value: dict[str, Any] = {
        "version": 1,
        "dockerfile": answer.dockerfile,
        "target": answer.target,
        "change": list(answer.change.paths),
        "reruns_dependencies": answer.reruns_dependencies,
        "steps": [
            {
                "stage": step.stage,
                "line": step.outcome.step.line,
                "end_line": step.outcome.step.end_line,
                "instruction": step.outcome.step.instruction.name,
                "text": step.text,
                "status": step.outcome.status.value,
                "installs": step.installs.main,
                "because": step.because,
            }
            for step in answer.steps
        ],
    }
    return json.dumps(value, indent=2)


def as_text(answer: Answer) -> str:
    """Plain lines for people, none of them cut."""
    lines = [subject(answer), "", verdict(answer)]
    widest = max((len(str(step.outcome.step.line)) for step in answer.steps), default=1)
    for stage, steps in _stages(answer):
        lines += ["", f"stage {stage}"]
        for step in steps:
            lines.append(f"{step.outcome.step.line:>{widest + 2}}  {step.outcome.status.value:<7}  {statement(step)}")
            lines += [f"{'':{widest + 2}}           {reason}" for reason in reasons(step)]
    return "\n".join(line.rstrip() for line in lines)


def draw(answer: Answer, stream: TextIO) -> None:
    """The same on a terminal, in its width and with colours, unless ``NO_COLOR`` is set."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    console.print(Text(subject(answer), style="dim"), overflow="fold")
    console.print(Text(f"\n{verdict(answer)}", style=_VERDICT_STYLES[answer.reruns_dependencies]), overflow="fold")
    draw_step = _draw_row if console.width >= _NARROW else _draw_lines
    for stage, steps in _stages(answer):
        console.print(Text(f"\nstage {stage}", style="bold"), overflow="fold")
        for step in steps:
            draw_step(console, step)


def _draw_row(console: Console, step: Answered) -> None:
    """A step in columns: its line, its status, and what it is, which is cut at the terminal's width."""
    from rich.table import Table
    from rich.text import Text

    status = step.outcome.status
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True, min_width=5)
    table.add_column(no_wrap=True, min_width=7)
    table.add_column(overflow="fold")
    text = Text(statement(step), no_wrap=True, overflow="ellipsis", style="dim" if status is Status.CACHED else "")
    table.add_row(str(step.outcome.step.line), Text(status.value, style=_STYLES[status]), text)
    for reason in reasons(step):
        table.add_row("", "", Text(reason, style=_reason_style(reason)))
    console.print(table)


def _draw_lines(console: Console, step: Answered) -> None:
    """The same on a terminal that has no room for columns."""
    from rich.text import Text

    status = step.outcome.status
    head = Text.assemble(f"{step.outcome.step.line} ", (status.value, _STYLES[status]), f" {statement(step)}")
    console.print(head, no_wrap=True, overflow="ellipsis")
    for reason in reasons(step):
        console.print(Text(f"- {reason}", style=_reason_style(reason)), overflow="fold")


def _reason_style(reason: str) -> str:
    return "italic" if reason.startswith(("installs", "may install")) else "dim"


def subject(answer: Answer) -> str:
    """What was asked: the Dockerfile, the target and the edit."""
    where = f"{answer.dockerfile}, target {answer.target}, context {answer.context}"
    paths = _listed(answer.change.paths)
    if answer.change.kind == "paths":
        return f"{where}: an edit of {paths}"
    edit = f"{_EDITS[answer.change.kind]}, {paths}" if paths else _EDITS[answer.change.kind]
    return f"{where}: {edit} ({answer.change.origin})"


def verdict(answer: Answer) -> str:
    """The answer in one line."""
    again, perhaps = answer.of(Status.RERUNS), answer.of(Status.UNKNOWN)
    total = f"{len(answer.steps)} step{'s' * (len(answer.steps) != 1)}"
    if not again and not perhaps:
        return f"Nothing runs again: {'all ' * (len(answer.steps) > 1)}{total} cached."
    count = f"{len(again)} of {total} {'runs' if len(again) == 1 else 'run'} again"
    count += f", {len(perhaps)} may" if perhaps else ""
    return f"{_verdict_on_dependencies(answer)}; {count}."


def _verdict_on_dependencies(answer: Answer) -> str:
    if answer.reruns_dependencies == "no":
        return "No dependencies are installed again"
    lines = ", ".join(str(step.outcome.step.line) for step in answer.reinstalling)
    if answer.reruns_dependencies == "yes":
        return f"Dependencies are installed again (line {lines})"
    return f"Dependencies may be installed again (line {lines})"


def statement(step: Answered) -> str:
    """The instruction as one line."""
    return f"{step.outcome.step.instruction.name} {' '.join(step.text.split())}"


def reasons(step: Answered) -> list[str]:
    """What the step installs, and why it is not cached."""
    found = [_INSTALLS[kind] for kind in _INSTALLS if kind in step.installs.kinds]
    if step.outcome.status is not Status.CACHED:
        found += [f"may install dependencies: {reason}" for reason in step.installs.uncertain[:_MOST]]
    causes = step.outcome.causes
    found += [_cause(cause, step) for cause in causes[:_MOST]]
    rest = len(causes) - _MOST
    return [*found, f"and for {rest} more reason{'s' * (rest > 1)}"] if rest > 0 else found


def _cause(cause: Cause, step: Answered) -> str:
    """A cause where its step is named already."""
    line = step.outcome.step.line
    return cause.text.removeprefix(f"{step.outcome.step.title} (line {line}) ").removeprefix(f"line {line} ")


def _stages(answer: Answer) -> list[tuple[str, list[Answered]]]:
    """The steps of each stage, in file order."""
    found: dict[str, list[Answered]] = {}
    for step in answer.steps:
        found.setdefault(step.stage, []).append(step)
    return list(found.items())


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(path or "." for path in paths[:_MOST])
    rest = len(paths) - _MOST
    return f"{shown} and {rest} more" if rest > 0 else shown
