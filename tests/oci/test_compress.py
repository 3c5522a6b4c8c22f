from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import pytest

from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.oci import compress as subject
from depsfirst.oci.compress import FORMAT, PLAIN, compressed, plain
from depsfirst.oci.image import LAYER_GZIP, LAYER_ZSTD, Blob, FileSlice, Layer, Part
from depsfirst.oci.layer import make_layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.oci.image import Piece

LARGE = (b"import this\n" * 9000, b"from that import other\n" * 9000, b"pass\n" * 40_000)


def wheels(make: Maker, *contents: bytes) -> list[Part]:
    return [make.stored_part(make.file(f"lib/{len(data)}.py", data)) for data in contents]


def test_gzip_holds_the_same_tar(make: Maker, store: ContentStore) -> None:
    plain = make_layer([*wheels(make, *LARGE), make.part(make.file("small", b"x"))], store, kind="dependencies")
    packed = compressed(plain, store)
    data = b"".join(packed.blob.chunks())
    assert hashlib.sha256(gzip.decompress(data)).hexdigest() == plain.diff_id.removeprefix("sha256:")
    assert packed.blob.descriptor.media_type == LAYER_GZIP
    assert packed.blob.descriptor.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert packed.blob.descriptor.size == len(data) < plain.blob.descriptor.size / 20
    assert (packed.diff_id, packed.kind, packed.parts) == (plain.diff_id, plain.kind, plain.parts)
    with packed.open() as one, plain.open() as two:
        assert one.read() == two.read()


def test_no_time_and_no_name_is_written(make: Maker, store: ContentStore) -> None:
    data = b"".join(compressed(make.layer(make.file("a", b"x")), store).blob.chunks())
    assert data[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def test_two_caches_give_the_same_bytes(make: Maker, store: ContentStore, tmp_path: Path) -> None:
    parts = wheels(make, *LARGE)
    other = ContentStore(tmp_path / "other")
    digests = {
        compressed(make_layer(parts, each, kind="dependencies"), each).blob.descriptor.digest for each in (store, other)
    }
    assert len(digests) == 1


def test_what_layers_share_is_compressed_once(
    make: Maker, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = wheels(make, *LARGE)
    compressed(make_layer([one, two], store, kind="dependencies"), store)
    seen: list[Piece] = []
    whole = subject.gzip_chunks

    def watched(pieces: tuple[Piece, ...]) -> Iterator[bytes]:
        seen.extend(pieces)
        return whole(pieces)

    monkeypatch.setattr(subject, "gzip_chunks", watched)
    compressed(make_layer([one, two, three], store, kind="dependencies"), store)
    assert [piece for piece in seen if isinstance(piece, FileSlice)] == list(three.pieces)


def test_a_warm_build_compresses_and_hashes_nothing(
    make: Maker, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make_layer(wheels(make, *LARGE), store, kind="dependencies")
    cold = compressed(layer, store)
    monkeypatch.setattr(subject, "sha256", lambda _: pytest.fail("a layer was hashed again"))
    monkeypatch.setattr(subject, "_compress", lambda *_: pytest.fail("a part was compressed again"))
    assert compressed(layer, store).blob == cold.blob


def test_a_layer_without_parts_is_one_member(make: Maker, store: ContentStore) -> None:
    layer = make.layer(make.file("a", LARGE[0]), kind="base")
    read = Layer(layer.diff_id, layer.blob, "base")
    assert gzip.decompress(b"".join(compressed(read, store).blob.chunks())) == b"".join(layer.blob.chunks())


@pytest.mark.parametrize("media_type", [LAYER_GZIP, LAYER_ZSTD])
def test_what_is_compressed_stays_as_it_is(media_type: str, store: ContentStore) -> None:
    layer = Layer("sha256:…", Blob.of(b"any bytes", media_type), "base")
    assert compressed(layer, store) is layer


def test_a_part_that_is_gone_leaves_nothing_in_the_cache(make: Maker, store: ContentStore) -> None:
    parts = wheels(make, *LARGE)
    layer = make_layer(parts, store, kind="dependencies")
    store.path("parts", parts[1].key).unlink()
    with pytest.raises(DepsfirstError, match="cannot be read"):
        compressed(layer, store)
    assert store.find(FORMAT, parts[1].key) is None
    assert list((store.root / "tmp").iterdir()) == []


def test_a_layer_is_unpacked_once(make: Maker, store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_layer(wheels(make, *LARGE), store, kind="dependencies")
    assert plain(layer, store) is layer
    found = plain(compressed(layer, store), store)
    assert found.blob.descriptor == layer.blob.descriptor
    assert b"".join(found.blob.chunks()) == b"".join(layer.blob.chunks())
    monkeypatch.setattr(Layer, "open", lambda *_: pytest.fail("a layer was unpacked again"))
    assert plain(compressed(layer, store), store) == found


def test_a_damaged_layer_is_not_kept(store: ContentStore) -> None:
    layer = Layer(f"sha256:{'0' * 64}", Blob.of(gzip.compress(bytes(9999))[:-1], LAYER_GZIP), "base")
    with pytest.raises(DepsfirstError, match="cannot be unpacked"):
        plain(layer, store)
    assert store.find(PLAIN, "0" * 64) is None
