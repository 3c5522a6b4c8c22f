"""Where wheels come from: indexes and links, and whose settings name them, with what credentials."""
