"""Named tuples that cost nothing to define: ``typing.NamedTuple`` for readers and type checkers, quicker to import.

The standard library's compiles code for each class and for each annotation, 0.1 ms a class. An edit of code imports
about eighty of them, and a rebuild after it should take a tenth of a second.
"""
# ruff: noqa: ANN001, ANN002, ANN003, ANN202, ANN204 - type checkers are given typing's own

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter as _getter
    except ImportError:  # another Python than CPython

        def _getter(place, doc):
            return property(lambda self: self[place], doc=doc)

    def _new(cls, /, *given, **named):
        if named or len(given) != len(cls._fields):
            given = _completed(cls, given, named)
        return tuple.__new__(cls, given)

    def _completed(cls: Any, given: tuple, named: dict) -> list:
        """All fields in order, as they are given or by default."""
        values = list(given)
        for name in cls._fields[len(given) :]:
            if name in named:
                values.append(named.pop(name))
            elif name in cls._field_defaults:
                values.append(cls._field_defaults[name])
            else:
                raise TypeError(f"{cls.__name__} needs {name!r}")
        if named or len(values) != len(cls._fields):
            raise TypeError(f"{cls.__name__} has no place for {', '.join(map(repr, named)) or values[-1]!r}")
        return values

    def _make(cls, values):
        return cls(*values)

    def _replace(self, /, **changed):
        values = [changed.pop(name, value) for name, value in zip(self._fields, self, strict=True)]
        if changed:
            raise ValueError(f"{type(self).__name__} has no {', '.join(map(repr, changed))}")
        return tuple.__new__(type(self), values)

    def _as_dict(self):
        return dict(zip(self._fields, self, strict=True))

    def _new_arguments(self):
        return tuple(self)

    def _text(self):
        inner = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__name__}({inner})"

    _COMMON = {
        "__slots__": (),
        "__new__": _new,
        "__repr__": _text,
        "__getnewargs__": _new_arguments,
        "_make": classmethod(_make),
        "_replace": _replace,
        "_asdict": _as_dict,
    }

    class _Definition(type):
        """Makes a class of fields one of tuples, when its body was read."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body.pop(field) for field in fields if field in body}
            places = {field: _getter(place, "") for place, field in enumerate(fields)}
            facts = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
            return type(name, (tuple,), {**_COMMON, **body, **places, **facts})

    class NamedTuple(metaclass=_Definition):
        """What values derive from; see ``typing.NamedTuple``."""


__all__ = ["NamedTuple"]
