"""The CA: what it issues is what OpenSSL believes, and what it revokes is not."""

import stat
import subprocess
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from cloud.errors import IdentityError
from cloud.identity.authority import CertificateAuthority, Credentials
from cloud.identity.identities import Role, identify
from cloud.identity.settings import IdentitySettings

DEVICE = identify(Role.DEVICE, "gate-cam-01")
SERVER = identify(Role.SERVER, "broker", ["broker.example.org", "192.0.2.7", "2001:db8::7"])
SERVICE = identify(Role.SERVICE, "bridge-1")


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2031, 5, 4, 12, 0, 0, 500_000, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> IdentitySettings:
    return IdentitySettings(folder=tmp_path / "kept" / "ca")


@pytest.fixture
def authority(settings: IdentitySettings, clock: Clock) -> CertificateAuthority:
    return CertificateAuthority.create(settings, clock)


def openssl(ca: Path, certificate: Path, clock: Clock, purpose: str = "sslclient") -> str:
    """What `openssl verify` says, the revocation list included."""
    command = [
        "openssl", "verify", "-x509_strict", "-crl_check", "-purpose", purpose,
        "-attime", str(int(clock.now.timestamp())),
        "-CAfile", str(ca / "ca.pem"), "-CRLfile", str(ca / "crl.pem"), str(certificate),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return (ended.stdout + ended.stderr).replace("\n", " ")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def crl_of(authority: CertificateAuthority) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(authority.crl_file.read_bytes())


def test_openssl_believes_each_for_its_own_purpose(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    for identity, believed, not_believed in (
        (DEVICE, "sslclient", "sslserver"),
        (SERVICE, "sslclient", "sslserver"),
        (SERVER, "sslserver", "sslclient"),
    ):
        out = tmp_path / identity.common_name
        authority.issue(identity, out)
        certificate = out / "cert.pem"
        assert certificate.name + ": OK" in openssl(settings.folder, certificate, clock, believed)
        said = openssl(settings.folder, certificate, clock, not_believed)
        assert "unsuitable certificate purpose" in said


def test_certificate_says_who_and_how_long(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    entry = authority.issue(DEVICE, tmp_path / "out", days=30)
    certificate = x509.load_pem_x509_certificate((tmp_path / "out/cert.pem").read_bytes())
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "gate-cam-01"
    assert certificate.serial_number == entry.serial
    end = clock.now.replace(microsecond=0) + timedelta(days=30)
    assert certificate.not_valid_after_utc == entry.validity.end == end
    assert certificate.not_valid_before_utc < clock.now, "a device's clock may be behind"


def test_server_is_known_by_its_names_and_addresses(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    authority.issue(SERVER, tmp_path / "out")
    certificate = x509.load_pem_x509_certificate((tmp_path / "out/cert.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example.org"]
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    assert list(addresses) == ["192.0.2.7", "2001:db8::7"]


def test_nothing_outlives_the_root(authority: CertificateAuthority, tmp_path: Path) -> None:
    entry = authority.issue(DEVICE, tmp_path / "out", days=20_000)
    assert entry.validity.end == authority.certificate.not_valid_after_utc


def test_keys_are_for_their_owner_only(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "out")
    assert mode(settings.folder / "root.key") == 0o600
    assert mode(settings.folder / "registry.db") == 0o600
    assert mode(settings.folder / "crl.pem") == 0o644, "the broker's user reads it"
    assert mode(tmp_path / "out") == 0o700
    assert mode(tmp_path / "out/key.pem") == 0o600
    assert "PRIVATE" not in repr(authority.impersonate(DEVICE))
    assert "PRIVATE" not in (tmp_path / "out/cert.pem").read_text()


@pytest.mark.parametrize("there", ["key.pem", "cert.pem", "ca.pem"])
def test_credentials_are_never_overwritten(
    authority: CertificateAuthority, tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("precious")
    with pytest.raises(IdentityError, match=f"{there} is there already and is never overwritten"):
        authority.issue(DEVICE, tmp_path)
    assert (tmp_path / there).read_text() == "precious"
    assert authority.entries() == [], "what was not handed out needs no entry"


def test_folder_that_is_none_is_told(authority: CertificateAuthority, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(IdentityError, match="file/out cannot be written: Not a directory"):
        authority.issue(DEVICE, tmp_path / "file/out")


def test_revocation_takes_all_of_one_and_nothing_of_others(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    old, renewed = tmp_path / "old", tmp_path / "renewed"
    for out in (old, renewed):
        authority.issue(DEVICE, out)
    authority.issue(SERVICE, tmp_path / "service")
    assert len(authority.revoke(DEVICE)) == 2
    for out in (old, renewed):
        said = openssl(settings.folder, out / "cert.pem", clock)
        assert "certificate revoked" in said
    assert "OK" in openssl(settings.folder, tmp_path / "service/cert.pem", clock)
    states = {(item.common_name, item.state(clock.now)) for item in authority.entries()}
    assert states == {("gate-cam-01", "revoked"), ("service.bridge-1", "valid")}
    authority.issue(DEVICE, tmp_path / "replaced")
    assert "OK" in openssl(settings.folder, tmp_path / "replaced/cert.pem", clock)


def test_revocation_again_keeps_its_first_time(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "out")
    first = authority.revoke(DEVICE)
    clock.now += timedelta(hours=1)
    assert authority.revoke(DEVICE) == first


def test_only_who_has_a_certificate_is_revoked(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "out")
    other = identify(Role.DEVICE, "gate-cam-02")
    with pytest.raises(IdentityError, match="'gate-cam-02' has no certificate of this CA"):
        authority.revoke(other)


def test_each_list_is_later_than_the_last(authority: CertificateAuthority, clock: Clock) -> None:
    lists = [crl_of(authority)]
    for _ in range(3):
        authority.refresh()
        lists.append(crl_of(authority))
    begins = [item.last_update_utc for item in lists]
    assert begins == sorted(set(begins)), "OpenSSL takes the latest"
    numbers = [item.extensions.get_extension_for_class(x509.CRLNumber).value for item in lists]
    assert [item.crl_number for item in numbers] == [1, 2, 3, 4]
    assert begins[-1] < clock.now


def test_refresh_moves_the_lists_end(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock
) -> None:
    before = authority.crl_end()
    assert before == clock.now.replace(microsecond=0) + timedelta(days=settings.crl_days)
    clock.now += timedelta(days=7)
    authority.refresh()
    assert authority.crl_end() == before + timedelta(days=7)


def test_list_forgets_what_has_expired_by_itself(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    authority.issue(DEVICE, tmp_path / "out", days=10)
    authority.revoke(DEVICE)
    assert len(crl_of(authority)) == 1
    assert authority.listed_serial(DEVICE) is not None
    clock.now += timedelta(days=12)
    authority.refresh()
    assert len(crl_of(authority)) == 0
    assert authority.listed_serial(DEVICE) is None


def test_expired_is_called_so(
    authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    authority.issue(SERVICE, tmp_path / "out", days=10)
    assert authority.services() == ["service.bridge-1"]
    clock.now += timedelta(days=11)
    assert [item.state(clock.now) for item in authority.entries()] == ["expired"]
    assert authority.services() == []


def test_registry_outlives_the_process(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    entry = authority.issue(DEVICE, tmp_path / "out")
    assert CertificateAuthority(settings).entries() == [entry]


def test_revocations_at_once_all_stand_on_the_list(
    settings: IdentitySettings, authority: CertificateAuthority, clock: Clock, tmp_path: Path
) -> None:
    victims = [identify(Role.DEVICE, f"cam-{number}") for number in range(8)]
    for victim in victims:
        authority.issue(victim, tmp_path / victim.common_name)

    def revoke(index: int) -> None:
        CertificateAuthority(settings, clock).revoke(victims[index])

    threads = [threading.Thread(target=revoke, args=(index,)) for index in range(len(victims))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(crl_of(authority)) == len(victims)


def test_impersonation_lives_for_minutes(authority: CertificateAuthority, clock: Clock) -> None:
    brief = authority.impersonate(DEVICE, serial=7)
    certificate = x509.load_pem_x509_certificate(brief.certificate)
    assert certificate.serial_number == 7
    assert certificate.not_valid_after_utc - clock.now < timedelta(minutes=15)
    assert authority.entries() == []


def test_second_ca_is_refused(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    before = (settings.folder / "root.key").read_bytes()
    with pytest.raises(IdentityError, match="a CA is made once and never replaced"):
        CertificateAuthority.create(settings)
    assert (settings.folder / "root.key").read_bytes() == before


def test_ca_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = IdentitySettings(folder=tmp_path / "file/ca")
    with pytest.raises(IdentityError, match="file/ca cannot be made: Not a directory"):
        CertificateAuthority.create(settings)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_missing_ca_names_the_command(settings: IdentitySettings) -> None:
    with pytest.raises(IdentityError, match="make one with `wayside-cloud ca init`"):
        CertificateAuthority(settings)


@pytest.mark.parametrize("name", ["root.key", "ca.pem"])
def test_damaged_ca_is_named_and_never_quoted(
    settings: IdentitySettings, authority: CertificateAuthority, name: str
) -> None:
    (settings.folder / name).write_text("secret words")
    with pytest.raises(IdentityError, match=f"{name}: not what it should hold") as refused:
        CertificateAuthority(settings)
    assert "secret words" not in str(refused.value)
    (settings.folder / name).unlink()
    with pytest.raises(IdentityError, match=f"{name}: No such file"):
        CertificateAuthority(settings)


def test_key_of_another_ca_is_refused(
    settings: IdentitySettings, authority: CertificateAuthority, tmp_path: Path
) -> None:
    other = IdentitySettings(folder=tmp_path / "other")
    CertificateAuthority.create(other)
    (settings.folder / "root.key").write_bytes((other.folder / "root.key").read_bytes())
    with pytest.raises(IdentityError, match=r"root\.key is not the key of .*ca\.pem"):
        CertificateAuthority(settings)


def test_damaged_registry_and_list_are_named(
    settings: IdentitySettings, authority: CertificateAuthority
) -> None:
    (settings.folder / "crl.pem").write_text("nothing")
    with pytest.raises(IdentityError, match=r"crl\.pem: not what it should hold"):
        authority.crl_end()
    (settings.folder / "registry.db").write_text("nothing at all, but long enough " * 40)
    with pytest.raises(IdentityError, match=r"registry .*registry\.db: file is not a database"):
        authority.entries()


def test_list_that_cannot_be_written_is_told(
    settings: IdentitySettings, authority: CertificateAuthority
) -> None:
    (settings.folder / "crl.pem").unlink()
    (settings.folder / "crl.pem").mkdir()
    with pytest.raises(IdentityError, match="cannot be written: Is a directory"):
        authority.refresh()
    assert not list(settings.folder.glob(".crl*")), "no draft is left behind"


def test_credentials_hide_their_key() -> None:
    assert "hidden" not in repr(Credentials(b"hidden", b"certificate", b"ca"))
