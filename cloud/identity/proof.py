"""Whether somebody holds the certificate that they want renewed.

A nonce keeps a recorded proof from being used later. It carries its own time under a keyed digest,
so that nobody has to remember it, and any process that has the CA can judge one of another's.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud.errors import CertificateRefusedError
from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Role
from cloud.identity.registry import REVOKED
from protos.enrolment import MAX_PEM_CHARS, renewal_proof

NONCE_LIFE_S = 300
"""A device on a slow link gets this long between a nonce and its proof."""

_NONCE = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")


class Nonces:
    """Words that a proof must carry.

    Args:
        authority: the CA, whose key keeps them from being forged.
    """

    def __init__(self, authority: CertificateAuthority) -> None:
        self._key = authority.derived_secret("renewal nonces")

    def new(self, now: datetime) -> str:
        """A nonce that counts from now on."""
        stated = f"{int(now.timestamp())}.{secrets.token_urlsafe(16)}"
        return f"{stated}.{self._digest(stated)}"

    def counts(self, nonce: str, now: datetime) -> bool:
        """True for one of ours that is not too old."""
        found = _NONCE.fullmatch(nonce)
        if found is None:
            return False
        stated = f"{found[1]}.{found[2]}"
        is_ours = hmac.compare_digest(found[3], self._digest(stated))
        return is_ours and 0 <= int(now.timestamp()) - int(found[1]) <= NONCE_LIFE_S

    def _digest(self, stated: str) -> str:
        return hmac.digest(self._key, stated.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a device shows to have another key certified.

    Attributes:
        device: that it says it is.
        certificate: of now; PEM.
        nonce: as the cloud gave it.
        request: the signing request of the new key.
        signature: by the certificate's key, DER; see `protos.enrolment.renewal_proof`.
    """

    device: str
    certificate: str
    nonce: str
    request: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has shown the key of a certificate of this CA, whether it counts or not.

    Attributes:
        name: the certificate's common name.
        certificate: itself.
    """

    name: str
    certificate: x509.Certificate

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return self.certificate.serial_number


def shown(proof: Proof, authority: CertificateAuthority, nonces: Nonces, now: datetime) -> Holder:
    """Who asks, proven; nothing is looked up for that, so a flood of strangers costs no database.

    Raises:
        CertificateRefusedError: it is nobody who holds the key of a certificate of this CA.
    """
    certificate = _certificate(proof.certificate, authority.certificate)
    if not nonces.counts(proof.nonce, now):
        raise CertificateRefusedError("the nonce is not ours, or too old: ask for another one")
    if not _is_signed(proof, certificate):
        raise CertificateRefusedError("the signature is not by the certificate's key")
    return Holder(_common_name(certificate), certificate)


def check(holder: Holder, device: str, authority: CertificateAuthority, now: datetime) -> None:
    """Return where a certificate whose key was shown is this device's, and counts.

    Raises:
        CertificateRefusedError: it is not, or does not; who asks may be told why.
        IdentityError: the CA's registry or revocation list cannot be read.
    """
    problem = _problem(holder.certificate, holder.name, device, authority, now)
    if problem:
        raise CertificateRefusedError(problem)


def _certificate(pem: str, root: x509.Certificate) -> x509.Certificate:
    try:
        if len(pem) > MAX_PEM_CHARS:
            raise ValueError("too long")  # noqa: TRY301 - one answer to all that is no certificate
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        certificate.verify_directly_issued_by(root)
    except (
        ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion,
    ) as error:  # fmt: skip
        raise CertificateRefusedError("the certificate is not one of this CA") from error
    return certificate


def _is_signed(proof: Proof, certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    signed = renewal_proof(proof.device, proof.nonce, proof.request)
    try:
        key.verify(proof.signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _problem(
    certificate: x509.Certificate,
    holder: str,
    device: str,
    authority: CertificateAuthority,
    now: datetime,
) -> str:
    """Why a certificate whose key was shown renews nothing; empty where it does."""
    if holder != device:
        return f"the certificate is of {holder!r}, not of {device!r}"
    entry = authority.entry(certificate.serial_number)
    if entry is None or entry.common_name != holder:
        return "the CA's registry does not know the certificate"
    if entry.role is not Role.DEVICE:
        return f"the certificate is of a {entry.role.value}; only devices renew theirs so"
    if entry.revoked_at is not None or authority.is_listed(entry.serial):
        return REVOKED
    if now < certificate.not_valid_before_utc:
        return "the certificate is not valid yet"
    if now > certificate.not_valid_after_utc:
        end = certificate.not_valid_after_utc
        return f"the certificate expired at {end:%Y-%m-%d %H:%M} UTC: claim the device anew"
    return ""


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
