from __future__ import annotations

import hashlib
import io
import os
import platform
import struct
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from packaging.tags import sys_tags

from depsfirst.bases.inspect import BaseFacts, Interpreter, Libc, choose, facts_of, inspect_base, target_tags
from depsfirst.content import ContentStore
from depsfirst.errors import DepsfirstError
from depsfirst.oci.image import LAYER, Blob, Descriptor, FileSlice, Image, Layer

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class HostRoot(Protocol):
        tar: Path
        python: str
        path: str


ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
GLIBC = b"\0GNU C Library (Debian GLIBC 2.41-12) stable release version 2.41.\n\0"
MUSL = b"musl libc (x86_64)\nVersion %s\n\0" + b"1.2.5\0"


def elf(machine: int = 62, loader: str = "/lib64/ld-linux-x86-64.so.2", payload: bytes = b"") -> bytes:
    """A little ELF file: a header, one program header that names the loader, the loader's name, and a payload."""
    name = loader.encode() + b"\0" if loader else b""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 1 if loader else 0, 0, 0, 0)
    interp = struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1)
    return header + interp + name + payload


def python(version: str, **options: object) -> bytes:
    return elf(payload=b"\0Python-3.1.1\0x" + version.encode() + b"\0", **options)  # type: ignore[arg-type]


Entry = bytes | str | None
"""The content of a file, the text of a symlink, or a folder."""


def tar(entries: dict[str, Entry], **hardlinks: str) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            elif content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
            file.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
        for name, target in hardlinks.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.type, info.linkname = tarfile.LNKTYPE, target
            file.addfile(info)
    made.seek(0)
    return made


def config(*env: str, architecture: str = "amd64") -> dict[str, object]:
    return {"architecture": architecture, "os": "linux", "config": {"Env": list(env)}}


BASE: dict[str, Entry] = {
    "usr/bin/python3": "python3.13",
    "usr/bin/python3.13": python("3.13.5"),
    "usr/lib/python3.13/os.py": b"",
    "usr/lib/python3.13/json/__init__.py": b"",
    "usr/lib/python3.13/lib-dynload/_json.cpython-313-x86_64-linux-gnu.so": b"",
    "usr/lib/python3.13/site-packages/pip/__init__.py": b"",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/lib64/ld-linux-x86-64.so.2": elf(loader=""),
    "usr/lib/x86_64-linux-gnu/libc.so.6": elf(loader="", payload=GLIBC),
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n# nobody\nbroken\n",
    "etc/group": b"root:x:0:\nstaff:x:50:app\n",
}


def facts(*layers: dict[str, Entry], env: tuple[str, ...] = (), architecture: str = "amd64") -> BaseFacts:
    return facts_of([tar(layer) for layer in layers], config(*env, architecture=architecture))


def test_a_base() -> None:
    found = facts(BASE)
    (interpreter,) = found.interpreters
    assert interpreter.path == "/usr/bin/python3.13"
    assert interpreter.version == (3, 13, 5)
    assert interpreter.full_version == "3.13.5"
    assert not interpreter.free_threaded
    assert found.architecture == "amd64"
    assert found.libc == Libc("glibc", (2, 41))
    assert found.users == {"root": 0, "app": 1000}
    assert found.groups == {"root": 0, "staff": 50}


def test_the_standard_library_is_that_of_the_base() -> None:
    names = set(facts(BASE).interpreters[0].stdlib)
    assert {"os", "json", "_json", "sys", "builtins", "math", "zlib"} <= names
    assert names.isdisjoint({"tkinter", "sqlite3", "pip", "winreg", "msvcrt", "audioop", "spwd", "lib-dynload"})


def test_layers_hide_replace_and_remove() -> None:
    lower = BASE | {"usr/lib/python3.13/sqlite3/__init__.py": b"", "usr/lib/python3.13/turtle.py": b""}
    upper: dict[str, Entry] = {
        "usr/lib/python3.13/.wh.turtle.py": b"",
        "usr/lib/python3.13/sqlite3/.wh..wh..opq": b"",
        "usr/lib/python3.13/json": b"no folder any more",
        "usr/lib/python3.13/new.py": b"",
        "etc/.wh.passwd": b"",
    }
    found = facts(lower, upper)
    names = set(found.interpreters[0].stdlib)
    assert "new" in names
    assert names.isdisjoint({"turtle", "sqlite3", "json"})
    assert found.users == {}


def test_a_whiteout_spares_its_own_layer() -> None:
    upper: dict[str, Entry] = {"etc/passwd": b"web:x:7:7::/:/bin/sh\n", "etc/.wh..wh..opq": b""}
    found = facts(BASE, upper)
    assert found.users == {"web": 7}
    assert found.groups == {}


def test_names_in_a_tar_may_begin_with_a_dot_or_a_slash() -> None:
    spelled = {f"./{name}" if at % 2 else f"/{name}": content for at, (name, content) in enumerate(BASE.items())}
    assert facts(spelled) == facts(BASE)


def test_a_hardlink_is_the_file() -> None:
    entries = {name: content for name, content in BASE.items() if name != "usr/bin/python3"}
    found = facts_of([tar(entries, usr__bin__python3="usr/bin/python3.13")], config())
    assert [each.version for each in found.interpreters] == [(3, 13, 5)]


def test_the_order_of_path_decides_which_comes_first() -> None:
    local: dict[str, Entry] = {
        "usr/local/bin/python": "python3",
        "usr/local/bin/python3": "python3.12",
        "usr/local/bin/python3.12": python("3.12.4"),
        "usr/local/lib/python3.12/os.py": b"",
    }
    first = facts(BASE, local)
    assert [each.path for each in first.interpreters] == ["/usr/local/bin/python3.12", "/usr/bin/python3.13"]
    last = facts(BASE, local, env=("PATH=/usr/bin:/usr/local/bin",))
    assert [each.path for each in last.interpreters] == ["/usr/bin/python3.13", "/usr/local/bin/python3.12"]


def test_in_one_folder_python3_comes_before_newer_ones() -> None:
    more: dict[str, Entry] = {
        "usr/bin/python3.14": python("3.14.0rc2"),
        "usr/lib/python3.14/os.py": b"",
        "usr/bin/python3.9": python("3.9.2"),
        "usr/lib/python3.9/os.py": b"",
    }
    found = facts(BASE, more)
    assert [each.full_version for each in found.interpreters] == ["3.13.5", "3.14.0rc2", "3.9.2"]
    assert found.interpreters[1].version == (3, 14, 0)


def test_a_virtual_environment_leads_to_its_interpreter() -> None:
    venv: dict[str, Entry] = {"opt/venv/bin/python": "python3", "opt/venv/bin/python3": "/usr/bin/python3"}
    found = facts(BASE, venv, env=("PATH=/opt/venv/bin:/usr/bin",))
    assert [each.path for each in found.interpreters] == ["/usr/bin/python3.13"]


def test_a_copied_program_without_a_library_is_passed_over() -> None:
    copied: dict[str, Entry] = {"opt/venv/bin/python3.13": python("3.13.5")}
    found = facts(BASE, copied, env=("PATH=/opt/venv/bin:/usr/bin",))
    assert [each.path for each in found.interpreters] == ["/usr/bin/python3.13"]


def test_a_library_elsewhere_leaves_the_hosts_names() -> None:
    entries = {name: content for name, content in BASE.items() if "lib/python3.13" not in name}
    (interpreter,) = facts(entries).interpreters
    assert set(interpreter.stdlib) == sys.stdlib_module_names


def test_a_program_without_a_version_in_its_name() -> None:
    """Of several libraries the one counts that the program names, else the newest."""
    several: dict[str, Entry] = {
        "opt/bin/python3": python("3.9.7"),
        "opt/lib/python3.9/os.py": b"",
        "opt/lib/python3.13/os.py": b"",
    }
    env = ("PATH=/opt/bin:/usr/bin", "PYTHON_VERSION=3.13.2")
    assert [each.version for each in facts(BASE, several, env=env).interpreters] == [(3, 9, 7), (3, 13, 5)]
    silent = several | {"opt/bin/python3": elf(payload=b"nothing")}
    assert [each.version for each in facts(BASE, silent, env=env).interpreters] == [(3, 13, 2), (3, 13, 5)]


def test_free_threaded_builds() -> None:
    entries: dict[str, Entry] = {
        "usr/local/bin/python3": "python3.14t",
        "usr/local/bin/python3.14t": python("3.14.0"),
        "usr/local/lib/python3.14t/os.py": b"",
    }
    found = facts(BASE, entries)
    assert [each.free_threaded for each in found.interpreters] == [True, False]
    tags = [str(tag) for tag in target_tags(found, found.interpreters[0])]
    assert "cp314-cp314t-manylinux_2_41_x86_64" in tags
    assert not any("-abi3-" in tag for tag in tags)


@pytest.mark.parametrize(
    ("files", "env"),
    [
        ({"usr/lib/libpython3.13.so.1.0": elf(loader="", payload=b"\0" + b"3.13.7\0")}, ()),
        ({"usr/include/python3.13/patchlevel.h": b'#define PY_VERSION      \t"3.13.7"\n'}, ()),
        ({}, ("PYTHON_VERSION=3.13.7",)),
    ],
    ids=["library", "header", "environment"],
)
def test_where_the_version_is_told(files: dict[str, Entry], env: tuple[str, ...]) -> None:
    silent = BASE | {"usr/bin/python3.13": elf(payload=b"nothing to say 3.12.9\0")}
    assert facts(silent, files, env=env).interpreters[0].version == (3, 13, 7)


def test_a_version_across_two_reads_is_found() -> None:
    program = elf(payload=bytes((1 << 20) - 124 - 64) + b"\0" * 30 + b"3.13.5\0")
    for pad in range(8):
        moved = BASE | {"usr/bin/python3.13": program[:200] + bytes(25 + pad) + program[200:]}
        assert facts(moved).interpreters[0].version == (3, 13, 5)


def test_a_version_that_nothing_tells() -> None:
    with pytest.raises(DepsfirstError, match=r'the version of "/usr/bin/python3\.13" cannot be told') as caught:
        facts(BASE | {"usr/bin/python3.13": elf()}, env=("PYTHON_VERSION=3.12.1",))
    assert "PYTHON_VERSION" in (caught.value.hint or "")


def test_musl() -> None:
    entries = BASE | {
        "usr/bin/python3.13": python("3.13.5", loader="/lib/ld-musl-x86_64.so.1"),
        "usr/lib/ld-musl-x86_64.so.1": elf(loader="", payload=MUSL),
    }
    found = facts(entries)
    assert found.libc == Libc("musl", (1, 2))
    tags = [str(tag) for tag in target_tags(found, found.interpreters[0])]
    assert tags[1] == "cp313-cp313-musllinux_1_2_x86_64"
    assert not any("manylinux" in tag for tag in tags)


def test_the_c_library_of_another_architecture_is_not_asked() -> None:
    old = elf(3, loader="", payload=GLIBC.replace(b"2.41", b"2.99"))
    assert facts(BASE | {"usr/lib/i386-linux-gnu/libc.so.6": old}).libc.version == (2, 41)


def test_a_missing_c_library() -> None:
    entries = {name: content for name, content in BASE.items() if "libc.so.6" not in name}
    with pytest.raises(DepsfirstError, match=r"ld-linux-x86-64\.so\.2.* is missing"):
        facts(entries)


def test_a_static_interpreter_takes_pure_wheels() -> None:
    found = facts(BASE | {"usr/bin/python3.13": python("3.13.5", loader="")})
    assert found.libc.kind == "none"
    assert {tag.platform for tag in target_tags(found, found.interpreters[0])} == {"any", "linux_x86_64"}


def test_programs_of_another_architecture() -> None:
    with pytest.raises(DepsfirstError, match=r'is for "amd64", but its "/usr/bin/python3\.13" is for "arm64"'):
        facts(BASE | {"usr/bin/python3.13": python("3.13.5", machine=183)})


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"bin/sh": elf()}, "no CPython on its PATH"),
        ({}, "no CPython on its PATH"),
        ({"usr/bin/python3": b"#!/bin/sh\nexec true\n"}, "no CPython"),
        ({"usr/bin/python3": "nowhere"}, "no CPython"),
        ({"usr/bin/python3": "python3"}, "no CPython"),
        ({"usr/bin/python": "python2.7", "usr/bin/python2.7": elf(payload=b"\0" + b"2.7.18\0")}, "no CPython"),
        ({"usr/local/bin/python3": "pypy3", "usr/local/bin/pypy3": elf()}, 'only "pypy3"'),
        ({"opt/python/bin/python3.12": python("3.12.1"), "opt/python/lib/python3.12/os.py": b""}, "no CPython"),
    ],
)
def test_a_base_without_python(entries: dict[str, Entry], words: str) -> None:
    with pytest.raises(DepsfirstError, match=words) as caught:
        facts(entries)
    assert caught.value.hint


def test_a_layer_that_is_cut_short() -> None:
    whole = tar({"usr/bin/python3.13": elf(payload=bytes(100_000))}).getvalue()
    with pytest.raises(DepsfirstError, match="a layer of the base cannot be read"):
        facts_of([io.BytesIO(whole[:50_000])], config())
    with pytest.raises(DepsfirstError, match="a layer of the base cannot be read"):
        facts_of([io.BytesIO(b"no tar at all" * 100)], config())


def test_choosing_an_interpreter() -> None:
    new = Interpreter("/usr/local/bin/python3.14", (3, 14, 0), "3.14.0rc2", free_threaded=False, stdlib=())
    old = Interpreter("/usr/bin/python3.11", (3, 11, 2), "3.11.2", free_threaded=False, stdlib=())
    found = BaseFacts("amd64", Libc("glibc", (2, 41)), (new, old))
    assert choose(found, None) is new
    assert choose(found, ">=3.10,<3.13") is old
    with pytest.raises(DepsfirstError, match=r'has Python 3.14.0rc2 .*, but the project requires ">=3.15"'):
        choose(found, ">=3.15")


def layered(path: Path, **settings: object) -> Image:
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    blob = Blob(Descriptor(LAYER, digest, path.stat().st_size), (FileSlice(path, 0, path.stat().st_size),))
    return Image({"architecture": "amd64", **settings}, (Layer(digest, blob, "base"),))


def test_facts_are_remembered_by_the_layers(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(tar(BASE).getvalue())
    image, store = layered(layer), ContentStore(tmp_path / "cache")
    first = inspect_base(image, store)
    layer.unlink()
    assert inspect_base(image, store) == first
    assert first.interpreters[0].version == (3, 13, 5)


def test_the_same_layers_on_another_path_are_read_again(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(tar(BASE | {"opt/bin/python3": "/usr/bin/python3.13"}).getvalue())
    store = ContentStore(tmp_path / "cache")
    inspect_base(layered(layer), store)
    with pytest.raises(DepsfirstError, match="no CPython"):
        inspect_base(layered(layer, config={"Env": ["PATH=/nowhere"]}), store)


def test_this_machines_own_interpreter(host_root: HostRoot) -> None:
    architecture = ARCHITECTURES[platform.machine()]
    with host_root.tar.open("rb") as layer:
        found = facts_of([layer], config(f"PATH={host_root.path}", architecture=architecture))
    (interpreter,) = found.interpreters
    assert interpreter.path == host_root.python
    assert interpreter.full_version == platform.python_version()
    assert found.libc.kind == ("glibc" if platform.libc_ver()[0] else "musl")
    if found.libc.kind == "glibc":
        assert found.libc.version == tuple(map(int, platform.libc_ver()[1].split(".")[:2]))
    here = {name for name in sys.stdlib_module_names if name in sys.builtin_module_names or importable(name)}
    left_out = {"tkinter", "idlelib", "lib2to3", "ensurepip", "turtledemo"}
    assert here - left_out <= set(interpreter.stdlib)
    assert left_out.isdisjoint(interpreter.stdlib)
    assert target_tags(found, interpreter) == tuple(sys_tags())


def importable(name: str) -> bool:
    from importlib.util import find_spec

    return name != "__main__" and find_spec(name) is not None


@pytest.mark.debian
def test_a_base_from_debian(tmp_path: Path) -> None:
    made = tmp_path / "base.tar"
    command = ["mmdebstrap", "--variant=extract", "--include=python3,musl", "trixie", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    with made.open("rb") as layer:
        found = facts_of([layer], config(architecture=ARCHITECTURES[platform.machine()]))
    (interpreter,) = found.interpreters
    assert interpreter.path == "/usr/bin/python3.13"
    assert interpreter.version[:2] == (3, 13)
    assert found.libc == Libc("glibc", (2, 41))
    names = set(interpreter.stdlib)
    assert {"sqlite3", "ssl", "asyncio", "zoneinfo"} <= names
    assert names.isdisjoint({"tkinter", "idlelib", "distutils", "imp", "winreg"})
    assert f"cp313-cp313-manylinux_2_41_{os.uname().machine}" in map(str, target_tags(found, interpreter))
