"""Lock formats: one file each, with ``NAMES`` and ``read(text) -> Lock``."""
