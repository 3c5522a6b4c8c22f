"""Lets tests use the comparison with BuildKit's parser that is a script."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
