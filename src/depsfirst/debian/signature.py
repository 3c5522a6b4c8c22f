"""OpenPGP signatures: whether a key of the keyring signed a release."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from pysequoia import Cert, verify

from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MESSAGE = b"-----BEGIN PGP SIGNED MESSAGE-----"


class Keyring:
    """The certificates whose signatures count; ``digest`` names them."""

    def __init__(self, certificates: Iterable[Cert]) -> None:
        self._certificates = sorted(certificates, key=lambda certificate: certificate.fingerprint)
        self.digest = hashlib.sha256(b"".join(bytes(each) for each in self._certificates)).hexdigest()

    def verify(self, document: bytes, where: str) -> str:
        """The signed text of an ``InRelease`` file, and nothing that stands around it.

        Raises:
            DepsfirstError: no valid signature by a key of the keyring covers it.
        """
        if not document.lstrip().startswith(_MESSAGE):
            raise DepsfirstError("this is no signed release", where=where, hint="is this the URL of a Debian mirror?")
        signers: list[str] = []

        def certificates(keys: list[str]) -> list[Cert]:
            signers.extend(keys)
            return self._certificates

        try:
            verified = verify(bytes=document, store=certificates)
        except Exception as error:  # pysequoia raises nothing narrower
            raise _unverified(str(error), signers, where) from error
        if not verified.valid_sigs or verified.bytes is None:
            raise _unverified("", signers, where)
        return bytes(verified.bytes).decode("utf-8", "replace")


def read_keyring(path: Path | None) -> Keyring:
    """The OpenPGP certificates of a file, binary or armoured; Debian's, of this package, when ``path`` is None.

    Raises:
        DepsfirstError: it cannot be read, or holds none.
    """
    if path is None:
        folder = files("depsfirst.debian") / "keys"
        return Keyring(Cert.from_bytes(each.read_bytes()) for each in folder.iterdir() if each.name.endswith(".asc"))
    hint = "it must hold OpenPGP certificates, as the files of /usr/share/keyrings do"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DepsfirstError(f"the keyring cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    try:
        certificates = Cert.split_bytes(content)
    except Exception as error:  # pysequoia raises nothing narrower
        raise DepsfirstError("the file is no OpenPGP keyring", where=str(path), hint=hint) from error
    if not certificates:
        raise DepsfirstError("the keyring is empty", where=str(path), hint=hint)
    return Keyring(certificates)


def _unverified(reason: str, signers: list[str], where: str) -> DepsfirstError:
    by = f" (signed by {', '.join(signers)})" if signers else ""
    because = f": {reason.splitlines()[0]}" if reason else ""  # a backtrace follows
    return DepsfirstError(
        f"the signature of the release cannot be verified{by}{because}",
        where=where,
        hint='if this mirror signs with keys of its own, let "keyring" name a file that holds them',
    )
