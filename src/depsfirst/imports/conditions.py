"""What a condition is on Linux under a given Python, as far as that is known before it runs."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_Value = tuple[float, ...] | float | str | None

_FACTS = {
    "sys.platform": "linux",
    "os.name": "posix",
    "platform.system()": "Linux",
    "sys.implementation.name": "cpython",
    "platform.python_implementation()": "CPython",
}
_OPERATIONS: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_FLAGS = {"TYPE_CHECKING": False, "MYPY": False, "PY2": False, "PY3": True}


class Conditions:
    """Conditions of one module.

    Args:
        python: (major, minor) of the interpreter that will run it.
        body: its statements, of which some name conditions.
    """

    def __init__(self, python: tuple[int, int], body: Iterable[ast.stmt]) -> None:
        self._python = python
        self._constants = dict(_FLAGS)
        self._constants.update(self._computed(body))

    def truth(self, test: ast.expr) -> bool | None:  # noqa: PLR0911 (one for each form of condition)
        """What a condition is on Linux under this Python; None if that is not known before it runs."""
        match test:
            case ast.Constant():
                return bool(test.value)
            case ast.Name() | ast.Attribute():
                return self._constants.get(last_name(test))
            case ast.UnaryOp(op=ast.Not()):
                inner = self.truth(test.operand)
                return None if inner is None else not inner
            case ast.BoolOp():
                return _joined([self.truth(value) for value in test.values], any_=isinstance(test.op, ast.Or))
            case ast.Compare(ops=[operation], comparators=[right]):
                return _compared(self._value(test.left), operation, right, self._python)
            case ast.Call(func=ast.Attribute(value=value, attr="startswith"), args=[ast.Constant(value=str(start))]):
                known = _FACTS.get(dotted(value))
                return None if known is None else known.startswith(start)
        return None

    def _value(self, node: ast.expr) -> _Value:
        major, minor = self._python
        name = dotted(node)
        if name in {"sys.version_info", "version_info"}:
            return (major, minor, 0.5)  # the patch is not known, but there is one
        match node:
            case ast.Attribute(attr="major" | "minor") if name.startswith("sys.version_info."):
                return major if node.attr == "major" else minor
            case ast.Subscript(slice=index) if dotted(node.value) in {"sys.version_info", "version_info"}:
                return _sliced(index, self._python)
        return _FACTS.get(name)

    def _computed(self, body: Iterable[ast.stmt]) -> Iterator[tuple[str, bool]]:
        """Names at the top that hold such a condition, as ``WINDOWS = sys.platform == "win32"``."""
        for statement in body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Compare() | ast.Call() as value):
                    truth = self.truth(value)
                    if truth is not None:
                        yield name, truth


def _compared(left: _Value, operation: ast.cmpop, right: ast.expr, python: tuple[int, int]) -> bool | None:
    apply = _OPERATIONS.get(type(operation))
    try:
        value = ast.literal_eval(right)
        if left is None or apply is None or (isinstance(value, tuple) and value[:2] == python and value[2:]):
            return None
        return bool(apply(left, value))
    except (TypeError, ValueError):
        return None


def _sliced(index: ast.expr, python: tuple[int, int]) -> tuple[float, ...] | float | None:
    match index:
        case ast.Constant(value=int(at)) if 0 <= at < len(python):
            return python[at]
        case ast.Slice(lower=None, upper=ast.Constant(value=int(end)), step=None) if 0 < end <= len(python):
            return tuple(python[:end])
    return None


def _joined(values: list[bool | None], *, any_: bool) -> bool | None:
    if any_ in values:
        return any_
    return None if None in values else not any_


def last_name(node: ast.AST) -> str:
    """``b`` of ``a.b``, ``a`` of ``a``, else an empty string."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.AST) -> str:
    """``a.b`` of a name or attribute, ``a.b()`` of a call without arguments, else an empty string."""
    suffix = ""
    if isinstance(node, ast.Call) and not node.args and not node.keywords:
        node, suffix = node.func, "()"
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)]) + suffix
