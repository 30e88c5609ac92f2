"""What is written for the broker, and when nothing is; the real broker reads it in
tests/integration/test_identity.py."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloud.errors import IdentityError
from cloud.identity.authority import CertificateAuthority, utc_now
from cloud.identity.identities import Role, identify
from cloud.identity.mosquitto import write_broker_config
from cloud.identity.settings import IdentitySettings, ListenerSettings

SERVER = identify(Role.SERVER, "broker", ["localhost"])
LISTENER = ListenerSettings()


@pytest.fixture
def settings(tmp_path: Path) -> IdentitySettings:
    return IdentitySettings(folder=tmp_path / "ca")


@pytest.fixture
def authority(settings: IdentitySettings) -> CertificateAuthority:
    return CertificateAuthority.create(settings)


@pytest.fixture
def out(authority: CertificateAuthority, tmp_path: Path) -> Path:
    authority.issue(SERVER, tmp_path / "with space")
    return tmp_path / "with space"


def lines(path: Path) -> set[str]:
    return set(path.read_text().splitlines())


def test_configuration_says_what_the_settings_say(
    authority: CertificateAuthority, out: Path, tmp_path: Path
) -> None:
    listener = ListenerSettings(
        host="::1", port=8884, pid_file=tmp_path / "m.pid", max_connections=77, user="broker"
    )
    written = write_broker_config(listener, authority, out)
    assert {
        "listener 8884 ::1",
        f"crlfile {authority.crl_file}",
        f"keyfile {out}/key.pem",
        f"pid_file {tmp_path}/m.pid",
        "max_connections 77",
        "max_packet_size 2162688",
        "user broker",
        "allow_anonymous false",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
    } <= lines(written.config)
    assert "pid_file" not in write_broker_config(LISTENER, authority, out).config.read_text()


def test_access_list_names_the_services_that_are_valid(
    authority: CertificateAuthority, out: Path, tmp_path: Path
) -> None:
    assert write_broker_config(LISTENER, authority, out).services == []
    for name in ("bridge-1", "bridge-2", "bridge-3"):
        authority.issue(identify(Role.SERVICE, name), tmp_path / name)
    authority.revoke(identify(Role.SERVICE, "bridge-2"))
    written = write_broker_config(LISTENER, authority, out)
    assert written.services == ["service.bridge-1", "service.bridge-3"]
    users = {line for line in lines(written.acl) if line.startswith("user ")}
    assert users == {"user service.bridge-1", "user service.bridge-3"}


@pytest.mark.parametrize("name", ["cert.pem", "key.pem", "ca.pem"])
def test_missing_and_damaged_files_name_the_command(
    authority: CertificateAuthority, out: Path, name: str
) -> None:
    (out / name).write_text("no PEM")
    command = f"`wayside-cloud ca issue broker --role server --host HOST --out {out}`"
    with pytest.raises(IdentityError) as refused:
        write_broker_config(LISTENER, authority, out)
    assert str(refused.value).startswith(f"{out / name}: not the PEM it should hold")
    assert command in str(refused.value)
    (out / name).unlink()
    with pytest.raises(IdentityError, match=f"{name} is missing: issue the broker's") as refused:
        write_broker_config(LISTENER, authority, out)
    assert command in str(refused.value)
    assert not (out / "mosquitto.conf").exists()


def test_certificate_that_no_device_would_believe_is_refused(
    settings: IdentitySettings, authority: CertificateAuthority, out: Path, tmp_path: Path
) -> None:
    def refused(folder: Path) -> str:
        with pytest.raises(IdentityError) as error:
            write_broker_config(LISTENER, authority, folder)
        return str(error.value)

    authority.issue(identify(Role.DEVICE, "gate-cam-01"), tmp_path / "device")
    assert "a client's certificate, not a server's" in refused(tmp_path / "device")
    before = CertificateAuthority(settings, lambda: utc_now() - timedelta(days=400))
    before.issue(SERVER, tmp_path / "old")
    assert "cert.pem: expired at 20" in refused(tmp_path / "old")
    other = CertificateAuthority.create(IdentitySettings(folder=tmp_path / "other"))
    other.issue(SERVER, tmp_path / "foreign")
    assert "ca.pem beside it is another CA's" in refused(tmp_path / "foreign")
    (tmp_path / "foreign/ca.pem").write_bytes((out / "ca.pem").read_bytes())
    assert "another CA's certificate" in refused(tmp_path / "foreign")
    (out / "key.pem").write_bytes((tmp_path / "old/key.pem").read_bytes())
    assert "not the certificate of key.pem" in refused(out)
    (out / "cert.pem").write_bytes((out / "ca.pem").read_bytes())
    (out / "key.pem").write_bytes((settings.folder / "root.key").read_bytes())
    assert "the certificate of no server" in refused(out)


@pytest.mark.parametrize("name", ["mosquitto.conf", "acl"])
def test_configuration_of_somebody_else_is_not_overwritten(
    authority: CertificateAuthority, out: Path, name: str
) -> None:
    (out / name).write_text("# mine\n")
    with pytest.raises(IdentityError, match="was not written by this command"):
        write_broker_config(LISTENER, authority, out)
    assert (out / name).read_text() == "# mine\n"
    (out / name).write_bytes(b"\xff")
    with pytest.raises(IdentityError, match="cannot be read"):
        write_broker_config(LISTENER, authority, out)


def test_path_with_a_line_break_writes_no_line_of_its_own(
    authority: CertificateAuthority, out: Path, tmp_path: Path
) -> None:
    listener = ListenerSettings(pid_file=tmp_path / "a\nallow_anonymous true")
    with pytest.raises(IdentityError, match="no path with a line break"):
        write_broker_config(listener, authority, out)


@pytest.mark.parametrize("wrong", [{"host": "a\nb"}, {"user": "a b"}, {"user": "a\n"}])
def test_settings_write_no_line_of_their_own(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="String should match pattern"):
        ListenerSettings.model_validate(wrong)


def test_life_of_a_certificate_ends_with_the_root() -> None:
    with pytest.raises(ValueError, match="certificate_days 100 is more than root_days 50"):
        IdentitySettings(folder=Path("ca"), root_days=50, certificate_days=100)
