"""Imports of the project, held against what the image has: found in sources, and answered by layers."""
