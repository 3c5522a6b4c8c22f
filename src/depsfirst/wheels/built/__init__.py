"""Wheels of third-party sources, an sdist or a commit: fetched, built by their own backend, and kept."""
