"""The project's own wheel, and those of its libraries: built once, and patched after an edit."""
