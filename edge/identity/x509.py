"""Keys, signing requests and certificates, by cryptography. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.errors import IdentityError


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says.

    Attributes:
        device: its common name.
        begin: it counts from then on.
        end: and until then.
    """

    device: str
    begin: datetime
    end: datetime


def new_key() -> bytes:
    """A new EC P-256 key, PKCS #8, PEM, not encrypted."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def signing_request(key: bytes) -> str:
    """PKCS #10 for a key, PEM. Its subject is empty: the CA writes its own.

    Raises:
        IdentityError: the key is damaged.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.sign(_private(key), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def signature(key: bytes, message: bytes) -> bytes:
    """ECDSA with SHA-256 over a message, DER.

    Raises:
        IdentityError: the key is damaged.
    """
    return _private(key).sign(message, ec.ECDSA(hashes.SHA256()))


def read(pem: bytes) -> Certificate:
    """What the first certificate of a file says.

    Raises:
        IdentityError: it holds none.
    """
    certificate = _certificate(pem)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else ""
    return Certificate(name, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def check(key: bytes, certificate: bytes, ca: bytes) -> None:
    """Return where a certificate is this key's, and signed by this CA.

    Raises:
        IdentityError: it is not.
    """
    issued = _certificate(certificate)
    try:
        issued.verify_directly_issued_by(_certificate(ca))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise IdentityError("the cloud's certificate is not signed by its CA") from error
    # Only now: what nobody has signed may hold a key of any kind.
    if issued.public_key() != _private(key).public_key():
        raise IdentityError("the cloud's certificate is not for the key of this device")


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        loaded = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityError("the key is damaged: enrol anew in an empty folder") from error
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise IdentityError("the key is not EC P-256: enrol anew in an empty folder")
    return loaded


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise IdentityError("a certificate is damaged: enrol anew in an empty folder") from error
