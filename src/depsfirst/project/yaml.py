"""YAML with every scalar as text, so that a version stays what was written."""

from __future__ import annotations

import re
from typing import Any

from depsfirst.errors import DepsfirstError

_DEEPEST = 100
_BLOCKS = re.compile(rf"(?m)^(?:[ \t]*[-?:][ \t]+){{{_DEEPEST}}}|^[ \t]{{1000}}")


def parse(text: str, name: str) -> dict[str, Any]:
    """The values of a YAML document whose top is a mapping.

    Args:
        text: the document.
        name: what its file is called in a message.

    Raises:
        DepsfirstError: it is no YAML; ``where`` has line and column.
    """
    import yaml

    if _is_too_deep(text):  # libyaml's own recursion would end the process
        raise DepsfirstError("the values are nested too deep", where=name)
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


def _is_too_deep(text: str) -> bool:
    depth = 0
    for found in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > _DEEPEST:
            return True
    return _BLOCKS.search(text) is not None
