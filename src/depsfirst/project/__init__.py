"""What a Python project is, and what its lock says will be installed."""
