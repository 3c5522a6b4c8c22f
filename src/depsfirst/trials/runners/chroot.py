"""Runs a command in an image without an engine: its layers in a scratch directory, and a sandbox around that.

Linux only, for images of this machine's kind. It needs root, or a system that lets users make namespaces.
"""

from __future__ import annotations

import json
import os
import platform
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst.bases.facts import numbers
from depsfirst.trials.rootdir import RootDir
from depsfirst.trials.runners import KEPT, Outcome, Trial, UnavailableError, tail
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from depsfirst.content import ContentStore

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_EMULATED = {"arm64": "aarch64", "amd64": "x86_64"}
_SYSTEM_FOLDERS = re.compile(r"/(proc|sys)/")
_WITHOUT_PROC = "PLAIN"
_NOT_FOUND = 127
_READ = 1 << 16
_PAUSE = 0.1


class Chroot(NamedTuple):
    """A root directory in the cache, gone after the run."""

    store: ContentStore

    @property
    def name(self) -> str:
        """What to call it."""
        return "chroot"

    def run(self, trial: Trial) -> Outcome:
        """Unpack, enter, run; time to unpack does not count.

        Files that commands hardly ever read are left out at first: what succeeds without them succeeds with them.
        """
        check_machine(trial.platform)
        outcome = self._run(trial, lean=True)
        return self._run(trial, lean=False) if outcome.status not in {0, None, _NOT_FOUND} else outcome

    def _run(self, trial: Trial, *, lean: bool) -> Outcome:
        with self.store.scratch_directory() as scratch:
            root = scratch / "root"
            root.mkdir()
            root.chmod(0o755)  # whatever the umask: another user must be able to enter
            return _sandboxed(_unpacked(trial, RootDir(root, lean=lean)), trial)


def check_machine(wanted: str) -> None:
    """Make sure that programs of a platform can run here, by the processor or by what the kernel has registered.

    Raises:
        UnavailableError: they cannot.
    """
    if not sys.platform.startswith("linux"):
        raise UnavailableError("it takes Linux")
    system, _, rest = wanted.partition("/")
    architecture = rest.partition("/")[0]
    here = _MACHINES.get(platform.machine(), platform.machine())
    if system == "linux" and architecture == here:
        return
    emulator = Path(f"/proc/sys/fs/binfmt_misc/qemu-{_EMULATED.get(architecture, architecture)}")
    said = emulator.read_text() if emulator.is_file() else ""
    if "enabled" not in said or not re.search(r"^flags:.*F", said, re.MULTILINE):
        raise UnavailableError(f"this machine ({here}) cannot run {wanted}")


def _unpacked(trial: Trial, root: RootDir) -> dict[str, Any]:
    try:
        root.add(layer.open() for layer in trial.image.layers)
    except OSError as error:
        raise UnavailableError(f"the image cannot be unpacked: {error}") from error
    settings = trial.image.config.get("config") or {}
    uid, gid, groups, home = _user(root, str(settings.get("User") or "0"))
    env = dict(entry.partition("=")[::2] for entry in settings.get("Env") or [])
    return {
        "root": str(root.top),
        "command": trial.command,
        "env": {"PATH": _PATH, "HOME": home} | env,
        "cwd": settings.get("WorkingDir") or "/",
        "uid": uid,
        "gid": gid,
        "groups": groups,
    }


def _user(root: RootDir, said: str) -> tuple[int, int, list[int], str]:
    """Number, group, further groups and home of an image's user: ``NAME``, ``UID``, ``NAME:GROUP``, ``UID:GID``."""
    user, _, group = said.partition(":")
    users = [line.split(":") for line in root.text("/etc/passwd").splitlines() if line.count(":") >= 6]  # noqa: PLR2004
    found = next((row for row in users if user in {row[0], row[2]}), None)
    if found is None and not user.isdigit():
        raise UnavailableError(f'the image has no user "{user}"')
    uid = int(found[2]) if found else int(user)
    rows = [line.split(":") for line in root.text("/etc/group").splitlines() if line.count(":") >= 3]  # noqa: PLR2004
    groups = numbers("\n".join(":".join(row) for row in rows))
    if group and not group.isdigit() and group not in groups:
        raise UnavailableError(f'the image has no group "{group}"')
    gid = int(group) if group.isdigit() else groups[group] if group else int(found[3]) if found else 0
    more = (
        [] if group else [int(row[2]) for row in rows if found and found[0] in row[3].split(",") and row[2].isdigit()]
    )
    return uid, gid, sorted({gid, *more}), found[5] if found else "/"


def _sandboxed(plan: dict[str, Any], trial: Trial) -> Outcome:
    from depsfirst.trials import sandbox

    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    command = [sys.executable, "-I", "-S", str(sandbox.__file__), json.dumps(plan)]
    with ours, theirs:
        process = subprocess.Popen(
            command, stdin=theirs.fileno(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        theirs.close()
        with process:
            said = _listen(process, time.monotonic() + trial.timeout)
            in_time = process.poll() is not None
            if not in_time:
                os.killpg(process.pid, signal.SIGKILL)
        return _outcome(process.returncode if in_time else None, tail(said), _lines(ours))


def _listen(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """The end of what a process says until it ends or the time is up."""
    said = b""
    if process.stdout is None:
        return said
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(min(left, _PAUSE)):
                chunk = os.read(process.stdout.fileno(), _READ)
                said = (said + chunk)[-2 * KEPT :]
                if chunk:
                    continue
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                break
            if process.poll() is not None:  # what it left running holds on to its output
                break
    return said


def _lines(status: socket.socket) -> list[str]:
    """What the sandbox said of itself; all of it was sent before it ended."""
    said = b""
    with suppress(BlockingIOError, ConnectionError):
        while chunk := status.recv(_READ):
            said += chunk
    return said.decode("utf-8", "replace").splitlines()


def _outcome(status: int | None, said: str, lines: list[str]) -> Outcome:
    word, _, rest = lines[-1].partition(" ") if lines else ("unable", "", said.rpartition("\n")[2])
    if word == "missing":
        return Outcome(_NOT_FOUND, rest)
    if word != "ready":
        raise UnavailableError(f"this machine does not let it {rest}")
    if status and rest == _WITHOUT_PROC and _SYSTEM_FOLDERS.search(said):
        raise UnavailableError("there is no /proc to be had here, and the import asks for it")
    return Outcome(status, said)
