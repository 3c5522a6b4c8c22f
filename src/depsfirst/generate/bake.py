"""The text of a bake file, with which one command builds all images of a workspace in parallel. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAME = "docker-bake.hcl"
_NO_LETTER_OF_A_TARGET = re.compile(r"[^A-Za-z0-9_-]+")
_HEAD = """\
# All images of this workspace, built in parallel:
#
#     docker buildx bake
#
# One of them alone: docker buildx bake {first}. What two Dockerfiles have in common is built once: the installer, what
# builds the projects, and the dependencies of those that need the same.

# REGISTRY=registry.example/team/ TAG=1.2.3 docker buildx bake --push
variable "REGISTRY" {{
  default = ""
}}

variable "TAG" {{
  default = "latest"
}}

# Where other machines find the steps that were built: CACHE=registry.example/team/cache docker buildx bake
variable "CACHE" {{
  default = ""
}}
"""
_NETRC = """
# Passwords of package indexes: NETRC=~/.netrc docker buildx bake
variable "NETRC" {
  default = ""
}
"""
_GROUP = """
group "default" {{
  targets = [{names}]
}}
"""
_TARGET = """
target "{name}" {{
  context    = {context}
  dockerfile = {dockerfile}
  tags       = ["${{REGISTRY}}{repository}:${{TAG}}"]
  cache-from = CACHE == "" ? [] : ["type=registry,ref=${{CACHE}}:{name}"]
  cache-to   = CACHE == "" ? [] : ["type=registry,ref=${{CACHE}}:{name},mode=max"]
{more}}}
"""
_WITH_NETRC = """\
  secret     = NETRC == "" ? [] : ["id=netrc,src=${NETRC}"]
"""


class Target(NamedTuple):
    """An image of the workspace.

    Attributes:
        name: of the project.
        context: directory of the build context, relative to the bake file.
        dockerfile: path of the Dockerfile, relative to the context.
        repository: name of the image, without a tag.
        secret: whether an index may want a password.
    """

    name: str
    context: str
    dockerfile: str
    repository: str
    secret: bool


def bake_file(targets: Sequence[Target]) -> str:
    """The text of a bake file, whose targets are sorted by name.

    Raises:
        DepsfirstError: two projects have the same name.
    """
    named = sorted((target_name(each.name), each) for each in targets)
    names = [name for name, _ in named]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise DepsfirstError(
            f'two images would be called "{doubled}"', hint="give one of the projects another name in its manifest"
        )
    parts = [_HEAD.format(first=names[0])]
    parts += [_NETRC] if any(each.secret for each in targets) else []
    parts.append(_GROUP.format(names=", ".join(f'"{name}"' for name in names)))
    return "".join([*parts, *_blocks(named)])


def target_name(project: str) -> str:
    """The name of a project as one of a target, which has letters, digits, hyphens and underscores alone."""
    return _NO_LETTER_OF_A_TARGET.sub("-", project)


def _blocks(named: Iterable[tuple[str, Target]]) -> Iterable[str]:
    for name, each in named:
        yield _TARGET.format(
            name=name,
            context=_quoted(each.context),
            dockerfile=_quoted(each.dockerfile),
            repository=each.repository,
            more=_WITH_NETRC if each.secret else "",
        )


def _quoted(text: str) -> str:
    """A text as HCL reads it, without its templates."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
