"""Runs a command in an image that a Docker daemon has, by its Engine API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError
from depsfirst.trials.runners import KEPT, Outcome, Trial, UnavailableError, tail
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Ask = Callable[[str, str, bytes | None], tuple[int, bytes]]
"""One request to the daemon: method, path, JSON body; status and body of the answer."""

_OK, _REFUSED = 200, 300
_LINES = 400
_FRAME = 8
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
_FOREIGN = "exec format error"
_NOT_SET_UP = "waiting for init preliminary setup"
"""What runc says now and then on a busy machine, before anything of the image runs."""
_MORE_STARTS = 2


class Docker(NamedTuple):
    """A daemon that has the image as ``reference``."""

    ask: Ask
    reference: str

    @property
    def name(self) -> str:
        """What to call it."""
        return "docker"

    def run(self, trial: Trial) -> Outcome:
        """Run it in a container of its own, which is removed whatever happens."""
        container = self._answer("POST", "/containers/create", self._settings(trial))["Id"]
        try:
            self._start(container)
            status = self._wait(container, trial.timeout)
            said = tail(self._logs(container))
        finally:
            self._remove(container)
        if status and _FOREIGN in said:
            raise UnavailableError(f"it cannot run {trial.platform}")
        return Outcome(status, said)

    def _settings(self, trial: Trial) -> dict[str, Any]:
        return {
            "Image": self.reference,
            "Entrypoint": list(trial.command[:1]),
            "Cmd": list(trial.command[1:]),
            "NetworkDisabled": True,
            "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "json-file"}},
        }

    def _start(self, container: str) -> None:
        for last in (*[False] * _MORE_STARTS, True):
            try:
                self._answer("POST", f"/containers/{container}/start")
            except UnavailableError as error:
                if last or _NOT_SET_UP not in str(error):
                    raise
            else:
                return

    def _wait(self, container: str, timeout: float) -> int | None:
        """The exit status; None if the time is up."""
        deadline, pause = time.monotonic() + timeout, _SHORTEST_PAUSE
        while time.monotonic() < deadline:
            state = self._answer("GET", f"/containers/{container}/json")["State"]
            if state["Status"] in {"exited", "dead"}:
                return int(state["ExitCode"])
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    def _logs(self, container: str) -> bytes:
        path = f"/containers/{container}/logs?stdout=1&stderr=1&tail={_LINES}"
        status, body = self._asked("GET", path, None)
        return b"".join(_frames(body))[-KEPT * 2 :] if status == _OK else b""

    def _remove(self, container: str) -> None:
        try:
            self.ask("DELETE", f"/containers/{container}?force=1&v=1", None)
        except (DepsfirstError, OSError):  # what happened before is what counts
            return

    def _answer(self, method: str, path: str, settings: dict[str, Any] | None = None) -> Any:
        status, body = self._asked(method, path, None if settings is None else json.dumps(settings).encode())
        value = _json(body)
        if _OK <= status < _REFUSED:
            return value
        said = str(value.get("message") if isinstance(value, dict) else body[:200].decode("utf-8", "replace"))
        raise UnavailableError("it cannot run programs of this kind" if _FOREIGN in said else said.strip())

    def _asked(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            return self.ask(method, path, body)
        except (DepsfirstError, OSError) as error:
            raise UnavailableError(str(error)) from error


def _frames(body: bytes) -> Iterator[bytes]:
    """Standard output and error, which come in frames: stream, three zeros, length, bytes."""
    at = 0
    while at + _FRAME <= len(body):
        length = int.from_bytes(body[at + 4 : at + _FRAME], "big")
        yield body[at + _FRAME : at + _FRAME + length]
        at += _FRAME + length


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except ValueError:
        return None
