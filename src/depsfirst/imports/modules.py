"""Which modules a set of files below site-packages makes importable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_HARMLESS_HOOKS = ("-nspkg.pth", "distutils-precedence.pth", "coverage.pth")
_SCHEMES = ("purelib", "platlib")


class Names(NamedTuple):
    """The dotted names of files.

    Attributes:
        packages: folders with an ``__init__``.
        modules: single files.
        folders: all folders.
        extensions: those packages and modules that are compiled, which may hold further modules.
    """

    packages: frozenset[str]
    modules: frozenset[str]
    folders: frozenset[str]
    extensions: frozenset[str]


class Provided(NamedTuple):
    """What distributions answer.

    Attributes:
        modules: regular packages and modules, dotted, without those below a regular package.
        namespaces: packages without ``__init__``, dotted, down to those modules.
        hooks: names of ``.pth`` files, by which anything else may become importable.
    """

    modules: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    hooks: frozenset[str] = frozenset()

    def __or__(self, other: Provided) -> Provided:
        return Provided(self.modules | other.modules, self.namespaces | other.namespaces, self.hooks | other.hooks)

    def to_json(self) -> dict[str, list[str]]:
        """The value for a memo."""
        return {name: sorted(getattr(self, name)) for name in ("modules", "namespaces", "hooks")}

    @classmethod
    def from_json(cls, value: Mapping[str, list[str]]) -> Provided:
        """The inverse of ``to_json``."""
        return cls(**{name: frozenset(names) for name, names in value.items()})


def provided(paths: Iterable[str]) -> Provided:
    """What a distribution answers, from the paths of its files below site-packages."""
    paths = tuple(paths)
    names = names_of(paths)
    modules: set[str] = set()
    namespaces: set[str] = set()
    below: set[str] = set()
    for folder in sorted(names.folders):  # a parent sorts before its children
        if parent(folder) in below:
            below.add(folder)
        elif folder in names.packages:
            below.add(folder)
            modules.add(folder)
        else:
            namespaces.add(folder)
    modules.update(module for module in names.modules if parent(module) not in below)
    if "_distutils_hack" in modules:  # how setuptools gives `distutils` to a Python that has none
        modules.add("distutils")
    return Provided(frozenset(modules), frozenset(namespaces), hooks_of(paths))


def hooks_of(paths: Iterable[str]) -> frozenset[str]:
    """The `.pth` files at the top, but for those that are known to add no module by another name."""
    hooks = (path for path in paths if path.endswith(".pth") and not path.endswith(_HARMLESS_HOOKS))
    return frozenset(path for path in map(site_path, hooks) if "/" not in path)


def names_of(paths: Iterable[str]) -> Names:
    """The dotted names of files; those in folders with a dot in their name can only be reached by path."""
    packages: set[str] = set()
    modules: set[str] = set()
    extensions: set[str] = set()
    holders: dict[str, str | None] = {}  # folder of files -> what their modules' names begin with
    for path in map(site_path, paths):
        head, _, file = path.rpartition("/")
        stem = _stem(file)
        if head not in holders:
            holders[head] = _holder(head)
        holder = holders[head]
        if not stem or holder is None:
            continue
        name = holder[:-1] if stem == "__init__" else holder + stem
        (packages if stem == "__init__" and name else modules).add(name or stem)
        if file.endswith(".so"):
            extensions.add(name)
    folders = {prefix for holder in holders.values() if holder for prefix in prefixes(holder[:-1])}
    return Names(*map(frozenset, (packages, modules, folders, extensions)))


def _holder(head: str) -> str | None:
    """``a.b.`` of ``a/b``; None of a folder that no dotted name can reach."""
    if "." in head or head.endswith("__pycache__"):
        return None
    return head.replace("/", ".") + "." if head else ""


def site_path(path: str) -> str:
    """A wheel's own path as it is once installed: what ``NAME.data/purelib/`` holds goes to the top."""
    if ".data/" not in path:
        return path
    first, _, rest = path.partition("/")
    if not first.endswith(".data"):
        return path
    scheme, _, inner = rest.partition("/")
    return inner if scheme in _SCHEMES else path


def prefixes(name: str) -> Iterator[str]:
    """``a``, ``a.b``, ``a.b.c`` of ``a.b.c``."""
    end = name.find(".")
    while end >= 0:
        yield name[:end]
        end = name.find(".", end + 1)
    yield name


def parent(name: str) -> str:
    """``a.b`` of ``a.b.c``; an empty string at the top."""
    return name.rpartition(".")[0]


def absolute(name: str, package: str) -> str:
    """The module that ``name`` means in a package; empty if its dots lead beyond the top."""
    rest = name.lstrip(".")
    up = len(name) - len(rest)
    if not up:
        return name
    parts = package.split(".") if package else []
    if up > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - up + 1], *([rest] if rest else [])])


def _stem(file: str) -> str:
    """The module a file holds, whatever the ABI tag of an extension; empty for any other file."""
    stem, _, rest = file.partition(".")
    return stem if rest in {"py", "pyc", "so"} or rest.endswith(".so") else ""
