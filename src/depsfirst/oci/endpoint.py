"""Where the user's Docker answers: ``DOCKER_HOST``, the context of the Docker command line, or the usual socket."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depsfirst import digests
from depsfirst.errors import DepsfirstError
from depsfirst.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT = "unix:///var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376


class Endpoint(NamedTuple):
    """A Docker daemon's address.

    Attributes:
        url: as ``unix:///var/run/docker.sock`` or ``tcp://host:2375``.
        origin: what chose it, for messages.
        certificates: directory of ``ca.pem``, ``cert.pem`` and ``key.pem``; None means no TLS.
    """

    url: str
    origin: str = ""
    certificates: Path | None = None

    def __str__(self) -> str:
        return f"{self.url} ({self.origin})" if self.origin else self.url

    @property
    def socket(self) -> str | None:
        """The path of the socket, if it is one."""
        return self.url.removeprefix("unix://") if self.url.startswith("unix://") else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of a ``tcp://`` address."""
        host, _, port = self.url.removeprefix("tcp://").rstrip("/").rpartition(":")
        if not port.isdigit():
            host, port = f"{host}:{port}" if host else port, str(_TLS_PORT if self.certificates else _PORT)
        return host.strip("[]") or "localhost", int(port)


def find_endpoint(environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The daemon that ``docker`` would talk to.

    Raises:
        DepsfirstError: it is reached in a way that is not supported, or the context does not exist.
    """
    host = environ.get("DOCKER_HOST")
    if host:
        tls = environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS")
        folder = Path(environ.get("DOCKER_CERT_PATH") or _config_folder(environ))
        return _checked(Endpoint(host, "DOCKER_HOST", folder if tls else None))
    context = environ.get("DOCKER_CONTEXT") or _current_context(_config_folder(environ))
    if context and context != "default":
        return _checked(_of_context(context, _config_folder(environ)))
    return Endpoint(_DEFAULT)


def _config_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "~").expanduser() / ".docker")


def _current_context(folder: Path) -> str | None:
    value = _json(folder / "config.json")
    return str(value.get("currentContext") or "") or None if value else None


def _of_context(name: str, folder: Path) -> Endpoint:
    key = digests.sha256(name.encode()).hexdigest()
    path = folder / "contexts" / "meta" / key / "meta.json"
    value = _json(path)
    endpoint = ((value or {}).get("Endpoints") or {}).get("docker") or {}
    if not isinstance(endpoint.get("Host"), str):
        raise DepsfirstError(
            f'the Docker context "{name}" has no address',
            where=str(path),
            hint="choose another: docker context use …",
        )
    certificates = folder / "contexts" / "tls" / key / "docker"
    return Endpoint(endpoint["Host"], f'context "{name}"', certificates if certificates.is_dir() else None)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DepsfirstError(
            f"the settings of Docker cannot be read: {error}",
            where=str(path),
            hint="correct or remove the file",
        ) from error
    return value if isinstance(value, dict) else None


def _checked(endpoint: Endpoint) -> Endpoint:
    if endpoint.url.startswith(("unix://", "tcp://")):
        return endpoint
    raise DepsfirstError(
        f'a Docker at "{endpoint.url}" cannot be reached, only one at unix:// or tcp://',
        where=endpoint.origin,
        hint="forward its socket (ssh -L ./docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST to that, "
        "or write an archive with -o FILE.tar",
    )
