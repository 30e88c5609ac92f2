"""Certificates for keys that their owners made: what the CA writes, once a key, three at most."""

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloud.errors import IdentityError, RequestRefusedError, TooManyCredentialsError
from cloud.identity.authority import CertificateAuthority
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings
from tests.support.processes import together

DEVICE = identify(Role.DEVICE, "gate-cam-01")
OTHER = identify(Role.DEVICE, "gate-cam-02")


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2031, 5, 4, 12, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> IdentitySettings:
    return IdentitySettings(folder=tmp_path / "ca")


@pytest.fixture
def authority(settings: IdentitySettings, clock: Clock) -> CertificateAuthority:
    return CertificateAuthority.create(settings, clock)


def request(key: ec.EllipticCurvePrivateKey | None = None, name: str = "admin") -> str:
    """A request that claims a lot: to be somebody else, and a CA."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("broker")]), critical=False)
    )
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_nothing_of_a_request_but_its_key_is_believed(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = authority.certify(DEVICE, request(key, "service.bridge-1"))
    certificate = x509.load_pem_x509_certificate(made.certificate)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "gate-cam-01"
    assert certificate.public_key() == key.public_key()
    extensions = certificate.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert certificate.serial_number == made.entry.serial
    end = clock.now + timedelta(days=settings.certificate_days)
    assert certificate.not_valid_after_utc == made.entry.validity.end == end
    assert authority.entries() == [made.entry]

    (tmp_path / "cert.pem").write_bytes(made.certificate)
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check", "-purpose", "sslclient",
         "-attime", str(int(clock.now.timestamp())), "-CAfile", settings.folder / "ca.pem",
         "-CRLfile", settings.folder / "crl.pem", tmp_path / "cert.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.stdout.endswith("OK\n"), verified.stderr


def test_a_key_is_certified_once(authority: CertificateAuthority, clock: Clock) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    first = authority.certify(DEVICE, request(key))
    clock.now += timedelta(hours=1)
    again = authority.certify(DEVICE, request(key, "other words, same key"))
    assert again == first
    assert authority.entries() == [first.entry]


def test_a_key_is_certified_once_by_all_who_ask_at_once(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = []
    together(
        *(
            lambda: made.append(CertificateAuthority(settings, clock).certify(DEVICE, request(key)))
            for _ in range(6)
        )
    )
    assert len({one.certificate for one in made}) == 1
    assert len(authority.entries()) == 1


def test_a_fourth_certificate_is_refused_until_one_ends(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "by-hand", days=10)
    for _ in range(2):
        authority.certify(DEVICE, request())
    authority.certify(OTHER, request())
    for refused in (lambda: authority.certify(DEVICE, request()), lambda: check(authority)):
        with pytest.raises(TooManyCredentialsError, match=r"holds 3 valid .*ca revoke gate-cam-01"):
            refused()
    assert len(authority.entries_of(DEVICE)) == 3, "and none of the three was revoked for it"
    clock.now += timedelta(days=11)
    authority.certify(DEVICE, request())
    authority.revoke(DEVICE)
    check(authority)
    authority.certify(DEVICE, request())


def check(authority: CertificateAuthority) -> None:
    authority.check_room(DEVICE)


def test_asked_again_for_one_of_three_is_no_fourth(authority: CertificateAuthority) -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    made = [authority.certify(DEVICE, request(key)) for key in keys]
    assert [authority.certify(DEVICE, request(key)) for key in keys] == made


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (lambda authority, clock: authority.revoke(DEVICE), "revoked"),
        (lambda authority, clock: setattr(clock, "now", clock.now + timedelta(400)), "expired"),
    ],
)
def test_a_key_whose_certificate_has_ended_gets_no_other(
    authority: CertificateAuthority,
    clock: Clock,
    end: Callable[[CertificateAuthority, Clock], object],
    state: str,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority.certify(DEVICE, request(key))
    end(authority, clock)
    with pytest.raises(RequestRefusedError, match=f"of this key is {state}: make another key"):
        authority.certify(DEVICE, request(key))


def test_a_key_is_of_one_device(authority: CertificateAuthority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority.certify(DEVICE, request(key))
    with pytest.raises(RequestRefusedError, match="certified for another identity"):
        authority.certify(OTHER, request(key))


def test_a_registry_of_an_earlier_release_serves(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "before")
    with closing(sqlite3.connect(settings.folder / "registry.db")) as registry:
        tables = {row[0] for row in registry.execute("SELECT name FROM sqlite_master")}
    assert "signed_keys" not in tables
    authority.certify(DEVICE, request())
    assert len(authority.entries()) == 2


def test_a_serial_number_leads_to_its_entry(authority: CertificateAuthority) -> None:
    made = authority.certify(DEVICE, request())
    assert authority.entry(made.entry.serial) == made.entry
    assert authority.entry(made.entry.serial + 1) is None
    assert not authority.is_listed(made.entry.serial)
    authority.revoke(DEVICE)
    assert authority.is_listed(made.entry.serial)


def test_secrets_are_of_the_ca_and_of_their_purpose(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    secret = authority.derived_secret("one")
    assert len(secret) == 32
    assert CertificateAuthority(settings).derived_secret("one") == secret
    assert authority.derived_secret("another") != secret
    stranger = CertificateAuthority.create(IdentitySettings(folder=tmp_path / "stranger"))
    assert stranger.derived_secret("one") != secret


def test_a_ca_that_has_expired_signs_nothing(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    clock.now += timedelta(days=3650)
    with pytest.raises(IdentityError, match="the CA in .* expired at 2041-05-01: make a new one"):
        authority.certify(DEVICE, request())
    with pytest.raises(IdentityError, match="expired at"):
        authority.issue(DEVICE, tmp_path / "out")
    assert authority.entries() == []
    assert not (tmp_path / "out").exists()
