from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from packaging.tags import Tag

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.fetch import Document, Fetcher
from depsfirst.fetch.credentials import Credentials
from depsfirst.project.model import Lock, LockedFile, LockedPackage, Source
from depsfirst.wheels.choose import Chooser, Target, check_tags, fetch
from depsfirst.wheels.indexes.places import Place, Places
from depsfirst.wheels.indexes.simple import public_index
from depsfirst.wheels.indexes.user import UserIndexes

TAGS = (
    Tag("cp313", "cp313", "manylinux_2_34_x86_64"),
    Tag("cp313", "cp313", "manylinux_2_17_x86_64"),
    Tag("cp313", "abi3", "manylinux_2_17_x86_64"),
    Tag("py3", "none", "any"),
)
TARGET = Target(TAGS, "linux/amd64 with Python 3.13.5 and glibc 2.41")
INDEX = "https://index.example/simple"


class Pages:
    """An index's pages, by project."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    credentials = Credentials()

    def get(self, url: str, *, headers: dict[str, str]) -> Document:
        assert "application/vnd.pypi.simple.v1+json" in headers["Accept"]
        self.asked.append(url)
        return Document(self.pages[url], url)


def page(*files: object) -> bytes:
    return json.dumps({"meta": {"api-version": "1.0"}, "files": files}).encode()


def chooser(pages: dict[str, bytes] | None = None) -> tuple[Chooser, Pages]:
    index = Pages(pages or {})
    lock = Lock("poetry", "poetry.lock", "shop", (), {})
    public = "https://public.example/simple/"
    places = Places(lock, Path("/project"), UserIndexes(), Place(INDEX), public, index)  # type: ignore[arg-type]
    return Chooser(TARGET, places, lambda file: f"sha256 of {file.url}"), index


def package(*files: str, **changes: object) -> LockedPackage:
    locked = tuple(LockedFile(name, hashlib.sha256(name.encode()).hexdigest()) for name in files)
    values = {"name": "shop", "version": "1.0", "files": locked, "where": "poetry.lock: package[3]", **changes}
    return LockedPackage(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "best"),
    [
        (["shop-1.0-py3-none-any.whl"], "shop-1.0-py3-none-any.whl"),
        (
            ["shop-1.0-py3-none-any.whl", "shop-1.0-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"],
            "shop-1.0-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        ),
        (
            ["shop-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", "shop-1.0-cp313-cp313-manylinux_2_34_x86_64.whl"],
            "shop-1.0-cp313-cp313-manylinux_2_34_x86_64.whl",
        ),
        (["shop-1.0-py3-none-any.whl", "shop-1.0-2-py3-none-any.whl"], "shop-1.0-2-py3-none-any.whl"),
        (["shop-1.0.tar.gz", "shop-1.0-py3-none-any.whl"], "shop-1.0-py3-none-any.whl"),
        (["shop-1.0.zip", "shop-1.0.tar.gz", "shop-1.0-cp310-cp310-win32.whl"], "shop-1.0.tar.gz"),
        (["shop-odd.whl", "shop-1.0-py3-none-any.whl"], "shop-1.0-py3-none-any.whl"),
    ],
)
def test_the_best_file_is_chosen(files: list[str], best: str) -> None:
    for order in (files, files[::-1]):
        assert chooser()[0].choose(package(*order)).file.name == best


def test_no_fitting_file_names_all_that_helps() -> None:
    with pytest.raises(DepsfirstError) as caught:
        chooser()[0].choose(package("shop-1.0-cp310-cp310-win32.whl"))
    assert str(caught.value) == (
        'poetry.lock: package[3]: no wheel of "shop" 1.0 fits linux/amd64 with Python 3.13.5 and glibc 2.41: looked for'
        " cp313-cp313-manylinux_2_34_x86_64, cp313-cp313-manylinux_2_17_x86_64, cp313-abi3-manylinux_2_17_x86_64"
        " and 1 more; the lock has shop-1.0-cp310-cp310-win32.whl"
    )
    assert "another base" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["cp310-cp310", "cp311-cp311", "cp312-cp312"], "3.10, 3.11 and 3.12: choose a base with one of these (--base"),
        (["cp311-cp311"], "3.11: choose a base with one of these (--base deb:bookworm has 3.11), or lock a version"),
        (["cp310-cp310", "cp39-cp39"], "3.9 and 3.10: choose a base with one of these, or lock a version"),
    ],
)
def test_who_has_wheels_for_another_python_is_told_for_which(names: list[str], hint: str) -> None:
    files = [f"shop-1.0-{name}-manylinux_2_17_x86_64.whl" for name in names]
    others = ["shop-1.0-cp38-cp38-macosx_11_0_arm64.whl", "shop-1.0-cp313-cp313-linux_ppc.whl", "shop-odd.whl"]
    with pytest.raises(DepsfirstError, match=f"the lock has {files[0]}") as caught:
        chooser()[0].choose(package(*others, *files))
    assert (caught.value.hint or "").startswith(f"its wheels are for Python {hint}")


@pytest.mark.parametrize(
    "wheel", ["shop-1.0-cp310-cp310-manylinux_2_17_x86_64.whl", "shop-1.0-cp313-cp313-linux_ppc.whl"]
)
def test_what_was_compiled_for_other_linuxes_is_not_built_from_its_sdist(wheel: str) -> None:
    with pytest.raises(DepsfirstError, match=r'no wheel of "shop" 1\.0 fits') as caught:
        chooser()[0].choose(package("shop-1.0.tar.gz", wheel))
    assert wheel in str(caught.value)


def test_a_lock_without_urls_asks_the_index() -> None:
    name = "shop-1.0-py3-none-any.whl"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    listed = {"filename": name, "url": "../../files/shop.whl", "hashes": {"sha256": sha256}, "size": 5}
    choose, index = chooser({f"{INDEX}/shop/": page(listed)})
    choice = choose.choose(package(name))
    assert index.asked == []
    located = choose.locate(choice)
    assert located == LockedFile(name, choice.file.sha256, "https://index.example/files/shop.whl", 5)


def test_an_index_that_has_another_file_of_that_name_is_named() -> None:
    name = "shop-1.0-py3-none-any.whl"
    choose, _ = chooser({f"{INDEX}/shop/": page({"filename": name, "url": name, "hashes": {"sha256": "00"}})})
    with pytest.raises(DepsfirstError, match=f'"{name}" of "{INDEX}" is not the file that is locked'):
        choose.locate(choose.choose(package(name)))


def test_a_locked_url_is_taken_as_it_is() -> None:
    file = LockedFile("shop-1.0-py3-none-any.whl", "ab", "https://files.example/shop.whl", 7)
    choose, index = chooser()
    assert choose.locate(choose.choose(package(files=(file,)))) == file
    assert index.asked == []


def test_a_locked_file_is_found_beside_the_lock() -> None:
    choose, _ = chooser()
    locked = package("shop-1.0-py3-none-any.whl", source=Source("file", "wheels/shop-1.0-py3-none-any.whl"))
    assert choose.locate(choose.choose(locked)).url == "file:///project/wheels/shop-1.0-py3-none-any.whl"


def test_a_package_of_another_index_asks_that_one() -> None:
    name = "shop-1.0-py3-none-any.whl"
    url = "https://other.example/simple/"
    choose, index = chooser({f"{url}shop/": page({"filename": name, "url": "shop.whl", "hashes": {}})})
    choose.locate(choose.choose(package(name, source=Source("index", url))))
    assert index.asked == [f"{url}shop/"]


def test_a_file_the_index_lost_is_an_error() -> None:
    choose, _ = chooser({f"{INDEX}/shop/": page()})
    with pytest.raises(DepsfirstError, match=r'does not list "shop-1.0-py3-none-any.whl"'):
        choose.locate(choose.choose(package("shop-1.0-py3-none-any.whl")))


def test_a_pin_without_files_takes_them_from_the_index() -> None:
    files = [
        {"filename": "shop-1.0-py3-none-any.whl", "url": "a", "hashes": {"sha256": "aa"}},
        {"filename": "shop-1.0.0-cp313-cp313-manylinux_2_17_x86_64.whl", "url": "b", "hashes": {"sha256": "bb"}},
        {"filename": "shop-1.1-cp313-cp313-manylinux_2_34_x86_64.whl", "url": "c", "hashes": {"sha256": "cc"}},
        {"filename": "shop-other.exe", "url": "d"},
    ]
    choose, _ = chooser({f"{INDEX}/shop/": page(*files)})
    assert choose.choose(package()).file.sha256 == "bb"
    assert choose.choose(package(hashes=frozenset({"aa"}))).file.sha256 == "aa"
    with pytest.raises(DepsfirstError, match="with a sha256 that the lock allows"):
        choose.choose(package(hashes=frozenset({"dd"})))
    with pytest.raises(DepsfirstError, match=r'no file of "shop" 2.0$'):
        choose.choose(package(version="2.0"))


def test_a_file_without_hash_is_refused() -> None:
    file = LockedFile("shop-1.0-py3-none-any.whl", None, "https://files.example/shop.whl")
    with pytest.raises(DepsfirstError, match="nothing says what the sha256"):
        chooser()[0].choose(package(files=(file,)))


def test_an_index_of_html_is_read() -> None:
    html = b'<html><body><a href="/f/shop-1.0-py3-none-any.whl#sha256=abcd">shop-1.0-py3-none-any.whl</a></body></html>'
    choose, _ = chooser({f"{INDEX}/shop/": html})
    file = choose.choose(package()).file
    assert (file.sha256, file.url) == ("abcd", "https://index.example/f/shop-1.0-py3-none-any.whl")


@pytest.mark.parametrize("text", [b"{", b'{"files": 1}', b'{"files": [{}]}', b'{"files": [{"filename": 1}]}'])
def test_a_broken_page_is_an_error(text: bytes) -> None:
    with pytest.raises(DepsfirstError, match="cannot be read") as caught:
        chooser({f"{INDEX}/shop/": text})[0].choose(package())
    assert caught.value.where == f"{INDEX}/shop/"


def test_fetch_checks_the_hash_and_keeps_the_file(tmp_path: Path) -> None:
    store, fetcher = ContentStore(tmp_path / "cache"), Fetcher()
    source = tmp_path / "shop-1.0-py3-none-any.whl"
    source.write_bytes(b"wheel")
    right = hashlib.sha256(b"wheel").hexdigest()
    with pytest.raises(DepsfirstError, match=r"sha256|hash"):
        fetch(LockedFile(source.name, "00" * 32, source.as_uri()), store, fetcher)
    assert store.find("wheels", "00" * 32) is None
    path = fetch(LockedFile(source.name, right, source.as_uri()), store, fetcher)
    source.unlink()
    assert fetch(LockedFile(source.name, right, source.as_uri()), store, fetcher) == path
    assert path.read_bytes() == b"wheel"


def test_a_wheel_built_here_must_fit() -> None:
    check_tags(["py3-none-any", "py2-none-any"], TARGET, "shop-1.0-py3-none-any.whl", "shop")
    with pytest.raises(DepsfirstError, match="was built on this machine for cp311-cp311-linux_x86_64"):
        check_tags(["cp311-cp311-linux_x86_64"], TARGET, "shop", "pyproject.toml")


def test_the_public_index_is_known_by_what_a_library_says(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "cache")
    public = public_index(store)
    assert public.startswith("https://")
    assert store.recall("index", "public") == public
