"""Which project a call of uv is about, and whether it is one that uv installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Arguments, Call, manifest, normalized, table

if TYPE_CHECKING:
    from collections.abc import Mapping


def project_directory(call: Call, arguments: Arguments) -> str:
    """The directory of the project that a call is about."""
    named = arguments.value("--project")
    text = named.text if named else call.get("UV_PROJECT")
    return call.at(text or ".")


def is_package(description: Mapping[str, object]) -> bool:
    """Whether uv takes a project for one that is built and installed."""
    said = table(description, "tool", "uv").get("package")
    if isinstance(said, bool):
        return said
    return "build-system" in description


def with_project(call: Call, arguments: Arguments, directory: str) -> bool | None:
    """Whether ``uv sync`` installs the project, or one of its workspace."""
    left_out = ("--no-install-project", "--no-install-workspace", "--no-install-local", "--only-group", "--only-dev")
    if arguments.has(*left_out):
        return False
    variables = ("UV_NO_INSTALL_PROJECT", "UV_NO_INSTALL_WORKSPACE", "UV_NO_INSTALL_LOCAL")
    if any(call.is_set(variable) for variable in variables):
        return False
    if arguments.open:
        return None
    packages = arguments.values("--package")
    if packages:
        return _of_members(call, directory, [word.text for word in packages])
    return arguments.has("--all-packages") or _of_root(call, arguments, directory)


def _of_root(call: Call, arguments: Arguments, directory: str) -> bool | None:
    description = manifest(call, directory)
    if description is None:
        return None
    name = table(description, "project").get("name")
    unwanted = [normalized(word.text or "") for word in arguments.values("--no-install-package")]
    left_out = isinstance(name, str) and normalized(name) in unwanted
    return not left_out and "project" in description and is_package(description)


def _of_members(call: Call, directory: str, names: list[str | None]) -> bool | None:
    """Whether one of the workspace's packages of these names is installed; None if one is not found."""
    root = manifest(call, directory) or {}
    members = table(root, "tool", "uv", "workspace").get("members")
    paths = [member for member in members if isinstance(member, str)] if isinstance(members, list) else []
    known: dict[str, bool] = {}
    for path in (".", *paths):
        description = manifest(call, f"{directory}/{path}")
        name = table(description, "project").get("name") if description else None
        if description and isinstance(name, str):
            known[normalized(name)] = is_package(description)
    answers = [known.get(normalized(name or "")) for name in names]
    return True if True in answers else None if None in answers else False
