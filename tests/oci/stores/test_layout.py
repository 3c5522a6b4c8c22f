from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import INDEX, Blob, Image
from depsfirst.oci.parse import Platform
from depsfirst.oci.store import copy, read
from depsfirst.oci.stores.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.oci.conftest import Maker

    from depsfirst.content import ContentStore

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty directory."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def arm(image: Image) -> Image:
    return image._replace(config={**image.config, "architecture": "arm64"})


def index(folder: Path) -> dict[str, Any]:
    value = json.loads((folder / "index.json").read_bytes())
    assert isinstance(value, dict)
    return value


def blobs(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs/sha256").iterdir()}


def needed(*images: Image) -> set[str]:
    found = {layer.blob.descriptor.hex for image in images for layer in image.layers}
    described = [blob for image in images for blob in (image.config_blob, image.manifest_blob)]
    return found | {blob.descriptor.hex for blob in described}


@pytest.mark.parametrize(
    ("text", "directory", "tag", "digest"),
    [
        ("out", "out", None, None),
        ("a/b:1.2", "a/b", "1.2", None),
        ("a/b:registry.example/shop:1", "a/b", "registry.example/shop:1", None),
        (f"out@sha256:{'a' * 64}", "out", None, f"sha256:{'a' * 64}"),
    ],
)
def test_a_layout_is_named_as_skopeo_names_it(text: str, directory: str, tag: str | None, digest: str | None) -> None:
    layout = Layout.parse(text)
    assert (str(layout.directory), layout.tag, layout.digest) == (directory, tag, digest)
    assert str(layout) == f"oci:{text}"


@pytest.mark.parametrize("text", ["", ":tag", "out:", "out:a b", "@sha256:1"])
def test_what_names_no_layout_is_refused(text: str) -> None:
    with pytest.raises(DepsfirstError, match="names no layout"):
        Layout.parse(text)


def test_a_layout_holds_what_the_image_needs_and_nothing_else(make: Maker, tmp_path: Path) -> None:
    image, folder = make.image(), tmp_path / "out"
    copy(image, Layout(folder, "1.2"))
    assert sorted(os.listdir(folder)) == ["blobs", "index.json", "oci-layout"]
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert blobs(folder) == needed(image)
    assert index(folder) == {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                **image.manifest_blob.descriptor.as_json(),
                "platform": {"os": "linux", "architecture": "amd64"},
                "annotations": {"org.opencontainers.image.ref.name": "1.2"},
            }
        ],
    }


def test_a_new_image_takes_the_place_and_the_room_of_the_old(make: Maker, tmp_path: Path) -> None:
    one, two = make.image("one"), make.image("two")
    copy(one, Layout(tmp_path / "out"))
    copy(two, Layout(tmp_path / "out"))
    assert blobs(tmp_path / "out") == needed(two)
    assert len(index(tmp_path / "out")["manifests"]) == 1


def test_other_tags_and_platforms_stay(make: Maker, store: ContentStore, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    one, two, three = make.image("one"), arm(make.image("two")), make.image("three")
    copy(one, Layout(folder, "one"))
    copy(two, Layout(folder, "one"))
    copy(three, Layout(folder, "three"))
    copy(three._replace(annotations={"a": "b"}), Layout(folder, "three"))
    assert blobs(folder) == needed(one, two, three._replace(annotations={"a": "b"}))
    assert read(Layout(folder, "one"), AMD64, store).id == one.id
    assert read(Layout(folder, "one"), ARM64, store).id == two.id
    assert read(Layout(folder, "three"), AMD64, store).id == three.id
    digest = one.manifest_blob.descriptor.digest
    assert read(Layout(folder, digest=digest), AMD64, store).id == one.id


def test_an_image_that_must_be_named_says_the_tags(make: Maker, out: Path) -> None:
    for tag in ("b", "a"):
        copy(make.image(tag), Layout(out, tag))
    with pytest.raises(DepsfirstError, match="more than one image"):
        Layout(out).read(AMD64)
    with pytest.raises(DepsfirstError, match="does not have this image") as caught:
        Layout(out, "c").read(AMD64)
    assert caught.value.hint == "its tags: a, b"


def test_an_index_in_the_index_is_followed(make: Maker, store: ContentStore, out: Path) -> None:
    one, two = make.image("one"), arm(make.image("two"))
    for image in (one, two):
        copy(image, Layout(out))
    inner = (out / "index.json").read_bytes()
    blob = Blob.of(inner, INDEX)
    (out / "blobs/sha256" / blob.descriptor.hex).write_bytes(inner)
    (out / "index.json").write_text(json.dumps({"manifests": [blob.descriptor.as_json()]}))
    assert read(Layout(out), AMD64, store).id == one.id
    assert read(Layout(out), ARM64, store).id == two.id


def test_what_others_put_beside_stays(make: Maker, out: Path) -> None:
    copy(make.image("one"), Layout(out, "one"))
    (out / "blobs/sha256" / ("f" * 64)).write_bytes(b"of another tool, not yet in the index")
    (out / "notes").write_bytes(b"x")
    value = index(out) | {"annotations": {"kept": "yes"}}
    (out / "index.json").write_text(json.dumps(value))
    copy(make.image("two"), Layout(out, "one"))
    assert blobs(out) == needed(make.image("two")) | {"f" * 64}
    assert index(out)["annotations"] == {"kept": "yes"}
    assert (out / "notes").exists()


def test_nothing_is_removed_when_the_index_holds_something_unknown(make: Maker, out: Path) -> None:
    one, two = make.image("one"), make.image("two")
    copy(one, Layout(out, "one"))
    value = index(out)
    value["manifests"].append({"mediaType": INDEX, "digest": "sha512:abc", "size": 3})
    (out / "index.json").write_text(json.dumps(value))
    copy(two, Layout(out, "one"))
    assert blobs(out) == needed(one, two)


def test_a_directory_of_other_use_is_refused(make: Maker, out: Path) -> None:
    (out / "thesis.tex").write_bytes(b"x")
    with pytest.raises(DepsfirstError, match="neither an OCI layout nor empty"):
        copy(make.image(), Layout(out))
    assert os.listdir(out) == ["thesis.tex"]
    with pytest.raises(DepsfirstError, match="neither an OCI layout nor empty"):
        copy(make.image(), Layout(out / "thesis.tex"))


def test_a_digest_cannot_be_written_to(make: Maker, tmp_path: Path) -> None:
    with pytest.raises(DepsfirstError, match="a digest cannot be chosen"):
        copy(make.image(), Layout(tmp_path, digest=f"sha256:{'0' * 64}"))


def damage_index(folder: Path) -> None:
    (folder / "index.json").write_text("{")


def no_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def no_blob(folder: Path) -> None:
    largest(folder).unlink()


def short_blob(folder: Path) -> None:
    os.truncate(largest(folder), 100)


def other_blob(folder: Path) -> None:
    path = largest(folder)
    path.write_bytes(path.read_bytes()[::-1])


def largest(folder: Path) -> Path:
    return max((folder / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_index, "not JSON"),
        (no_index, "there is no OCI layout"),
        (no_blob, "is not there"),
        (short_blob, "has 100 bytes, not"),
        (other_blob, "the blob is damaged: its digest is"),
    ],
)
def test_a_damaged_layout_is_an_error_that_names_the_file(
    damage: Callable[[Path], None], said: str, make: Maker, store: ContentStore, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    copy(make.image(), Layout(folder))
    blob = largest(folder)
    damage(folder)
    with pytest.raises(DepsfirstError, match=said) as caught:
        read(Layout(folder), AMD64, store)
    assert caught.value.where in {str(blob), str(folder / "index.json")}
    assert caught.value.hint


def test_a_blob_that_was_cut_is_written_again(make: Maker, store: ContentStore, out: Path) -> None:
    image = make.image()
    copy(image, Layout(out))
    os.truncate(largest(out), 100)
    copy(image, Layout(out))
    assert read(Layout(out), AMD64, store).id == image.id


@pytest.fixture
def small_disk() -> Any:
    """No file may grow beyond a few bytes: writing fails as on a full disk, with a real error of the system."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_no_new_layout(make: Maker, tmp_path: Path, small_disk: Callable[[int], None]) -> None:
    image = make.image()
    small_disk(50_000)
    with pytest.raises(DepsfirstError, match="File too large") as caught:
        copy(image, Layout(tmp_path / "deep" / "out"))
    assert "free some space" in str(caught.value.hint)
    assert not (tmp_path / "deep").exists()


def test_a_full_disk_leaves_an_old_layout_as_it_was(
    make: Maker, store: ContentStore, tmp_path: Path, small_disk: Callable[[int], None]
) -> None:
    one, two = make.image("one"), make.image("two", dependencies=300_000)
    copy(one, Layout(tmp_path / "out"))
    before = blobs(tmp_path / "out")
    small_disk(200_000)
    with pytest.raises(DepsfirstError, match="File too large"):
        copy(two, Layout(tmp_path / "out"))
    small_disk(10_000_000)
    assert blobs(tmp_path / "out") == before
    assert read(Layout(tmp_path / "out"), AMD64, store).id == one.id


CHANGES = {"open", "os.mkdir", "os.rename", "os.link", "os.remove"}


def killed_at(moment: int, image: Image, folder: Path) -> bool:
    """Copy an image into a layout in a process that is killed at its n-th change of a directory, if it gets there."""
    child = os.fork()
    if child == 0:
        left = moment

        def count(event: str, _: object) -> None:
            nonlocal left
            left -= event in CHANGES
            if left == 0 and event in CHANGES:
                os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            sys.addaudithook(count)
            copy(image, Layout(folder))
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status == 0


def test_a_kill_at_any_moment_leaves_a_layout_that_can_be_read(
    make: Maker, store: ContentStore, tmp_path: Path
) -> None:
    old, new = make.image("old"), make.image("new", dependencies=50_000)
    for moment in range(1, 200):
        folder = tmp_path / str(moment)
        copy(old, Layout(folder))
        whole = killed_at(moment, new, folder)
        found = read(Layout(folder), AMD64, store).id
        assert found in ({new.id} if whole else {old.id, new.id})
        copy(old, Layout(folder))
        assert read(Layout(folder), AMD64, store).id == old.id
        if whole:
            assert moment > 5
            return
    pytest.fail("the copy never came to its end")


def test_a_kill_at_any_moment_leaves_a_valid_new_layout_or_none(
    make: Maker, store: ContentStore, tmp_path: Path
) -> None:
    new = make.image("new", dependencies=50_000)
    for moment in range(1, 200):
        folder = tmp_path / str(moment)
        whole = killed_at(moment, new, folder)
        if (folder / "oci-layout").exists():
            assert isinstance(index(folder)["manifests"], list)
        copy(make.image(), Layout(folder))
        assert read(Layout(folder), AMD64, store).id == make.image().id
        assert sorted(os.listdir(folder)) == ["blobs", "index.json", "oci-layout"]
        assert blobs(folder) >= needed(make.image())
        if whole:
            assert moment > 10
            return
    pytest.fail("the copy never came to its end")


def test_two_writers_at_once_both_get_their_image_in(make: Maker, store: ContentStore, tmp_path: Path) -> None:
    images = {str(at): make.image(str(at)) for at in range(8)}
    folder = tmp_path / "out"
    threads = [threading.Thread(target=copy, args=(image, Layout(folder, tag))) for tag, image in images.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {tag: read(Layout(folder, tag), AMD64, store).id for tag in images} == {
        tag: image.id for tag, image in images.items()
    }


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_two_directories_and_any_umask_give_the_same_bytes(make: Maker, tmp_path: Path, umask: int) -> None:
    found = []
    for name in ("one", "two/three"):
        before = os.umask(umask if name == "one" else 0o022)
        try:
            copy(make.image(), Layout(tmp_path / name, "x"))
        finally:
            os.umask(before)
        paths = [path for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        found.append([(str(path.relative_to(tmp_path / name)), path.read_bytes()) for path in paths])
    assert found[0] == found[1]
