from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from depsfirst.debian.closure import ANY, close
from depsfirst.debian.index import Indexes, keep_index
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from depsfirst.content import ContentStore


@pytest.fixture
def close_over(store: ContentStore) -> Callable[..., list[str]]:
    """The closure of names over packages written as ``name version; Field: value; …``, one a line."""

    def closed(
        packages: str, *asked: str, roots: tuple[str, ...] = (), needless: Mapping[tuple[str, str], str] | None = None
    ) -> list[str]:
        text = ""
        for number, line in enumerate(packages.strip().splitlines()):
            head, *fields = line.strip().split("; ")
            name, version = head.split()
            text += f"Package: {name}\nVersion: {version}\nFilename: {number}\nSize: 1\nSHA256: {number:064}\n"
            text += "".join(f"{field}\n" for field in fields) + "\n"
        path = keep_index(io.BytesIO(text.encode()), "", "ab" + str(len(text)), store, "index")
        with Indexes([(path, "main")]) as indexes:
            closure = close(roots, asked, indexes, needless or {})
        return [f"{package.name} {package.version}" for package in closure.packages] + [*closure.left_out]

    return closed


def test_dependencies_of_dependencies(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: b (>= 2), c
        b 2; Pre-Depends: d
        c 1; Depends: a
        d 1
        e 1
    """
    assert close_over(packages, "a") == ["a 1", "b 2", "c 1", "d 1"]


def test_the_newest_version_that_fits(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: b (<< 3)
        b 1.9
        b 1.10
        b 3
    """
    assert close_over(packages, "a") == ["a 1", "b 1.10"]
    assert close_over(packages, "b") == ["b 3"]


def test_the_first_alternative_that_can_be_had(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: gone | b | c
        b 1
        c 1
        d 1; Depends: b | c
    """
    assert close_over(packages, "a") == ["a 1", "b 1"]
    assert close_over(packages, "a", "c") == ["a 1", "c 1"]


def test_virtual_packages(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: awk
        gawk 1; Provides: awk; Priority: optional
        mawk 1; Provides: awk, nawk; Priority: required
        b 1; Depends: libx (>= 2)
        libx2 1; Provides: libx (= 2.1)
        libx1 1; Provides: libx (= 1)
        libx0 1; Provides: libx
    """
    assert close_over(packages, "a") == ["a 1", "mawk 1"]
    assert close_over(packages, "a", "gawk") == ["a 1", "gawk 1"]
    assert close_over(packages, "b") == ["b 1", "libx2 1"]
    assert close_over(packages, "nawk") == ["mawk 1"]
    with pytest.raises(DepsfirstError, match='"awk" is a virtual one') as caught:
        close_over(packages, "awk")
    assert "gawk, mawk" in (caught.value.hint or "")


def test_needless_dependencies_are_left_out_unless_they_are_asked_for(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: debconf (>= 1) | debconf-2.0, awk, b
        b 1; Depends: awk
        debconf 1
        mawk 1; Provides: awk
    """
    needless = {(ANY, "debconf"): "because", ("a", "awk"): "it does not"}
    assert close_over(packages, "a", needless=needless) == ["a 1", "b 1", "mawk 1", "awk", "debconf"]
    assert close_over(packages, "a", "debconf", needless=needless)[:4] == ["a 1", "b 1", "debconf 1", "mawk 1"]


@pytest.mark.parametrize("field", ["Conflicts", "Breaks"])
def test_conflicts_are_refused(close_over: Callable[..., list[str]], field: str) -> None:
    packages = f"""
        a 1; {field}: b (<< 2), mta; Provides: mta
        b 1
        c 2; Provides: mta
    """
    assert close_over(packages, "a") == ["a 1"]
    with pytest.raises(DepsfirstError, match='"a" and "b" cannot be installed together'):
        close_over(packages, "a", "b")
    with pytest.raises(DepsfirstError, match='"a" and "c" cannot'):
        close_over(packages, "a", "c")


def test_two_versions_of_one_package_are_refused(close_over: Callable[..., list[str]]) -> None:
    packages = """
        a 1; Depends: c
        b 1; Depends: c (= 1)
        c 1
        c 2
    """
    with pytest.raises(DepsfirstError, match='"c" is needed in two versions, 2 and 1'):
        close_over(packages, "a", "b")


def test_what_cannot_be_had_is_named(close_over: Callable[..., list[str]]) -> None:
    with pytest.raises(DepsfirstError, match=r'"a" depends on "b \(>= 2\) | c"'):
        close_over("a 1; Depends: b (>= 2) | c\nb 1", "a")


def test_close_names_are_offered(close_over: Callable[..., list[str]]) -> None:
    with pytest.raises(DepsfirstError, match='no Debian package "libgom1"') as caught:
        close_over("libgomp1 1\nlibfoo 1", "libgom1")
    assert caught.value.hint == "did you mean libgomp1?"
    with pytest.raises(DepsfirstError) as caught:
        close_over("libgomp1 1", "qqq")
    assert "look it up" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Package: a\nVersion: 1\n", "no proper value for 'Filename'"),
        ("Package: a\nVersion: 1\nFilename: x\nSize: big\nSHA256: 0\n", "big"),
        ("Package: a\nVersion: 1\nFilename: x\nSize: 1\nSHA256: 0\nProvides: b (~ 1)\n", "no relation"),
    ],
)
def test_a_broken_index_is_refused(store: ContentStore, text: str, words: str) -> None:
    with pytest.raises(DepsfirstError, match=words) as caught:
        keep_index(io.BytesIO(text.encode()), "", "abc", store, "Packages")
    assert (caught.value.where or "").startswith("Packages: ")
    assert store.find("debian-indexes", "abc") is None


def test_folded_fields_are_one_line(store: ContentStore) -> None:
    text = "Package: a\nVersion: 1\nFilename: x\nSize: 1\nSHA256: AB\nDepends: b,\n c\nDescription: d\n e\n\n\n\n"
    path = keep_index(io.BytesIO(text.encode()), "", "abc", store, "Packages")
    with Indexes([(path, "security")]) as indexes:
        (package,) = indexes.find("a")
    assert (package.depends, package.archive, package.sha256) == ("b, c", "security", "ab")


@pytest.mark.parametrize("suffix", [".xz", ".gz", ".zst"])
def test_a_damaged_index_is_refused(store: ContentStore, suffix: str) -> None:
    with pytest.raises(DepsfirstError, match="damaged"):
        keep_index(io.BytesIO(b"nonsense"), suffix, "abc", store, "Packages")
    with pytest.raises(DepsfirstError, match=r'"\.lz" is unknown'):
        keep_index(io.BytesIO(b"nonsense"), ".lz", "abc", store, "Packages")
