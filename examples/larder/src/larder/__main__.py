"""`python -m larder`."""

from larder.cli import app

app()
