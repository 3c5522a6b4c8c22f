"""Code that is no package and is run where it stands: where its modules are found, and what starts it.

Both engines ask here, so that an image and a Dockerfile of the same project never differ in it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MANAGE = "manage.py"
"""How Django's own program is called in a project."""
TOOLS = frozenset({"conftest.py", "dodo.py", "fabfile.py", "locustfile.py", "noxfile.py", "setup.py"})
"""Modules that belong to a tool of the developers."""

_STARTS = ("__main__.py", "app.py", "main.py", MANAGE)
_SOURCE = "src"
_CHOOSE = 'name the command in pyproject.toml: [tool.depsfirst] cmd = ["python", "main.py"]'
_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""")


class InPlace(NamedTuple):
    """How code is run where it stands.

    Attributes:
        paths: directories that modules are looked for in, in order, relative to the project's; ``.`` is that itself.
        start: the words that make an interpreter start it, as ``main.py`` or ``-m shop``; none if nobody can tell.
        note: what was guessed, or what nobody can tell, and how to say it.
        settings: the module of Django's settings, if it is a project of Django.
        why: why it is no package, if nobody has said so.
    """

    paths: tuple[str, ...]
    start: tuple[str, ...]
    note: str
    settings: str | None = None
    why: str = ""


def in_place(root: Path) -> InPlace:
    """What the names of a project's files tell.

    Raises:
        DepsfirstError: a directory cannot be read.
    """
    tops, below = _names(root), _names(root / _SOURCE)
    has_source = "__init__.py" not in below and any(_is_module(root / _SOURCE, name) for name in below)
    places = {".": tops, **({_SOURCE: below} if has_source else {})}
    found = next((each for each in _candidates(root, places) if each), [])
    django = _settings(root) if MANAGE in tops else None
    paths = (_SOURCE, ".") if has_source else (".",)
    if len(found) == 1:
        return InPlace(paths, found[0], _guessed(found[0], tops, root), django)
    return InPlace(paths, (), _undecided(found), django)


def module_of(start: Sequence[str]) -> str | None:
    """The module that a command starts, as it is called on the paths of ``InPlace``; None if it starts none."""
    if not start:
        return None
    if start[0] == "-m":
        return f"{start[1]}.__main__"
    return start[0].removeprefix(f"{_SOURCE}/").removesuffix(".py").replace("/", ".")


def _candidates(root: Path, places: dict[str, list[str]]) -> Iterator[list[tuple[str, ...]]]:
    """What may start the project: files with a usual name, packages that can be run, the only module there is."""
    for place, names in places.items():
        yield [(_path(place, name),) for name in names if name in _STARTS]
    yield [
        ("-m", name)
        for place, names in places.items()
        for name in names
        if name.isidentifier() and (root / place / name / "__main__.py").is_file()
    ]
    for place, names in places.items():
        yield [(_path(place, name),) for name in names if _may_start(root / place, name)]


def _path(place: str, name: str) -> str:
    return name if place == "." else f"{place}/{name}"


def _may_start(folder: Path, name: str) -> bool:
    usual = name.endswith(".py") and name.removesuffix(".py").isidentifier() and name not in TOOLS
    tested = name.startswith(("test_", "_")) or name.endswith("_test.py")
    return usual and not tested and (folder / name).is_file()


def _guessed(start: tuple[str, ...], tops: Sequence[str], root: Path) -> str:
    command = " ".join(("python", *start))
    if start != (MANAGE,):
        return f'nothing says what a container runs, so it is guessed: "{command}"; else {_CHOOSE}'
    servers = [name for name in tops if (root / name / "wsgi.py").is_file()]
    module = f"{servers[0]}.wsgi" if len(servers) == 1 else "PROJECT.wsgi"
    return (
        f'a container runs "{command}", which lists what Django can do; name the server in pyproject.toml:'
        f' [tool.depsfirst] cmd = ["gunicorn", "{module}", "--bind", "0.0.0.0:8000"]'
    )


def _undecided(found: Sequence[tuple[str, ...]]) -> str:
    if not found:
        return f"what a container is to run was not found, so it starts Python: {_CHOOSE}"
    listed = ", ".join(f'"{" ".join(("python", *start))}"' for start in found)
    return f"what a container is to run may be {listed}, so it starts Python: {_CHOOSE}"


def _settings(root: Path) -> str | None:
    try:
        found = _SETTINGS.search((root / MANAGE).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return found[1] if found else None


def _is_module(folder: Path, name: str) -> bool:
    path = folder / name
    return name.endswith(".py") or (name.isidentifier() and any(each.endswith(".py") for each in _names(path)))


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DepsfirstError(f"this cannot be read: {error.strerror or error}", where=str(directory)) from None
