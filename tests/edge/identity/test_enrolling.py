"""A claim token into a certificate: cut off anywhere, and never over what is there."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.enrolment.settings import EnrolmentSettings
from edge.errors import CloudAwayError, IdentityError
from edge.identity import x509
from edge.identity.enrolling import Asked, enrol, known_url
from edge.identity.folder import CredentialsFolder
from edge.identity.port import Grant
from tests.support.enrolment import DEVICE, Desk, DirectCloud, enrolment_desk

URL = "https://cloud.example.org:8443"
TOLD = EnrolmentSettings(broker_host="mqtt.example.org")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path / "cloud", settings=TOLD) as made:
        yield made


@pytest.fixture
def cloud(desk: Desk) -> DirectCloud:
    return DirectCloud(desk)


@pytest.fixture
def folder(tmp_path: Path) -> CredentialsFolder:
    return CredentialsFolder(tmp_path / "device/credentials")


@pytest.fixture
def asked(desk: Desk) -> Asked:
    return Asked(desk.token(DEVICE, "SN-1"), "SN-1", None, URL, b"server's CA")


def test_a_board_is_enrolled(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    done = enrol(asked, folder, cloud, desk.world)
    assert done.certificate.device == DEVICE
    assert done.broker == ("mqtt.example.org", 8883)
    current = folder.current()
    x509.check(current.key, current.certificate, current.ca)
    assert known_url(folder) == URL
    assert folder.noted("server-ca.pem") == b"server's CA"
    known = json.loads((folder.path / "cloud.json").read_text())
    assert (known["device"], known["repository_url"]) == (DEVICE, None)
    assert asked.token not in "".join(
        found.read_text() for found in folder.path.rglob("*") if found.is_file()
    )


def test_the_key_is_on_the_disk_before_anything_travels(
    asked: Asked, folder: CredentialsFolder, desk: Desk
) -> None:
    class Looking(DirectCloud):
        def enrol(self, token: str, serial: str, request: str) -> Grant:
            kept = folder.path / "next/key.pem"
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            assert x509.signing_request(kept.read_bytes())[:30] == request[:30]
            self.asked.append("looked")
            return super().enrol(token, serial, request)

    cloud = Looking(desk)
    enrol(asked, folder, cloud, desk.world)
    assert cloud.asked[0] == "looked"


def test_what_is_asked_shows_no_token(asked: Asked) -> None:
    assert asked.token not in repr(asked)


@pytest.mark.parametrize("cut", ["is_away", "loses_answers"])
def test_a_try_that_was_cut_off_goes_on_with_the_same_key(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk, cut: str
) -> None:
    setattr(cloud, cut, True)
    with pytest.raises(CloudAwayError):
        enrol(asked, folder, cloud, desk.world)
    key = folder.key()
    assert key is not None
    setattr(cloud, cut, False)
    enrol(asked, folder, cloud, desk.world)
    assert folder.current().key == key
    assert len(desk.authority.entries()) == 1


def test_a_try_that_was_cut_off_at_the_last_rename_is_finished(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    enrol(asked, folder, cloud, desk.world)
    for link in ("current", "key.pem", "cert.pem", "ca.pem"):
        (folder.path / link).unlink()
    cloud.is_away = True
    done = enrol(asked, folder, cloud, desk.world)
    assert (done.certificate.device, done.broker) == (DEVICE, ("mqtt.example.org", 8883))
    assert folder.current().key


def test_credentials_are_never_overwritten(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk, tmp_path: Path
) -> None:
    enrol(asked, folder, cloud, desk.world)
    before = folder.current()
    again = replace(asked, token=desk.token())
    with pytest.raises(IdentityError, match="holds credentials, which are never overwritten"):
        enrol(again, folder, cloud, desk.world)
    assert folder.current() == before
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    (by_hand / "key.pem").write_text("precious")
    with pytest.raises(IdentityError, match="never overwritten"):
        enrol(again, CredentialsFolder(by_hand), cloud, desk.world)
    assert [found.name for found in by_hand.iterdir()] == ["key.pem"]
    assert len(cloud.asked) == 1, "and the second token is not used up"


def test_refusals_are_the_clouds_words_and_leave_no_credentials(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    for wrong, says in (
        (replace(asked, token="guess"), "the token is not valid"),
        (replace(asked, serial="SN-2"), "not for serial number 'SN-2'"),
    ):
        with pytest.raises(IdentityError, match=says):
            enrol(wrong, folder, cloud, desk.world)
    desk.world.passes(hours=24)
    with pytest.raises(IdentityError, match="the token expired"):
        enrol(asked, folder, cloud, desk.world)
    assert not folder.holds_credentials


def test_a_token_of_another_device_is_told_before_anything_counts(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    with pytest.raises(IdentityError, match=f"for device '{DEVICE}', not for 'gate-cam-09'"):
        enrol(replace(asked, device="gate-cam-09"), folder, cloud, desk.world)
    assert not folder.holds_credentials
    done = enrol(replace(asked, device=DEVICE), folder, cloud, desk.world)
    assert done.certificate.device == DEVICE


@pytest.mark.parametrize("days", [-20_000, 400])
def test_a_wrong_clock_is_told_and_the_try_goes_on_once_it_is_set(
    asked: Asked, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk, days: int
) -> None:
    here = type(desk.world)(desk.world())
    here.passes(days=days)
    with pytest.raises(IdentityError, match=r"this device's clock says .*: set the clock"):
        enrol(asked, folder, cloud, here)
    assert not folder.holds_credentials
    assert enrol(asked, folder, cloud, desk.world).certificate.device == DEVICE


def test_an_answer_that_does_not_fit_is_not_taken(
    asked: Asked, folder: CredentialsFolder, desk: Desk
) -> None:
    class Lying(DirectCloud):
        device = DEVICE

        def enrol(self, token: str, serial: str, request: str) -> Grant:
            given = super().enrol(token, serial, request)
            return replace(given, device=self.device, certificate=self.certificate(given))

        def certificate(self, given: Grant) -> bytes:
            return given.certificate

    class OfAnother(Lying):
        def certificate(self, given: Grant) -> bytes:
            return desk.enrolled("gate-cam-02").certificate.encode()

    misnaming = Lying(desk)
    misnaming.device = "gate-cam-02"
    with pytest.raises(IdentityError, match="calls this device 'gate-cam-02'"):
        enrol(asked, folder, misnaming, desk.world)
    with pytest.raises(IdentityError, match="not for the key of this device"):
        enrol(asked, folder, OfAnother(desk), desk.world)
    assert not folder.holds_credentials
