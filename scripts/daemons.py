"""Two Docker daemons of a checkout: where they stand, how they start, and how they end."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

from scripts.programs import fail, run, say, tail

START_SECONDS = 60
STOP_SECONDS = 30

NETWORKLESS = ("--bridge=none", "--iptables=false", "--ip6tables=false")

OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")

NEWER_SCRIPT = """
set -e
mount --bind "$1" "$1"
mount --bind "$2" "$1/run"
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
mount --rbind /dev "$1/dev"
root=$1
shift 2
exec chroot "$root" dockerd "$@"
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything stands: what is large below ``state``, sockets below ``run``, a short path.

    A socket's path may have 107 characters, and the checkout may lie deep.
    """

    state: Path
    suite: str = "trixie"

    @property
    def run(self) -> Path:
        """The directory of sockets, process ids and other state of what is running."""
        name = hashlib.sha256(str(self.state).encode()).hexdigest()[:8]
        return Path("/run") / f"depsfirst-engines-{name}"

    @property
    def archive(self) -> Path:
        """The base image as a docker-archive."""
        return self.state / "base.docker.tar"

    @property
    def newer_root(self) -> Path:
        """The root of a Debian suite that the newer daemon runs in."""
        return self.state / self.suite


@dataclass(frozen=True, slots=True)
class Daemon:
    """A Docker daemon: its name, its socket, the variable that tells tests of it, and how it is started."""

    name: str
    socket: Path
    variable: str
    command: tuple[str, ...]
    log: Path
    pidfile: Path

    @property
    def url(self) -> str:
        """What ``DOCKER_HOST`` takes."""
        return f"unix://{self.socket}"


def daemons(places: Places) -> tuple[Daemon, Daemon]:
    """The daemon with the classic image store and the one with containerd's."""
    return _classic(places), _newer(places)


def _classic(places: Places) -> Daemon:
    run = places.run / "classic"
    command = [*OWN_MOUNTS, "dockerd", *NETWORKLESS, "--pidfile", str(run / "dockerd.pid")]
    command += ["--data-root", str(places.state / "classic"), "--exec-root", str(run / "exec")]
    command += ["-H", f"unix://{run / 'docker.sock'}"]
    return Daemon(
        name="classic",
        socket=run / "docker.sock",
        variable="DEPSFIRST_TEST_DOCKER",
        command=tuple(command),
        log=places.state / "classic.log",
        pidfile=places.run / "classic.pid",
    )


def _newer(places: Places) -> Daemon:
    run = places.run / "containerd"
    command = [*OWN_MOUNTS, "sh", "-c", NEWER_SCRIPT, "sh", str(places.newer_root), str(run)]
    command += [*NETWORKLESS, "--data-root", "/engine", "-H", "unix:///run/docker.sock"]
    return Daemon(
        name="containerd",
        socket=run / "docker.sock",
        variable="DEPSFIRST_TEST_CONTAINERD",
        command=tuple(command),
        log=places.state / "containerd.log",
        pidfile=places.run / "containerd.pid",
    )


def start(daemon: Daemon) -> None:
    """Start a daemon and wait until it answers; one that runs already is left alone."""
    if _process(daemon) and answers(daemon.socket):
        return
    stop(daemon)
    say(f'starting the "{daemon.name}" daemon on {daemon.url}')
    shutil.rmtree(daemon.socket.parent, ignore_errors=True)
    daemon.socket.parent.mkdir(parents=True)
    variables = {name: value for name, value in os.environ.items() if name != "TMPDIR"}  # not in the newer root
    with daemon.log.open("ab") as log:
        process = subprocess.Popen(
            daemon.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=variables
        )
    daemon.pidfile.write_text(f"{process.pid} {_started(process.pid)}\n")
    deadline = time.monotonic() + START_SECONDS
    while not answers(daemon.socket):
        if process.poll() is not None:
            fail(f'the "{daemon.name}" daemon ended with status {process.returncode}', tail(daemon.log))
        if time.monotonic() > deadline:
            stop(daemon)
            fail(f'the "{daemon.name}" daemon did not answer in {START_SECONDS} s', tail(daemon.log))
        time.sleep(0.1)


def stop(daemon: Daemon) -> None:
    """End the process that the pid file names, if it still is the one that was started."""
    pid = _process(daemon)
    if pid:
        say(f'stopping the "{daemon.name}" daemon, process {pid}')
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if _ended(daemon, seconds):
                break
    daemon.pidfile.unlink(missing_ok=True)


def docker(daemon: Daemon, *arguments: str) -> None:
    """Run a command of the Docker client against this daemon."""
    run(docker_command(daemon, *arguments), seconds=300)


def docker_command(daemon: Daemon, *arguments: str) -> list[str]:
    """The words of such a command."""
    return ["docker", "-H", daemon.url, *arguments]


def _process(daemon: Daemon) -> int | None:
    """The daemon's process id, if the process of the pid file still runs and was not followed by another."""
    try:
        pid, started = daemon.pidfile.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if _started(int(pid)) == started else None


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None when there is none or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def _ended(daemon: Daemon, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _process(daemon):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def answers(path: Path) -> bool:
    """Whether a Docker daemon on this socket answers a ping within two seconds."""
    with socket(AF_UNIX, SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False
