"""Digests are SHA-256, with OpenSSL or without, and OpenSSL is loaded when much is hashed and not before."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from depsfirst.digests import sha256

WATCHED = """
import sys
from depsfirst.digests import sha256
digest = sha256(b"a")
for _ in range({times}):
    digest = sha256(bytes(100_000))
print(digest.hexdigest(), "_hashlib" in sys.modules)
"""


def said_of(times: int) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{WATCHED.format(times=times)}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout.split()


@given(st.lists(st.binary(max_size=300)))
def test_digests_are_those_of_hashlib(chunks: list[bytes]) -> None:
    digest = sha256(size=sum(map(len, chunks)))
    for chunk in chunks:
        digest.update(chunk)
    assert digest.hexdigest() == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_a_little_is_hashed_without_openssl() -> None:
    assert said_of(1) == [hashlib.sha256(bytes(100_000)).hexdigest(), "False"]


def test_much_is_hashed_with_openssl() -> None:
    assert said_of(20) == [hashlib.sha256(bytes(100_000)).hexdigest(), "True"]
