"""Runs a command in an image that was written to an archive or a layout, with podman."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import subprocess

from depsfirst.trials.runners import Outcome, Trial, UnavailableError, tail
from depsfirst.values import NamedTuple

FLAGS = "DEPSFIRST_PODMAN_FLAGS"
"""Environment variable with more options for ``podman create``, for machines that need some."""

_NOT_STARTED = {125, 126, 127}
"""Statuses by which podman says that it, or the runtime below it, could not start the command."""
_PULL_SECONDS = 300


class Podman(NamedTuple):
    """podman, and the image by its transport: ``docker-archive:FILE`` or ``oci:DIR``."""

    source: str

    @property
    def name(self) -> str:
        """What to call it."""
        return "podman"

    def run(self, trial: Trial) -> Outcome:
        """Take the image in, run the command, and remove the container, and the image if it was not there before."""
        if shutil.which("podman") is None:
            raise UnavailableError("it is not installed")
        before = set(_said("images", "--quiet", "--all", "--no-trunc").split())
        image = _said("pull", "--quiet", self.source).split()[-1]
        try:
            return _run(image, trial)
        finally:
            if f"sha256:{image.removeprefix('sha256:')}" not in before:
                _call("rmi", "--force", image)


def _run(image: str, trial: Trial) -> Outcome:
    """Run it in a container made before: podman copies the image for it, which is no part of the command's time."""
    container = f"depsfirst-{secrets.token_hex(6)}"
    program, *arguments = trial.command
    options = ["--name", container, "--network", "none", "--log-driver", "none", "--pull", "never"]
    options += shlex.split(os.environ.get(FLAGS, ""))
    try:
        _said("create", *options, "--entrypoint", program, image, *arguments)
        done = subprocess.run(
            ["podman", "start", "--attach", container],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=trial.timeout,
        )
    except subprocess.TimeoutExpired as error:
        return Outcome(None, tail(error.output or b""))
    finally:
        _call("rm", "--force", "--ignore", "--time", "0", container)
    said = tail(done.stdout)
    if done.returncode in _NOT_STARTED:
        raise UnavailableError(_last(said))
    return Outcome(done.returncode, said)


def _said(*arguments: str) -> str:
    done = _call(*arguments)
    if done.returncode:
        raise UnavailableError(_last(done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode()


def _call(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["podman", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PULL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"`podman {arguments[0]}` takes longer than {_PULL_SECONDS} s") from None


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["it failed without a word"])[-1].removeprefix("Error: ")
