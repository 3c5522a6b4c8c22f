"""Which BuildKit decides: its releases differ in what they ignore, follow and compare."""

from __future__ import annotations

Version = tuple[int, int]
"""Major and minor number of a BuildKit. Docker 20.10 has 0.8, 23 has 0.10, 26.1 has 0.13, 28.5 has 0.25."""

CURRENT: Version = (0, 32)
"""The newest release that these rules were held against."""

CLASSIC: Version = (0, 8)
"""The BuildKit of Docker 20.10, the oldest one that these rules were held against."""
