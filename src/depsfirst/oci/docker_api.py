"""The few requests of the Docker Engine API that loading an image takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from depsfirst.oci.connection import Connection, Response
    from depsfirst.oci.load import Load
    from depsfirst.oci.reference import Reference

PING = "/_ping"

_PROMPT_SECONDS = 300
"""A daemon whose disk is busy has been seen to take more than a minute for a name."""
_OK, _CREATED, _NOT_FOUND = 200, 201, 404
_UNQUOTED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:@")
_ID = re.compile(r"sha256:[0-9a-f]{64}")
_CONTAINERD = "io.containerd.snapshotter.v1"


class DockerApi:
    """Requests to one daemon, in the version of the API that it speaks.

    Raises:
        DepsfirstError: what answers is no Docker, or it does not answer.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        headers = ping(connection, where).headers
        self._prefix = f"/v{headers['api-version']}"
        self._containerd: bool | None = None
        self.is_podman = "libpod-api-version" in headers
        connection.patience(_PROMPT_SECONDS)

    def inspect(self, name: str) -> dict[str, Any] | None:
        """What the daemon says of an image, by name or id; None when it has none."""
        response = self._connection.get(image_path(name))
        if response.status == _NOT_FOUND:
            return None
        value = self._checked(response, f'looking for the image "{name}"').json()
        return value if isinstance(value, dict) else None

    def images(self, label: str | None = None) -> list[dict[str, Any]]:
        """What the daemon says of all images, or of those with a label, in short; the newest first."""
        filters = f"?filters={_quoted(json.dumps({'label': [label]}))}" if label else ""
        response = self._connection.get(f"{self._prefix}/images/json{filters}")
        value = self._checked(response, "listing images").json()
        return [each for each in value or () if isinstance(each, dict)]

    def has_containerd_store(self) -> bool:
        """Whether images are kept in containerd's store. A daemon takes ten times as long for this as for an image."""
        if self._containerd is None:
            value = self._checked(self._connection.get(f"{self._prefix}/info"), "asking what it is").json()
            status = (value or {}).get("DriverStatus") or ()
            self._containerd = any(list(each) == ["driver-type", _CONTAINERD] for each in status)
        return self._containerd

    def loaded(self, response: Response) -> tuple[str, ...]:
        """What became of a tar that was sent: the ids of the images in it that have no names.

        Raises:
            DepsfirstError: it was not taken; the message is the daemon's.
        """
        self._checked(response, "loading the image")
        loaded: list[str] = []
        for message in _messages(response.body):
            detail = message.get("errorDetail")
            text = (detail.get("message") if isinstance(detail, dict) else None) or message.get("error")
            said = str(message.get("stream") or "").strip()
            if text or said.startswith("Error unpacking image"):
                raise self._failure("loading the image", str(text or said))
            loaded += _ID.findall(said)
        return tuple(loaded)

    def tag(self, image_id: str, reference: Reference) -> None:
        """Give an image a name, which another may have had."""
        repository, _, tag = reference.full.rpartition(":")
        path = f"{self._prefix}/images/{_quoted(image_id)}/tag?repo={_quoted(repository)}&tag={_quoted(tag)}"
        self._checked(self._connection.post_nothing(path), f'naming the image "{reference}"')

    def broken(self, load: Load, error: OSError) -> DepsfirstError:
        """Why a load could not be sent to its end: the daemon's own word if it gave one."""
        try:
            self.loaded(load.answer())
        except DepsfirstError as said:
            return said
        return self._failure("loading the image", error.strerror or str(error))

    def _checked(self, response: Response, doing: str) -> Response:
        if response.status in {_OK, _CREATED}:
            return response
        value = response.json()
        said = value.get("message") if isinstance(value, dict) else None
        raise self._failure(doing, str(said or f"status {response.status}"))

    def _failure(self, doing: str, said: str) -> DepsfirstError:
        return DepsfirstError(f"{doing} failed: {said}", where=f"Docker at {self._where}", hint=_hint(said))


def image_path(name: str) -> str:
    """Where a daemon says what it has under a name or id; without a version, so that it can be asked at once."""
    return f"/images/{_quoted(name)}/json"


def ping(connection: Connection, where: str) -> Response:
    """Ask whether a Docker answers.

    Raises:
        DepsfirstError: it does not, or something else does.
    """
    response = connection.get(PING)
    if response.status == _OK and response.headers.get("api-version"):
        return response
    raise DepsfirstError(
        f"what answers is no Docker that works: {response.body[:200].decode('utf-8', 'replace').strip()}",
        where=where,
        hint="see whether `docker info` works, or write an archive with -o FILE.tar",
    )


def _messages(body: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects that stand one after the other in the answer to a load."""
    text, decoder, at = body.decode("utf-8", "replace"), json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            value, at = {"error": text[at:].strip()}, len(text)
        if isinstance(value, dict):
            yield value


def _quoted(text: str) -> str:
    """Percent-encoded; urllib's own takes longer to import than to do without."""
    return "".join(chr(byte) if byte in _UNQUOTED else f"%{byte:02X}" for byte in text.encode())


def _hint(said: str) -> str:
    if "no space left" in said or "disk quota exceeded" in said:
        return "free some space where Docker keeps its images: docker system df, docker image prune"
    return "the log of the Docker daemon may say more; an archive (-o FILE.tar) needs no daemon"
