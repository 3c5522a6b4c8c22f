"""Images: immutable values, the one deterministic tar writer, and the places an image is copied between."""
