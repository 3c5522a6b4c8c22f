"""Parts a stage in three: its tools, a recipe stage that exports the lock, and the stage that installs the export."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.builders import built_by_podman, context_mounts
from depsfirst.checks.edits import (
    before,
    behind,
    line_start,
    removed,
    replaced,
    start_with_comments,
    without_lines,
    without_word,
)
from depsfirst.checks.model import Edit, Fix
from depsfirst.checks.moves import ONLY_DEPENDENCIES, lines_for, not_by_rote, see_past
from depsfirst.checks.needs import Needs, Provision, UnprovenError, is_plain
from depsfirst.checks.recipes import recipe_of
from depsfirst.checks.recipes.model import RESULT, Question
from depsfirst.checks.recipes.versions import provided
from depsfirst.dockerfile.filetree import Entry
from depsfirst.dockerfile.instructions import Onbuild, Run, Transfer
from depsfirst.dockerfile.stages import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.recipes.model import Recipe
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.source import Span
    from depsfirst.dockerfile.stages import Stage

_TITLE = "Export the lock in a stage of its own, and install what it says of third-party packages"
_COMMENT = (
    "# The recipe: the third-party packages that are installed, and nothing else. A new version of the project runs",
    "# this stage again, but as it then writes what it wrote before, the install stays cached.",
)
_LONGEST = 110
_PLAIN_PATH = re.compile(r"[\w./+@-]+\Z")


class Brought(NamedTuple):
    """How the manifest and the lock come to an install.

    Attributes:
        copies: the steps that copy them, in file order.
        mounts: where the flags stand that bind them.
        kept: absolute paths of what the install reads besides, and where in the context that is.
        texts: what is read, by its absolute path, and what stands there.
    """

    copies: tuple[Step, ...]
    mounts: tuple[Span, ...]
    kept: tuple[tuple[str, str], ...]
    texts: Mapping[str, str]


def staged(subject: Subject, install: Step, lowers: tuple[str, ...]) -> Fix:
    """The fix that adds a recipe stage before an install of dependencies.

    Raises:
        UnprovenError: it is not proven that the image stays the same.
    """
    installation = _only(subject, install)
    _refuse_own_tool(subject, install, installation)
    _refuse_numbers(subject, install.stage)
    brought = _brought(subject, install, installation.inputs[:2])
    question = Question(subject, install, installation, brought.texts)
    recipe = recipe_of(question)
    edits = tuple(_Staging(question, brought, recipe).edits())
    return Fix(_TITLE, not recipe.unsafe, edits, lowers, "; ".join(recipe.unsafe))


def _only(subject: Subject, step: Step) -> Installation:
    """The one install of dependencies in a RUN, which stands there as it is written."""
    found = subject.commands.dependencies(step)
    if len(found) != 1 or step.trigger:
        raise UnprovenError(f"line {step.line} installs dependencies more than once: a RUN for each can be parted")
    command = found[0].command
    if found[0].via:
        raise UnprovenError(f'line {step.line} installs by way of "{found[0].via[0]}"')
    _refuse_assignments(step, found[0])
    rewritten = not (command.nested or command.piped or command.redirects)
    if not rewritten or step.instruction.syntax.exec_form or step.instruction.syntax.heredocs or not command.always:
        raise UnprovenError(not_by_rote(step))
    if command.cwd != step.cwd:
        raise UnprovenError(f"line {step.line} installs in another directory than its own: WORKDIR can say it")
    if found[0].with_project is not False:
        option = ONLY_DEPENDENCIES.get((found[0].tool, found[0].verb))
        how = f': "{option}" leaves it out' if option else ""
        raise UnprovenError(f"line {step.line} installs the project as well, or may do so{how}")
    if len(found[0].inputs) < 2:  # noqa: PLR2004 - manifest and lock
        raise UnprovenError(
            f"line {step.line} installs what the manifest says: a stage of its own can export a lock, if there is one"
        )
    return found[0]


def _refuse_assignments(step: Step, installation: Installation) -> None:
    """See that what is set for the install alone counts for nothing but what is built, which uv does in either way."""
    for name, _, appends in installation.command.assignments:
        if installation.tool != "uv" or appends or _OF_INSTALLERS.match(name):
            raise UnprovenError(
                f'line {step.line} sets "{name}" for the install alone: ENV can say it for all commands'
            )


_OF_INSTALLERS = re.compile(
    r"(?!PDM_BUILD_|UV_(?:COMPILE_BYTECODE|LINK_MODE|HTTP_TIMEOUT|CONCURRENT_\w+)\Z)"
    r"(?:UV|PIP|POETRY|PDM|PIPENV|CONDA|VIRTUAL|PYTHON|PATH)"
)
_EDITING = "source|add|remove|update|lock|version|init"
"""Verbs that edit a manifest or a lock."""


def _refuse_own_tool(subject: Subject, step: Step, installation: Installation) -> None:
    """See that the exporter is there before the RUN that installs, and does nothing else there.

    The stage with the recipe has it from there; the manifest, which it may read or edit, is not there any more.
    """
    tool = installation.tool
    brought = provided(subject, step, tool)
    if brought and brought.line == step.line:
        raise UnprovenError(f'line {step.line} installs "{tool}" itself, which a RUN of its own has to do first')
    for command in subject.commands.script(step).commands:
        if command is not installation.command and command.program == tool and not is_plain(command):
            raise UnprovenError(f'line {step.line} has "{tool}" do more than install')
    edits = re.search(rf"\b{tool}\s+(?:{_EDITING})\b", step.instruction.syntax.text)
    if edits:  # perhaps under a condition that only another build meets
        raise UnprovenError(f'line {step.line} may edit the manifest ("{edits[0]}")')


def _refuse_numbers(subject: Subject, stage: Stage) -> None:
    """See that nobody refers to a stage by a number, which two more stages would change."""
    if any(isinstance(each, Onbuild) for each in stage.instructions):
        raise UnprovenError("an ONBUILD of this stage would run in the stages that are made of it")
    for other in subject.outline.stages:
        for instruction in other.instructions:
            if any(
                each.stage is not None and each.name.isdigit()
                for each in references(subject.outline.stages, instruction)
            ):
                raise UnprovenError(f"line {instruction.line} names a stage by its number, which would change")


def _brought(subject: Subject, step: Step, read: Sequence[str]) -> Brought:
    mounts = tuple(_bindings(subject, step, read))
    if mounts:
        found = {path: text for path in read if (text := subject.commands.found(step, path)) is not None}
        return Brought((), mounts, (), found)
    copies: list[Step] = []
    kept: dict[str, str] = {}
    texts: dict[str, str] = {}
    for copy in (each for each in subject.transfers if each.stage is step.stage and each.line < step.line):
        provision = _provision(subject, copy)
        given = [path for path in read if provision and provision.node(path) is not None]
        if provision and given:
            needed = _needed(subject, copy, step, provision, read)
            copies.append(copy)
            kept |= needed
            sources = {**needed, **{path: provision.source(path) or "" for path in given}}
            texts |= {path: text for path, source in sources.items() if (text := subject.read(source)) is not None}
    if missing := set(read) - set(texts):
        raise UnprovenError(f'"{min(missing)}" does not come by a COPY of the stage that installs')
    return Brought(tuple(copies), (), tuple(sorted(kept.items())), texts)


def _provision(subject: Subject, step: Step) -> Provision | None:
    try:
        return Provision(subject, step)
    except UnprovenError:
        return None


def _needed(subject: Subject, copy: Step, install: Step, provision: Provision, read: Sequence[str]) -> dict[str, str]:
    """What a COPY brings that is read before the manifest is wanted again: settings of the installer alone."""
    needs = Needs(subject, provision)
    steps = {each.line: each for each in subject.steps if each.stage is copy.stage and not each.trigger}
    for instruction in copy.stage.instructions:
        if copy.line < instruction.line <= install.line:
            if instruction.line == install.line and needs.paths:
                raise UnprovenError(f"a step before line {install.line} reads what line {copy.line} copies")
            see_past(instruction, steps.get(instruction.line), provision, needs, separable=False)
    return {path: source for path, source in needs.paths.items() if path not in read}


def _bindings(subject: Subject, step: Step, read: Sequence[str]) -> Iterator[Span]:
    """Where the flags stand that bind manifest and lock, each by its name."""
    run = step.instruction
    if not isinstance(run, Run):
        return
    targets = set()
    for mount, span in context_mounts(run):
        target = posixpath.normpath(posixpath.join(step.cwd, mount.target))
        if target in read:
            targets.add(target)
            yield span
    if targets and targets != set(read):
        missing = min(set(read) - targets)
        if subject.commands.found(step, missing) is None:
            raise UnprovenError(f'there is no "{missing}", which would fix the dependencies: commit one')
        raise UnprovenError(f"line {step.line} mounts one of manifest and lock, and finds the other")
    if targets and built_by_podman(subject):
        raise UnprovenError(f"podman may not look into what line {step.line} mounts: copy manifest and lock first")


class _Staging:
    """The edits of one fix."""

    def __init__(self, question: Question, brought: Brought, recipe: Recipe) -> None:
        self._question = question
        self._subject = question.subject
        self._step = question.step
        self._stage = question.step.stage
        self._brought = brought
        self._recipe = recipe
        taken = set(_names(self._subject))
        self._tools, self._name = _free("tools", taken), _free("recipe", taken)

    def edits(self) -> Iterator[Edit]:
        """All of them."""
        yield self._renamed()
        yield from self._around()
        yield self._replaced_command()
        yield from self._mounts()

    def _word(self, keyword: str) -> str:
        """A keyword in the letters that the file has for it, or for the keyword it belongs to."""
        origin = self._stage.origin.syntax.keyword
        copies = [each.instruction.syntax.keyword for each in self._brought.copies]
        written = {"RUN": self._step.instruction.syntax.keyword, "COPY": (copies or [origin])[0]}.get(keyword, origin)
        return keyword.lower() if written.islower() else keyword

    def _renamed(self) -> Edit:
        """The stage as it begins is that of the tools."""
        syntax = self._stage.origin.syntax
        if len(syntax.tokens) > 1:
            return replaced(self._subject, syntax.place_of(syntax.tokens[-1]), self._tools)
        end = syntax.place_of(syntax.tokens[0])
        return Edit(self._subject.path, end.end, end.end, f" {self._word('AS')} {self._tools}")

    def _around(self) -> Iterator[Edit]:
        """The stages' heads before the install, and the files behind it."""
        subject, copies = self._subject, self._brought.copies
        if not copies:
            yield before(subject, self._step.instruction, self._heads())
            return
        brings = self._taking()
        again = self._again()
        if again:
            yield behind(subject, self._step.instruction, again)
        if self._adjacent():
            first, *others = (each.instruction for each in copies)
            start, end = without_lines(subject.text, first.syntax.span)
            above = start_with_comments(subject, first)
            yield Edit(subject.path, above, end, f"{self._heads()}\n{subject.text[above:start]}{brings}\n")
            yield from (removed(subject, each, comments=True) for each in others)
            return
        yield from (removed(subject, each.instruction, comments=True) for each in copies)
        yield before(subject, self._step.instruction, f"{self._heads()}\n{brings}")

    def _adjacent(self) -> bool:
        """Whether nothing but the copies stands between the first of them and the install."""
        lines = {each.line for each in self._brought.copies}
        between = [
            each
            for each in self._stage.instructions
            if self._brought.copies[0].line < each.line < self._step.line and each.line not in lines
        ]
        return not between

    def _heads(self) -> str:
        """The recipe stage, and the line that begins the stage that was there."""
        moved = [not self._adjacent() or each is not self._brought.copies[0] for each in self._brought.copies]
        pairs = zip(self._brought.copies, moved, strict=True)
        copies = [self._block(each.instruction, with_comments=with_comments) for each, with_comments in pairs]
        prepare = [f"{self._word('RUN')} {self._recipe.prepare}"] if self._recipe.prepare else []
        name = self._stage.origin.syntax.values[-1] if self._stage.name else ""
        end = f" {self._word('AS')} {name}" if name else ""
        lines = [
            *_COMMENT,
            f"{self._word('FROM')} {self._tools} {self._word('AS')} {self._name}",
            *prepare,
            *copies,
            *self._copied_besides(),
            self._export(),
            "",
            f"{self._word('FROM')} {self._tools}{end}",
        ]
        return ("" if self._is_blank_above() else "\n") + "\n".join(lines)

    def _block(self, instruction: Typed, *, with_comments: bool) -> str:
        """An instruction as it is written."""
        text = self._subject.text
        start, end = without_lines(text, instruction.syntax.span)
        start = start_with_comments(self._subject, instruction) if with_comments else start
        return text[start:end].rstrip("\r\n").replace("\r\n", "\n")

    def _export(self) -> str:
        escape = self._step.instruction.syntax.escape
        flags = [span.of(self._subject.text) for span in self._brought.mounts]
        if flags:
            flags += [f"--mount=type=bind,source={source},target={path}" for source, path in self._besides()]
        lines = [*flags, *self._recipe.export] if flags else [" ".join(self._recipe.export)]
        if len(lines[0]) > _LONGEST:
            lines = list(self._recipe.export)
        return f"{self._word('RUN')} " + f" {escape}\n    ".join(lines)

    def _copied_besides(self) -> list[str]:
        """The COPYs of what the export reads besides manifest and lock; none where these are mounted."""
        if self._brought.mounts:
            return []
        return [f"{self._word('COPY')} {source} {posixpath.dirname(path)}/" for source, path in self._besides()]

    def _besides(self) -> Iterator[tuple[str, str]]:
        """What the export reads besides: where it is in the context, and where it has to stand.

        Raises:
            UnprovenError: it is not there.
        """
        manifest = self._question.installation.inputs[0]
        for each in self._recipe.reads:
            source = posixpath.join(posixpath.dirname(self._source(manifest)), each)
            if not isinstance(self._subject.context.find(source), Entry) or not _PLAIN_PATH.match(source):
                raise UnprovenError(f'"{source}", which the export reads, is not sent to the builder')
            yield source, posixpath.join(posixpath.dirname(manifest), each)

    def _source(self, path: str) -> str:
        """Where in the context a file is that comes by a COPY or a mount."""
        for each in self._brought.copies:
            if source := Provision(self._subject, each).source(path):
                return source
        run = self._step.instruction
        for mount, _ in context_mounts(run) if isinstance(run, Run) else ():
            if posixpath.normpath(posixpath.join(self._step.cwd, mount.target)) == path:
                return posixpath.normpath(f"/{mount.source}").lstrip("/")
        raise UnprovenError(f'where "{path}" comes from is not known')

    def _is_blank_above(self) -> bool:
        text = self._subject.text
        first = self._brought.copies[0].instruction if self._brought.copies and self._adjacent() else None
        start = start_with_comments(self._subject, first or self._step.instruction)
        return not text[line_start(text, start - 1) : start].strip()

    def _taking(self) -> str:
        """The lines that take what the install reads: its settings, and what was exported."""
        copy = self._word("COPY")
        kept: list[str] = []
        for each in self._brought.copies:
            provision = Provision(self._subject, each)
            paths = {path: source for path, source in self._brought.kept if provision.source(path) == source}
            kept += [lines_for(provision, paths)] if paths else []
        return "\n".join([*kept, f"{copy} --from={self._name} {RESULT} {RESULT}"])

    def _again(self) -> str:
        """The copies, to stand behind the install; those left out whose files the next COPY brings as well."""
        return "\n".join(
            self._block(each.instruction, with_comments=False)
            for each in self._brought.copies
            if not self._is_brought_later(each)
        )

    def _is_brought_later(self, copy: Step) -> bool:
        """Whether the first step behind the install copies the same files to the same places."""
        later = [each for each in self._subject.steps if each.stage is self._stage and each.line > self._step.line]
        following = next((each for each in later if isinstance(each.instruction, Run | Transfer)), None)
        provision = _provision(self._subject, following) if following else None
        selection = self._subject.selection(copy)
        if provision is None or selection is None or _changes(following, copy):
            return False
        mine = Provision(self._subject, copy)
        files = [item.path for read in selection.reads for item in read.items]
        places = {posixpath.join(mine.destination, posixpath.basename(path)): path for path in files}
        return bool(files) and all(provision.would_take(place) == path for place, path in places.items())

    def _replaced_command(self) -> Edit:
        subject, step, command = self._subject, self._step, self._question.installation.command
        span = subject.commands.span(step, command)
        inside = [each for each in subject.dockerfile.comments if span.offset <= each.span.offset < span.end]
        if inside or span == step.instruction.syntax.span:
            raise UnprovenError(not_by_rote(step))
        if "&&" in self._recipe.install and not self._is_alone():
            raise UnprovenError(
                f'line {step.line} parts its commands by more than "&&": a RUN of its own can be rewritten'
            )
        return replaced(subject, span, self._recipe.install)

    def _is_alone(self) -> bool:
        """Whether a command can become two: all of its RUN are parted by ``&&``."""
        commands = self._subject.commands.script(self._step).commands
        syntax = self._step.instruction.syntax
        text = syntax.text[syntax.tokens[0].start :] if syntax.tokens else ""
        gaps = [text[one.end : other.start] for one, other in pairwise(commands)]
        return all(gap.strip() == "&&" for gap in gaps)

    def _mounts(self) -> Iterator[Edit]:
        """The file of the recipe in place of manifest and lock."""
        if self._brought.mounts:
            first, *others = self._brought.mounts
            mount = f"--mount=type=bind,from={self._name},source={RESULT},target={RESULT}"
            yield replaced(self._subject, first, mount)
            yield from (without_word(self._subject, span) for span in others)


def _changes(following: Step | None, copy: Step) -> bool:
    """Whether two copies give files another owner or mode."""
    one, other = following.instruction if following else None, copy.instruction
    if not isinstance(one, Transfer) or not isinstance(other, Transfer):
        return True
    return (one.chown, one.chmod) != (other.chown, other.chmod)


def _names(subject: Subject) -> Iterator[str]:
    """What stages are called, and what means an image or another context as long as no stage is called so."""
    stages = subject.outline.stages
    yield from (name for name, _ in subject.invocation.contexts)
    for stage in stages:
        yield from (stage.name or "", stage.origin.image)
        yield from (each.name.lower() for typed in stage.instructions for each in references(stages, typed))


def _free(name: str, taken: set[str]) -> str:
    """A name that nothing has."""
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
