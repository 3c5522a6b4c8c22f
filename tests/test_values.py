"""Values behave as those of ``typing.NamedTuple`` do, and cost next to nothing to define."""

from __future__ import annotations

import copy
import pickle
from typing import Any, get_type_hints
from typing import NamedTuple as Standard

import pytest

from depsfirst.values import NamedTuple


class Ours(NamedTuple):
    """Two fields, one of them with a default."""

    name: str
    size: int = 3

    @property
    def double(self) -> int:
        """Twice the size."""
        return self.size * 2

    def __str__(self) -> str:
        return f"{self.name}!"


class Theirs(Standard):
    """The same."""

    name: str
    size: int = 3

    @property
    def double(self) -> int:
        """Twice the size."""
        return self.size * 2

    def __str__(self) -> str:
        return f"{self.name}!"


PAIRS = [
    (Ours("a"), Theirs("a")),
    (Ours("a", 4), Theirs("a", 4)),
    (Ours(name="b", size=5), Theirs(name="b", size=5)),
    (Ours("c", size=6)._replace(size=7), Theirs("c", size=6)._replace(size=7)),
    (Ours._make(["d", 8]), Theirs._make(["d", 8])),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_a_value_is_what_the_standard_librarys_is(ours: Ours, theirs: Theirs) -> None:
    assert tuple(ours) == tuple(theirs)
    assert ours == tuple(theirs)
    assert hash(ours) == hash(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert str(ours) == str(theirs)
    assert (ours.name, ours.size, ours.double) == (theirs.name, theirs.size, theirs.double)
    assert ours._asdict() == theirs._asdict()
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert other == ours
        assert type(other) is Ours


def test_a_class_says_what_the_standard_librarys_says() -> None:
    for name in ("_fields", "_field_defaults", "__match_args__", "__slots__", "__module__"):
        assert getattr(Ours, name) == getattr(Theirs, name), name
    assert get_type_hints(Ours) == get_type_hints(Theirs)
    assert Ours.__doc__ == "Two fields, one of them with a default."
    assert Ours.__mro__[1:] == Theirs.__mro__[1:]


@pytest.mark.parametrize("arguments", [((), {}), (("a", 1, 2), {}), (("a",), {"name": "b"}), (("a",), {"weight": 1})])
def test_what_does_not_fit_the_fields_is_an_error(arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    given, named = arguments
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*given, **named)


def test_nothing_can_be_set_or_invented() -> None:
    value = Ours("a")
    with pytest.raises(AttributeError):
        value.size = 4  # type: ignore[misc]
    with pytest.raises(AttributeError):
        value.weight = 4  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="weight"):
        value._replace(weight=4)  # type: ignore[call-arg]


def test_it_can_be_matched() -> None:
    match Ours("a", 4):
        case Ours("a", size):
            assert size == 4
        case _:
            pytest.fail("it was not matched")
