"""X.509: root, certificates, revocation list. No I/O, no clock.

Profiles after RFC 5280: EC P-256 keys, ECDSA with SHA-256, one extended key usage a certificate, so
that a server's certificate opens no client session and a device's serves nobody.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloud.identity.identities import Identity, Role, is_address

_NO_USE = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
     "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when; both aware of their time zone."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Root:
    """The CA's own key and certificate."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that counts no more, before its end."""

    serial: int
    at: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key of the curve that everything here uses."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PKCS #8 PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def pem(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """A certificate or a revocation list as PEM."""
    return signed.public_bytes(serialization.Encoding.PEM)


def key_digest(key: ec.EllipticCurvePublicKey) -> bytes:
    """What a public key is known by: SHA-256 of its SubjectPublicKeyInfo, 32 bytes."""
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(encoded).digest()


def make_root(name: str, validity: Validity) -> Root:
    """A root that signs certificates and revocation lists, and no further CAs."""
    key = new_key()
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), x509.random_serial_number(), validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Root(key, certificate)


def sign(
    root: Root,
    identity: Identity,
    public_key: ec.EllipticCurvePublicKey,
    serial: int,
    validity: Validity,
) -> x509.Certificate:
    """A certificate that says whose key it is."""
    serves = identity.role is Role.SERVER
    usage = ExtendedKeyUsageOID.SERVER_AUTH if serves else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(
            root.certificate.subject, _name(identity.common_name), public_key, serial, validity
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(_signer(root), critical=False)
    )
    if identity.hosts:
        names = x509.SubjectAlternativeName([_alternative(host) for host in identity.hosts])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(root.key, hashes.SHA256())


def make_crl(
    root: Root, number: int, validity: Validity, revoked: Iterable[Revoked]
) -> x509.CertificateRevocationList:
    """A revocation list.

    OpenSSL holds several lists of one issuer and takes the one with the latest `validity.begin`,
    so that must grow with each list, by a second at least.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.subject)
        .last_update(validity.begin)
        .next_update(validity.end)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_signer(root), critical=False)
    )
    for item in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(item.serial)
            .revocation_date(item.at)
            .build()
        )
    return builder.sign(root.key, hashes.SHA256())


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    serial: int,
    validity: Validity,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(validity.begin)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{**_NO_USE, **dict.fromkeys(uses, True)})


def _signer(root: Root) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())


def _alternative(host: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(host)) if is_address(host) else x509.DNSName(host)
