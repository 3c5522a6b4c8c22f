"""Finds steps that run again with each edit of the code though they do not read it, and moves them before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.edits import before, removed, start_with_comments
from depsfirst.checks.places import below, place_of
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.instructions import Arg, Env, Run, Shell, Transfer, User, Workdir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.instructions import Typed

_CLEANING = frozenset({"rm", "set", "echo", "true", ":", "update-ca-certificates", "ldconfig"})
_PLAIN = frozenset({"cd", "set", "echo", "true", ":", "mkdir", "python", "python3"})
_PYTHON = frozenset({Installs.DEPENDENCIES, Installs.PROJECT, Installs.INSTALLER})
_SYSTEM_PLACES = ("/etc", "/usr", "/var", "/opt", "/lib", "/root")
_READ_BY_SYSTEM = re.compile(
    r"(?i)DEB|APT|APK|DPKG|YUM|DNF|RPM|NEEDRESTART|ACCEPT_EULA|PATH\Z|LANG|LC_|TZ\Z|LD_|HOME\Z|SHELL\Z|PYTHON|PERL|\w*PROXY"
)
"""Variables that package managers read, or the scripts of their packages."""
_SETTINGS = {Env: "ENV", Arg: "ARG", User: "USER", Shell: "SHELL"}


class Late(NamedTuple):
    """A step, and the first one below it that an edit of the code makes run again."""

    step: Step
    culprit: Step


def late_steps(subject: Subject, is_wanted: Callable[[Step], bool]) -> Iterator[Late]:
    """The RUNs of a kind that run again after an edit of the code, for what stands before them alone."""
    if not any(is_wanted(step) for step in subject.runs):
        return
    again = {place_of(each.step) for each in subject.reruns("code").rerun}
    for step in subject.runs:
        if place_of(step) not in again or not is_wanted(step):
            continue
        culprit = next(each for each in reversed([step, *below(subject, step)]) if place_of(each) in again)
        if place_of(culprit) != place_of(step):
            yield Late(step, culprit)


def between(subject: Subject, late: Late) -> tuple[Step, ...]:
    """The steps from the culprit up to the late one, which is not among them, in the order they are built in."""
    steps = below(subject, late.step)
    places = [place_of(step) for step in steps]
    return tuple(reversed(steps[: places.index(place_of(late.culprit)) + 1]))


def why_not_movable(subject: Subject, late: Late) -> str:
    """Why a RUN that installs system packages must stay where it is; empty if it can stand before the culprit."""
    step, culprit = late
    if step.trigger or step.stage is not culprit.stage:
        return f"line {culprit.line} stands in another stage"
    if reason := _needs(subject, step):
        return reason
    for typed in _instructions_between(late):
        for kind, name in _SETTINGS.items():
            if isinstance(typed, kind) and not _sets_nothing_of(step, typed):
                return f"{name} in line {typed.line} may count for it"
    for each in between(subject, late):
        if reason := _prepares(subject, each):
            return reason
    return ""


def moved_before(subject: Subject, late: Late) -> tuple[Edit, ...]:
    """The late step, with the comments above it and the blank line that parts it from others, before the culprit."""
    step, culprit = late
    start = start_with_comments(subject, step.instruction)
    lines = subject.text[start : step.instruction.syntax.span.end].rstrip("\r\n")
    lines = lines.replace("\r\n", "\n")
    gone = removed(subject, step.instruction, comments=True)
    blank = subject.text[: gone.start].rstrip(" \t\r\n")
    if subject.text.count("\n", len(blank), gone.start) > 1:
        lines += "\n"
        gone = gone._replace(start=subject.text.index("\n", len(blank)) + 1)
    return before(subject, culprit.instruction, lines), gone


def runs_between(subject: Subject, late: Late) -> bool:
    """Whether something runs between the two."""
    return any(isinstance(each.instruction, Run) for each in between(subject, late))


def _instructions_between(late: Late) -> Iterator[Typed]:
    for typed in late.step.stage.instructions:
        if late.culprit.line < typed.line < late.step.line:
            yield typed


def _sets_nothing_of(step: Step, typed: Typed) -> bool:
    """Whether the variables that an instruction sets are neither those of package managers nor named by a RUN."""
    if not isinstance(typed, Env | Arg):
        return False
    text = step.instruction.syntax.text
    return not any(_READ_BY_SYSTEM.match(pair.name) or pair.name in text for pair in typed.pairs)


def _needs(subject: Subject, step: Step) -> str:
    """What a RUN needs besides the system's package index."""
    script, reading = subject.commands.script(step), subject.commands.reading(step)
    run = step.instruction
    if not isinstance(run, Run) or run.heredocs or not script.whole or reading.unknown:
        return "not all of what it runs can be read"
    known = [each.command for each in reading.installations if each.kind is Installs.SYSTEM and not each.via]
    for command in script.commands:
        if command not in known and command.program not in _CLEANING and not _is_cleaning(command.texts):
            return f'it runs "{command.program or "a command"}", too'
    if any(mount.startswith("type=bind") or "type=" not in mount for mount in run.mount_texts):
        return "it has a bind mount"
    if any(not path.startswith("/") or path.startswith("/app") for path in _removed(subject, step)):
        return "it removes files that are not the system's"
    if any("./" in package or package.startswith("/") for each in reading.installations for package in each.packages):
        return "it installs a package from a file"
    return ""


def _is_cleaning(texts: tuple[str | None, ...]) -> bool:
    return "clean" in texts or "autoclean" in texts or "autoremove" in texts


def _removed(subject: Subject, step: Step) -> Iterator[str]:
    for command in subject.commands.script(step).commands:
        if command.program == "rm":
            yield from (text or "" for text in command.texts[1:] if text is None or not text.startswith("-"))


def _prepares(subject: Subject, step: Step) -> str:
    """What in a step may count for an install of system packages; empty if nothing does."""
    typed = step.instruction
    if isinstance(typed, Workdir):
        return ""
    if isinstance(typed, Transfer):
        place = typed.destination if typed.destination.startswith("/") else step.cwd
        is_system = place.rstrip("/") == "" or place.startswith(_SYSTEM_PLACES)
        return f"line {step.line} copies to {place}, which it may need" if is_system else ""
    reading = subject.commands.reading(step)
    known = [each.command for each in reading.installations if each.kind in _PYTHON and not each.via]
    for command in reading.script.commands:
        if command not in known and command.program not in _PLAIN:
            return f'line {step.line} runs "{command.program or "a command"}", which it may need'
    return "" if reading.script.whole and not reading.unknown else f"line {step.line} runs what cannot be read"
