"""What the doctor says of a device's certificate."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.doctor.finding import Finding
from edge.doctor.identity import identity
from edge.identity.enrolling import Asked, enrol
from edge.identity.folder import CredentialsFolder
from edge.identity.settings import IdentitySettings
from tests.support.enrolment import DEVICE, Desk, DirectCloud, enrolment_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with enrolment_desk(tmp_path / "cloud") as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, desk: Desk) -> IdentitySettings:
    folder = CredentialsFolder(tmp_path / "credentials")
    enrol(Asked(desk.token(), "", None, "https://c", None), folder, DirectCloud(desk), desk.world)
    return IdentitySettings(folder=folder.path)


def found(settings: IdentitySettings, now: datetime, device: str = DEVICE) -> Finding:
    [finding] = identity(settings, device, now)
    assert finding.subject == "certificate"
    return finding


def test_where_nothing_is_renewed_nothing_is_said() -> None:
    assert list(identity(IdentitySettings(), DEVICE)) == []


def test_a_certificate_that_lives_is_well(settings: IdentitySettings, desk: Desk) -> None:
    well = found(settings, desk.world())
    assert well.state == "ok"
    assert well.seen.startswith(f"of {DEVICE}, {desk.world() - timedelta(days=1):%Y-%m-%d} to ")
    assert ", renewed from " in well.seen


@pytest.mark.parametrize(
    ("days", "state", "says"),
    [
        (280, "warning", "and was not renewed since"),
        (400, "wrong", "and the clock says"),
        (-20_000, "wrong", "and the clock says 197"),
    ],
)
def test_the_end_of_a_certificate_is_told(
    settings: IdentitySettings, desk: Desk, days: int, state: str, says: str
) -> None:
    told = found(settings, desk.world() + timedelta(days=days))
    assert told.state == state
    assert says in told.seen
    assert told.remedy


def test_a_certificate_of_another_device_is_wrong(settings: IdentitySettings, desk: Desk) -> None:
    told = found(settings, desk.world(), "gate-cam-09")
    assert told.state == "wrong"
    assert "and the settings say device 'gate-cam-09'" in told.seen


def test_a_folder_without_credentials_is_wrong(tmp_path: Path, desk: Desk) -> None:
    told = found(IdentitySettings(folder=tmp_path / "none"), desk.world())
    assert replace(told, seen="", remedy="") == Finding("certificate", "wrong", "")
    assert "holds nothing that `wayside-edge enroll` wrote" in told.seen
    assert "devices claim create" in told.remedy
