"""Says what tea costs."""

from .prices import price


def main() -> str:
    return price("tea")
