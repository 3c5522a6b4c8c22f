"""The embedded engine: a plan becomes an image without a daemon, and the image goes where it is wanted.

The order of a build: what the project is, what the base offers, the dependencies, the code; a static import check before
anything is written; then the copy, which sends only what the destination lacks; then the real import, if something that
matters to it changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from depsfirst.engines import code
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import Image

if TYPE_CHECKING:
    from pathlib import Path

    from depsfirst.content import ContentStore
    from depsfirst.oci.image import Layer
    from depsfirst.progress import Progress

_EPOCH = "1980-01-01T00:00:00Z"


