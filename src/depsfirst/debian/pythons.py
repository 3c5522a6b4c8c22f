"""The Python of each Debian suite that can be a base by itself."""

from __future__ import annotations

PYTHONS = {"trixie": "3.13", "bookworm": "3.11"}
"""By suite, newest first."""
