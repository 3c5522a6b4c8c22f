"""Data classes that cost little to define: ``dataclasses`` for readers and type checkers, quicker to import.

The standard library's compiles up to six methods of each class when the class is defined, half a millisecond in all.
Here a method is compiled when it is called first: a run of ``check`` defines 85 classes, and few compare values.
"""
# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202, ANN204, SLF001 - type checkers are given the standard library's own

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    _ABSENT = object()

    class _Field:
        """What is said of a field: its default, what makes one, and whether it shows and counts."""

        __slots__ = ("compare", "default", "factory", "repr")

        def __init__(self, default, factory, repr, compare):  # noqa: A002 - the words of the standard library
            self.default, self.factory, self.repr, self.compare = default, factory, repr, compare

    def field(*, default=_ABSENT, default_factory=_ABSENT, repr=True, compare=True):  # noqa: A002 - likewise
        """Say more of a field than its default."""
        return _Field(default, default_factory, repr, compare)

    def dataclass(*, frozen=False, slots=False, eq=True, repr=True):  # noqa: A002 - likewise
        """Make a data class of a class of annotated fields; see ``dataclasses.dataclass``."""

        def made(cls):
            own = {name: _described(cls, name) for name in cls.__annotations__}
            every = {**getattr(cls, "_described_fields", {}), **own}
            body = {name: value for name, value in cls.__dict__.items() if name not in own and name not in _OF_EACH}
            if slots:
                taken = {name for base in cls.__mro__ for name in getattr(base, "__slots__", ())}
                body["__slots__"] = tuple(name for name in own if name not in taken)
            else:
                body |= {name: each.default for name, each in own.items() if each.default is not _ABSENT}
            if body.get("__hash__", _ABSENT) is None:  # as the language has it beside an __eq__
                del body["__hash__"]
            facts = {"_described_fields": every, "__match_args__": tuple(every), "__dataclass_fields__": _Standard()}
            methods, owner = _methods(frozen=frozen, eq=eq, repr_=repr)
            name = {"__qualname__": cls.__qualname__}
            owner.append(type(cls)(cls.__name__, cls.__bases__, {**methods, **body, **facts, **name}))
            return owner[0]

        return made

    _OF_EACH = ("__dict__", "__weakref__")
    """What each class has of its own, and must not be given."""

    def _described(cls, name):
        value = cls.__dict__.get(name, _ABSENT)
        return value if isinstance(value, _Field) else _Field(value, _ABSENT, repr=True, compare=True)

    def _methods(*, frozen, eq, repr_):
        """The methods of a class by name, and a list that is to get the class."""
        owner = []
        found = {"__init__": _compiled_later("__init__", _initializer, owner)}
        if repr_:
            found["__repr__"] = _text
        if eq:
            found["__eq__"] = _compiled_later("__eq__", _comparison, owner)
            found["__hash__"] = _compiled_later("__hash__", _hash, owner) if frozen else None
        if frozen:
            found |= {"__setattr__": _refuse, "__delattr__": _refuse}
        return found, owner

    def _compiled_later(name, write, owner):
        """A method that compiles itself when it is called first, and takes its own place."""

        def method(self, *given, **named):
            text, values = write(owner[0])
            exec(text, values)  # noqa: S102 - as the standard library does
            setattr(owner[0], name, values[name])
            return values[name](self, *given, **named)

        return method

    def _initializer(owner):
        """The text of ``__init__``, and the values that it names."""
        fields = owner._described_fields
        parameters = "".join(f", {name}{_default(name, each)}" for name, each in fields.items())
        values = {f"_default_{name}": each.default for name, each in fields.items() if each.default is not _ABSENT}
        values |= {f"_make_{name}": each.factory for name, each in fields.items() if each.factory is not _ABSENT}
        values |= {"_ABSENT": _ABSENT, "_set": object.__setattr__}
        lines = []
        for name, each in fields.items():
            place = getattr(owner, name, None)
            if each.factory is not _ABSENT:
                lines.append(f"if {name} is _ABSENT: {name} = _make_{name}()")
            if hasattr(place, "__set__"):  # a slot
                values[f"_set_{name}"] = place.__set__
                lines.append(f"_set_{name}(self, {name})")
            else:
                lines.append(f"_set(self, {name!r}, {name})")
        body = "\n ".join(lines or ["pass"])
        return f"def __init__(self{parameters}):\n {body}", values

    def _default(name, each):
        if each.factory is not _ABSENT:
            return "=_ABSENT"
        return "" if each.default is _ABSENT else f"=_default_{name}"

    def _compared(owner, whose):
        return "".join(f"{whose}.{name}, " for name, each in owner._described_fields.items() if each.compare)

    def _comparison(owner):
        text = "def __eq__(self, other):\n if other.__class__ is not self.__class__: return NotImplemented\n"
        return f"{text} return ({_compared(owner, 'self')}) == ({_compared(owner, 'other')})", {}

    def _hash(owner):
        return f"def __hash__(self): return hash(({_compared(owner, 'self')}))", {}

    def _text(self):
        shown = [name for name, each in self._described_fields.items() if each.repr]
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def _refuse(self, name, *_):
        raise AttributeError(f"{name!r} of {type(self).__name__} cannot be changed")

    def replace(value, /, **changed):
        """A copy with other values in some fields."""
        kept = {name: getattr(value, name) for name in value._described_fields if name not in changed}
        return type(value)(**kept, **changed)

    class _Standard:
        """What the standard library's functions ask a data class for, made when they do."""

        def __get__(self, instance, owner):
            import dataclasses

            fields = {}
            for name, each in owner._described_fields.items():
                facts = {"default": each.default, "default_factory": each.factory}
                given = {word: value for word, value in facts.items() if value is not _ABSENT}
                fields[name] = dataclasses.field(**given, repr=each.repr, compare=each.compare)
                fields[name].name, fields[name]._field_type = name, dataclasses._FIELD
            return fields


__all__ = ["dataclass", "field", "replace"]
