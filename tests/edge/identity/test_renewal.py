"""Renewal while the agent runs: in time, over an outage, and never to a worse state."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.identity.identities import Role, identify
from edge.errors import IdentityError
from edge.identity import x509
from edge.identity.enrolling import Asked, enrol
from edge.identity.folder import CredentialsFolder
from edge.identity.port import Grant, Nonce, RenewalRequest
from edge.identity.renewal import LOOK_AGAIN_S, Renewal
from edge.identity.settings import IdentitySettings
from tests.support.enrolment import BY, DEVICE, OTHER, Desk, DirectCloud, enrolment_desk
from tests.support.processes import wait_until


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def cloud(desk: Desk) -> DirectCloud:
    return DirectCloud(desk)


@pytest.fixture
def folder(tmp_path: Path, desk: Desk, cloud: DirectCloud) -> CredentialsFolder:
    made = CredentialsFolder(tmp_path / "credentials")
    enrol(Asked(desk.token(), "", None, "https://c", None), made, cloud, desk.world)
    return made


class Device:
    """A device whose renewal takes its steps as the world's clock goes."""

    def __init__(self, desk: Desk, folder: CredentialsFolder, cloud: DirectCloud) -> None:
        self.desk = desk
        self.folder = folder
        self.renewed: list[datetime] = []
        self.errors: list[str] = []
        settings = IdentitySettings(folder=folder.path, retry_initial_s=10, retry_max_s=600)
        self.renewal = Renewal(
            folder, lambda: cloud, settings,
            on_renewed=lambda: self.renewed.append(desk.world()),
            note_error=self.errors.append, now=desk.world, rng=random.Random(7),
        )  # fmt: skip

    def lives(self, **of_timedelta: float) -> list[float]:
        """Its waits, in seconds, for so long."""
        end = self.desk.world() + timedelta(**of_timedelta)
        waits = []
        while (wait_s := self.renewal.step()) and self.desk.world() < end:
            waits.append(wait_s)
            self.desk.world.passes(seconds=wait_s)
        return waits


@pytest.fixture
def device(desk: Desk, folder: CredentialsFolder, cloud: DirectCloud) -> Device:
    return Device(desk, folder, cloud)


def life(folder: CredentialsFolder) -> x509.Certificate:
    return x509.read(folder.current().certificate)


def test_a_certificate_is_renewed_at_two_thirds_of_its_life(
    device: Device, folder: CredentialsFolder, desk: Desk
) -> None:
    old = life(folder)
    waits = device.lives(days=300)
    assert max(waits) <= LOOK_AGAIN_S, "the clock may be set meanwhile"
    [at] = device.renewed
    share = (at - old.begin) / (old.end - old.begin)
    assert 0.67 <= share <= 0.73
    assert life(folder).end > old.end
    assert device.errors == []
    device.lives(days=300)
    assert len(device.renewed) == 2
    assert len(desk.authority.entries()) == 3


def test_a_fleet_does_not_come_at_once(
    folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    old = life(folder)
    dues = set()
    for seed in range(20):
        renewal = Renewal(
            folder, lambda: cloud, IdentitySettings(), lambda: None, lambda error: None,
            now=lambda: old.end - timedelta(days=100), rng=random.Random(seed),
        )  # fmt: skip
        dues.add(renewal.due)
    assert len(dues) == 20
    assert max(dues) - min(dues) > timedelta(days=10)


def test_an_hour_of_outage_is_survived_with_one_key(
    device: Device, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    old = folder.current()
    device.lives(days=243)
    assert device.renewed == []
    cloud.is_away = True
    desk.world.passes(days=30)
    begun = desk.world()
    with capture_logs() as logs:
        waits = device.lives(hours=1)
    assert 6 <= len(waits) <= 60, "neither hammering nor asleep"
    assert max(waits) <= 600
    assert {log["reason"] for log in logs} == {"nobody answers"}
    assert device.errors == ["certificate not renewed: nobody answers"], "said once"
    assert folder.current() == old, "and goes on with what it has"
    key = folder.key()
    assert key is not None

    cloud.is_away = False
    device.lives(minutes=11)
    [at] = device.renewed
    assert timedelta(hours=1) <= at - begun <= timedelta(hours=1, minutes=21)
    assert folder.current().key == key
    outcomes = [(action, outcome[:4]) for _, action, _, outcome in desk.told()]
    assert outcomes[-1] == ("certificate.issue", "done")
    assert len(desk.authority.entries()) == 2


def test_lost_answers_take_no_more_than_one_certificate(
    device: Device, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    desk.world.passes(days=280)
    cloud.loses_answers = True
    assert len(device.lives(hours=1)) >= 6
    cloud.loses_answers = False
    device.lives(minutes=11)
    assert len(device.renewed) == 1
    assert len(desk.authority.entries()) == 2


def test_a_renewal_goes_on_after_a_restart_with_the_same_key(
    device: Device, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    desk.world.passes(days=280)
    cloud.loses_answers = True
    device.renewal.step()
    key = folder.key()
    cloud.loses_answers = False
    other = Device(desk, CredentialsFolder(folder.path), cloud)
    other.renewal.step()
    assert other.renewed
    assert folder.current().key == key


def test_a_refusal_is_told_and_the_next_attempt_has_another_key(
    device: Device, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    desk.world.passes(days=280)
    desk.lifecycle.decommission(DEVICE, BY)
    old = folder.current()
    assert device.renewal.step() <= 600
    assert device.errors == [
        f"certificate not renewed: refuses: device {DEVICE!r} is decommissioned"
    ]
    assert folder.key() is None
    desk.lifecycle.recommission(DEVICE, BY)
    device.renewal.step()
    assert device.renewed
    assert folder.current() != old


def test_a_revoked_device_goes_on_with_its_work_and_says_why(
    device: Device, cloud: DirectCloud, desk: Desk
) -> None:
    desk.authority.revoke(identify(Role.DEVICE, DEVICE))
    desk.world.passes(days=280)
    device.lives(hours=2)
    assert device.renewed == []
    assert device.errors == [
        "certificate not renewed: refuses: the certificate was revoked: claim the device anew"
    ]


def test_a_device_that_was_off_too_long_says_so(device: Device, desk: Desk) -> None:
    desk.world.passes(days=400)
    device.renewal.step()
    [error] = device.errors
    assert "the certificate expired at" in error


@pytest.mark.parametrize("days", [-20_000, -30])
def test_a_clock_that_is_behind_waits(
    device: Device, folder: CredentialsFolder, cloud: DirectCloud, desk: Desk, days: int
) -> None:
    asked = len(cloud.asked)
    desk.world.passes(days=days)
    assert device.renewal.step() == LOOK_AGAIN_S
    assert (len(cloud.asked), device.errors) == (asked, [])
    desk.world.passes(days=280 - days)
    device.renewal.step()
    assert device.renewed, "once it is set"


def test_a_clock_that_is_ahead_uses_up_no_certificates(
    folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    """Each would be due at once by such a clock, and a device may hold three."""
    errors: list[str] = []
    renewed: list[None] = []
    ahead = timedelta(days=300)
    old = folder.current()
    renewal = Renewal(
        folder, lambda: cloud, IdentitySettings(), lambda: renewed.append(None), errors.append,
        now=lambda: desk.world() + ahead,
    )  # fmt: skip
    for _ in range(5):
        assert renewal.step() >= 10
    assert (len(desk.authority.entries()), renewed) == (1, [])
    [error] = errors
    assert error.startswith("certificate not renewed: this device's clock says ")
    assert error.endswith(": set the clock")
    assert folder.current() == old

    ahead = timedelta(hours=1)
    desk.world.passes(seconds=(renewal.due - desk.world() - ahead).total_seconds())
    renewal.step()
    assert len(renewed) == 1, "a clock may be a little ahead"


def test_a_cloud_that_does_not_tell_its_time_is_renewed_by_as_before(
    folder: CredentialsFolder, desk: Desk
) -> None:
    class Silent(DirectCloud):
        def nonce(self) -> Nonce:
            return Nonce(super().nonce().word, None)

    desk.world.passes(days=280)
    device = Device(desk, folder, Silent(desk))
    device.renewal.step()
    assert device.renewed


def test_a_next_key_that_is_damaged_is_made_anew(
    device: Device, folder: CredentialsFolder, desk: Desk
) -> None:
    folder.keep_key(b"-----BEGIN PRIVATE KEY-----")
    desk.world.passes(days=280)
    device.renewal.step()
    assert device.renewed
    assert device.errors == []


def test_no_other_ca_and_no_other_name_is_taken(
    folder: CredentialsFolder, desk: Desk, tmp_path: Path
) -> None:
    """Who has taken the API over could answer, but not bring a CA of their own."""

    class Lying(DirectCloud):
        def renew(self, wanted: RenewalRequest) -> Grant:
            with enrolment_desk(tmp_path / f"{len(self.asked)}", desk.world) as stranger:
                self.asked.append("")
                token = stranger.token(DEVICE)
                given = stranger.enrolment.enrol(token, "", wanted.request, "here")
            return Grant(DEVICE, given.certificate.encode(), given.ca.encode(), None, None)

    desk.world.passes(days=280)
    old = folder.current()
    device = Device(desk, folder, Lying(desk))
    device.renewal.step()
    assert device.errors == [
        "certificate not renewed: the cloud's certificate is not signed by its CA"
    ]
    assert folder.current() == old

    class Misnaming(DirectCloud):
        def renew(self, wanted: RenewalRequest) -> Grant:
            made = desk.authority.certify(identify(Role.DEVICE, OTHER), wanted.request)
            return Grant(OTHER, made.certificate, old.ca, None, None)

    device = Device(desk, folder, Misnaming(desk))
    device.renewal.step()
    assert device.errors == [
        f"certificate not renewed: the cloud's certificate is of {OTHER!r}, not of {DEVICE!r}"
    ]
    assert folder.current() == old


def test_a_folder_that_is_not_there_is_told_and_not_made(
    desk: Desk, cloud: DirectCloud, tmp_path: Path
) -> None:
    device = Device(desk, CredentialsFolder(tmp_path / "none"), cloud)
    device.renewal.step()
    [error] = device.errors
    assert "none: No such file or directory" in error
    assert not (tmp_path / "none").exists()


def test_an_exchange_that_a_power_cut_left_half_done_is_finished(
    device: Device, folder: CredentialsFolder, desk: Desk
) -> None:
    desk.world.passes(days=280)
    device.renewal.step()
    new = folder.current()
    (folder.path / "current").unlink()
    (folder.path / "current").symlink_to("1")
    device.renewal.step()
    assert folder.current() == new


def test_it_runs_in_a_thread_of_its_own(
    folder: CredentialsFolder, cloud: DirectCloud, desk: Desk
) -> None:
    desk.world.passes(days=280)
    device = Device(desk, folder, cloud)
    with device.renewal:
        wait_until(lambda: device.renewed, "the renewal")
    assert life(folder).end > desk.world()


def test_a_cloud_that_cannot_be_named_is_an_error_like_others(
    folder: CredentialsFolder, desk: Desk
) -> None:
    def nobody() -> DirectCloud:
        raise IdentityError("cloud.json does not say who gave the credentials")

    errors: list[str] = []
    desk.world.passes(days=280)
    renewal = Renewal(
        folder, nobody, IdentitySettings(), lambda: None, errors.append, now=desk.world
    )
    renewal.step()
    assert errors == ["certificate not renewed: cloud.json does not say who gave the credentials"]
