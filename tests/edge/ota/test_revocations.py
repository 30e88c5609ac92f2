"""What was revoked gives way to what can be loaded, and is not forgotten where nothing can."""

from pathlib import Path

import pytest

from edge.ota.life import Failed, Fallen, Order
from edge.ota.revocations import Revocations
from edge.ota.states import State
from tests.support.fake_ota import FakeFetcher, FakeTrust, figures
from tests.support.ota_line import FAMILY, Line, committed_version
from wayside.disk import REAL


class Device:
    """A device that has committed version 1 and then 2."""

    def __init__(self, folder: Path) -> None:
        self.trust = FakeTrust()
        for place in sorted((folder / "store" / FAMILY).iterdir()):
            self.trust.release(FAMILY, place)
        self.line = Line(folder / "data", self.trust, FakeFetcher(self.trust), REAL)
        self.take("1", 1)
        self.take("2", 2)
        self.serving = self.line.serving
        self.revocations = Revocations(self.trust, self.serving, self.line.slots)

    def take(self, version: str, revision: int) -> None:
        self.line.order(Order(FAMILY, version, f"roll-out-{version}"), revision=revision)
        self.line.run()
        assert committed_version(self.line) == version

    def revoke(self, *releases: int) -> None:
        self.trust.withdrawn[FAMILY] = set(releases)


@pytest.fixture
def device(folder: Path) -> Device:
    return Device(folder)


def test_nothing_gives_way_where_nothing_was_revoked(device: Device) -> None:
    device.revoke(3)
    assert device.revocations.families() == []
    assert device.revocations.give_way(FAMILY) == []
    assert device.serving.version(FAMILY) == "2"


def test_what_serves_gives_way_to_the_other_slot_and_both_to_the_settings_own(
    device: Device,
) -> None:
    device.revoke(2)
    assert device.revocations.families() == [FAMILY]
    assert device.revocations.give_way(FAMILY) == [
        Fallen("revoked", "release 2 was revoked", "roll-out-2", "2", "1")
    ]
    assert (device.serving.version(FAMILY), committed_version(device.line)) == ("1", "1")
    device.revoke(1, 2)
    (fallen,) = device.revocations.give_way(FAMILY)
    assert isinstance(fallen, Fallen)
    assert (fallen.deployment, fallen.to_version) == ("roll-out-1", "")
    assert (device.serving.version(FAMILY), committed_version(device.line)) == ("0", "own")
    assert device.revocations.families() == []


def test_a_slot_that_cannot_be_loaded_is_passed_over(device: Device) -> None:
    device.serving.cannot_be_loaded = {device.line.slots().folder / "1"}
    device.revoke(2)
    (fallen,) = device.revocations.give_way(FAMILY)
    assert isinstance(fallen, Fallen)
    assert fallen.to_version == ""
    assert (device.serving.version(FAMILY), committed_version(device.line)) == ("0", "own")


def test_where_nothing_can_be_loaded_it_is_tried_with_each_look(device: Device) -> None:
    device.serving.cannot_be_loaded = {device.line.slots().folder / "1", None}
    device.revoke(2)
    assert device.revocations.give_way(FAMILY) == []
    assert device.serving.version(FAMILY) == "2", "it looks on"
    assert device.revocations.families() == [FAMILY], "it is not forgotten"
    device.serving.cannot_be_loaded = set()
    (fallen,) = device.revocations.give_way(FAMILY)
    assert isinstance(fallen, Fallen)
    assert fallen.deployment == "roll-out-2"
    assert device.serving.version(FAMILY) == "0"
    assert device.revocations.families() == []


def test_what_is_on_trial_is_told_apart(device: Device) -> None:
    line = device.line
    line.serving.found = figures(blocks=3)
    line.order(Order(FAMILY, "3", "roll-out-3"), revision=3)
    while line.life().state is not State.PROBATION:
        line.work()
        line.tick()
    device.revoke(3)
    assert device.revocations.families() == [FAMILY]
    assert device.revocations.give_way(FAMILY) == [Failed("revoked", "release 3 was revoked")]
    assert committed_version(line) == "2"
