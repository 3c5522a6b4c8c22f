"""Python in containers: dependencies first, code second."""

__version__ = "0.1.0"
