"""What one Python source file imports, at which line, and how surely that import runs on Linux."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from typing import TYPE_CHECKING

from depsfirst.imports.conditions import Conditions, dotted, last_name
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

REQUIRED = "required"
PERHAPS = "perhaps"
LATER = "later"
DYNAMIC = "dynamic"
GUARDED = "guarded"

_CERTAINTY = (REQUIRED, PERHAPS, LATER, GUARDED)
_CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_NAMED_AS_GUARD = re.compile(r"_?(has|have)_\w+|\w+_(available|installed)", re.IGNORECASE)
_TRAITS = {"modules": (b"__path__", b"sys.modules"), "path": (b"sys.path", b"addsitedir")}
_LOADERS = frozenset({"__import__", "import_module"})
_PROBES = frozenset({"find_spec", "find_loader"})


class Import(NamedTuple):
    """One import.

    Attributes:
        name: the dotted module; a relative one begins with its dots.
        line: from 1.
        need: ``required`` (runs whenever the module is imported), ``perhaps`` (a condition or a handler that
            raises its own error decides), ``later`` (inside a function), ``dynamic`` (named by a string) or
            ``guarded`` (its failure is caught, or was asked for before).
        names: what ``from name import …`` asks for.
        unless: groups of modules, each joined by spaces: it runs only if every group misses a module.
    """

    name: str
    line: int
    need: str
    names: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Fault(NamedTuple):
    """Why a file cannot be compiled; ``certain`` unless only this host's Python cannot judge it."""

    line: int
    message: str
    certain: bool = True


_TOO_DEEP = Fault(1, "it is nested too deeply to be judged", certain=False)


class Scan(NamedTuple):
    """A file's imports sorted by line, its fault if it does not compile, and its traits.

    Traits: ``modules`` if it may add submodules by itself (``__path__``, ``sys.modules``), ``path`` if it may
    change where modules are searched.
    """

    imports: tuple[Import, ...] = ()
    fault: Fault | None = None
    traits: tuple[str, ...] = ()


class _Context(NamedTuple):
    need: str = REQUIRED
    unless: tuple[str, ...] = ()

    def weakened(self, need: str) -> _Context:
        return self._replace(need=max(self.need, need, key=_CERTAINTY.index))


_Part = tuple["Sequence[ast.stmt]", _Context]


def scan(source: bytes, python: tuple[int, int]) -> Scan:
    """Read a source file as Python ``python`` (major, minor) would; never raises for what is in it."""
    tree = _parse(source, python)
    if isinstance(tree, Fault):
        return Scan(fault=tree)
    walk = _Walk(tree, python, strings=any(name.encode() in source for name in _LOADERS))
    try:
        imports = tuple(sorted(walk.imports(), key=_place))
    except RecursionError:
        return Scan(fault=_TOO_DEEP)
    traits = tuple(trait for trait, marks in _TRAITS.items() if any(mark in source for mark in marks))
    return Scan(imports, None, traits)


def _place(found: Import) -> tuple[int, str]:
    return found.line, found.name


def _parse(source: bytes, python: tuple[int, int]) -> ast.Module | Fault:
    host = sys.version_info[:2]
    null = source.find(b"\0")
    if null >= 0:
        return Fault(source[:null].count(b"\n") + 1, "source code cannot contain null bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, feature_version=python if python < host else None)
            if python <= host:  # some errors, as a `return` outside a function, are found after parsing
                compile(tree, "<source>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return _fault(error.lineno or 1, error.msg, python)
    except ValueError as error:  # bytes that are not in the encoding, in an error message
        return Fault(1, str(error))
    except (RecursionError, MemoryError):
        return _TOO_DEEP
    return tree


def _fault(line: int, message: str, python: tuple[int, int]) -> Fault:
    if python <= sys.version_info[:2]:
        return Fault(line, message)
    host = "{}.{}".format(*sys.version_info)
    target = "{}.{}".format(*python)
    return Fault(line, f"the host's Python {host} cannot judge the syntax of {target}: {message}", certain=False)


_IMPORTS = frozenset({ast.Import, ast.ImportFrom})
_ENDS = frozenset({ast.If, ast.Assert, ast.Raise, ast.Return, ast.Expr})
_BLOCKS = frozenset(
    {
        *(ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While, ast.Match),
        *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    }
)


class _Walk:
    """The statements of one module, without recursion, so that no nesting is too deep."""

    def __init__(self, tree: ast.Module, python: tuple[int, int], *, strings: bool) -> None:
        self._tree = tree
        self._strings = strings
        self._flags = _flags(tree)
        self._conditions = Conditions(python, tree.body)

    def imports(self) -> Iterator[Import]:
        todo: list[_Part] = [(self._tree.body, _Context())]
        while todo:
            body, context = todo.pop()
            for statement in body:
                kind = type(statement)
                if kind in _BLOCKS:
                    todo.extend(self._parts(statement, context))
                elif self._strings or kind in _IMPORTS:
                    yield from _named(statement, context)
                if kind in _ENDS and self._stops(statement):
                    break

    def _parts(  # noqa: PLR0911 (one for each kind of statement)
        self, statement: ast.stmt, context: _Context
    ) -> Iterable[_Part]:
        match statement:
            case ast.If():
                return self._branches(statement, context)
            case ast.Try() | ast.TryStar():
                return _tried(statement, context)
            case ast.With() | ast.AsyncWith():
                return [(statement.body, _entered(statement, context))]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return [(statement.body, context.weakened(LATER))]
            case ast.ClassDef():
                return [(statement.body, context)]
            case ast.For() | ast.AsyncFor() | ast.While():
                return [(part, context.weakened(PERHAPS)) for part in (statement.body, statement.orelse)]
            case ast.Match():
                return [(case.body, context.weakened(PERHAPS)) for case in statement.cases]
        return ()

    def _branches(self, statement: ast.If, context: _Context) -> Iterable[_Part]:
        truth = self._conditions.truth(statement.test)
        if truth is not None:
            return [(statement.body if truth else statement.orelse, context)]
        weak = context.weakened(GUARDED if self._asks(statement.test) else PERHAPS)
        return [(statement.body, weak), (statement.orelse, weak)]

    def _asks(self, test: ast.expr) -> bool:
        """Whether a condition asks if something is installed."""
        for node in ast.walk(test):
            name = last_name(node)
            if name in _PROBES or name in self._flags or (name and _NAMED_AS_GUARD.fullmatch(name)):
                return True
            if isinstance(node, ast.Compare) and dotted(node.comparators[-1]) == "sys.modules":
                return True
        return False

    def _stops(self, statement: ast.stmt) -> bool:
        """Whether nothing after this statement runs in its block."""
        if isinstance(statement, ast.If) and self._conditions.truth(statement.test):
            return any(isinstance(inner, ast.Raise) or _exits(inner) for inner in statement.body)
        if isinstance(statement, ast.Assert):
            return self._conditions.truth(statement.test) is False
        return isinstance(statement, ast.Raise | ast.Return) or _exits(statement)


def _named(statement: ast.stmt, context: _Context) -> Iterator[Import]:
    line, (need, unless) = statement.lineno, context
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield Import(alias.name, line, need, (), unless)
    elif isinstance(statement, ast.ImportFrom):
        names = tuple(sorted(alias.name for alias in statement.names))
        yield Import("." * statement.level + (statement.module or ""), line, need, names, unless)
    elif need != LATER:
        for call in _calls(statement, _LOADERS):
            name = _literal(call)
            if name and not name.startswith("."):
                yield Import(name, call.lineno, GUARDED if need == GUARDED else DYNAMIC, (), unless)


def _tried(statement: ast.Try | ast.TryStar, context: _Context) -> Iterator[_Part]:
    catching = [handler for handler in statement.handlers if _catches(handler.type)]
    need = REQUIRED
    if catching:
        need = PERHAPS if all(isinstance(handler.body[-1], ast.Raise) for handler in catching) else GUARDED
    yield statement.body, context.weakened(need)
    yield statement.orelse, context.weakened(GUARDED if catching else PERHAPS)
    yield statement.finalbody, context
    tried = " ".join(sorted(_modules(statement.body)))
    for handler in statement.handlers:
        if tried and handler in catching:
            yield handler.body, context._replace(unless=(*context.unless, tried))
        else:
            yield handler.body, context.weakened(PERHAPS)


def _modules(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or "")


def _entered(statement: ast.With | ast.AsyncWith, context: _Context) -> _Context:
    """A context manager may swallow an error; `suppress(ImportError)` surely does, `catch_warnings` does not."""
    calls = [item.context_expr for item in statement.items]
    for call in calls:
        if isinstance(call, ast.Call) and any(_catches(argument) for argument in call.args):
            return context.weakened(GUARDED)
    if all(isinstance(call, ast.Call) and last_name(call.func) == "catch_warnings" for call in calls):
        return context
    return context.weakened(PERHAPS)


def _catches(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_catches(element) for element in kind.elts)
    return kind is None or last_name(kind) in _CATCHING


def _flags(tree: ast.Module) -> frozenset[str]:
    """Names that say whether something is installed: set where an import is tried, or from `find_spec`."""
    found: set[str] = set()
    for statement in tree.body:
        tried = isinstance(statement, ast.Try | ast.TryStar) and any(_modules(statement.body))
        if tried or (isinstance(statement, ast.Assign) and any(_calls(statement, _PROBES))):
            assigned = (node for node in ast.walk(statement) if isinstance(node, ast.Assign | ast.AnnAssign))
            for node in assigned:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(found)


def _calls(statement: ast.AST, names: frozenset[str]) -> Iterator[ast.Call]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and last_name(node.func) in names:
            yield node


def _literal(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _exits(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and dotted(call.func) == "sys.exit"
