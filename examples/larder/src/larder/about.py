"""What the service says of itself."""

from larder import __version__

TAGLINE = "every shelf full, nothing thrown away"


def introduction() -> str:
    """Name, version and purpose in a line."""
    return f"larder {__version__}: {TAGLINE}"
