"""Proves that an image will import: statically before it is written, for real after, if something that matters changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from depsfirst.engines.imports import Memory, check, failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from depsfirst.engines.acquire import Tools
    from depsfirst.engines.bases import Base
    from depsfirst.engines.dependencies import Dependencies
    from depsfirst.engines.first_party import Own
    from depsfirst.plan import Plan
