"""Tokens as Google puts them on a push, signed with a key of our own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt

AUDIENCE = "https://ingest.example/push"
PUSHER = "push@wayside.iam.gserviceaccount.com"


@dataclass
class TokenKey:
    """A key, its certificate, and the id under which Google would list it."""

    key_id: str
    private_pem: bytes
    certificate_pem: str

    @classmethod
    def new(cls, key_id: str = "key-1") -> "TokenKey":
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens.example")])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        private = key.private_bytes(
            pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return cls(key_id, private, certificate.public_bytes(pem).decode())

    @cached_property
    def signer(self) -> crypt.RSASigner:
        """Reading a key takes longer than signing with it."""
        made: crypt.RSASigner = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]
            self.private_pem, self.key_id
        )
        return made

    def certificates(self) -> dict[str, str]:
        """What Google's certificates would be."""
        return {self.key_id: self.certificate_pem}

    def token(self, claims: Mapping[str, object] | None = None, *, drop: str = "") -> str:
        """A good token, but for these claims."""
        now_s = int(time.time())
        said: dict[str, object] = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": PUSHER,
            "email_verified": True,
            "sub": "1234",
            "iat": now_s - 10,
            "exp": now_s + 3600,
            **(claims or {}),
        }
        said.pop(drop, None)
        encoded: bytes = jwt.encode(self.signer, said)  # type: ignore[no-untyped-call]
        return encoded.decode()
