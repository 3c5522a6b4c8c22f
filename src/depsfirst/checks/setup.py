"""Decides how a Dockerfile is built: as the user says, as its repository says, or as its stages and sources suggest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from depsfirst.checks.config import require_directory
from depsfirst.checks.discovery.found import is_remote
from depsfirst.checks.discovery.guess import guess
from depsfirst.checks.discovery.search import Roots
from depsfirst.checks.subject import Subject
from depsfirst.dockerfile.stages import base_stage, find_stage, references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from depsfirst.checks.config import Configuration
    from depsfirst.checks.discovery.survey import Candidate
    from depsfirst.checks.files import Files
    from depsfirst.checks.model import Invocation
    from depsfirst.dockerfile.stages import Outline, Stage
    from depsfirst.settings import BuildSettings


class Setup(NamedTuple):
    """How the user says that all Dockerfiles are built: ``--context``, ``--target`` and so on."""

    context: Path | None = None
    target: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    contexts: tuple[tuple[str, str], ...] = ()


def setup_of(
    context: str | None, target: str | None, arguments: Mapping[str, str], contexts: Mapping[str, str]
) -> Setup:
    """What the command line says; directories are relative to the one that the process is in.

    Raises:
        DepsfirstError: the context is no directory.
    """
    here = Path.cwd()
    directory = require_directory(_below(here, context), "--context") if context else None
    named = {name: value if is_remote(value) else str(_below(here, value)) for name, value in contexts.items()}
    return Setup(directory, target, _sorted(arguments), _sorted(named))


def invocations_of(
    candidate: Candidate, given: Setup, settings: BuildSettings, configuration: Configuration, files: Files
) -> tuple[Invocation, ...]:
    """How a Dockerfile is built; at least one.

    Raises:
        DepsfirstError: a context that somebody names is no directory.
    """
    found = candidate.invocations or (guess(candidate.path, _root(candidate.path), files),)
    if not (given.target or settings.target):
        found = _of_stages(found, files.outline(candidate.path))
        found = _with_all_leaves(found, files.outline(candidate.path), is_known=bool(candidate.invocations))
    changed = [_over(_by_settings(each, settings, configuration), given) for each in found]
    files.contexts.update(each.context for each in changed if each.context)
    return tuple(dict.fromkeys(changed))


def _of_stages(found: tuple[Invocation, ...], outline: Outline) -> tuple[Invocation, ...]:
    """The builds whose target is a stage: what a CI says of others fails, or nobody runs it any more."""
    there = tuple(each for each in found if _stage_of(outline, each.target))
    return there or (found[0]._replace(target=None),)


def _root(dockerfile: Path) -> Path:
    return Roots().of(dockerfile.parent) or dockerfile.parent


def _by_settings(found: Invocation, settings: BuildSettings, configuration: Configuration) -> Invocation:
    if configuration.manifest is None or settings == type(settings)():
        return found
    root = configuration.manifest.parent
    context = None
    if settings.context:
        context = require_directory(_below(root, settings.context), configuration.where)
    contexts = {
        name: value if is_remote(value) else str(_below(root, value)) for name, value in settings.contexts.items()
    }
    setup = Setup(context, settings.target, _sorted(settings.build_args), _sorted(contexts))
    return _over(found, setup, configuration.where)


def _over(found: Invocation, setup: Setup, origin: str = "the command line") -> Invocation:
    """An invocation with what somebody says over what was found."""
    if setup == Setup():
        return found
    arguments = _sorted({**dict(found.arguments), **dict(setup.arguments)})
    contexts = _sorted({**dict(found.contexts), **dict(setup.contexts)})
    changed = found._replace(target=setup.target or found.target, arguments=arguments, contexts=contexts)
    if setup.context:
        return changed._replace(context=setup.context, origin=origin, guessed=False)
    return changed


def _sorted(pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs.items()))


def _below(root: Path, path: str) -> Path:
    return Path(os.path.normpath(root / path))


def _with_all_leaves(found: tuple[Invocation, ...], outline: Outline, *, is_known: bool) -> tuple[Invocation, ...]:
    """The builds, and one for each stage that no other one needs and of which nothing says how it is built."""
    built = {_stage_of(outline, each.target) for each in found if is_known}
    missing = [name for name in leaves(outline) if _stage_of(outline, name) not in built]
    if not is_known:
        return tuple(found[0]._replace(target=name) for name in missing)
    why = f"{found[0].origin}, and a stage that no other one needs"
    return (*found, *(found[0]._replace(target=name, origin=why, guessed=True) for name in missing))


def _stage_of(outline: Outline, target: str | None) -> Stage | None:
    """The stage that a target is; None where there is no such one."""
    return find_stage(outline.stages, target) if target else next(iter(outline.stages[-1:]), None)


def leaves(outline: Outline) -> tuple[str | None, ...]:
    """The stages that no other one needs: each of them is there to be built. None stands for the last stage."""
    stages = outline.stages
    used: set[int | None] = {stages[-1].index} if stages else set()
    for stage in stages:
        base = base_stage(stages, stage.index, stage.origin.image)
        used.add(base.index if base else None)
        used |= {each.stage for instruction in stage.instructions for each in references(stages, instruction)}
    others = [stage.name for stage in stages if stage.index not in used and stage.name]
    return (*dict.fromkeys(others), None)


def subjects_of(invocations: tuple[Invocation, ...], files: Files) -> list[Subject]:
    """The subjects that builds come to: those that differ in their target alone are one."""
    targets: dict[Invocation, dict[str | None, None]] = {}
    engines: dict[Invocation, str] = {}
    for each in invocations:
        same = each._replace(target=None, origin="", guessed=False, engine="")
        targets.setdefault(same, {})[each.target] = None
        engines[same] = engines.get(same) or each.engine
    return [Subject(files, each._replace(engine=engines[each]), tuple(some)) for each, some in targets.items()]
