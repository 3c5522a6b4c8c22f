"""The program uv."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import uv

from depsfirst.errors import DepsfirstError
from depsfirst.wheels.uv import uv_program


def test_it_is_looked_for_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = threading.Lock()

    def find() -> str:
        assert looking.acquire(blocking=False), "two look at once"
        time.sleep(0.02)
        looking.release()
        return "uv"

    monkeypatch.setattr(uv, "find_uv_bin", find)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: uv_program(), range(8))) == ["uv"] * 8


def test_it_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> str:
        raise FileNotFoundError("/nowhere/uv")

    monkeypatch.setattr(uv, "find_uv_bin", find)
    with pytest.raises(DepsfirstError, match='the program "uv" is missing: /nowhere/uv') as caught:
        uv_program()
    assert caught.value.hint == "install depsfirst again; uv comes with it"
