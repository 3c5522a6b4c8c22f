from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from pysequoia import Cert, SignatureMode, Tsk, sign

from depsfirst.debian.release import parse_release
from depsfirst.debian.signature import Keyring, read_keyring
from depsfirst.errors import DepsfirstError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "Suite: stable\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n"


def signed(*keys: Tsk) -> bytes:
    return sign(keys[0].signer(), TEXT.encode(), mode=SignatureMode.CLEAR)


def test_the_keys_of_the_package_are_those_of_its_list() -> None:
    folder = files("depsfirst.debian") / "keys"
    listed = dict(re.findall(r"`(\S+\.asc)` \| `([0-9A-F]{40})`", (folder / "README.md").read_text()))
    found = {
        each.name: Cert.from_bytes(each.read_bytes()).fingerprint.upper()
        for each in folder.iterdir()
        if each.name.endswith(".asc")
    }
    assert found == listed
    assert len(found) == 6
    assert read_keyring(None).digest == read_keyring(None).digest


def test_the_keys_of_debian_sign_nothing_of_ours(key: Tsk) -> None:
    with pytest.raises(DepsfirstError, match=r"signed by [0-9a-f]{40}.*no valid signatures"):
        read_keyring(None).verify(signed(key), "InRelease")


def test_only_the_signed_text_is_given(key: Tsk) -> None:
    keyring = Keyring([key.extract_certificate()])
    assert keyring.verify(signed(key), "InRelease") == TEXT
    assert keyring.verify(signed(key) + b"Evil: yes\n", "InRelease") == TEXT


def test_one_known_signer_among_several_keys_is_enough(key: Tsk) -> None:
    other = Tsk.generate("Other <o@debian.example>")
    keyring = Keyring([other.extract_certificate(), key.extract_certificate()])
    assert keyring.verify(signed(key), "InRelease") == TEXT
    assert keyring.digest == Keyring([key.extract_certificate(), other.extract_certificate()]).digest


@pytest.mark.parametrize("armoured", [True, False])
def test_keyrings_are_read_armoured_or_not(key: Tsk, tmp_path: Path, armoured: bool) -> None:  # noqa: FBT001
    certificate = key.extract_certificate()
    path = tmp_path / "keys"
    path.write_bytes(str(certificate).encode() if armoured else bytes(certificate))
    assert read_keyring(path).verify(signed(key), "InRelease") == TEXT


@pytest.mark.parametrize("document", [b"", b"<html>", b"Suite: stable\n"])
def test_what_is_not_signed_is_told_apart(key: Tsk, document: bytes) -> None:
    with pytest.raises(DepsfirstError, match="no signed release") as caught:
        Keyring([key.extract_certificate()]).verify(document, "https://m.example/InRelease")
    assert caught.value.where == "https://m.example/InRelease"


def test_an_empty_keyring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"")
    with pytest.raises(DepsfirstError, match="keyring"):
        read_keyring(tmp_path / "keys")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT, "no SHA256"),
        (f"{TEXT}SHA256:\n abc 1 x\n", '"abc 1 x" is not sha256, size and path'),
        (f"{TEXT}SHA256:\n {'a' * 64} 1 ../x\n", "is not sha256, size and path"),
        (f"{TEXT}SHA256:\n {'a' * 64} one x\n", "is not sha256, size and path"),
        (f"Suite: x\nDate: soon\nSHA256:\n {'a' * 64} 1 x\n", '"soon" is no date'),
        (f"{TEXT}Valid-Until: never\nSHA256:\n {'a' * 64} 1 x\n", '"never" is no date'),
    ],
)
def test_a_broken_release_is_refused(text: str, words: str) -> None:
    with pytest.raises(DepsfirstError, match=words):
        parse_release(text, "InRelease")
