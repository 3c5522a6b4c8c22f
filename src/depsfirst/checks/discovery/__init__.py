"""Finds Dockerfiles, and what a repository says about how they are built."""
