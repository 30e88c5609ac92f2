"""Keys, signing requests and certificates of a device, against the CA that signs them."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cloud.identity.signing_request import requested_key
from edge.errors import IdentityError
from edge.identity import x509
from tests.support.enrolment import DEVICE, Board, Desk, enrolment_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path) as made:
        yield made


def test_a_request_is_for_its_key_and_says_nothing_else() -> None:
    key = x509.new_key()
    loaded = serialization.load_pem_private_key(key, password=None)
    assert requested_key(x509.signing_request(key)) == loaded.public_key()
    assert x509.new_key() != key


def test_a_signature_is_by_its_key() -> None:
    key = x509.new_key()
    loaded = serialization.load_pem_private_key(key, password=None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    signed = x509.signature(key, b"words")
    loaded.public_key().verify(signed, b"words", ec.ECDSA(hashes.SHA256()))


def test_a_certificate_fits_its_key_and_its_ca(desk: Desk, tmp_path: Path) -> None:
    board = desk.enrolled()
    certificate = board.certificate.encode()
    ca = (desk.folder / "ca/ca.pem").read_bytes()
    x509.check(board.key, certificate, ca)
    said = x509.read(certificate)
    assert said.device == DEVICE
    assert said.begin < desk.world() < said.end
    with pytest.raises(IdentityError, match="not for the key of this device"):
        x509.check(Board().key, certificate, ca)
    with enrolment_desk(tmp_path / "other") as other:
        strange = (other.folder / "ca/ca.pem").read_bytes()
    with pytest.raises(IdentityError, match="not signed by its CA"):
        x509.check(board.key, certificate, strange)


def test_a_certificate_with_any_byte_changed_is_not_taken(desk: Desk) -> None:
    board = desk.enrolled()
    der, ca = ssl.PEM_cert_to_DER_cert(board.certificate), (desk.folder / "ca/ca.pem").read_bytes()
    for at in range(len(der)):
        changed = der[:at] + bytes([der[at] ^ 0x10]) + der[at + 1 :]
        with pytest.raises(IdentityError):
            x509.check(board.key, ssl.DER_cert_to_PEM_cert(changed).encode(), ca)


def test_what_is_damaged_is_told_and_never_quoted(desk: Desk) -> None:
    board = desk.enrolled()
    with pytest.raises(IdentityError, match="a certificate is damaged") as refused:
        x509.read(b"secret words")
    assert "secret" not in str(refused.value)
    for key in (b"secret words", board.certificate.encode()):
        with pytest.raises(IdentityError, match="the key is damaged"):
            x509.signing_request(key)
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(IdentityError, match="not EC P-256"):
        x509.signature(other, b"words")
