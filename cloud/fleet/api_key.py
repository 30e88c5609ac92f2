"""API keys as text, and the roles that they give. No I/O.

A key is `wayside_ID_SECRET`: a prefix that scanners of leaked secrets find, an id that may be
shown and logged, and 256 random bits. Only a digest is stored, a plain SHA-256 of the whole key.
Slow hashes (bcrypt, Argon2) and salts are for passwords, which can be guessed from a list; 2^256
keys cannot be tried at any speed, no two are equal, and every request pays for the hash
(ADR 0028).
"""

import base64
import enum
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_PREFIX = "wayside"
_KEY = re.compile(r"wayside_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")

KEY_ID_PATTERN = r"[a-z2-7]{12}"
"""60 random bits in base 32: what a key is called."""

LABEL_PATTERN = r"[A-Za-z0-9][A-Za-z0-9 ._@/-]{0,99}"
"""What people call a key, as in `grafana` or `night shift`."""


class Role(enum.IntEnum):
    """What a key may do; each role may all that the ones below it may."""

    VIEWER = 1
    OPERATOR = 2
    FLEET_MANAGER = 3
    ADMIN = 4

    @property
    def slug(self) -> str:
        """The role's name outside of Python."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def from_slug(cls, slug: str) -> "Role":
        """The role of that name.

        Raises:
            KeyError: there is none.
        """
        return _ROLES[slug]


_ROLES = {role.slug: role for role in Role}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made.

    Attributes:
        key_id: may be shown to anybody.
        text: the secret itself; shown once, kept nowhere, and left out of `repr`.
    """

    key_id: str
    text: str

    def __repr__(self) -> str:
        return f"NewKey(key_id={self.key_id!r})"

    @classmethod
    def random(cls) -> "NewKey":
        """A key that nobody has seen."""
        key_id = base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
        return cls(key_id, f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}")


def key_id_of(text: str) -> str | None:
    """The id that stands in a key, None where the text is no key at all."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def digest(text: str) -> bytes:
    """What is stored of a key: 32 bytes."""
    return hashlib.sha256(text.encode()).digest()


def matches(text: str, stored: bytes) -> bool:
    """True where the digest is this key's; takes the same time wherever they differ."""
    return hmac.compare_digest(digest(text), stored)
