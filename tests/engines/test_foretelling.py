"""What is foretold of an image is that very image, byte for byte, or nothing is foretold."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from tests.oci.conftest import Serve
from tests.oci.test_connection import reply, unchunked

from depsfirst.content import ContentStore
from depsfirst.engines.first_party import Own, code_layer
from depsfirst.engines.foretelling import keep, noted
from depsfirst.engines.tools import Tools
from depsfirst.oci.bundle import blob_member, closing, opening
from depsfirst.oci.foretold import foretell, key_of, place_of
from depsfirst.oci.image import Image, Part
from depsfirst.oci.layer import END, make_layer
from depsfirst.oci.load import Load
from depsfirst.oci.pieces import chunks
from depsfirst.oci.preamble import begin
from depsfirst.oci.store import Written
from depsfirst.progress import Silent
from depsfirst.project.model import Project
from depsfirst.wheels.install import Venv
from depsfirst.wheels.own import earlier
from depsfirst.wheels.own.earlier import Earlier, Entry
from depsfirst.wheels.own.installed import install_project
from depsfirst.wheels.own.unpacked import UnpackedFile, content_key
from depsfirst.wheels.own.wheel import ProjectWheel, WheelEntry

if TYPE_CHECKING:
    from pathlib import Path

VENV = Venv((3, 12))
LONG = f"shop/{'long' * 20}/{'name' * 15}.py"
LONGEST = f"shop/{'l' * 180}/{'n' * 120}.py"
SOURCES = {
    "src/shop/__init__.py": b"",
    "src/shop/about.py": b'TAGLINE = "ours"\n',
    "src/shop/exact.txt": b"x" * 512,
    f"src/{LONG}": b"LONG = 1\n",
    f"src/{LONGEST}": b"LONGEST = 1\n",
    "src/shop/größe.py": b"SIZE = 1\n",
    "src/shop/a,b.txt": b"a\n",
    "src/shop/twice.py": b"TWICE = 1\n",
    "bin/shop-tool": b"#!/bin/sh\necho tool\n",
    "README.md": b"# Shop\n",
}
"""What the project packs."""
OTHERS = {
    "shop-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n\n# Shop\n",
    "shop-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
PLACES = {"bin/shop-tool": ["shop-1.0.data/scripts/shop-tool"], "README.md": []}
PLACES["src/shop/twice.py"] = ["shop/twice.py", "shop/copy.py"]


def places(source: str) -> list[str]:
    return PLACES.get(source, [source.removeprefix("src/")])


class Shop:
    """A project whose image is made of what stands in its files now."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self.store = ContentStore(folder / "cache")
        for name, data in SOURCES.items():
            self.write(name, data)
        entries = [Entry(path, self.sha(name), executable=False, sources=(name,)) for name, path in self.packed()]
        entries += [Entry(path, sha256(data).hexdigest(), executable=False) for path, data in OTHERS.items()]
        sources = {name: (0, self.sha(name)) for name in SOURCES}
        facts = {"name": "shop", "version": "1.0", "tags": frozenset({"py3-none-any"}), "key": "0" * 64}
        last = Earlier(sources=sources, entries=tuple(sorted(entries)), **facts)  # type: ignore[arg-type]
        earlier.remember(self.store, self.root, last)

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def sha(self, name: str) -> str:
        return sha256((self.root / name).read_bytes()).hexdigest()

    def packed(self) -> list[tuple[str, str]]:
        return [(name, path) for name in SOURCES for path in places(name)]

    def own(self) -> Own:
        contents = {path: (self.root / name).read_bytes() for name, path in self.packed()} | OTHERS
        entries = [
            WheelEntry(path, data, executable=False, sha256=sha256(data).hexdigest())
            for path, data in sorted(contents.items())
        ]
        key = content_key(UnpackedFile(each.path, each.sha256, 0, each.executable) for each in entries)
        wheel = ProjectWheel("shop", "1.0", frozenset({"py3-none-any"}), tuple(entries), key, "patched", "")
        project = Project(self.root, None, self.root / "poetry.lock", "shop")
        return Own(project, wheel, install_project(wheel, VENV, self.store))

    def image(self, own: Own) -> Image:
        base = make_layer([Part("0" * 64, (bytes(512),))], self.store, kind="base")
        layers = (base, code_layer(own, Tools(self.store, None, Silent())))
        return Image({"architecture": "amd64", "os": "linux", "config": {"Env": ["A=b"]}}, layers)

    def tar(self) -> tuple[Image, bytes]:
        """The image as it is now, and what a daemon that has its base is sent of it."""
        image = self.image(self.own())
        return image, b"".join((opening(), *chunks(blob_member(image.layers[-1].blob)), closing(image, None)))

    def note(self, key: str) -> str:
        """Note what the next image is foretold by; where."""
        own = self.own()
        image = self.image(own)
        notes = noted(image, own, VENV, self.store)
        assert notes is not None
        written = Written("shop", image.id, image.manifest_blob.descriptor.digest, (image.layers[-1].diff_id,), 1)
        keep(notes, key, image, written, self.store)
        return str(self.store.path("foretold", key))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def ids(image: Image) -> tuple[str, str]:
    return image.id, image.manifest_blob.descriptor.digest


ONE = [
    ("src/shop/about.py", b'TAGLINE = "theirs"\n'),
    ("src/shop/about.py", b""),
    ("src/shop/about.py", b"x" * 512),
    ("src/shop/about.py", b"x" * 513),
    ("src/shop/exact.txt", b"x" * 511),
    ("src/shop/__init__.py", b"VERSION = 1\n"),
    (f"src/{LONG}", b"LONG = 22\n"),
    (f"src/{LONGEST}", b"LONGEST = 22\n"),
    ("src/shop/größe.py", b"SIZE = 22\n"),
    ("src/shop/a,b.txt", b"aa\n"),
]


@pytest.mark.parametrize(("name", "data"), ONE, ids=range(len(ONE)))
def test_an_edit_is_foretold(shop: Shop, name: str, data: bytes) -> None:
    place = shop.note("ab" * 32)
    shop.write(name, data)
    image, tar = shop.tar()
    told = foretell(place)
    assert told is not None
    assert ((told[0].image_id, told[0].manifest), told[1]) == (ids(image), tar)


def test_many_edits_are_foretold_and_again_from_there(shop: Shop) -> None:
    for turn in (1, 2):
        place = shop.note("ab" * 32)
        for name, data in ONE:
            shop.write(name, data + b"#" * turn)
        image, tar = shop.tar()
        told = foretell(place)
        assert told is not None
        assert (told[0].image_id, told[1]) == (image.id, tar)


def test_nothing_is_foretold_where_nothing_was_edited(shop: Shop) -> None:
    assert foretell(shop.note("ab" * 32)) is None


@pytest.mark.parametrize("name", ["src/shop/twice.py", "bin/shop-tool", "README.md"])
def test_what_is_not_in_the_image_as_it_is_is_not_foretold(shop: Shop, name: str) -> None:
    place = shop.note("ab" * 32)
    shop.write(name, b"another\n")
    assert foretell(place) is None
    shop.write("src/shop/about.py", b"an edit beside it\n")
    assert foretell(place) is None


def _gone(shop: Shop, place: str) -> None:
    del place
    (shop.root / "src/shop/exact.txt").unlink()


def _pipe(shop: Shop, place: str) -> None:
    _gone(shop, place)
    os.mkfifo(shop.root / "src/shop/exact.txt")


def _damaged(shop: Shop, place: str) -> None:
    path = shop.root.parent / place
    data = path.read_bytes()
    path.write_bytes(data[:-10] + bytes([data[-10] ^ 1]) + data[-9:])


def _cut(shop: Shop, place: str) -> None:
    path = shop.root.parent / place
    path.write_bytes(path.read_bytes()[:20])


def _pruned(shop: Shop, place: str) -> None:
    del place
    for path in (shop.store.root / "parts").rglob("*"):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize("harm", [_gone, _pipe, _damaged, _cut, _pruned])
def test_nothing_is_foretold_of_what_cannot_be_read(shop: Shop, harm: object) -> None:
    place = shop.note("ab" * 32)
    shop.write("src/shop/about.py", b"an edit\n")
    assert foretell(place) is not None
    assert callable(harm)
    harm(shop, place)
    assert foretell(place) is None


def test_nothing_is_kept_of_an_image_that_was_sent_whole_or_in_another_form(shop: Shop) -> None:
    own = shop.own()
    image = shop.image(own)
    notes = noted(image, own, VENV, shop.store)
    assert notes is not None
    whole = tuple(layer.diff_id for layer in image.layers)
    for digest, layers in ((ids(image)[1], whole), ("sha256:another", whole[-1:])):
        keep(notes, "ab" * 32, image, Written("shop", image.id, digest, layers, 1), shop.store)
        assert not shop.store.path("foretold", "ab" * 32).exists()


def test_a_cache_that_cannot_be_written_is_no_error(shop: Shop) -> None:
    (shop.store.root / "foretold").write_text("in the way")
    shop.note("ab" * 32)


def test_what_is_built_each_time_is_not_noted(shop: Shop) -> None:
    own = shop.own()
    earlier.remember(shop.store, shop.root, Earlier(always="the backend is part of the project"))
    assert noted(shop.image(own), own, VENV, shop.store) is None


def test_it_is_sent_whole_before_anything_else(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> None:
    words = ["build", str(shop.root), "--load"]
    with Serve(tmp_path_factory.mktemp("s") / "s")(reply(b"what the daemon says")) as (endpoint, server):
        environ = {"DOCKER_HOST": endpoint.url, "DEPSFIRST_CACHE_DIR": str(shop.store.root)}
        key = key_of(words, str(endpoint.socket))
        assert shop.note(key) == place_of(key, environ)
        shop.write("src/shop/about.py", b"an edit\n")
        image, tar = shop.tar()
        begun = begin(words, environ)
        assert begun is not None
        assert begun.key == key
        assert begun.foretold is not None
        assert (begun.foretold.image_id, begun.foretold.taken) == (image.id, False)
        with Load(endpoint, begun) as load:
            load.begin()
            assert load.end().body == b"what the daemon says"
        assert begun.foretold.taken
    (request,) = server.received
    assert unchunked(request.partition(b"\r\n\r\n")[2]) == tar
    assert tar.endswith(END)


@pytest.mark.parametrize("other", ["words", "directory", "socket"])
def test_the_notes_are_those_of_one_command_line(other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    key = key_of(["build", "."], "/run/docker.sock")
    assert key_of(["build", "."], "/run/docker.sock") == key
    (tmp_path / "other").mkdir()
    if other == "directory":
        monkeypatch.chdir(tmp_path / "other")
    words = ["build", ".", "-q"] if other == "words" else ["build", "."]
    assert key_of(words, "/run/other.sock" if other == "socket" else "/run/docker.sock") != key


@pytest.mark.parametrize(
    "environ",
    [{"DEPSFIRST_CACHE_DIR": "/c"}, {"XDG_CACHE_HOME": "/x", "HOME": "/h"}, {"HOME": "/h"}],
    ids=["own", "xdg", "home"],
)
def test_the_notes_lie_in_the_cache(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from depsfirst.content import default_root

    for name in ("DEPSFIRST_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert place_of("ab" * 32, environ) == str(ContentStore(default_root()).path("foretold", "ab" * 32))


@pytest.mark.parametrize("environ", [{}, {"DEPSFIRST_CACHE_DIR": "~/c"}, {"DEPSFIRST_CACHE_DIR": "c", "HOME": "/h"}])
def test_a_cache_whose_place_takes_work_to_tell_has_none(environ: dict[str, str]) -> None:
    assert place_of("ab" * 32, environ) is None
