"""What answers an import in the image, and how to say that nothing does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from depsfirst.imports.modules import Names, Provided, absolute, parent, prefixes
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Severity = Literal["error", "warning", "unknown"]
Row = tuple[str, int, str, tuple[str, ...], tuple[str, ...]]
"""The fields of a ``scan.Import``."""

# Where people keep code that no module of the project loads.
ASIDE = frozenset({"tests", "test", "testdata", "fixtures", "templates", "template", "examples"})

_WINDOWS_AND_MAC = "_msi _overlapped _scproxy _winapi _wmi msilib msvcrt nt winreg winsound"
ELSEWHERE = frozenset([*_WINDOWS_AND_MAC.split(), "__pypy__"])
"""Modules that only the standard library of another system, or of another interpreter, has."""

_ADDED = {"annotationlib": 14, "compression": 14, "graphlib": 9, "tomllib": 11, "zoneinfo": 9}
_REMOVED = {
    10: "formatter parser symbol",
    11: "binhex",
    12: "asynchat asyncore distutils imp smtpd",
    13: "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes "
    "sndhdr spwd sunau telnetlib uu xdrlib",
}
_WHEN = {
    "perhaps": " (if a condition holds)",
    "later": " (when a function runs)",
    "dynamic": " (by its name in a string)",
}


class Stdlib(NamedTuple):
    """The top-level names of the standard library of a base, and its Python as (major, minor)."""

    names: frozenset[str]
    python: tuple[int, int]


class Surroundings(NamedTuple):
    """What the project's code is held against.

    Attributes:
        provided: what the layers below the code answer.
        stdlib: that of the base.
        ignored: module names never reported, with all below them.
        uninstalled: packages that are not installed, by normalized name: ``group`` or ``extra``, and the name of that;
            ``package``, and one of them with the extra that would bring it; ``marker``, and where it is wanted.
        entries: modules of the project that are surely loaded, as its scripts name them: ``module:object`` too.
        plugins: modules of the project that other programs load if they are there, in the same words.
        scripts: whether the project's files may be scripts, of which one is started and no other is loaded.
    """

    provided: Provided
    stdlib: Stdlib
    ignored: frozenset[str] = frozenset()
    uninstalled: Mapping[str, tuple[str, str]] = {}
    entries: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    scripts: bool = False


class Problem(NamedTuple):
    """An import that nothing answers, or a file that does not compile.

    ``error`` is certain; ``warning`` may never be met; ``unknown`` is a file the host's Python cannot judge.
    ``path`` is relative to the project's root where the source is known, else to site-packages; ``module`` is
    what is missing, if anything.
    """

    severity: Severity
    path: str
    line: int
    message: str
    hint: str | None = None
    module: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class Place(NamedTuple):
    """A source of the project: its path as shown, its dotted module and package, and whether it stands aside.

    A file in a folder with a dot in its name has no ``package``: it can only be run by its path.
    """

    shown: str
    module: str
    package: str | None
    aside: bool


def place(path: str, shown: str) -> Place:
    """Where a file below site-packages stands among modules."""
    head, _, file = path.rpartition("/")
    stem = file.removesuffix(".py")
    package = head.replace("/", ".")
    module = package if stem == "__init__" else f"{package}.{stem}".lstrip(".")
    parts = [*head.split("/")] if head else []
    aside = (
        not ASIDE.isdisjoint(parts)
        or stem.startswith("test_")
        or stem.endswith("_test")
        or stem == "conftest"
        or not all(part.isidentifier() for part in [*parts, stem])
    )
    return Place(shown, module, None if "." in head else package, aside)


class Judge:
    """Holds imports against what answers them.

    Args:
        own: the names of the project's files.
        around: what the image has.
        dynamic: modules of the project that may add submodules by themselves.
        moves_path: whether a file of the project changes where modules are searched.
    """

    def __init__(
        self,
        own: Names,
        around: Surroundings,
        dynamic: frozenset[str] = frozenset(),
        *,
        moves_path: bool = False,
    ) -> None:
        self._own = own
        self._around = around
        self._dynamic = dynamic | own.extensions
        self._moves_path = moves_path
        self._regular = own.packages | own.modules
        self._answered = around.stdlib.names | around.provided.modules | {"__main__"}
        self._bare = own.folders | around.provided.namespaces
        self._seen: dict[str, str | None] = {}

    def doubted(self, asks: Iterable[str]) -> frozenset[str]:
        """Those of many absolute modules, ``.`` among them, that call for a closer look."""
        distinct = set(asks)
        return frozenset(
            ask
            for ask in distinct - self._answered - self._regular
            if ask.partition(".")[0] not in self._answered
            and (ask == "." or ask in self._bare or self._missing(ask, ()))
        )

    def problems(self, rows: Iterable[Row], at: Place) -> Iterator[Problem]:
        """Those imports of one source that nothing answers."""
        for name, line, need, names, unless in rows:
            if name.partition(".")[0] in self._answered or need == "guarded":
                continue
            if name.startswith(".") and at.package is None:
                continue
            meant = absolute(name, at.package or "")
            missing = self._missing(meant, names) if meant else name
            if missing and all(self._fails(group, at) for group in unless):
                yield from self._problem(missing, at, line, need)

    def ignores(self, module: str) -> bool:
        """Whether the user does not want to hear of a module."""
        return not self._around.ignored.isdisjoint(prefixes(module))

    def is_left_out(self, module: str, kind: str | None = None) -> bool:
        """Whether something that is known and not installed, as an extra that was not chosen, may bring a module."""
        found = self._uninstalled(module) if self.is_foreign(module) else None
        return found is not None and kind in {None, found[1]}

    def is_foreign(self, module: str) -> bool:
        """Whether a module would be one of a dependency."""
        return not self._of_project(module)

    def _fails(self, group: str, at: Place) -> bool:
        """Whether one of the modules, joined by spaces, is missing."""
        meant = [absolute(name, at.package or "") for name in group.split()]
        return any(not name or self._missing(name, ()) for name in meant)

    def _missing(self, module: str, names: Iterable[str]) -> str | None:
        """The first module on the way to a name, or to a name in a namespace, that nothing answers."""
        if module not in self._seen:
            self._seen[module] = self._first_missing(module)
        missing = self._seen[module]
        if missing is not None or module in self._regular or module not in self._bare:
            return missing
        if self._opaque(f"{module}.") or not self._answered.isdisjoint(prefixes(module)):
            return None
        wanted = (f"{module}.{name}" for name in names if name != "*" and not name.startswith("__"))
        return next((name for name in wanted if not self._known(name)), None)

    def _first_missing(self, module: str) -> str | None:
        for prefix in prefixes(module):
            if prefix in self._answered:
                return None
            if not self._known(prefix):
                return None if self._opaque(prefix) else prefix
        return None

    def _known(self, name: str) -> bool:
        """Whether a module, package or folder of that name is there."""
        return name in self._answered or name in self._regular or name in self._bare

    def _opaque(self, name: str) -> bool:
        """Whether a package of the project above a name may add it as it runs."""
        return not self._dynamic.isdisjoint(prefixes(parent(name)))

    def _problem(self, missing: str, at: Place, line: int, need: str) -> Iterator[Problem]:
        elsewhere = missing.partition(".")[0] in ELSEWHERE
        if self.ignores(missing.lstrip(".")) or (elsewhere and need != "required"):
            return
        message, hint = self._worded(missing, at)
        doubtful = at.aside or elsewhere or self._may_come(missing)
        severity: Severity = "error" if need == "required" and not doubtful else "warning"
        yield Problem(severity, at.shown, line, message + _WHEN.get(need, ""), hint, missing)

    def _may_come(self, missing: str) -> bool:
        """Whether a hook, a changed search path or an extra that was left out may answer it after all."""
        if self._moves_path and self._somewhere(missing):
            return True
        if self._of_project(missing):
            return False
        left_out = self._uninstalled(missing)
        return bool(self._around.provided.hooks) or (left_out is not None and left_out[1] == "extra")

    def _worded(self, missing: str, at: Place) -> tuple[str, str | None]:
        if missing.startswith("."):
            return _beyond(missing, at), "name the module from its top-level package on"
        if self._of_project(missing):
            return f'"{missing}" is imported, but the project has no such module', self._alike(missing)
        return self._of_python(missing.partition(".")[0]) or (
            f'"{missing}" is imported, but nothing in the image provides it',
            self._remedy(missing, at),
        )

    def _of_project(self, name: str) -> bool:
        top = name.partition(".")[0]
        return not top or top in self._regular or top in self._own.folders

    def _of_python(self, top: str) -> tuple[str, str] | None:
        """The words for a module of the standard library of another Python, or another system."""
        minor = self._around.stdlib.python[1]
        if top in ELSEWHERE:
            return f'"{top}" is in the standard library of other systems, not of Linux', _guard(top)
        for removed, names in _REMOVED.items():
            if removed <= minor and top in names.split():
                return f'"{top}" left the standard library in Python 3.{removed}', "use what took its place"
        if minor < _ADDED.get(top, 0):
            message = f'"{top}" is in the standard library only from Python 3.{_ADDED[top]} on'
            return (
                f"{message}, and the image has 3.{minor}",
                "choose a base with a newer Python, or a backport",
            )
        if top in sys.stdlib_module_names:
            message = f'"{top}" belongs to the standard library, but this base does not have it'
            return message, "choose a base with the whole library, or add the system package that has it"
        return None

    def _remedy(self, missing: str, at: Place) -> str:
        from depsfirst.imports.distributions import unlike  # only for bad news

        left_out = self._uninstalled(missing)
        if left_out:
            package, kind, name = left_out
            if kind == "marker":
                return f'"{package}" may provide it, and is wanted only where {name}'
            if kind == "package":
                return f'"{package}" may provide it, which comes with "{name}": depend on that'
            return f'"{package}" of {kind} "{name}" may provide it, and is not installed: add --{kind} {name}'
        sibling = f"{at.package}.{missing}"
        if sibling in self._regular and sibling not in prefixes(at.module):
            return f'the project has "{sibling}": import it by this name'
        what = f'"{unlike(missing)}"' if unlike(missing) else "the distribution that provides it"
        ignore = f'list "{missing}" under ignore-imports of [tool.depsfirst]'
        return f"add {what} to the dependencies and lock again, or {ignore}"

    def _uninstalled(self, missing: str) -> tuple[str, str, str] | None:
        """The locked package that was left out and may have a module, with kind and name of its set."""
        from depsfirst.imports.distributions import likely  # only for bad news

        left_out = self._around.uninstalled
        return next(((name, *left_out[name]) for name in likely(missing) if name in left_out), None)

    def _somewhere(self, missing: str) -> bool:
        """Whether the project has a module of that name in some package."""
        return any(name.endswith(f".{missing}") for name in self._regular)

    def _alike(self, missing: str) -> str:
        from difflib import get_close_matches  # only for bad news

        beside = [name for name in self._regular if parent(name) == parent(missing)]
        close = get_close_matches(missing, sorted(beside), n=1, cutoff=0.8)
        return f'did you mean "{close[0]}"?' if close else "add the module, or leave out the import"


def fault(found: Any, at: Place) -> Problem:
    """The problem of a source that does not compile; ``found`` has the fields of a ``scan.Fault``."""
    line, message, certain = found
    if not certain:
        return Problem("unknown", at.shown, line, message)
    severity: Severity = "warning" if at.aside else "error"
    return Problem(severity, at.shown, line, f"it does not compile: {message}", "mend it, or leave it out of the wheel")


def _beyond(name: str, at: Place) -> str:
    if not at.package:
        return f'"{name}" is imported relatively, but "{at.module}" is in no package'
    return f'"{name}" is imported relatively, beyond the top-level package "{at.package.partition(".")[0]}"'


def _guard(module: str) -> str:
    return f'put "import {module}" under a test of sys.platform'
