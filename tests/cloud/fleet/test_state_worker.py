"""States from the bus into the table."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.errors import StoreAwayError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.presence import Presence
from cloud.fleet.worker import StateWorker
from protos.codec import encode
from protos.v1.device_state_pb2 import DeviceState
from tests.support.fake_bus import FakeBus
from tests.support.fleet import fleet_file
from tests.support.processes import wait_until
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FleetDatabase]:
    with contextlib.closing(FleetDatabase(fleet_file(tmp_path / "fleet.sqlite"))) as made:
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
def worker(devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber) -> Iterator[StateWorker]:
    made = StateWorker(devices, subscriber, bus.publisher(), Backoff(0.005, 0.01))
    made.start()
    yield made
    made.stop()


def birth(boot: int = 1, status: DeviceState.Status = DeviceState.BIRTH) -> DeviceState:
    return DeviceState(schema=1, device="cam-box", boot=boot, session=2, seq=1, status=status)


def statuses(devices: Devices) -> list[str]:
    return [device.heard.status for device in devices.page() if device.heard is not None]


def test_states_are_kept_and_acknowledged(
    worker: StateWorker, devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber
) -> None:
    assert worker.running
    for _ in range(2):
        bus.publisher().publish(topology.STATE, encode(birth()), {}).result()

    wait_until(lambda: statuses(devices) == ["birth"], "the device")
    wait_until(lambda: len(subscriber.acked) == 2, "acknowledged")
    worker.stop()
    assert not worker.running


@pytest.mark.parametrize(
    "data",
    [b"garbage", encode(birth(boot=0)), encode(birth(status=DeviceState.STATUS_UNSPECIFIED))],
)
def test_what_is_no_state_goes_to_the_dead_letter(
    worker: StateWorker, devices: Devices, bus: FakeBus, subscriber: WatchedSubscriber, data: bytes
) -> None:
    bus.publisher().publish(topology.STATE, data, {}).result()

    wait_until(lambda: bus.published[-1][0] == topology.DEAD_LETTER, "dead letter")
    wait_until(lambda: len(subscriber.acked) == 1, "acknowledged")
    assert bus.published[-1][1].attributes["source"] == "fleet-state"
    assert devices.page() == []


def test_while_the_database_is_away_a_state_comes_again(
    worker: StateWorker,
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


def test_a_decommissioned_device_is_told_of_once(
    database: FleetDatabase, devices: Devices, bus: FakeBus
) -> None:
    worker = StateWorker(devices, bus.subscriber(), bus.publisher())
    lifecycle, by = Lifecycle(database, Audit(database)), Actor("user:root", "here")
    acked: list[int] = []

    def take(boot: int) -> None:
        worker.take([Received(encode(birth(boot)), ack=lambda: acked.append(boot))])

    ignored = {"event": "state ignored, device is decommissioned", "log_level": "warning",
               "device_id": "cam-box"}  # fmt: skip
    lifecycle.register("cam-box", by)
    for _ in range(2):
        lifecycle.decommission("cam-box", by)
        with capture_logs() as logs:
            take(1)
            take(2)
        assert logs == [ignored]
        lifecycle.recommission("cam-box", by)
        take(3)
    assert acked == [1, 2, 3] * 2


def test_a_state_that_waited_on_the_bus_is_not_news(devices: Devices, bus: FakeBus) -> None:
    worker = StateWorker(devices, bus.subscriber(), bus.publisher())
    worker.take([Received(encode(birth()), published_ns=10**18)])
    [device] = devices.page()
    assert (device.presence, device.last_seen_ns) == (Presence.OFFLINE, 10**18)


def test_who_listens_hears_of_states_that_count(devices: Devices, bus: FakeBus) -> None:
    heard: list[tuple[DeviceState, int]] = []
    worker = StateWorker(devices, bus.subscriber(), bus.publisher(), heard=heard.extend)
    new, old = birth(), birth()
    new.seq = 2
    worker.take([Received(encode(one), published_ns=7) for one in (new, old)])
    assert heard == [(new, 7)]
    worker.take([Received(encode(birth(boot=2)))])
    assert heard[1][1] > 10**18


def test_a_listener_without_a_database_holds_nothing_up(devices: Devices, bus: FakeBus) -> None:
    def away(states: object) -> None:
        raise StoreAwayError("no database")

    acked: list[int] = []
    worker = StateWorker(devices, bus.subscriber(), bus.publisher(), heard=away)
    with capture_logs() as logs:
        worker.take([Received(encode(birth()), ack=lambda: acked.append(1))])
    assert logs[-1]["reason"] == "no database"
    assert acked == [1]
    assert statuses(devices) == ["birth"]
