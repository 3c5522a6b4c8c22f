"""Finds the certificates this machine trusts, and says how programs in a container are told of them."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

INSIDE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian keeps its bundle, and so where an image of Debian gets this machine's."""

VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
"""What OpenSSL's users, pip and requests read the path of a bundle from."""


def bundle() -> Path | None:
    """The file of certificates this machine's own programs use; None when it has none.

    A machine behind a proxy that signs with its own key says so in one of these variables or in this file; a
    build in a container reaches an index only with the same certificates.
    """
    candidates = [os.environ.get(name) for name in VARIABLES]
    candidates += [ssl.get_default_verify_paths().cafile, INSIDE, "/etc/pki/tls/certs/ca-bundle.crt"]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def variables() -> dict[str, str]:
    """The environment of an image that carries the bundle at ``INSIDE``."""
    return dict.fromkeys(VARIABLES, INSIDE)
