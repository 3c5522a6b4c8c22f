"""Stock, orders and demand for a small chain of grocery shops."""

from importlib.metadata import version

__version__ = version("larder")
