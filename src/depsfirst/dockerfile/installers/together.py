"""What commands mean together: wheels that were built before, checksums, an install that was made before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.model import Download, Installation, Installs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from depsfirst.dockerfile.installers.model import Finding
    from depsfirst.dockerfile.shell import Command, Script

_SUMS = re.compile(r"(?:sha\d+sum|md5sum|b2sum|shasum|rhash|cosign|gpgv|sha\d+)\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_MANIFESTS = 2


def settled(found: Iterable[Finding], script: Script) -> list[Finding]:
    """The findings of one RUN in the light of one another."""
    checks = any(_is_check(command.program or "", command.texts) for command in script.commands)
    asked = [revision for command in script.commands if (revision := _checked_out(command))]
    commits = any(
        command.program == "git" and any(_COMMIT.match(text or "") for text in command.texts)
        for command in script.commands
    )
    result: list[Finding] = []
    for finding in found:
        settles = finding
        if isinstance(finding, Download):
            if (finding.what == "url" and checks) or (finding.what == "repository" and commits):
                settles = finding._replace(checked=True)
            elif finding.what == "repository" and asked:
                settles = finding._replace(revision=asked[-1])
        elif isinstance(finding, Installation):
            before = [each for each in result if isinstance(each, Installation)]
            settles = of_wheels(finding, before)
        result.append(settles)
    return result


def _checked_out(command: Command) -> str | None:
    """The revision that ``git checkout`` or ``git switch`` names; what was just fetched is none."""
    texts = [word.source if word.text is None else word.text for word in command.words]
    if command.program != "git" or not {"checkout", "switch", "reset"} & set(texts):
        return None
    named = texts[-1]
    return None if named.startswith("-") or named in ("checkout", "switch", "reset", "FETCH_HEAD") else named


def _is_check(program: str, texts: tuple[str | None, ...]) -> bool:
    if program == "gpg":
        return any(text in ("--verify", "--batch") for text in texts)
    if program == "openssl":
        return "dgst" in texts
    return bool(_SUMS.match(program)) and any(
        text in ("-c", "--check", "-sc", "-cs") or (text or "").startswith(("--check", "-c")) for text in texts
    )


def of_wheels(installation: Installation, before: Iterable[Installation]) -> Installation:
    """An installation of wheels, if builds before it tell whose wheels those are."""
    folders = {path.rpartition("/")[0] for path in installation.inputs if path.endswith((".whl", "*", ".tar.gz"))}
    if installation.with_project is not None or not folders:
        return installation
    builds = [each for each in before if each.output in folders]
    if not builds:
        return installation
    with_project = True if any(each.with_project for each in builds) else None
    if all(each.with_project is False for each in builds):
        with_project = False
    alone = all(each.kind is Installs.PROJECT for each in builds) and not installation.packages
    needs_nothing = installation.with_dependencies is False or all(each.bare for each in builds)
    alone = alone and needs_nothing and len(folders) == len(installation.inputs)
    project = next((each.project for each in builds if each.project), None)
    kind = Installs.PROJECT if alone else installation.kind
    return installation._replace(with_project=with_project, project=project, kind=kind)


def only_project(later: Installation, earlier: Iterable[Installation], origin: Callable[[str], object] = str) -> bool:
    """Whether an installation finds all of its dependencies installed by earlier ones.

    That is so where one of them was told the same (manifest, lock, groups, extras, environment) but the project.

    Args:
        later: the one in question.
        earlier: those of the same stage, of the stages it starts from, and of those whose environment it copied.
        origin: what stands at a path of the image, so that copies of one lock count as the same.
    """
    wanted = [origin(path) for path in later.inputs[:_MANIFESTS]]
    if later.kind is Installs.PROJECT:
        return True
    if later.kind is not Installs.DEPENDENCIES or later.packages:
        return False
    return any(
        each.tool == later.tool
        and each.kind is Installs.DEPENDENCIES
        and each.with_dependencies is True
        and [origin(path) for path in each.inputs[:_MANIFESTS]] == wanted
        and not each.packages
        and later.tool in ("uv", "poetry", "pdm", "pipenv")
        and later.inputs[_MANIFESTS - 1 : _MANIFESTS]
        and _covers(each, later)
        and each.target == later.target
        for each in earlier
    )


def _covers(earlier: Installation, later: Installation) -> bool:
    """Whether an earlier selection holds a later one; more groups and extras do not hurt."""
    if earlier.selection == later.selection:
        return True
    mine, other = set(earlier.selection), set(later.selection)
    missing = other - mine
    return all(_adds_nothing(option) for option in missing) and all(_only_adds(option) for option in mine - other)


def _adds_nothing(option: str) -> bool:
    return option.startswith(("--no-", "--without", "--prod"))


def _only_adds(option: str) -> bool:
    return option.startswith(("--extra", "--all-", "--group", "--with", "--dev"))
