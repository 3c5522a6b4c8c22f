"""Wheels: chosen and fetched for a target, built from source, and installed as parts of layers."""
