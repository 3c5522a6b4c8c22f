"""Findings about installs that wait for an edit of the project's metadata, where no graver edit runs them anyway."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from depsfirst.checks.blame import blamed, of_code
from depsfirst.checks.model import Related
from depsfirst.checks.needs import UnprovenError
from depsfirst.checks.places import place_of, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from depsfirst.cache.model import Step
    from depsfirst.checks.blame import Blame
    from depsfirst.checks.model import Finding, Fix, Rule
    from depsfirst.checks.subject import Subject


def waiting(subject: Subject, change: str, graver: tuple[str, ...] = ()) -> Iterator[Blame]:
    """The steps that make installs run again after an edit, but not after one of code or a graver one.

    Args:
        subject: the Dockerfile.
        change: the edit.
        graver: the edits of which another rule speaks; that of code is always among them.
    """
    blames = blamed(subject, change)
    if not blames:
        return
    others = [*of_code(subject), *(each for name in graver for each in blamed(subject, name))]
    known = {place_of(step) for each in others for step in each.installs}
    for blame in blames:
        left = tuple(step for step in blame.installs if place_of(step) not in known)
        if left:
            yield blame._replace(installs=left)


def finding(rule: Rule, subject: Subject, blame: Blame, edit: str, change: str) -> Finding:
    """What is wrong with a step that brings a file to an install.

    Args:
        rule: whose finding it is.
        subject: the Dockerfile.
        blame: the step, and its installs.
        edit: what is edited: a part of a sentence, as ``a new version``.
        change: its name.
    """
    fixes, reason = _fixes(subject, blame, change)
    what = "mounts" if blame.binds else "takes"
    installs = [] if blame.binds else [Related(span_of(step), "this one installs them") for step in blame.installs]
    return rule.finding(
        subject,
        span_of(blame.reader),
        f'{blame.reader.instruction.name} {what} "{blame.paths[0]}", so {edit} installs the dependencies again',
        cost=subject.project.cost(*blame.installs),
        related=installs,
        fixes=fixes,
        no_fix=reason,
    )


def _fixes(subject: Subject, blame: Blame, change: str) -> tuple[list[Fix], str]:
    from depsfirst.checks.moves import fix_of, split

    try:
        if blame.binds or any(_is_read(subject, step, blame.paths) for step in blame.installs):
            return [exported(subject, blame, change)], ""
        move = split(subject, blame)
        if move.sources & set(blame.paths):
            return [exported(subject, blame, change)], ""
    except UnprovenError as error:
        return [], str(error)
    return [fix_of(subject, [move], "Copy what the install reads before it, and the rest behind it", (change,))], ""


def exported(subject: Subject, blame: Blame, *changes: str) -> Fix:
    """The fix that exports what an install needs in a stage of its own.

    Raises:
        UnprovenError: it is not proven that the image stays the same.
    """
    from depsfirst.checks.recipe_stage import staged

    if len(blame.installs) != 1:
        raise UnprovenError("several installs read the lock: export it in a stage of its own, and install that")
    return staged(subject, blame.installs[0], changes)


def _is_read(subject: Subject, step: Step, paths: Sequence[str]) -> bool:
    """Whether an install reads a manifest or a lock of one of these names."""
    names = {posixpath.basename(path) for path in paths}
    found = subject.commands.dependencies(step)
    return any(posixpath.basename(path) in names for each in found for path in each.inputs)
