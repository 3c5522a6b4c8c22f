"""What builds a plan: the embedded engine, and the rooms it works in."""
