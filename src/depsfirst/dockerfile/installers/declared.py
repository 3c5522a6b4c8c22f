"""Whether a project asks for other distributions at all, as far as its files say it plainly."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from depsfirst.dockerfile.installers.call import Call, manifest, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_BACKENDS_OF_PROJECT_TABLE = ("dependencies", "optional-dependencies")


def declares_nothing(call: Call, directory: str) -> bool:
    """Whether it is certain that a project in a directory of the image has no dependencies."""
    if not directory.startswith("/"):
        return False
    description = manifest(call, directory)
    project = table(description, "project")
    if project:
        dynamic = project.get("dynamic")
        return not project.get("dependencies") and not (isinstance(dynamic, list) and "dependencies" in dynamic)
    if description and table(description, "tool", "poetry"):
        return set(table(description, "tool", "poetry", "dependencies")) <= {"python"}
    return _setup_declares_nothing(call, directory, description)


def _setup_declares_nothing(call: Call, directory: str, description: Mapping[str, object] | None) -> bool:
    """The same for setuptools' own files; anything that is put together there is not plain."""
    setup = call.read(posixpath.join(directory, "setup.py"))
    configuration = call.read(posixpath.join(directory, "setup.cfg"))
    if setup is None and configuration is None:
        return False
    if description and table(description, "tool", "flit"):
        return False
    return not re.search(r"requires|\*\*|exec\(", setup or "") and "requires" not in (configuration or "")
