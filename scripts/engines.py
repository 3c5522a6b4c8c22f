"""Real container engines for tests and benchmarks, on a bare Debian machine: install, start, describe, stop.

Two Docker daemons on private sockets, as both kinds of image store are in use: Debian 12's own (20.10,
classic store), and Debian 13's (26.1) with the containerd store, in a root of its own. Neither gets a network
of its own, since two daemons on one machine would take each other's bridge away: containers run with
``--network host`` or ``none``. Each has its own mount namespace, so that nothing stays mounted when it ends.

    python3 -m scripts.engines up      install, make and start what is missing; print the variables
    python3 -m scripts.engines env     print the variables of what is up, for a shell's `eval`
    python3 -m scripts.engines down    stop what `up` started

With `--suite forky` the second daemon is that of the next Debian (Docker 28.5), in a state of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import trust
from scripts.daemons import Daemon, Places, answers, daemons, docker, docker_command, start, stop
from scripts.programs import fail, run, say

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parent.parent
BASE = "localbase:1"

PACKAGES = {
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "podman": "podman",
    "runc": "runc",
    "skopeo": "skopeo",
    "umoci": "umoci",
}
"""A program each package is wanted for."""

BASE_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
NEWER_PACKAGES = (
    "ca-certificates",
    "containerd",
    "docker-buildx",
    "docker-cli",
    "docker.io",
    "iptables",
    "runc",
)

BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx"
"""Where the newer root has the plugin, a program that runs anywhere."""

CONTAINERD_STORE = (
    'mkdir -p "$1/etc/docker"',
    """echo '{"features": {"containerd-snapshotter": true}}' > "$1/etc/docker/daemon.json" """,
)
"""What makes that daemon keep images in containerd's store."""

SUITE = "trixie"
RELEASED = ("bookworm", "trixie")
"""Suites that change seldom. A mirror may have a state of others that is older than they allow; it is signed."""

RETRIES = 5
"""How often apt asks again for a package that a mirror did not send at once."""

INSTALL_SECONDS = 600
ROOT_SECONDS = 600


def up(places: Places) -> None:
    """Install, make and start everything that is not there yet."""
    _require_debian_root()
    install()
    places.state.mkdir(parents=True, exist_ok=True)
    make_roots(places)
    for daemon in daemons(places):
        start(daemon)
    for daemon in daemons(places):
        provide_base(places, daemon)


def down(places: Places) -> None:
    """Stop the daemons that ``up`` started, known by their process ids, and remove their sockets."""
    for daemon in daemons(places):
        stop(daemon)
    shutil.rmtree(places.run, ignore_errors=True)


def env(places: Places) -> None:
    """Print the variables that tell tests and benchmarks of the engines."""
    for daemon in daemons(places):
        if not answers(daemon.socket):
            fail(f'the "{daemon.name}" daemon does not answer', f'run "{_command("up")}" first')
    values = {daemon.variable: daemon.url for daemon in daemons(places)}
    values["DEPSFIRST_TEST_BASE"] = str(places.archive)
    values["DEPSFIRST_TEST_BUILDX"] = str(places.newer_root / BUILDX)
    for name, value in values.items():
        print(f"export {name}={value}")


def install() -> None:
    """Install by apt what this machine lacks."""
    missing = sorted(package for program, package in PACKAGES.items() if not shutil.which(program))
    if not missing:
        return
    say(f"installing {', '.join(missing)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", f"Acquire::Retries={RETRIES}"]
    run([*apt, "update"], seconds=INSTALL_SECONDS, variables=quiet)
    command = [*apt, "install", "-y", "--no-install-recommends", *missing]
    run(command, seconds=INSTALL_SECONDS, variables=quiet)


def make_roots(places: Places) -> None:
    """Make the base image's root and the newer daemon's side by side: each waits mostly for the network."""
    with ThreadPoolExecutor() as pool:
        work = []
        if not places.archive.exists():
            work.append(pool.submit(make_root, "bookworm", BASE_PACKAGES, _base_tar(places), _trust_hooks()))
        if not places.newer_root.exists():
            work.append(pool.submit(make_root, places.suite, NEWER_PACKAGES, places.newer_root, CONTAINERD_STORE))
        for made in work:
            made.result()


def make_root(suite: str, packages: Sequence[str], target: Path, hooks: Sequence[str]) -> None:
    """Make a Debian root with these packages, a directory or a tar; it takes its place when it is whole.

    The mirror is mmdebstrap's own default, so that none is named here.
    """
    say(f"making a Debian {suite} root: {target}")
    part = target.with_name(f"part-{target.name}")
    _remove(part)
    command = ["mmdebstrap", "--variant=apt", f"--include={','.join(packages)}"]
    command += [f'--aptopt=Acquire::Retries "{RETRIES}"']
    command += [f"--customize-hook={hook}" for hook in hooks]
    command += [] if suite in RELEASED else ['--aptopt=Acquire::Check-Valid-Until "false"']
    run([*command, suite, str(part)], seconds=ROOT_SECONDS)
    part.rename(target)


def _base_tar(places: Places) -> Path:
    return places.state / "base.tar"


def _trust_hooks() -> list[str]:
    bundle = trust.bundle()
    return [f'cp "{bundle}" "$1{trust.INSIDE}"'] if bundle else []


def provide_base(places: Places, daemon: Daemon) -> None:
    """Give the daemon the base image; the first one that gets it makes the archive for all others."""
    if not places.archive.exists():
        changes = [f"--change=ENV {name}={value}" for name, value in trust.variables().items()]
        docker(daemon, "import", *changes, '--change=CMD ["/bin/bash"]', str(_base_tar(places)), BASE)
        part = places.archive.with_suffix(".part")
        docker(daemon, "save", "-o", str(part), BASE)
        part.rename(places.archive)
        _base_tar(places).unlink()
    elif not _has_base(daemon):
        say(f'loading the base into the "{daemon.name}" daemon')
        docker(daemon, "load", "-i", str(places.archive))


def _has_base(daemon: Daemon) -> bool:
    command = docker_command(daemon, "image", "inspect", BASE)
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def _require_debian_root() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        fail(
            "the engines are started as root on Debian",
            "use your own Docker by setting DEPSFIRST_TEST_DOCKER",
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _command(verb: str) -> str:
    return f"python3 -m scripts.engines {verb}"


def main() -> None:
    """Run the verb of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("up", "env", "down"))
    parser.add_argument("--suite", default=SUITE, help=f"Debian suite of the newer daemon (default: {SUITE})")
    parser.add_argument("--state", type=Path, help="default: .work/engines, with another suite .work/engines-SUITE")
    arguments = parser.parse_args()
    name = "engines" if arguments.suite == SUITE else f"engines-{arguments.suite}"
    places = Places((arguments.state or REPOSITORY / ".work" / name).absolute(), arguments.suite)
    os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"  # daemons stand there, and not everybody looks there
    if arguments.verb == "up":
        up(places)
    if arguments.verb == "down":
        down(places)
    else:
        env(places)


if __name__ == "__main__":
    main()
