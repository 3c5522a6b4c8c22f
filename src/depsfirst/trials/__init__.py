"""Runs a command in an image: whatever can run it here, and what is made of the result."""
