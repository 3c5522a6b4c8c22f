"""A variable that has another value in each build or release stands before an install, which runs again for it.

## Why

A `RUN` is cached by its text and by the variables that are in force: every `ARG` that was declared before it and has a
value, and every `ENV`. A commit, a date or a build number among them is never the same, so the install behind it is
never cached; a version of the project makes it run again with each release. `LABEL`, `EXPOSE` and `CMD` count for
nothing; they can stand anywhere.

## Example

```dockerfile
ARG GIT_SHA
ENV GIT_SHA=$GIT_SHA APP_VERSION=1.4.2
COPY requirements.txt ./
RUN pip install -r requirements.txt
```

## Fix

Declare it behind the last step that installs:

```dockerfile
COPY requirements.txt ./
RUN pip install -r requirements.txt
ARG GIT_SHA
ENV GIT_SHA=$GIT_SHA APP_VERSION=1.4.2
```

## When to ignore

Where the install is to run for each build, as a check that it still can.
"""

from __future__ import annotations

import re
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.edits import behind, end_of_line, line_start, removed
from depsfirst.checks.model import Confidence, Fix, Related, Rule, Severity
from depsfirst.checks.needs import is_frozen, is_plain, unsettled
from depsfirst.checks.places import place_of, span_of
from depsfirst.dataclass import replace
from depsfirst.dockerfile.commands import Installs
from depsfirst.dockerfile.instructions import Arg, Env

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.model import Edit, Finding
    from depsfirst.checks.subject import Subject
    from depsfirst.dockerfile.commands import Installation
    from depsfirst.dockerfile.instructions import Typed
    from depsfirst.dockerfile.shell import Command

_VOLATILE = re.compile(
    r"(?:[A-Z0-9]+_)*(?:GIT|VCS|CI|SOURCE|APP|IMAGE|BUILD|SHORT)?_?"
    r"(?:SHA1?|COMMIT|COMMIT_SHA|COMMIT_HASH|COMMIT_ID|GIT_HASH|REVISION|VCS_REF|GIT_REF|GIT_DESCRIBE"
    r"|BUILD_DATE|BUILD_TIME|BUILD_TIMESTAMP|BUILDTIME|TIMESTAMP|BUILD_NUMBER|BUILD_ID|BUILD_NUM|RUN_ID|RUN_NUMBER"
    r"|PIPELINE_ID|BUILD_URL|BUILD_TAG|IMAGE_TAG)\Z"
)
_TOKENS = frozenset({"GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT", "SYSTEM_ACCESSTOKEN"})
"""Credentials that a CI makes anew for each job."""
_STAND_IN_WORDS = "unknown dev development local none latest 0 n/a head undefined 0.0.0 unset notset not-set snapshot"
_STAND_INS = frozenset(["", *_STAND_IN_WORDS.split()])
"""What a declaration says where the build is meant to give the value."""
_VERSION = re.compile(r"(?:(?:APP|IMAGE|RELEASE|BUILD|PROJECT|PACKAGE|SERVICE)_)?(?:VERSION|RELEASE)\Z")
_FILE_WORDS = "cat chgrp chmod chown cp curl cut dd grep gpg head install ln mv sed sort tail tar tee tr unzip wget xz"
_OF_FILES = frozenset(_FILE_WORDS.split())
"""Programs that do with files and URLs what they are told, and ask for no variable of a project."""
_NUMBER = re.compile(r"\d[\w.+!-]*")


class _Kind(Enum):
    """Why a variable changes, as the end of a sentence that its name begins."""

    BUILD = "has another value in each build, and the install behind it runs again for that"
    TOKEN = "is another one in each job of the CI, and the install behind it runs again for that"  # noqa: S105
    RELEASE = "has another value in each release, and the install behind it runs again for that"
    OWN = "is the version of the project, so the install behind it runs again for each release"


_CONFIDENCE = {_Kind.BUILD: Confidence.HIGH, _Kind.OWN: Confidence.HIGH}


class _Declared(NamedTuple):
    """A variable, where it is declared, and the steps that it makes run again for nothing."""

    typed: Arg | Env
    name: str
    kind: _Kind
    installs: tuple[Step, ...]

    @property
    def between(self) -> list[Typed]:
        """What stands behind it, up to the last of the installs."""
        instructions = self.installs[-1].stage.instructions
        return [each for each in instructions if self.typed.line < each.line <= self.installs[-1].line]


def find(subject: Subject) -> Iterator[Finding]:
    """Each declaration of such a variable that an install is keyed by, and that nothing needs before it."""
    declarations = (each for stage in subject.stages for each in stage.instructions if isinstance(each, Arg | Env))
    for typed in declarations:
        for pair in typed.pairs:
            kind = _kind(subject, typed, pair.name, pair.value or "")
            installs = _installs(subject, typed, pair.name) if kind else ()
            if kind and installs:
                yield _finding(subject, _Declared(typed, pair.name, kind, installs))


def _kind(subject: Subject, typed: Typed, name: str, value: str) -> _Kind | None:
    """Why a variable changes; None for one that does not, as what has a real default is not given by each build."""
    upper = name.upper()
    if not (_VOLATILE.match(upper) or upper in _TOKENS or "VERSION" in upper or "RELEASE" in upper):
        return None
    if isinstance(typed, Arg):
        declared = [each for argument in subject.outline.arguments for each in argument.pairs if each.name == name]
        values = [value, *(each.value or "" for each in declared)]
        if all(each.strip("\"'").lower() in _STAND_INS for each in values):
            return _of_argument(upper)
    return _Kind.OWN if _is_own(subject, upper, value.strip("\"'")) else None


def _of_argument(name: str) -> _Kind | None:
    if _VOLATILE.match(name):
        return _Kind.BUILD
    if name in _TOKENS:
        return _Kind.TOKEN
    return _Kind.RELEASE if _VERSION.match(name) else None


def _is_own(subject: Subject, name: str, value: str) -> bool:
    """Whether a variable is written to be the project's version."""
    if not _NUMBER.match(value.removeprefix("v")):
        return False
    change = subject.project.change("version-bump")
    edit = next((each for each in change.edits if each.before and each.after), None) if change else None
    if edit is None:
        return False
    pairs = zip((edit.before or "").splitlines(), (edit.after or "").splitlines(), strict=False)
    old, new = next(((old, new) for old, new in pairs if old != new), ("", ""))
    version = next((each for each in _NUMBER.findall(old) if each not in _NUMBER.findall(new)), None)
    return value.removeprefix("v") == version and bool(_VERSION.match(name) or _names_project(subject, name))


def _names_project(subject: Subject, name: str) -> bool:
    """Whether a name is made of the project's, as ``SHOP_VERSION``."""
    own = re.escape(name.removesuffix("_VERSION").replace("_", "-").lower()).replace("\\-", "[-_.]")
    texts = (place.text("pyproject.toml") or "" for place in subject.places)
    return any(re.search(rf"""(?mi)^name\s*=\s*["']{own}["']""", text) for text in texts)


def _installs(subject: Subject, typed: Arg | Env, name: str) -> tuple[Step, ...]:
    """The installs of the same stage that run again for another value, up to the first step that needs it."""
    steps = [
        step
        for step in subject.runs
        if step.line > typed.line
        and not step.trigger
        and any(typed is each for each in step.stage.instructions)
        and (subject.commands.installs_dependencies(step) or _installs_system(subject, step))
    ]
    if not steps:
        return ()
    again = _keyed(subject, name) if isinstance(typed, Arg) else {place_of(step) for step in steps}
    behind_it = [each for each in steps[0].stage.instructions if typed.line < each.line <= steps[-1].line]
    names = _names(name, behind_it)
    users = [each.line for each in behind_it if not isinstance(each, Arg | Env) and _mentions(each, names)]
    users += [step.line for step in steps if _reads(subject, step, names)]
    first_use = min(users, default=steps[-1].line + 1)
    return tuple(step for step in steps if step.line < first_use and place_of(step) in again)


def _installs_system(subject: Subject, step: Step) -> bool:
    return any(each.packages for each in subject.commands.installations(step, Installs.SYSTEM))


def _keyed(subject: Subject, name: str) -> set[tuple[int, str]]:
    """The steps that run again for another value of an argument."""
    from depsfirst.cache.model import Status, compare

    again: set[tuple[int, str]] = set()
    for build in subject.builds:
        one, other = (replace(build, arguments={**build.arguments, name: value}) for value in ("one", "other"))
        outcomes = compare(one, other)
        again |= {place_of(each.step) for each in outcomes if each.status is Status.RERUNS}
    return again


def _mentions(typed: Typed, names: set[str]) -> bool:
    text = typed.syntax.text + "".join(heredoc.text for heredoc in typed.syntax.heredocs)
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def _reads(subject: Subject, step: Step, names: set[str]) -> bool:
    """Whether a file that an install reads has a variable in it, as ``git+https://${TOKEN}@…`` of requirements."""
    paths = {path for each in subject.commands.installations(step) for path in each.inputs if path.endswith(".txt")}
    texts = (subject.commands.text(step, path) or "" for path in paths)
    return any(_refers(text, name) for text in texts for name in names)


def _names(name: str, between: Sequence[Typed]) -> set[str]:
    """The name, and those of the variables that are made of it."""
    names = {name}
    for each in between:
        if isinstance(each, Arg | Env):
            names |= {pair.name for pair in each.pairs if any(_refers(pair.value or "", name) for name in names)}
    return names


def _refers(value: str, name: str) -> bool:
    return bool(re.search(rf"\$\{{?{re.escape(name)}\b", value))


def _finding(subject: Subject, declared: _Declared) -> Finding:
    reason = _why_not(subject, declared)
    dependencies = [step for step in declared.installs if subject.commands.installs_dependencies(step)]
    told = {True: "this one installs the dependencies", False: "this one installs packages of the system"}
    return RULE.finding(
        subject,
        declared.typed.syntax.span,
        f'"{declared.name}" {declared.kind.value}',
        cost=subject.project.cost(*dependencies) if dependencies else "",
        related=[Related(span_of(step), told[step in dependencies]) for step in declared.installs],
        severity=None if declared.kind in (_Kind.BUILD, _Kind.TOKEN) else Severity.WARNING,
        confidence=_CONFIDENCE.get(declared.kind),
        fixes=() if reason else [_fix(subject, declared)],
        no_fix=reason,
    )


def _why_not(subject: Subject, declared: _Declared) -> str:
    between = declared.between
    names = _names(declared.name, between)
    for each in (declared.typed, *between):
        if isinstance(each, Arg | Env) and any(pair.name in names for pair in each.pairs):
            if len(each.pairs) > 1:
                return f"line {each.line} sets other variables, too"
            if isinstance(each, Arg) and each is not declared.typed:
                return f"line {each.line} declares it once more"
    lines = {each.line for each in between}
    for step in subject.runs:
        if step.stage.instructions and step.line in lines and (name := _reader(subject, step)):
            return f'line {step.line} runs "{name}", which may read it'
    return ""


def _reader(subject: Subject, step: Step) -> str:
    """A command of a RUN that may read a variable; empty for none."""
    reading = subject.commands.reading(step)
    if reading.unknown or not reading.script.whole:
        return "what is not known"
    for each in reading.installations:
        if each.with_project is not False or _asks_the_build(subject, step, each):
            return f"{each.tool} {each.verb}"
    installing = [each.command for each in reading.installations]
    others = (each for each in reading.script.commands if not any(each is command for command in installing))
    return next((each.program or "a command" for each in others if not _is_indifferent(each)), "")


def _asks_the_build(subject: Subject, step: Step, installation: Installation) -> bool:
    """Whether uv compares its lock with metadata that the build makes, and so runs that without an install of it."""
    if (installation.tool, installation.verb) != ("uv", "sync") or not installation.inputs:
        return False
    manifest = subject.commands.found(step, installation.inputs[0]) or ""
    return bool(unsettled(manifest, "uv", frozen=is_frozen(step)))


def _is_indifferent(command: Command) -> bool:
    """Whether a command reads no variable of the project's."""
    return is_plain(command) or command.program in _OF_FILES or _is_fed(command)


def _is_fed(command: Command) -> bool:
    """Whether a shell runs what it gets through a pipe, the script of somebody else."""
    return command.program in ("bash", "sh") and command.texts[1:2] in ((), ("-",), ("-s",)) and not command.redirects


def _fix(subject: Subject, declared: _Declared) -> Fix:
    between = declared.between
    names = _names(declared.name, between)
    moving = [declared.typed, *(each for each in between if isinstance(each, Env) and each.pairs[0].name in names)]
    edits: list[Edit] = [removed(subject, each, comments=True) for each in moving]
    lines = "".join(subject.text[edit.start : edit.end] for edit in edits).replace("\r\n", "\n").rstrip("\n")
    parted = _is_blank(subject.text, edits[0].start - 1)
    if parted:
        edits[-1] = _over_blank(subject.text, edits)
    return Fix(
        f'Declare "{declared.name}" behind the install',
        safe=True,
        edits=(*edits, behind(subject, between[-1], f"\n{lines}" if parted else lines)),
    )


def _is_blank(text: str, offset: int) -> bool:
    """Whether a character stands in an empty line."""
    return offset >= 0 and not text[line_start(text, offset) : end_of_line(text, offset)].strip()


def _over_blank(text: str, edits: Sequence[Edit]) -> Edit:
    """The last of some edits that take away a paragraph, with the empty line behind it."""
    together = all(one.end == other.start for one, other in pairwise(edits))
    end = edits[-1].end
    if not together or end >= len(text) or not _is_blank(text, end):
        return edits[-1]
    return edits[-1]._replace(end=text.index("\n", end) + 1 if "\n" in text[end:] else len(text))


RULE = Rule("volatile-argument", "order", Severity.ERROR, find, __doc__, Confidence.MEDIUM)
