"""Keys: made, kept in files, and signing. The only module that knows what a private key is.

NAME.pem   the private key, PKCS#8 PEM; under a passphrase where people sign with it
NAME.pub   its public half, a small JSON text that can be mailed
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.metadata import Metadata

from cloud.errors import RepositoryError, SigningKeyError
from cloud.identity import files
from cloud.repository.roles import ONLINE, role_of, role_text

MIN_PASSPHRASE_CHARS = 12
"""PKCS#8 makes each guess cost little, so a short one would be guessed."""

_HOLDER = "x-holder"
_MAX_BYTES = 16 * 1024
_MAX_HOLDER_CHARS = 100
_SHORT = 8

Ask = Callable[[Path], bytes]
"""From a key's file to its passphrase."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half of a key that everybody may see.

    Attributes:
        role: that it was made for.
        key: with its holder named.
    """

    role: str
    key: Key


class PrivateKey:
    """A key that signs.

    Args:
        private: Ed25519.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._signer = CryptoSigner(private)

    @classmethod
    def generate(cls) -> "PrivateKey":
        """A new one, in no file."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def keyid(self) -> str:
        """The sha256 that names it."""
        return self._signer.public_key.keyid

    def public(self, holder: str) -> Key:
        """Its public half, with its holder named."""
        key = self._signer.public_key
        return Key.from_dict(key.keyid, {**key.to_dict(), _HOLDER: holder})

    def sign(self, metadata: "Metadata[Any]") -> None:
        """Add its signature; one that it gave before is replaced by the same."""
        metadata.sign(self._signer, append=True)


def holder_of(key: Key) -> str:
    """Who holds a key."""
    return str(key.unrecognized_fields.get(_HOLDER, "nobody named"))


def short(keyid: str) -> str:
    """As much of a key's id as people compare."""
    return keyid[:_SHORT]


def key_text(key: Key) -> str:
    """A key for people: `Ada (1a2b3c4d)`."""
    return f"{holder_of(key)} ({short(key.keyid)})"


def is_sound(key: Key) -> bool:
    """True where it is an Ed25519 key whose id follows from it, with a holder."""
    told = {"keytype": key.keytype, "scheme": key.scheme, "keyval": key.keyval}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    holder = key.unrecognized_fields.get(_HOLDER)
    try:
        is_name = isinstance(holder, str) and holder == _checked_holder(holder)
    except SigningKeyError:
        return False
    return (
        (key.keytype, key.scheme) == ("ed25519", "ed25519")
        and set(key.unrecognized_fields) == {_HOLDER}
        and is_name
        and hashlib.sha256(canonical.encode()).hexdigest() == key.keyid
    )


def create_key(path: Path, role: str, holder: str, passphrase: bytes | None) -> PublicKey:
    """Make a key: the private half in `path`, the public one beside it with the suffix .pub.

    Args:
        path: ends in .pem; neither file may be there.
        role: that it will sign for.
        holder: who holds it, for people.
        passphrase: None for a role whose key lies on the server.

    Raises:
        SigningKeyError: a file is there or cannot be written, or the passphrase is too short;
            nothing was written.
    """
    encryption = _encryption(path, role, passphrase)
    if path.suffix != ".pem":
        raise SigningKeyError(f"{path}: the name of a private key's file ends in .pem")
    private = Ed25519PrivateKey.generate()
    public = PublicKey(role, PrivateKey(private).public(_checked_holder(holder)))
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.create(path.with_suffix(".pub"), public_bytes(public), files.PUBLIC)
        try:
            files.create(path, content, files.SECRET)
        except OSError:
            path.with_suffix(".pub").unlink()
            raise
    except FileExistsError as error:
        raise SigningKeyError(
            f"{error.filename} is there already, and no key is ever overwritten: name another file"
        ) from error
    except OSError as error:
        raise SigningKeyError(f"{path}: cannot be written: {error.strerror}") from error
    return public


def _encryption(path: Path, role: str, passphrase: bytes | None) -> KeySerializationEncryption:
    if role in ONLINE:
        return NoEncryption()
    if passphrase is None or len(passphrase) < MIN_PASSPHRASE_CHARS:
        raise SigningKeyError(
            f"{path}: the passphrase of a key of {role_text(role)} needs {MIN_PASSPHRASE_CHARS} "
            "characters or more"
        )
    return BestAvailableEncryption(passphrase)


def _checked_holder(holder: str) -> str:
    if not holder.isprintable() or not 0 < len(holder.strip()) <= _MAX_HOLDER_CHARS:
        raise SigningKeyError(
            f"a key's holder is a name of at most {_MAX_HOLDER_CHARS} printable characters"
        )
    return holder.strip()


def public_bytes(public: PublicKey) -> bytes:
    """The file of a public half."""
    document = {
        "role": role_text(public.role), "keyid": public.key.keyid, "key": public.key.to_dict(),
    }  # fmt: skip
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def read_public(path: Path) -> PublicKey:
    """The public half in a file.

    Raises:
        SigningKeyError: it cannot be read, or is none.
    """
    content = _read(path)
    try:
        document = json.loads(content)
        key = Key.from_dict(document["keyid"], document["key"])
        public = PublicKey(role_of(document["role"]), key)
    except (ValueError, KeyError, TypeError, AttributeError, RepositoryError) as error:
        raise _no_public(path) from error
    if not is_sound(key):
        raise _no_public(path)
    return public


def _no_public(path: Path) -> SigningKeyError:
    return SigningKeyError(
        f"{path}: is no public half as `wayside-cloud repository keys create` writes it"
    )


def read_private(path: Path, ask: Ask) -> PrivateKey:
    """The key in a file.

    Args:
        path: of the PEM file.
        ask: called where it is under a passphrase.

    Raises:
        SigningKeyError: it cannot be read, is none of ours, the passphrase is wrong; or it is under
            none, and others may read it.
    """
    content = _read(path)
    password: bytes | None = None
    if b"BEGIN ENCRYPTED PRIVATE KEY" in content:
        password = ask(path)
    elif path.stat().st_mode & 0o077:
        raise SigningKeyError(f"{path}: others may read it: chmod 600 {path}")
    try:
        private = load_pem_private_key(content, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Never with the library's words: they may quote what stands in the file.
        wrong = "the passphrase is wrong" if password is not None else "is no private key in PEM"
        raise SigningKeyError(f"{path}: {wrong}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeyError(f"{path}: is no Ed25519 key")
    return PrivateKey(private)


def read_online(folder: Path) -> dict[str, PrivateKey]:
    """All keys of a folder that lie on the server, by id; none where there is no folder.

    Raises:
        SigningKeyError: one cannot be read, is under a passphrase, or others could read it.
    """

    def refuse(path: Path) -> bytes:
        raise SigningKeyError(f"{path}: is under a passphrase; only online keys belong in {folder}")

    found = [read_private(path, refuse) for path in _private_files(folder)]
    return {key.keyid: key for key in found}


def read_online_public(folder: Path) -> list[PublicKey]:
    """The public halves of the keys of snapshot and timestamp in a folder.

    Raises:
        SigningKeyError: as above; or a public half is not that of the key beside it.
    """
    keys = read_online(folder)
    found = [read_public(path.with_suffix(".pub")) for path in _private_files(folder)]
    for public in found:
        if public.key.keyid not in keys:
            raise SigningKeyError(f"{folder}: {key_text(public.key)} has no private key here")
    return [public for public in found if public.role in ONLINE]


def _private_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.pem"))
    except OSError as error:
        raise SigningKeyError(f"{folder}: cannot be read: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SigningKeyError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise SigningKeyError(f"{path}: is larger than a key's file")
    return content
