"""Claim tokens as text: what a board shows to become a device. No I/O.

A token is `claim_ID_SECRET`, made and stored like an API key (ADR 0028): an id that may be shown
and logged, 256 random bits, and only a plain SHA-256 of the whole is kept. Its prefix is another
one, so that neither is ever taken for the other.
"""

import base64
import re
import secrets
from dataclasses import dataclass

_PREFIX = "claim"
_TOKEN = re.compile(r"claim_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made.

    Attributes:
        token_id: may be shown to anybody.
        text: the secret itself; shown once, kept nowhere, and left out of `repr`.
    """

    token_id: str
    text: str

    def __repr__(self) -> str:
        return f"NewToken(token_id={self.token_id!r})"

    @classmethod
    def random(cls) -> "NewToken":
        """A token that nobody has seen."""
        token_id = base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12]
        return cls(token_id, f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}")


def token_id_of(text: str) -> str | None:
    """The id that stands in a token, None where the text is no token at all."""
    found = _TOKEN.fullmatch(text)
    return found[1] if found else None
