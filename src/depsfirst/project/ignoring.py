"""What no image needs of a project's directory, in the words of an ignore file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def ignore_file(places: Sequence[str], readme: str, from_git: Sequence[str] = ()) -> str:
    """The text of a ``.dockerignore``.

    Args:
        places: directories of first-party projects, relative to the context; ``.`` is the context itself.
        readme: path of the readme, which is kept wherever it stands; empty if there is none.
        from_git: lines that say what git ignores; some take back in, so that they stand before all others.
    """
    starts = ["" if place == "." else f"{place}/" for place in places]
    built = "".join(f"{start}{name}\n" for start in starts for name in ("build", "dist"))
    aside = [name for name in ("docs", "tests") if not readme.startswith(f"{name}/")]
    ignored = "".join(f"{line}\n" for line in (_FROM_GIT, *from_git, "")) if from_git else ""
    return _IGNORE.format(
        ignored=ignored, built=built, aside="".join(f"{start}{name}\n" for start in starts for name in aside)
    )


_FROM_GIT = """\
# what git ignores and the rest of this file does not name; take out what the image needs though git does not have it,
# such as a frontend that is built before the image"""
_IGNORE = """\
# What the builder is never sent: an edit of it builds nothing, and no secret among it gets into an image.
# (.gitignore is sent, as some build backends leave out what it names.)

{ignored}# history
**/.git
.github
.gitlab-ci.yml
.pre-commit-config.yaml

# environments, caches, and what was built
**/.venv
**/venv
**/__pycache__
**/*.py[cod]
**/.*_cache
**/.coverage*
**/.hypothesis
**/.ipynb_checkpoints
**/.pdm-build
**/.pdm-python
**/.tox
**/.nox
**/*.egg-info
**/node_modules
{built}
# secrets
**/.env
**/.env.*
**/.netrc

# for people and for other tools
{aside}**/.idea
**/.vscode
**/.DS_Store
**/.dockerignore
**/Dockerfile*
**/compose*.y*ml
**/docker-compose*.y*ml
**/docker-bake.hcl
"""
