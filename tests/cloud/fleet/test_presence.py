"""States from the bus into the table."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.bus import topology
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.presence import Presence
from protos.codec import encode
from protos.v1.device_state_pb2 import DeviceState
from tests.support.fake_bus import FakeBus
from tests.support.processes import wait_until
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FleetDatabase]:
    with contextlib.closing(FleetDatabase(f"sqlite:///{tmp_path}/fleet.sqlite")) as made:
        yield made


@pytest.fixture
def devices(database: FleetDatabase) -> Devices:
    return Devices(database)


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def subscriber(bus: FakeBus) -> WatchedSubscriber:
    return WatchedSubscriber(bus.subscriber())


@pytest.fixture
def presence(devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber) -> Iterator[Presence]:
    made = Presence(devices, subscriber, bus.publisher(), Backoff(0.005, 0.01))
    made.start()
    yield made
    made.stop()


def birth(boot: int = 1, status: DeviceState.Status = DeviceState.BIRTH) -> DeviceState:
    return DeviceState(schema=1, device="cam-box", boot=boot, session=2, seq=1, status=status)


def test_states_are_kept_and_acknowledged(
    presence: Presence, devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber
) -> None:
    assert presence.running
    for _ in range(2):
        bus.publisher().publish(topology.STATE, encode(birth()), {}).result()

    wait_until(lambda: [device.status for device in devices.page()] == ["birth"], "the device")
    wait_until(lambda: len(subscriber.acked) == 2, "acknowledged")
    presence.stop()
    assert not presence.running


@pytest.mark.parametrize(
    "data",
    [b"garbage", encode(birth(boot=0)), encode(birth(status=DeviceState.STATUS_UNSPECIFIED))],
)
def test_what_is_no_state_goes_to_the_dead_letter(
    presence: Presence, devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber, data: bytes
) -> None:
    bus.publisher().publish(topology.STATE, data, {}).result()

    wait_until(lambda: bus.published[-1][0] == topology.DEAD_LETTER, "dead letter")
    wait_until(lambda: len(subscriber.acked) == 1, "acknowledged")
    assert bus.published[-1][1].attributes["source"] == "fleet-state"
    assert devices.page() == []


def test_while_the_database_is_away_a_state_comes_again(
    presence: Presence,
    database: FleetDatabase,
    devices: Devices,
    bus: FakeBus,
    subscriber: WatchedSubscriber,
    tmp_path: Path,
) -> None:
    table = tmp_path / "fleet.sqlite"
    whole = table.read_bytes()
    database.close()
    table.write_bytes(b"no database" * 100)
    bus.publisher().publish(topology.STATE, encode(birth()), {}).result()
    wait_until(lambda: len(subscriber.nacked) > 2, "given back")
    assert subscriber.acked == []
    database.close()
    table.write_bytes(whole)

    wait_until(lambda: subscriber.acked, "acknowledged")
    assert len(devices.page()) == 1
