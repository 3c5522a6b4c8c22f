"""What is known of a base image, and the wheels that fit it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.tags import Tag

_MACHINES = {
    "386": "i686",
    "amd64": "x86_64",
    "arm": "armv7l",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


class Interpreter(NamedTuple):
    """A CPython of a base.

    Attributes:
        path: where it is, all symlinks followed.
        version: (major, minor, patch).
        full_version: as ``python_full_version`` in markers: ``3.13.5``, ``3.14.0rc2``.
        free_threaded: whether it was built without the GIL.
        stdlib: top-level names of its standard library, sorted.
    """

    path: str
    version: tuple[int, int, int]
    full_version: str
    free_threaded: bool
    stdlib: tuple[str, ...]


class Libc(NamedTuple):
    """The C library: ``glibc``, ``musl``, or ``none`` where the interpreter is static; and (major, minor)."""

    kind: str
    version: tuple[int, int]


class BaseFacts(NamedTuple):
    """What a base offers.

    Attributes:
        architecture: as OCI names it: ``amd64``, ``arm64``, …
        libc: the C library of its interpreters.
        interpreters: in the order of PATH, each once.
        passwd: text of ``/etc/passwd``, empty if there is none.
        group: text of ``/etc/group``, empty if there is none.
    """

    architecture: str
    libc: Libc
    interpreters: tuple[Interpreter, ...]
    passwd: str = ""
    group: str = ""

    @property
    def users(self) -> dict[str, int]:
        """Numbers of users by name."""
        return numbers(self.passwd)

    @property
    def groups(self) -> dict[str, int]:
        """Numbers of groups by name."""
        return numbers(self.group)

    def to_json(self) -> dict[str, Any]:
        """The value for a memo."""
        interpreters = [python._asdict() for python in self.interpreters]
        return self._asdict() | {"libc": self.libc._asdict(), "interpreters": interpreters}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> BaseFacts:
        """The inverse of ``to_json``, after a way through JSON too."""
        interpreters = tuple(
            Interpreter(**{**each, "version": tuple(each["version"]), "stdlib": tuple(each["stdlib"])})
            for each in value["interpreters"]
        )
        libc = Libc(value["libc"]["kind"], tuple(value["libc"]["version"]))
        return cls(value["architecture"], libc, interpreters, value["passwd"], value["group"])


def choose(facts: BaseFacts, requires_python: str | None, where: str = "base") -> Interpreter:
    """The first interpreter on PATH that ``requires-python`` allows.

    Raises:
        DepsfirstError: there is none.
    """
    from packaging.specifiers import SpecifierSet

    allowed = SpecifierSet(requires_python or "")
    for python in facts.interpreters:
        if allowed.contains(python.full_version, prereleases=True):
            return python
    has = ", ".join(f"{python.full_version} ({python.path})" for python in facts.interpreters)
    raise DepsfirstError(
        f'the base has Python {has}, but the project requires "{requires_python}"',
        where=where,
        hint="choose a base with such a Python, or mend requires-python",
    )


def target_tags(facts: BaseFacts, python: Interpreter) -> tuple[Tag, ...]:
    """The tags of wheels that fit, best first: what pip would find in the base itself."""
    from packaging.tags import compatible_tags, cpython_tags

    version = python.version[:2]
    abi = f"cp{version[0]}{version[1]}{'t' if python.free_threaded else ''}"
    platforms = list(_platforms(facts))
    interpreter = f"cp{version[0]}{version[1]}"
    return (
        *cpython_tags(version, [abi], platforms),
        *compatible_tags(version, interpreter, platforms),
    )


def numbers(text: str) -> dict[str, int]:
    """Name -> number, of the text of ``/etc/passwd`` or ``/etc/group``."""
    rows = (line.split(":") for line in text.splitlines() if not line.startswith("#"))
    return {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}  # noqa: PLR2004 (name:x:number)


def _platforms(facts: BaseFacts) -> Iterator[str]:
    machine = _MACHINES.get(facts.architecture, facts.architecture)
    major, newest = facts.libc.version
    yield f"linux_{machine}"
    if facts.libc.kind == "musl":
        yield from (f"musllinux_{major}_{minor}_{machine}" for minor in range(newest, -1, -1))
    elif facts.libc.kind == "glibc":
        oldest = 5 if machine in {"x86_64", "i686"} else 17
        for minor in range(newest, oldest - 1, -1):
            yield f"manylinux_{major}_{minor}_{machine}"
            if (major, minor) in _LEGACY:
                yield f"{_LEGACY[major, minor]}_{machine}"
