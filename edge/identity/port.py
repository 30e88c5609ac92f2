"""What the device asks of the cloud: to be let in, and to stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Grant:
    """What the cloud gives.

    Attributes:
        device: the id that the cloud knows this device by.
        certificate: for the key of the request, with those between it and the CA, PEM.
        ca: the CA's certificate, PEM.
        broker: host and TLS port; None where the cloud does not say.
        repository_url: of signed models; None where the cloud does not say.
    """

    device: str
    certificate: bytes
    ca: bytes
    broker: tuple[str, int] | None
    repository_url: str | None


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    """What a device shows to have a new key certified.

    Attributes:
        device: its id.
        certificate: of now, PEM.
        nonce: that the cloud gave for this.
        request: the signing request of the new key, PEM.
        signature: by the key of now, DER; see `protos.enrolment.renewal_proof`.
    """

    device: str
    certificate: str
    nonce: str
    request: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Nonce:
    """A word that the next renewal must carry.

    Attributes:
        word: as it is sent back.
        now: by the clock that certificates are given by; None where the cloud does not say.
    """

    word: str
    now: datetime | None


class Cloud(Protocol):
    """Who certifies keys.

    Every call raises CloudAwayError where it may be tried again with the same words, and
    IdentityError where that would not help; the message says why and what to do.
    """

    def enrol(self, token: str, serial: str, request: str) -> Grant:
        """A first certificate; asked again with the same key, the same."""

    def nonce(self) -> Nonce:
        """A word that the next renewal must carry."""

    def renew(self, wanted: RenewalRequest) -> Grant:
        """A certificate for another key; asked again with the same key, the same."""
