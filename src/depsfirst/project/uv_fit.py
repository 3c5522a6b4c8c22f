"""Whether a uv.lock was made from a manifest: what uv notes of it in the lock, compared by meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.project.markers import admits, python_samples
from depsfirst.project.model import normalize
from depsfirst.project.requirement import Manifest, canonical_specifier, first_difference, from_lock

if TYPE_CHECKING:
    from depsfirst.project.model import Project
    from depsfirst.project.requirement import Requirement
    from depsfirst.project.toml import Table

_HINT = "run `uv lock`"
_SETTINGS = {"overrides": "override-dependencies", "constraints": "constraint-dependencies"}
_WORKSPACE = 2
_WITHOUT_METADATA_SINCE = 4


def check_fit(table: Table, own: Table, project: Project, directory: str) -> None:
    """Compare a lock with the manifest of its project.

    Args:
        table: the lock.
        own: the project's entry in it.
        project: gives the manifest.
        directory: of the project, relative to that of the lock.

    Raises:
        DepsfirstError: they do not fit.
    """
    manifest = Manifest(project.pyproject, directory)
    python = table.text("requires-python")
    alone = len(table.table("manifest").texts("members")) < _WORKSPACE
    _check_python(table, python, project.requires_python, alone=alone)
    _check_metadata(own, manifest, table.get("revision", int) or 0)
    metadata = own.table("metadata")
    if not manifest.dynamic.intersection(("dependencies", "optional-dependencies")):
        _check_extras(metadata, manifest)
        name = normalize(project.name)
        _compare(metadata, "requires-dist", manifest.dependencies(), python, name)
    _check_groups(metadata, manifest, python)
    if directory == ".":
        settings = table.table("manifest")
        for key, setting in _SETTINGS.items():
            _compare(settings, key, manifest.settings(setting), python)


def _check_python(table: Table, locked: str, asked: str | None, *, alone: bool) -> None:
    """For one project, the same versions; for a workspace, at most those that this member allows."""
    if asked is None:
        return
    canonical_specifier(asked, "pyproject.toml: project.requires-python")
    for version in python_samples([locked, asked], None):
        ours, theirs = admits(_bounds(asked), version), admits(_bounds(locked), version)
        if (theirs and not ours) or (alone and ours and not theirs):
            raise table.error(
                "requires-python", f'the lock is for Python "{locked}", pyproject.toml for "{asked}"', _HINT
            )


def _bounds(specifier: str) -> str:
    """A specifier without its holes, which uv leaves out of a lock."""
    return ",".join(part for part in specifier.split(",") if not part.strip().startswith("!="))


def _check_metadata(own: Table, manifest: Manifest, revision: int) -> None:
    if revision >= _WITHOUT_METADATA_SINCE and "metadata" not in own and (manifest.dependencies() or manifest.groups()):
        raise own.error(
            "metadata",
            "the lock does not say what it was made from, so nobody can tell whether it fits",
            "lock without uv's preview feature `lock-without-metadata`",
        )


def _check_extras(metadata: Table, manifest: Manifest) -> None:
    locked = {normalize(extra) for extra in metadata.texts("provides-extras")}
    if "provides-extras" in metadata and locked != manifest.extras():
        differing = ", ".join(f'"{extra}"' for extra in sorted(locked ^ manifest.extras()))
        raise metadata.error("provides-extras", f"the lock does not fit pyproject.toml: extras {differing}", _HINT)


def _check_groups(metadata: Table, manifest: Manifest, python: str) -> None:
    groups = metadata.table("dependency-groups" if "dependency-groups" in metadata else "requires-dev")
    asked = manifest.groups()
    names = {normalize(name): name for name in groups.values}
    for group in sorted({*asked, *names}):
        _compare(groups, names.get(group, group), asked.get(group, []), python)


def _compare(table: Table, key: str, asked: list[Requirement] | None, python: str, own: str | None = None) -> None:
    if asked is not None:
        differing = first_difference(asked, [from_lock(each) for each in table.tables(key)], python, own)
        if differing is not None:
            raise table.error(
                key, f'the lock does not fit pyproject.toml: it was made for another "{differing}"', _HINT
            )
