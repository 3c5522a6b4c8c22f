"""What a build made: a table for people, a JSON object for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depsfirst.plan import Built

_UNIT = 1000


def as_json(built: Built) -> str:
    """The documented object, ``"version": 1``."""
    value: dict[str, Any] = {
        "version": 1,
        "reference": built.reference,
        "destination": built.destination,
        "where": built.where,
        "digest": built.digest,
        "id": built.image_id,
        "platform": built.platform,
        "layers": [
            {
                "kind": layer.kind,
                "title": layer.title,
                "diff_id": layer.diff_id,
                "size": layer.size,
                "reused": layer.reused,
            }
            for layer in built.layers
        ],
        "code": {"how": built.how, "reason": built.reason},
        "import_check": built.verdict,
        "seconds": {name: round(seconds, 4) for name, seconds in built.seconds.items()},
    }
    return json.dumps(value, indent=2)


def as_table(built: Built) -> str:
    """Lines for people: a row a layer, where they are known, then what was made and in what time."""
    made = f"{built.where} in {built.seconds['total']:.2f} s ({built.how} code; import check {built.verdict})"
    ending = [made, f"run it: {built.run}"]
    return "\n".join([*_layer_rows(built), "", *ending] if built.layers else ending)


def _layer_rows(built: Built) -> list[str]:
    rows = [
        (layer.kind, layer.title, as_size(layer.size), "reused" if layer.reused else "new") for layer in built.layers
    ]
    rows = [("layer", "holds", "size", ""), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"{kind:<{widths[0]}}  {title:<{widths[1]}}  {size:>{widths[2]}}  {state}".rstrip()
        for kind, title, size, state in rows
    ]


def as_size(size: int) -> str:
    """A size in bytes for people: ``1.5 MB``."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < _UNIT:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _UNIT
    return f"{value:.2f} GB"
