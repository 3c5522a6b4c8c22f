"""Judges Dockerfiles by what their builds do, and mends them: rules, the engine that runs them, and the fixes."""
