"""How answers are written."""

from typing import Any

import orjson
from fastapi import Response


class NumbersResponse(Response):
    """JSON that may hold numpy's numbers and dates."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
