"""The whole text of a Dockerfile, and of the ignore file that belongs to it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.generate import stages
from depsfirst.project import ignoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.generate.scheme import Scheme


def dockerfile(scheme: Scheme) -> str:
    """The text of the Dockerfile."""
    parts = [
        _head(scheme),
        stages.base(scheme),
        stages.tools(scheme),
        stages.recipe(scheme),
        stages.dependencies(scheme),
        stages.backend(scheme),
        stages.libraries(scheme),
        stages.code(scheme),
        stages.final(scheme),
    ]
    return "\n".join(part for part in parts if part)


def _head(scheme: Scheme) -> str:
    words = ["docker build"]
    words += [f"--file {scheme.dockerfile}"] if scheme.dockerfile != "Dockerfile" else []
    words += ["--secret id=netrc,src=$HOME/.netrc"] if scheme.secret else []
    place = " from the directory that has all of it" if scheme.dockerfile != "Dockerfile" else ""
    return (
        f"# {scheme.own.name}: dependencies first, code second. To build it{place}:\n"
        "#\n"
        f"#     {' '.join(words)} --tag {scheme.tag} .\n"
        "#\n"
        "# An edit of the code, a new version, another setting of a tool or a newer development tool: none of them\n"
        "# installs a dependency again, in the build or where the image is pulled.\n"
    )


def ignore_file(scheme: Scheme, from_git: Sequence[str] = ()) -> str:
    """The text of the file that says what is never sent to the builder.

    Args:
        scheme: what the Dockerfile is made of.
        from_git: lines that say what git ignores.
    """
    places = dict.fromkeys(own.directory for own in (scheme.own, *scheme.libraries))
    return ignoring.ignore_file(list(places), scheme.readme, from_git)
