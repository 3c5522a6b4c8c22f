"""What an error says, and what it does not."""

from __future__ import annotations

import pytest

from depsfirst.errors import DepsfirstError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"https://ada:s3cr3t@x.example/simple" is not there', '"https://x.example/simple" is not there'),
        ("git+https://t0ken@x.example/a@main is not pinned", "git+https://x.example/a@main is not pinned"),
        ("one http://a:b@x.example/, two https://c:d@y.example/", "one http://x.example/, two https://y.example/"),
        ("https://${NAME}:${TOKEN}@x.example/a", "https://${NAME}:${TOKEN}@x.example/a"),
        ("ssh://git@x.example/a and ada@shop.example", "ssh://git@x.example/a and ada@shop.example"),
    ],
)
def test_no_error_shows_a_password(text: str, said: str) -> None:
    error = DepsfirstError(text, where=text)
    assert (error.message, error.where, str(error)) == (said, said, f"{said}: {said}")
