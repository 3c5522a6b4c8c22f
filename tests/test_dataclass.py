"""Data classes behave as those of the standard library do, and compile a method when it is called first."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from types import FunctionType
from typing import Any

import pytest

from depsfirst import dataclass as ours


def defined(module: Any) -> dict[str, Any]:
    """The same classes, by what a module has under the names of the standard library's."""

    @module.dataclass(frozen=True, slots=True)
    class Base:
        """What all have."""

        name: str
        size: int = 3

        @property
        def double(self) -> int:
            return self.size * 2

    @module.dataclass(frozen=True, slots=True)
    class Slotted(Base):
        size: int = 4
        more: tuple[str, ...] = ()
        seen: dict[str, int] = module.field(default_factory=dict, compare=False, repr=False)

    @module.dataclass(frozen=True)
    class Cached:
        text: str
        sizes: dict[str, int] = module.field(default_factory=dict)

        @cached_property
        def length(self) -> int:
            return len(self.text)

        def __repr__(self) -> str:
            return f"<{self.text}>"

    @module.dataclass(frozen=True, eq=False, repr=False)
    class Same:
        text: str = ""

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Same) and self.text.lower() == other.text.lower()

        def __hash__(self) -> int:
            return hash(self.text.lower())

    @module.dataclass(slots=True)
    class Open:
        count: int
        names: list[str] = module.field(default_factory=list)

    return {"Base": Base, "Slotted": Slotted, "Cached": Cached, "Same": Same, "Open": Open}


OURS, THEIRS = defined(ours), defined(dataclasses)
VALUES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Base", ("a",), {}),
    ("Base", ("a", 4), {}),
    ("Base", (), {"size": 9, "name": "b"}),
    ("Slotted", ("a",), {}),
    ("Slotted", ("a", 4), {"more": ("x",), "seen": {"y": 1}}),
    ("Slotted", ("a", 4, ("x",)), {}),
    ("Cached", ("text",), {}),
    ("Same", ("Text",), {}),
    ("Same", ("tExt",), {}),
    ("Same", (), {}),
    ("Open", (1,), {}),
    ("Open", (1, ["x"]), {}),
]


def outcome(ask: Any) -> Any:
    try:
        return ask()
    except (TypeError, AttributeError) as error:
        return AttributeError if isinstance(error, AttributeError) else TypeError


@pytest.mark.parametrize(("name", "given", "named"), VALUES)
def test_values_show_and_hold_the_same(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours_, theirs = OURS[name](*given, **named), THEIRS[name](*given, **named)
    assert repr(ours_) == repr(theirs) or name == "Same"
    for field in dataclasses.fields(theirs):
        assert getattr(ours_, field.name) == getattr(theirs, field.name)
    for attribute in ("double", "length", "__match_args__", "__qualname__", "__module__"):
        assert outcome(lambda name=attribute: getattr(ours_, name)) == outcome(
            lambda name=attribute: getattr(theirs, name)
        )


@pytest.mark.parametrize(
    ("name", "given", "named"),
    [("Base", (), {}), ("Base", ("a", 1, 2), {}), ("Base", ("a",), {"name": "b"}), ("Open", (1,), {"other": 2})],
)
def test_what_does_not_fit_is_refused(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        OURS[name](*given, **named)


def test_values_compare_and_hash_the_same() -> None:
    made = [[classes[name](*given, **named) for name, given, named in VALUES] for classes in (OURS, THEIRS)]
    equal = [[left == right for left in values for right in values] for values in made]
    assert equal[0] == equal[1]
    hashes = [[outcome(lambda value=value: hash(value)) for value in values] for values in made]
    assert [each is TypeError for each in hashes[0]] == [each is TypeError for each in hashes[1]]
    for left, right in zip(made[0], made[0][1:], strict=False):
        if left == right and type(left).__name__ != "Open":
            assert hash(left) == hash(right)


@pytest.mark.parametrize("name", ["Base", "Slotted", "Cached", "Same"])
def test_frozen_values_cannot_be_changed(name: str) -> None:
    value = OURS[name]("a")
    with pytest.raises(AttributeError, match="cannot be changed"):
        setattr(value, value.__match_args__[0], "b")
    with pytest.raises(AttributeError, match="cannot be changed"):
        delattr(value, value.__match_args__[0])
    assert value == OURS[name]("a")


def test_defaults_that_are_made_are_not_shared() -> None:
    one, other = OURS["Open"](1), OURS["Open"](1)
    one.names.append("x")
    one.count = 2
    assert (other.names, other.count) == ([], 1)


@pytest.mark.parametrize("replace", [ours.replace, dataclasses.replace])
def test_a_copy_has_other_values(replace: Any) -> None:
    value = OURS["Slotted"]("a", 4, ("x",), {"y": 1})
    assert replace(value, size=5) == OURS["Slotted"]("a", 5, ("x",))
    assert replace(value, size=5).seen == {"y": 1}
    with pytest.raises(TypeError):
        replace(value, other=5)


def test_the_standard_library_knows_them() -> None:
    value: Any = OURS["Slotted"]("a")
    assert dataclasses.is_dataclass(OURS["Slotted"])
    assert dataclasses.asdict(value) == {"name": "a", "size": 4, "more": (), "seen": {}}
    told = [
        [(each.name, each.compare, each.repr) for each in dataclasses.fields(classes["Slotted"])]
        for classes in (OURS, THEIRS)
    ]
    assert told[0] == told[1]


def test_a_method_is_compiled_when_it_is_called_first_and_once() -> None:
    fresh: Any = defined(ours)["Base"]
    waiting = {name: fresh.__dict__[name] for name in ("__init__", "__eq__", "__hash__")}
    one = fresh("a")
    made = fresh.__dict__["__init__"]
    assert isinstance(made, FunctionType)
    assert made is not waiting["__init__"]
    assert fresh.__dict__["__eq__"] is waiting["__eq__"]
    other = fresh("b")
    assert fresh.__dict__["__init__"] is made
    waiting["__init__"](other, "c")  # as a thread does that asked for it before it was compiled
    assert (one.name, other.name) == ("a", "c")


def test_slots_hold_the_fields_alone() -> None:
    assert OURS["Slotted"].__slots__ == ("more", "seen")
    assert not hasattr(OURS["Slotted"]("a"), "__dict__")
