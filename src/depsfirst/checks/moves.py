"""Moves a COPY behind the installs that it makes run again, where that is proven to give the same image."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.blame import companions
from depsfirst.checks.edits import before, behind, ignoring, line_start, replaced, start_with_comments, without_lines
from depsfirst.checks.model import Edit, Fix
from depsfirst.checks.needs import Needs, Provision, UnprovenError, unsettled
from depsfirst.dockerfile.instructions import (
    Add,
    Arg,
    Cmd,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Label,
    Maintainer,
    Run,
    Shell,
    StopSignal,
    Transfer,
    User,
    Workdir,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from depsfirst.cache.model import Step
    from depsfirst.checks.blame import Blame
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.shell import Command, Word

_NEUTRAL = (Cmd, Entrypoint, Expose, Healthcheck, Label, Maintainer, Shell, StopSignal, User)
_USUAL = ".venv"
_ARCHIVE = re.compile(r"\.(?:tar|tgz|gz|tbz|bz2|txz|xz|zst)\Z")
_PLAIN_NAME = re.compile(r"[\w./+@%-]+\Z")


class Move(NamedTuple):
    """A COPY that goes behind an instruction, and what takes its place.

    Attributes:
        transfer: the COPY.
        first: the instruction that the files it needs have to come before.
        last: the instruction that it goes behind.
        narrow: lines that copy what is needed; empty for nothing.
        adjacent: whether nothing that runs stands between the COPY and the first instruction.
        needed: absolute paths in the image of the files that the narrow lines copy.
        sources: where those are in the context.
        ignored: patterns for what must not be sent: an environment that would be written over one that is installed.
    """

    transfer: Typed
    first: Typed
    last: Typed
    narrow: str
    adjacent: bool
    needed: frozenset[str]
    sources: frozenset[str]
    ignored: frozenset[str] = frozenset()


def split(subject: Subject, blame: Blame, *, separable: bool = False) -> Move:
    """What has to be moved so that installs do not see the files of a COPY that they do not need.

    Args:
        subject: the Dockerfile.
        blame: the COPY and its installs.
        separable: whether the installs are told not to install the project, by other edits.

    Raises:
        UnprovenError: it is not proven that the image stays the same.
    """
    reader = blame.reader
    provision = Provision(subject, reader)
    if any(step.stage is not reader.stage for step in blame.installs):
        raise UnprovenError(f"line {reader.line} and the install stand in different stages")
    first, last = blame.installs[0], blame.installs[-1]
    needs = Needs(subject, provision)
    between = [each for each in reader.stage.instructions if reader.line < each.line <= last.line]
    steps = {step.line: step for step in subject.steps if step.stage is reader.stage and not step.trigger}
    for instruction in between:
        see_past(instruction, steps.get(instruction.line), provision, needs, separable=separable)
    narrow = _narrow(provision, needs)
    steps_between = [each for each in between if isinstance(each, Run | Transfer) and each.line < first.line]
    return Move(
        reader.instruction,
        first.instruction,
        last.instruction,
        narrow,
        adjacent=not steps_between,
        needed=frozenset(needs.paths),
        sources=frozenset(needs.paths.values()),
        ignored=frozenset(_ignored(provision, needs)),
    )


def _ignored(provision: Provision, needs: Needs) -> Iterator[str]:
    for environment in needs.environments:
        if path := provision.would_take(posixpath.join(environment, "pyvenv.cfg")):
            folder = posixpath.dirname(path)
            yield f"**/{_USUAL}" if posixpath.basename(folder) == _USUAL else folder


def see_past(instruction: Typed, step: Step | None, provision: Provision, needs: Needs, *, separable: bool) -> None:
    """See that a COPY may change places with an instruction.

    Raises:
        UnprovenError: it may not, or that is not known.
    """
    line = instruction.line
    if isinstance(instruction, _NEUTRAL):
        return
    if isinstance(instruction, Arg | Env):
        text = provision.transfer.syntax.text
        for pair in instruction.pairs:
            if re.search(rf"\$\{{?{re.escape(pair.name)}\b", text):
                raise UnprovenError(f'line {line} sets "{pair.name}", which line {provision.step.line} uses')
    elif isinstance(instruction, Workdir):
        if not provision.transfer.destination.startswith("/"):
            raise UnprovenError(f"line {line} changes the directory that line {provision.step.line} copies to")
    elif isinstance(instruction, Run) and step is not None:
        needs.add(step, separable=separable)
    elif isinstance(instruction, Transfer) and step is not None and isinstance(step.instruction, Transfer):
        if provision.meets(step):
            raise UnprovenError(f"line {line} copies to the same place after line {provision.step.line}")
    else:
        raise UnprovenError(f"line {line} ({instruction.name}) stands between them")


def _narrow(provision: Provision, needs: Needs) -> str:
    """Lines that copy the files that are needed, a line for each directory."""
    transfer = provision.transfer
    if isinstance(transfer, Add) and any(_ARCHIVE.search(source) for source in transfer.sources):
        raise UnprovenError(f"line {provision.step.line} may unpack an archive")
    return lines_for(provision, needs.paths)


def lines_for(provision: Provision, paths: Mapping[str, str]) -> str:
    """Lines that copy files as a COPY does, a line for each directory.

    Args:
        provision: the COPY.
        paths: where each file is to stand in the image, and where it is in the context.

    Raises:
        UnprovenError: the COPY gives a file another name, or its name must be quoted.
    """
    folders: dict[str, list[str]] = {}
    for path, source in sorted(paths.items(), key=lambda each: each[1]):
        if posixpath.basename(path) != posixpath.basename(source) or not _PLAIN_NAME.match(source):
            raise UnprovenError(f'"{source}" has another name in the image, or one that must be quoted')
        folders.setdefault(posixpath.dirname(path), []).append(source)
    return "\n".join(_line(provision, folder, sources) for folder, sources in sorted(folders.items()))


def _line(provision: Provision, folder: str, sources: Sequence[str]) -> str:
    syntax = provision.transfer.syntax
    written = [syntax.text[flag.start : flag.end] for flag in syntax.flags]
    root = syntax.values[-1] if not syntax.exec_form else provision.transfer.destination
    below = posixpath.relpath(folder, provision.destination)
    if below.startswith(".."):
        raise UnprovenError(f"line {provision.step.line} gives a file another name")
    start = f"{root.rstrip('/')}/" if root != "." else "./"
    target = start if below == "." else f"{start}{below}/"
    return " ".join([syntax.keyword, *written, *sources, target])


def with_companions(subject: Subject, blame: Blame, *, separable: bool = False) -> list[Move]:
    """The move of a COPY of code, and those of the others before the same install that may go along; in file order.

    Raises:
        UnprovenError: as ``split`` does, of the COPY itself.
    """
    moves = [split(subject, blame, separable=separable)]
    for step in companions(subject, blame):
        with suppress(UnprovenError):
            moves.append(split(subject, blame._replace(reader=step), separable=separable))
    return sorted(moves, key=lambda move: move.transfer.line)


def edits_of_all(subject: Subject, moves: Sequence[Move], then: str = "") -> tuple[Edit, ...]:
    """The edits that make some moves; their COPYs stand one behind the other then."""
    joined: dict[tuple[Path, int, int, bool], str] = {}
    for move in moves:
        for edit in edits_of(subject, move, then if move is moves[-1] else "", gap=move is moves[0]):
            place = (edit.path, edit.start, edit.end, edit.creates)
            if edit.text not in joined.get(place, ""):  # moves may ask for one pattern of the ignore file
                joined[place] = joined.get(place, "") + edit.text
            joined.setdefault(place, edit.text)
    return tuple(Edit(path, start, end, text, creates) for (path, start, end, creates), text in joined.items())


def edits_of(subject: Subject, move: Move, then: str = "", *, gap: bool = True) -> tuple[Edit, ...]:
    """The edits that make a move.

    Args:
        subject: the Dockerfile.
        move: what to do.
        then: lines that follow the COPY in its new place.
        gap: whether a blank line may part it from what stands before.
    """
    text = subject.text
    end = without_lines(text, move.transfer.syntax.span)[1]
    start = start_with_comments(subject, move.transfer)
    block = _without(move, text[start:end], start).rstrip("\r\n").replace("\r\n", "\n")
    blank = "\n" if _is_blank_above(text, start_with_comments(subject, move.first)) else ""
    lines = (blank if gap else "") + block + (f"\n{blank}{then}" if then else "")
    ignored = [ignoring(subject, *sorted(move.ignored))] if move.ignored else []
    if move.adjacent and move.narrow:
        taken = Edit(subject.path, start, end, f"{move.narrow}\n")
        return (taken, behind(subject, move.last, lines), *ignored)
    taken = Edit(subject.path, start, _over_blank(text, start, end), "")
    above = [before(subject, move.first, move.narrow)] if move.narrow else []
    return (taken, *above, behind(subject, move.last, lines), *ignored)


def _without(move: Move, block: str, start: int) -> str:
    """The lines of a COPY without the sources that were copied before, where others are left."""
    transfer = move.transfer
    if not isinstance(transfer, Transfer) or transfer.syntax.exec_form or transfer.documents:
        return block
    places = list(zip(transfer.sources, transfer.source_places, strict=True))
    gone = [place for source, place in places if source.removeprefix("./") in move.sources]
    if not gone or len(gone) == len(places):
        return block
    for place in reversed(gone):
        end = place.end - start
        block = block[: place.offset - start] + block[end:].lstrip(" \t")
    return block


def _is_blank_above(text: str, offset: int) -> bool:
    above = line_start(text, offset - 1) if offset else 0
    return bool(offset) and not text[above:offset].strip()


def _over_blank(text: str, start: int, end: int) -> int:
    """The end of lines that go, the empty line below included if there is one above as well."""
    following = text.find("\n", end)
    if _is_blank_above(text, start) and following >= 0 and not text[end:following].strip():
        return following + 1
    return end


def fix_of(subject: Subject, moves: Sequence[Move], title: str, lowers: tuple[str, ...]) -> Fix:
    """The fix that makes some moves."""
    return Fix(title, safe=True, edits=edits_of_all(subject, moves), lowers=lowers)


ONLY_DEPENDENCIES = {
    ("uv", "sync"): "--no-install-project",
    ("poetry", "install"): "--no-root",
    ("poetry", "sync"): "--no-root",
    ("pdm", "install"): "--no-self",
    ("pdm", "sync"): "--no-self",
}
"""The option by which an installer leaves the project out."""
_WHY_UNSAFE = {"pdm": "build once, and see that PDM takes the lock without the code of the project"}
"""What to look at where the option is not tried in builds."""


def separated(subject: Subject, blame: Blame, lowers: tuple[str, ...]) -> Fix:
    """The fix that installs the dependencies first, and the project by the same command behind the COPY.

    Raises:
        UnprovenError: it is not proven that the image stays the same.
    """
    if len(blame.installs) != 1:
        raise UnprovenError("several steps install dependencies and the project together")
    step = blame.installs[0]
    found = subject.commands.dependencies(step)
    option = ONLY_DEPENDENCIES.get((found[0].tool, found[0].verb))
    if len(found) != 1 or option is None:
        raise UnprovenError(_no_option(found[0].tool))
    text = subject.commands.text(step, found[0].inputs[0])
    if reason := unsettled(text or "", found[0].tool, with_project=True):
        raise UnprovenError(reason)
    moves = with_companions(subject, blame, separable=True)
    lock = found[0].inputs[1]
    if not any(lock in move.needed for move in moves) and subject.commands.text(step, lock) is None:
        raise UnprovenError(f'there is no "{posixpath.basename(lock)}", which would fix the dependencies: commit one')
    verb = verb_of(found[0])
    command = found[0].command
    if verb is None or command.nested or command.piped or command.redirects or _is_list(step):
        raise UnprovenError(not_by_rote(step))
    flagged = replaced(subject, subject.commands.span(step, verb), f"{verb.source} {option}")
    edits = (*edits_of_all(subject, moves, _again(subject, step, found[0].command)), flagged)
    title = f'Install the dependencies first, with "{option}", and the project behind its code'
    why_unsafe = _WHY_UNSAFE.get(found[0].tool, "")
    return Fix(title, not why_unsafe, edits, lowers, why_unsafe)


def _is_list(step: Step) -> bool:
    """Whether a RUN is a JSON array, of which the words stand in no place of their own."""
    return step.instruction.syntax.exec_form


def not_by_rote(step: Step) -> str:
    """Why an install is not rewritten that is no plain command of its RUN."""
    where = "in a list, a heredoc, a pipe or a condition"
    return f"the install of line {step.line} stands {where}: a plain command in a RUN of its own can be rewritten"


def verb_of(installation: Installation) -> Word | None:
    """The word of an installer's command that tells it to install."""
    return next((word for word in installation.command.words if word.text in ("install", "sync")), None)


def _no_option(tool: str) -> str:
    if tool == "pip":
        return "pip has no option that leaves the project out: list its dependencies in a file of their own"
    if tool == "uv":
        return '"uv pip install" has no option that leaves the project out: it can install "-r pyproject.toml" before'
    return f"{tool} has no option here that leaves the project out"


def _again(subject: Subject, step: Step, command: Command) -> str:
    """The RUN that has a command of another RUN alone."""
    commands = subject.commands.script(step).commands
    span = step.instruction.syntax.span
    if len(commands) == 1:
        return span.of(subject.text).replace("\r\n", "\n")
    if any(not each.words or each.program in ("cd", "export", "set", "unset") for each in commands):
        raise UnprovenError(
            f"line {step.line} sets variables or a directory for the install, which would have to be said twice"
        )
    syntax = step.instruction.syntax
    flags = [syntax.text[flag.start : flag.end] for flag in syntax.flags]
    words = subject.commands.span(step, command).of(subject.text).replace("\r\n", "\n")
    return " ".join([syntax.keyword, *flags, words])
