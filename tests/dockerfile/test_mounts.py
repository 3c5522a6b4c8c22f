"""Options of RUN --mount in, a mount out, or the reason why BuildKit refuses it."""

from __future__ import annotations

import pytest

from depsfirst.dockerfile.mounts import Mount, csv_fields, read_device, read_mount


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("target=/a", Mount(target="/a")),
        ("type=bind,source=a,dst=/b,rw", Mount(source="a", target="/b", readonly=False)),
        ("src=a,destination=/b,readwrite=false", Mount(source="a", target="/b", readonly=True)),
        ("target=/b,readonly=0", Mount(target="/b", readonly=False)),
        ("TYPE=Cache,target=/c", Mount(type="cache", target="/c", readonly=False)),
        ("type=cache,target=/c,ro", Mount(type="cache", target="/c", readonly=True)),
        (
            "type=cache,target=/c,id=x,sharing=LOCKED",
            Mount("cache", target="/c", id="x", sharing="locked", readonly=False),
        ),
        (
            "type=cache,target=/c,mode=0755,uid=5,gid=6",
            Mount("cache", target="/c", readonly=False, mode=0o755, uid=5, gid=6),
        ),
        ("type=tmpfs,target=/t,size=1.5Gib", Mount("tmpfs", target="/t", readonly=False, size=3 * 2**29)),
        ("type=tmpfs,target=/t,size=64 k", Mount("tmpfs", target="/t", readonly=False, size=65536)),
        ("type=tmpfs,target=/t,size=1e3b", Mount("tmpfs", target="/t", readonly=False, size=1000)),
        ("type=secret,id=a,required", Mount("secret", id="a", required=True)),
        ("type=secret,id=a,required=false,env=", Mount("secret", id="a", env="")),
        ("type=ssh", Mount("ssh")),
        ("from=image:1,source=/a,target=/b", Mount(from_="image:1", source="/a", target="/b")),
        ('"target=/a,b",source="""c"""', None),
        ('"target=/a,b","source=""c"""', Mount(target="/a,b", source='"c"')),
    ],
)
def test_mounts(text: str, mount: Mount | None) -> None:
    read = read_mount(text)
    assert (read if isinstance(read, Mount) else None) == mount


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=x", 'the mount option "type" cannot be "x"'),
        ("target", 'the mount option "target" has no value'),
        ("target=/a,", 'the mount option "" has no value'),
        ("colour=red", 'the mount option "colour" is unknown'),
        ("required", 'the option "required" does not fit a mount of type bind'),
        ("required,type=secret", 'the option "required" does not fit a mount of type bind'),
        ("size=1", 'the option "size" does not fit a mount of type bind'),
        ("type=tmpfs,size=x", 'the size "x" cannot be read'),
        ("type=tmpfs,size=1e999", 'the size "1e999" cannot be read'),
        ("type=tmpfs,size=-1", 'the size "-1" cannot be read'),
        ("type=cache,sharing=x", 'the mount option "sharing" cannot be "x"'),
        ("sharing=shared", "a mount of type bind has no sharing"),
        ("mode=0755", "a mount of type bind has no mode, uid or gid"),
        ("type=cache,mode=0o755", 'the mount option "mode" cannot be "0o755"'),
        ("type=cache,mode=789", 'the mount option "mode" cannot be "789"'),
        ("type=cache,uid=4294967296", 'the mount option "uid" cannot be "4294967296"'),
        (f"type=cache,gid={'9' * 5000}", f'the mount option "gid" cannot be "{"9" * 5000}"'),
        ("readonly=yes", 'the mount option "readonly" cannot be "yes"'),
        ("type=secret", "the secret has no id"),
        ("type=secret,id=a,from=b", 'a secret has no "from"'),
        ("type=secret,id=a,source=b", 'the secret has both "source" and "id"'),
        ("", "the flag has an empty value"),
        ("type=secret,id=a,sharing=shared", "a mount of type secret has no sharing"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    read = read_mount(text)
    assert not isinstance(read, Mount)
    assert read.message == message
    assert read.hint


def test_every_value_is_expanded() -> None:
    seen: list[str] = []

    def expand(value: str) -> str:
        seen.append(value)
        return {"$T": "cache", "$R": "true"}.get(value, value)

    assert read_mount("type=$T,target=/a,readonly=$R,rw", expand) == Mount("cache", target="/a", readonly=False)
    assert seen == ["$T", "/a", "$R"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a,b", ("a", "b")),
        ("a,,", ("a", "", "")),
        ('"a,b",c', ("a,b", "c")),
        ('"a""b"', ('a"b',)),
        ('""', ("",)),
    ],
)
def test_fields(text: str, fields: tuple[str, ...]) -> None:
    assert csv_fields(text) == fields


@pytest.mark.parametrize("text", ["", 'a"b', '"a', '"a"b', '"a""'])
def test_fields_that_cannot_be_told_apart(text: str) -> None:
    assert csv_fields(text).__class__.__name__ == "Fault"


@pytest.mark.parametrize(
    ("text", "name", "required"),
    [("a=b", "a=b", False), ("name=a,required", "a", True), ("required=false,x", "x", False)],
)
def test_devices(text: str, name: str, *, required: bool) -> None:
    device = read_device(text)
    assert (device.name, device.required) == (name, required)  # type: ignore[union-attr]


def test_devices_that_are_refused() -> None:
    assert read_device('a"').__class__.__name__ == "Fault"
    assert read_device("name=a,name=b").__class__.__name__ == "Fault"
