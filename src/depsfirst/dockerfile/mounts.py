"""Mounts and devices of RUN: their options, read as BuildKit reads them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from depsfirst.dataclass import dataclass, replace
from depsfirst.dockerfile.words import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_TYPES = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARINGS = ("shared", "private", "locked")
_WRITABLE = frozenset({"cache", "tmpfs"})
_OWNED = frozenset({"cache", "secret", "ssh"})
_REQUIRABLE = ("secret", "ssh")
_LARGEST = 2**32 - 1
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of one RUN.

    Attributes:
        type: ``bind``, ``cache``, ``tmpfs``, ``secret`` or ``ssh``.
        source: path in what is mounted; of a secret its id.
        target: path in the container; empty where the type has a default.
        from_: stage, named context or image; empty for the build context and for a new cache.
        id: of a cache, secret or SSH agent; empty where it follows from target or source.
        sharing: of a cache: ``shared``, ``private``, ``locked``; empty where nothing is said, which is shared.
        readonly: whether the container cannot write.
        required: whether a secret or an SSH agent must be there.
        env: the variable that gets a secret; None for none, empty for one named like the secret.
        size: limit of a tmpfs in bytes; 0 for none.
        mode: permission bits.
        uid: owner.
        gid: group.
    """

    type: str = "bind"
    source: str = ""
    target: str = ""
    from_: str = ""
    id: str = ""
    sharing: str = ""
    readonly: bool = True
    required: bool = False
    env: str | None = None
    size: int = 0
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


class _RefusedError(ValueError):
    """An option that BuildKit refuses."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.fault = Fault(message, hint)


def check_mount(text: str) -> Fault | None:
    """Why BuildKit refuses a mount when it parses, before it knows any variable; most faults show only in a build."""
    fields = csv_fields(text)
    if isinstance(fields, Fault):
        return fields
    for value in _origins(fields):
        if "$" in value[:-1]:
            return Fault(
                f'the mount option "from={value}" has a variable, which "from" cannot have',
                "give the image a stage of its own, FROM … AS name, and name that",
            )
    return None


def mount_origin(text: str) -> str:
    """The stage, named context or image that a mount names, which no variable can change; empty for none."""
    fields = csv_fields(text)
    return "" if isinstance(fields, Fault) else (_origins(fields) or [""])[-1]


def _origins(fields: tuple[str, ...]) -> list[str]:
    """Every value of the option ``from``, of which the last counts."""
    options = (entry.partition("=") for entry in fields)
    return [value for key, equals, value in options if equals and key.lower() == "from"]


def read_mount(text: str, expand: Callable[[str], str] = str) -> Mount | Fault:
    """The mount that the value of ``--mount`` describes, every option's value passed through ``expand``."""
    fields = csv_fields(text)
    if isinstance(fields, Fault):
        return fields
    mount, writable = Mount(), None
    try:
        for entry in fields:
            key, equals, value = entry.partition("=")
            key = key.lower()
            if equals:
                value = expand(value)
            key = _ALIASES.get(key, key)
            if key in ("readonly", "readwrite"):
                writable = (not equals or _bool(key, value)) == (key == "readwrite")
            else:
                mount = _with_option(mount, key, value if equals else None, entry)
        _check(mount)
    except _RefusedError as refused:
        return refused.fault
    return replace(mount, readonly=mount.type not in _WRITABLE if writable is None else not writable)


def _with_option(mount: Mount, key: str, value: str | None, entry: str) -> Mount:
    if key == "required":
        _demand_type(mount, key, _REQUIRABLE)
        return replace(mount, required=value is None or _bool(key, value))
    if value is None:
        raise _RefusedError(f'the mount option "{entry}" has no value', "write it as key=value")
    if key == "size":
        _demand_type(mount, key, ("tmpfs",))
    setter = _SETTERS.get(key)
    if not setter:
        raise _RefusedError(f'the mount option "{key}" is unknown', f"choose one of {', '.join(_SETTERS)}")
    return setter(mount, value)


def _demand_type(mount: Mount, key: str, types: tuple[str, ...]) -> None:
    if mount.type not in types:
        hint = f"it is for type={' and type='.join(types)}, which has to stand before it"
        raise _RefusedError(f'the option "{key}" does not fit a mount of type {mount.type}', hint)


_SETTERS: Mapping[str, Callable[[Mount, str], Mount]] = {
    "type": lambda mount, value: replace(mount, type=_one_of(_TYPES, "type", value)),
    "from": lambda mount, value: replace(mount, from_=value),
    "source": lambda mount, value: replace(mount, source=value),
    "target": lambda mount, value: replace(mount, target=value),
    "id": lambda mount, value: replace(mount, id=value),
    "sharing": lambda mount, value: replace(mount, sharing=_one_of(_SHARINGS, "sharing", value)),
    "env": lambda mount, value: replace(mount, env=value),
    "size": lambda mount, value: replace(mount, size=_size(value)),
    "mode": lambda mount, value: replace(mount, mode=_number("mode", value, 8)),
    "uid": lambda mount, value: replace(mount, uid=_number("uid", value, 10)),
    "gid": lambda mount, value: replace(mount, gid=_number("gid", value, 10)),
}


def _check(mount: Mount) -> None:
    if mount.type not in _OWNED and (mount.mode, mount.uid, mount.gid) != (None, None, None):
        raise _RefusedError(f"a mount of type {mount.type} has no mode, uid or gid", "remove them")
    if mount.sharing and mount.type != "cache":
        raise _RefusedError(f"a mount of type {mount.type} has no sharing", "remove it, or write type=cache")
    if mount.type != "secret":
        return
    if mount.from_:
        raise _RefusedError('a secret has no "from"', "remove it")
    if not (mount.source or mount.target or mount.id):
        raise _RefusedError("the secret has no id", "write id=NAME")
    if mount.source and mount.id:
        raise _RefusedError('the secret has both "source" and "id"', "remove one of them")


def _one_of(choices: tuple[str, ...], key: str, value: str) -> str:
    if value.lower() not in choices:
        raise _RefusedError(f'the mount option "{key}" cannot be "{value}"', f"choose one of {', '.join(choices)}")
    return value.lower()


def _bool(key: str, value: str) -> bool:
    if value not in _TRUE | _FALSE:
        raise _RefusedError(f'the mount option "{key}" cannot be "{value}"', "it is true or false")
    return value in _TRUE


def _number(key: str, value: str, base: int) -> int:
    digits = value.lstrip("0")[:12] or "0"
    if not _DIGITS[base].fullmatch(value) or int(digits, base) > _LARGEST:
        raise _RefusedError(f'the mount option "{key}" cannot be "{value}"', f"write a number of base {base}")
    return int(digits, base)


_DIGITS = {8: re.compile("[0-7]+"), 10: re.compile("[0-9]+")}
_SIZE = re.compile(
    r"(\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?) ?(?:([kmgtp])(?:i?b)?|b)?", re.ASCII | re.IGNORECASE
)


def _size(value: str) -> int:
    """Bytes, from a number with a unit that counts in steps of 1,024."""
    found = _SIZE.fullmatch(value)
    number = float(found[1]) if found else math.inf
    if not found or not math.isfinite(number):
        raise _RefusedError(f'the size "{value}" cannot be read', "write a number of bytes, or one with k, m or g")
    return int(number * 1024 ** " kmgtp".index((found[2] or " ").lower()))


@dataclass(frozen=True, slots=True)
class Device:
    """A device of one RUN, by its CDI name."""

    name: str
    required: bool = False


def read_device(text: str) -> Device | Fault:
    """The device that the value of ``--device`` describes."""
    fields = csv_fields(text)
    if isinstance(fields, Fault):
        return fields
    device = Device("")
    try:
        for entry in fields:
            device = _with_device_option(device, entry)
    except _RefusedError as refused:
        return refused.fault
    return device


def _with_device_option(device: Device, entry: str) -> Device:
    key, equals, value = entry.partition("=")
    match key.lower():
        case "required":
            return replace(device, required=not equals or _bool("required", value))
        case "name" if equals and not device.name:
            return replace(device, name=value)
        case _ if not device.name:
            return replace(device, name=entry)
        case _:
            raise _RefusedError(f'the device option "{entry}" is unknown', "write name=DEVICE and required")


def csv_fields(text: str) -> tuple[str, ...] | Fault:
    """The fields of one line of comma-separated values, of which any can stand between double quotes."""
    if not text:
        return Fault("the flag has an empty value", "write its options as key=value,key=value")
    fields: list[str] = []
    position = 0
    while position <= len(text):
        found = _FIELD.match(text, position)
        if not found:
            return Fault(f'the quotes in "{text}" do not fit', 'put a whole field between quotes: "key=value"')
        quoted, bare = found.groups()
        fields.append(bare if quoted is None else quoted.replace('""', '"'))
        position = found.end() + 1
    return tuple(fields)


_FIELD = re.compile(r'(?:"((?:[^"]|"")*+)"|([^",]*))(?=,|\Z)')
