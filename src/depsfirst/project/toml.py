"""TOML with places: parses a text, and reads checked values whose errors name the file and the key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Mapping

_Value = TypeVar("_Value")

_PLACE = r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$"
_TITLES = {str: "a string", bool: "true or false", list: "a list", dict: "a table", int: "a whole number"}


def parse(text: str, name: str) -> dict[str, Any]:
    """The values of a TOML document.

    Args:
        text: the document.
        name: what its file is called in a message.

    Raises:
        DepsfirstError: it is no TOML; ``where`` has line and column.
    """
    import tomli  # compiled, half the import and a fifth of the time of tomllib on a lock

    try:
        return tomli.loads(text)
    except RecursionError:
        raise DepsfirstError("the values are nested too deep", where=name) from None
    except ValueError as error:
        message = str(error)
        place = re.search(_PLACE, message)
        if place is None:
            raise DepsfirstError(f"this is no TOML: {message}", where=name) from None
        line = place["line"] or str(text.count("\n") + 1)
        column = f":{place['column']}" if place["column"] else ""
        raise DepsfirstError(
            f"this is no TOML: {message[: place.start()]}",
            where=f"{name}:{line}{column}",
            hint="mend the file, or let its tool write it again",
        ) from None


class Table:
    """A table of a TOML file and its place, as ``uv.lock: package[3]``.

    Getters without a default raise a DepsfirstError for a missing key; all do for a value of the wrong type.
    """

    __slots__ = ("_name", "_path", "values")

    def __init__(self, values: Mapping[str, Any], name: str, path: str = "") -> None:
        self.values = values
        self._name = name
        self._path = path

    @property
    def where(self) -> str:
        """The place of the table."""
        return f"{self._name}: {self._path}" if self._path else self._name

    def place(self, key: str) -> str:
        """The place of one of its keys."""
        return f"{self._name}: {self._path}.{key}" if self._path else f"{self._name}: {key}"

    def error(self, key: str, message: str, hint: str | None = None) -> DepsfirstError:
        """An error about one of its keys."""
        return DepsfirstError(message, where=self.place(key), hint=hint)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def get(self, key: str, kind: type[_Value]) -> _Value | None:
        """The value of a key, of a type TOML has; None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"this must be {_TITLES[kind]}")
        return value

    def text(self, key: str) -> str:
        """A string that is not empty."""
        value = self.get(key, str)
        if not value:
            raise DepsfirstError(f'no "{key}"', where=self.where if value is None else self.place(key))
        return value

    def maybe_text(self, key: str) -> str | None:
        """A string, None where there is none or an empty one."""
        return self.get(key, str) or None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty where there is none."""
        values = self.get(key, list) or []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.error(f"{key}[{index}]", "this must be a string")
        return tuple(values)

    def text_table(self, key: str) -> dict[str, str]:
        """A table of strings, empty where there is none."""
        table = self.table(key)
        return {name: table.get(name, str) or "" for name in table.values}

    def table(self, key: str) -> Table:
        """A table, empty where there is none."""
        return Table(self.get(key, dict) or {}, self._name, f"{self._path}.{key}" if self._path else key)

    def tables(self, key: str) -> list[Table]:
        """A list of tables, empty where there is none."""
        path = f"{self._path}.{key}" if self._path else key
        values = self.get(key, list) or []
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                raise self.error(f"{key}[{index}]", "this must be a table")
        return [Table(value, self._name, f"{path}[{index}]") for index, value in enumerate(values)]

    def forms(self, key: str, short: str | None = None) -> list[Table]:
        """What may be one table or a list of them; a string is a table with the key ``short``."""
        value = self.values.get(key, [])
        values = value if isinstance(value, list) else [value]
        if short:
            values = [{short: each} if isinstance(each, str) else each for each in values]
        return Table({key: values}, self._name, self._path).tables(key)
