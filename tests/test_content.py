from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore, Usage, default_root
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache")


def put(store: ContentStore, kind: str, key: str, data: bytes) -> Path:
    with store.write(kind, key) as file:
        file.write(data)
    return store.path(kind, key)


def scratch(store: ContentStore) -> list[str]:
    return os.listdir(store.root / "tmp")


def test_what_is_written_is_found(store: ContentStore) -> None:
    path = put(store, "wheels", "abcd", b"data")
    assert store.find("wheels", "abcd") == path
    assert path.read_bytes() == b"data"
    assert path.parent.name == "ab"
    assert store.find("wheels", "abce") is None


def test_a_failed_write_leaves_nothing(store: ContentStore) -> None:
    with pytest.raises(TypeError), store.write("wheels", "abcd") as file:
        file.write("no bytes")  # type: ignore[call-overload]
    assert store.find("wheels", "abcd") is None
    assert scratch(store) == []


def test_of_two_writers_either_may_win(store: ContentStore) -> None:
    with store.write("wheels", "abcd") as first:
        put(store, "wheels", "abcd", b"same")
        first.write(b"same")
    assert store.path("wheels", "abcd").read_bytes() == b"same"
    assert scratch(store) == []


def test_of_two_directories_the_first_stays(store: ContentStore) -> None:
    for name in ("one", "two"):
        with store.scratch_directory() as made:
            (made / name).touch()
            store.adopt(made, "environments", "abcd")
    assert [path.name for path in store.path("environments", "abcd").iterdir()] == ["one"]
    assert scratch(store) == []


def test_facts_are_remembered_and_replaced(store: ContentStore) -> None:
    assert store.recall("bases", "abcd") is None
    store.remember("bases", "abcd", {"python": [3, 13]})
    assert store.recall("bases", "abcd") == {"python": [3, 13]}
    store.remember("bases", "abcd", None)
    assert store.recall("bases", "abcd") is None


def test_a_broken_fact_is_no_fact(store: ContentStore) -> None:
    store.remember("bases", "abcd", [1])
    store.path("memo/bases", "abcd").write_bytes(b"[1")
    assert store.recall("bases", "abcd") is None


def test_find_marks_as_used(store: ContentStore) -> None:
    path = put(store, "wheels", "abcd", b"")
    os.utime(path, (1, 1))
    store.find("wheels", "abcd")
    assert time.time() - path.stat().st_mtime < 86_400


def test_prune_removes_what_was_not_used_and_what_was_left_behind(store: ContentStore) -> None:
    old, new = put(store, "wheels", "abcd", b"old"), put(store, "wheels", "bcde", b"new")
    store.remember("bases", "cdef", 1)
    os.utime(old, (1, 1))
    os.utime(store.path("memo/bases", "cdef"), (1, 1))
    (store.root / "tmp" / "left").write_bytes(b"12345")
    assert store.prune(unused_for=3600) == Usage(files=3, size=len("old") + len("1") + len("12345"))
    assert (old.exists(), new.exists(), scratch(store)) == (False, True, [])


def test_prune_removes_directories_whole(store: ContentStore) -> None:
    with store.scratch_directory() as made:
        (made / "inner").mkdir()
        (made / "inner/file").write_bytes(b"123")
        store.adopt(made, "environments", "abcd")
    assert store.prune(unused_for=-1) == Usage(files=1, size=3)
    assert store.find("environments", "abcd") is None


def test_prune_waits_for_no_build(store: ContentStore) -> None:
    with store.in_use(), store.in_use(), pytest.raises(DepsfirstError, match="a build is using the cache"):
        store.prune(unused_for=0)
    assert store.prune(unused_for=0) == Usage(0, 0)


def test_an_empty_cache_has_nothing_to_prune(store: ContentStore) -> None:
    assert store.prune(unused_for=0) == Usage(0, 0)
    assert store.usage() == {}


def test_usage_is_told_by_kind(store: ContentStore) -> None:
    put(store, "wheels", "abcd", b"123")
    put(store, "wheels", "bcde", b"45")
    put(store, "parts", "abcd", b"6")
    assert store.usage() == {"parts": Usage(1, 1), "tmp": Usage(0, 0), "wheels": Usage(2, 5)}


def test_a_full_disk_is_said_in_words(store: ContentStore) -> None:
    with pytest.raises(DepsfirstError, match="No space left on device") as caught, store.write("wheels", "abcd"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "depsfirst cache prune" in (caught.value.hint or "")
    assert scratch(store) == []


def test_an_error_about_another_file_is_not_the_caches(store: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.write("wheels", "abcd"):
        (tmp_path / "missing").read_bytes()


def test_a_cache_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DepsfirstError, match="writing the cache failed"),
        ContentStore(tmp_path / "file/cache").in_use(),
    ):
        pass


def test_the_root_is_the_users_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEPSFIRST_CACHE_DIR", str(tmp_path / "mine"))
    assert default_root() == tmp_path / "mine"
    monkeypatch.delenv("DEPSFIRST_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "depsfirst"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".cache/depsfirst"
