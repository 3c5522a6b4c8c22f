"""environment.yml, as far as Python and pip are all that it wants of conda."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from depsfirst.errors import DepsfirstError
from depsfirst.project.model import MAIN, Dependency, Lock, normalize
from depsfirst.project.toml import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from depsfirst.project.model import LockText, Project
    from depsfirst.project.pin import Pin

NAMES: tuple[str, ...] = ("environment.yml", "environment.yaml")
COMMAND = "pixi init --import environment.yml && pixi lock"

TOOLS = frozenset({"python", "pip", "setuptools", "wheel", "uv"})
"""What of conda an image has anyway, or does without."""

_SPEC = re.compile(r"(?:[^:\s]+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?P<version>.*)")
_SHOWN = 4


def stable_text(text: str, project: Project) -> str:  # noqa: ARG001 (the shape of every format)
    """The text without what a new version of the project changes, which is nothing here."""
    return text


def refusal(names: Iterable[str], where: str) -> DepsfirstError:
    """What is said of packages that only conda has."""
    found = sorted(set(names))
    shown = ", ".join(f'"{name}"' for name in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return DepsfirstError(
        f"packages of conda cannot be installed: {shown}{more}",
        where=where,
        hint="take them from a Python index: name them under `pip:` with their versions, `pixi add --pypi` them, or"
        " lock with uv; libraries of the system come as Debian packages ([tool.depsfirst] packages)",
    )


def read(lock: LockText, project: Project) -> Lock:
    """The environment, if it wants nothing of conda but Python and its tools, and pins what it wants of pip.

    Raises:
        DepsfirstError: it is broken, wants more of conda, or has a line that is not pinned.
    """
    from depsfirst.project.locks.requirements import packages_of
    from depsfirst.project.pin import checked
    from depsfirst.project.yaml import parse

    table = Table(parse(lock.text, lock.name), lock.name)
    conda, pip = _split(table)
    foreign = [name for name, _, _ in conda if name not in TOOLS]
    if foreign:
        raise refusal(foreign, table.place("dependencies"))
    pins = checked(_pins(pip, project), ())
    packages, places = packages_of(pins, None)
    edges = tuple(Dependency(pin.name, (place,), marker=pin.marker) for pin, place in zip(pins, places, strict=True))
    python = [(version, where) for name, version, where in conda if name == "python" and version]
    return Lock(
        format="conda",
        name=lock.name,
        project=normalize(project.name),
        packages=packages,
        roots={MAIN: edges},
        requires_python=specifier(*python[0]) if python else None,
    )


def _split(table: Table) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """Packages of conda with versions and places, and lines for pip with places."""
    conda: list[tuple[str, str, str]] = []
    pip: list[tuple[str, str]] = []
    for index, each in enumerate(table.get("dependencies", list) or []):
        path = f"dependencies[{index}]"
        if isinstance(each, dict):
            inner = Table(each, f"{table.place(path)}")
            pip += [(line, f"{table.place(path)}.pip[{place}]") for place, line in enumerate(inner.texts("pip"))]
            continue
        found = _SPEC.fullmatch(each.strip()) if isinstance(each, str) else None
        if found is None:
            raise table.error(path, "this is no package")
        conda.append((normalize(found["name"]), found["version"].strip(), table.place(path)))
    return conda, pip


def _pins(lines: list[tuple[str, str]], project: Project) -> Iterator[Pin]:
    from depsfirst.project.pin import parse_pin

    for line, where in lines:
        text = line.partition(" #")[0].strip()
        if re.match(r"-(?!e |-editable )", text):
            raise DepsfirstError(
                f'the option "{text.split()[0]}" is not supported here',
                where=where,
                hint="write what it brings as lines of their own, or use the requirements file itself",
            )
        editable = text.startswith("-")
        pin = parse_pin(text.split(maxsplit=1)[-1] if editable else text, where, project, editable=editable)
        if pin is not None:
            yield pin


def specifier(version: str, where: str) -> str | None:
    """The versions of Python that conda's words for them allow, as PEP 440 has it; None is any.

    ``3.11``, ``=3.11`` and ``3.11.*`` are every 3.11, ``==3.11.4`` is that one; a build behind it does not count.

    Raises:
        DepsfirstError: it is no version.
    """
    from depsfirst.project.markers import admits

    text = version.partition(" ")[0]
    if text in {"", "*", "="}:
        return None
    plain = re.fullmatch(r"=?(\d+(?:\.\d+)*)(?:\.\*)?(?:=.*)?", text)
    found = f"=={plain[1]}.*" if plain else text
    try:
        admits(found, "3.12")
    except DepsfirstError as error:
        raise DepsfirstError(error.message, where=where) from None
    return found
