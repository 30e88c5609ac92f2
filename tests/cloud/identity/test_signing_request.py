"""Signing requests: whose key it is, and nothing else of them."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from cloud.errors import RequestRefusedError
from cloud.identity.signing_request import requested_key

KEY = ec.generate_private_key(ec.SECP256R1())


def request(key: CertificateIssuerPrivateKeyTypes) -> x509.CertificateSigningRequest:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, algorithm)


def pem(key: CertificateIssuerPrivateKeyTypes) -> str:
    return request(key).public_bytes(Encoding.PEM).decode()


def as_pem(der: bytes) -> str:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


def test_the_key_of_a_request_is_found() -> None:
    assert requested_key(pem(KEY)) == KEY.public_key()


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_other_kinds_are_refused(key: CertificateIssuerPrivateKeyTypes) -> None:
    with pytest.raises(RequestRefusedError, match="key is not EC P-256"):
        requested_key(pem(key))


def test_a_request_for_somebody_elses_key_is_refused() -> None:
    der = bytearray(request(KEY).public_bytes(Encoding.DER))
    der[-1] ^= 1  # of the signature
    with pytest.raises(RequestRefusedError, match="not signed by its own key"):
        requested_key(as_pem(bytes(der)))


def test_a_request_with_any_byte_changed_is_refused() -> None:
    der = request(KEY).public_bytes(Encoding.DER)
    for at in range(len(der)):
        changed = der[:at] + bytes([der[at] ^ 0x10]) + der[at + 1 :]
        with pytest.raises(RequestRefusedError):
            requested_key(as_pem(changed))


@pytest.mark.parametrize(
    "text",
    ["", "é", "\0", "-----BEGIN CERTIFICATE REQUEST-----\n", pem(KEY)[:-60], pem(KEY).lower(),
     pem(KEY).replace("CERTIFICATE REQUEST", "CERTIFICATE")],
)  # fmt: skip
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(RequestRefusedError, match="is no PKCS #10 in PEM"):
        requested_key(text)


def test_a_request_is_bounded() -> None:
    with pytest.raises(RequestRefusedError, match="longer than 8192 characters"):
        requested_key(pem(KEY) + "\n" * 8192)
