"""YAML with every scalar as text, so that a version stays what was written."""

from __future__ import annotations

from typing import Any

from depsfirst.errors import DepsfirstError


def parse(text: str, name: str) -> dict[str, Any]:
    """The values of a YAML document whose top is a mapping.

    Args:
        text: the document.
        name: what its file is called in a message.

    Raises:
        DepsfirstError: it is no YAML; ``where`` has line and column.
    """
    import yaml

    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        values = yaml.load(text, loader)  # noqa: S506 (it makes texts, lists and mappings and nothing else)
    except RecursionError:
        raise DepsfirstError("the values are nested too deep", where=name) from None
    except yaml.MarkedYAMLError as error:
        place = f":{error.problem_mark.line + 1}:{error.problem_mark.column + 1}" if error.problem_mark else ""
        raise DepsfirstError(f"this is no YAML: {error.problem}", where=f"{name}{place}") from None
    except (yaml.YAMLError, ValueError) as error:
        message = str(error).partition("\n")[0]
        raise DepsfirstError(f"this is no YAML: {message}", where=name) from None
    if not isinstance(values, dict):
        raise DepsfirstError("this must be a mapping", where=name)
    return values
