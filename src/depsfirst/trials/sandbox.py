"""A program of its own: enters a root directory and runs a command there, as if that were a container.

It is started in an interpreter of the host with ``-I -S`` and imports the standard library alone. Its one argument is
a JSON object: ``root``, ``command``, ``env``, ``cwd``, ``uid``, ``gid``, ``groups``. On standard input, which is
a socket, it says how far it came, a line each: ``ready FULL``, ``ready USER`` or ``ready PLAIN``, ``missing REASON`` if
the command is not there, ``unable TO DO SOMETHING`` if this machine does not let it.

Namespaces of its own keep what it mounts from everybody else. Root that may not make them, as in most containers,
still has chroot, without ``/proc`` and with the network of the host: ``PLAIN``.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 1 << 17, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30
_APART = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 1 << 12, 1 << 14, 1 << 18
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 1, 24, 38
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_FAILED = 125
_LAST_CAPABILITY = 63

# What root keeps: chown, dac_override, fowner, fsetid, setgid, setuid, net_bind_service.
_KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 6, 7, 10})

_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> NoReturn:
    """Enter, start the command in a child, and end as it does."""
    plan = json.loads(sys.argv[1])
    status = socket.socket(fileno=os.dup(0))
    os.umask(0o022)
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        level = _apart(plan)
    except OSError as error:
        _end(status, f"unable make namespaces: {error.strerror}")
    child = os.fork()  # the first process of the new namespace
    if child == 0:
        _child(plan, level, status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _child(plan: dict[str, Any], level: str, status: socket.socket) -> NoReturn:
    try:
        _furnish(Path(plan["root"]), level)
        _enter(plan, level)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    except OSError as error:
        _end(status, f"unable enter a root directory: {error.strerror} {error.filename or ''}".rstrip())
    program = plan["command"][0]
    status.sendall(f"ready {level}\n".encode())
    try:
        os.execve(program, plan["command"], plan["env"])  # noqa: S606 (running it is what this is for)
    except OSError as error:
        if error.errno != errno.ENOENT:
            _end(status, f"unable run {program}: {error.strerror}")
        reason = (
            f'"{program}" asks for a loader that is not there' if Path(program).exists() else f'there is no "{program}"'
        )
        _end(status, f"missing {reason}")


def _absence(program: str) -> str:
    if Path(program).exists():
        return f'"{program}" asks for a loader that is not there'
    return f'there is no "{program}"'


def _end(status: socket.socket, line: str) -> NoReturn:
    status.sendall(f"{line}\n".encode())
    os._exit(_FAILED)


def _apart(plan: dict[str, Any]) -> str:
    """Leave the namespaces of the host, as far as it lets us."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        try:
            _checked(_LIBC.unshare(_APART))
        except PermissionError:
            return "PLAIN"
        return "FULL"
    _checked(_LIBC.unshare(_NEWUSER | _APART))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{plan['uid']} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{plan['gid']} {gid} 1")
    return "USER"


def _furnish(root: Path, level: str) -> None:
    """Give the root directory the devices and system folders that every container has."""
    dev = _folder(root / "dev")
    if level == "PLAIN":
        _make_devices(dev)
        return
    _mount(None, Path("/"), None, _REC | _PRIVATE)
    for name in _DEVICES:
        (dev / name).touch()
        _mount(f"/dev/{name}", dev / name, None, _BIND)
    _mount("tmpfs", _folder(dev / "shm"), "tmpfs", _NOSUID | _NODEV)
    proc, sys_ = _folder(root / "proc"), _folder(root / "sys")
    try:
        _mount("proc", proc, "proc", _NOSUID | _NODEV | _NOEXEC | _RDONLY)
    except PermissionError:  # in a container that hides parts of it
        _mount("/proc", proc, None, _BIND | _REC)
    if level == "USER":  # must take what is mounted below, too, and may not write there anyway
        _mount("/sys", sys_, None, _BIND | _REC)
    else:
        _mount("/sys", sys_, None, _BIND)
        _mount(None, sys_, None, _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        fcntl.ioctl(loopback, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _make_devices(dev: Path) -> None:
    for name, number in _DEVICES.items():
        (dev / name).unlink(missing_ok=True)
        os.mknod(dev / name, 0o020666, os.makedev(*number))
        (dev / name).chmod(0o666)


def _folder(path: Path) -> Path:
    """A real folder of that name: a link in the image must not lead a mount astray."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        path.mkdir(0o755)
    return path


def _enter(plan: dict[str, Any], level: str) -> None:
    os.chroot(plan["root"])
    os.chdir(plan["cwd"] if Path(plan["cwd"]).is_dir() else "/")
    if level != "USER":  # there, the user is the image's already, and a command loses all capabilities
        for capability in range(_LAST_CAPABILITY + 1):
            if capability not in _KEPT_CAPABILITIES:
                _LIBC.prctl(_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups(plan["groups"])
        os.setgid(plan["gid"])
        os.setuid(plan["uid"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _LIBC.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of user forgets it


def _mount(source: str | None, target: Path, kind: str | None, flags: int) -> None:
    words = [None if each is None else str(each).encode() for each in (source, target, kind)]
    _checked(_LIBC.mount(*words, ctypes.c_ulong(flags), None), str(target))


def _checked(result: int, where: str = "") -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), where)


if __name__ == "__main__":
    main()
