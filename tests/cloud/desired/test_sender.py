"""Messages for devices from the outbox to the bus: each at least once, whatever dies."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.desired.outbox import DownlinkOutbox
from cloud.desired.sender import DownlinkSender
from cloud.errors import BusError
from cloud.fleet.database import FleetDatabase
from tests.support.fake_bus import FakeBus
from tests.support.fleet import Clock, fleet_file
from tests.support.processes import wait_until
from wayside.backoff import Backoff

LEASE = timedelta(seconds=15)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FleetDatabase]:
    with closing(FleetDatabase(fleet_file(tmp_path / "fleet.sqlite"))) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(database: FleetDatabase, clock: Clock) -> DownlinkOutbox:
    return DownlinkOutbox(database, clock)


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


class Silent:
    """A publisher that never says what became of a message."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        self.given.append(data)
        return Future()

    def close(self, timeout_s: float = 10.0) -> None:
        """Nothing was opened."""


def put(
    database: FleetDatabase, outbox: DownlinkOutbox, payload: bytes, device: str = "cam-box",
    sub_folder: str = "config",
) -> None:  # fmt: skip
    with database.writing() as connection:
        outbox.put(connection, device, sub_folder, payload)


def sent(bus: FakeBus, topic: str = topology.DOWNLINK) -> list[Received]:
    return [message for name, message in list(bus.published) if name == topic]


def sender(outbox: DownlinkOutbox, bus: FakeBus, poll_s: float = 0.02) -> DownlinkSender:
    return DownlinkSender(outbox, bus.publisher(), poll_s, LEASE, Backoff(0.005, 0.01))


def test_what_waits_goes_to_its_device_and_is_forgotten(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    put(database, outbox, b"before it began")
    running = sender(outbox, bus)
    running.start()
    wait_until(lambda: not outbox.numbers(), "sent")
    put(database, outbox, b"while it runs", "other-box")
    wait_until(lambda: len(sent(bus)) == 2 and not outbox.numbers(), "sent")
    assert running.running
    running.stop()
    assert not running.running
    assert [(one.data, one.attributes["deviceId"]) for one in sent(bus)] == [
        (b"before it began", "cam-box"), (b"while it runs", "other-box"),
    ]  # fmt: skip
    assert {one.attributes["subFolder"] for one in sent(bus)} == {"config"}


def test_a_call_to_look_is_quicker_than_the_next_look(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    running = sender(outbox, bus, poll_s=3600)
    running.start()
    put(database, outbox, b"now")
    running.wake()
    wait_until(lambda: sent(bus), "sent")
    running.stop()
    assert [one.data for one in sent(bus)] == [b"now"]


def test_many_more_than_one_round_takes(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    with database.writing() as connection:
        for number in range(350):
            outbox.put(connection, f"cam-{number}", "config", b"%d" % number)
    running = sender(outbox, bus, poll_s=3600)
    running.start()
    wait_until(lambda: not outbox.numbers(), "sent")
    running.stop()
    assert [one.data for one in sent(bus)] == [b"%d" % number for number in range(350)]


def test_what_the_dead_one_had_taken_is_sent_when_its_lease_ends(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus, clock: Clock
) -> None:
    put(database, outbox, b"x")
    assert len(outbox.take(10, LEASE)) == 1  # by one that died with it
    running = sender(outbox, bus)
    running.start()
    clock.now_ns += 14 * 10**9
    put(database, outbox, b"y", "other-box")
    wait_until(lambda: sent(bus), "the other one")
    assert [one.data for one in sent(bus)] == [b"y"]
    clock.now_ns += 10**9
    wait_until(lambda: not outbox.numbers(), "sent")
    running.stop()
    assert [one.data for one in sent(bus)] == [b"y", b"x"]


def test_one_that_ends_in_order_lets_go_of_what_nobody_confirmed(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    put(database, outbox, b"x")
    silent = Silent()
    first = DownlinkSender(outbox, silent, 0.02, LEASE)
    first.start()
    wait_until(lambda: silent.given, "given to the bus")
    first.stop()
    second = sender(outbox, bus)
    second.start()
    wait_until(lambda: not outbox.numbers(), "sent by the next one")
    second.stop()
    assert silent.given == [one.data for one in sent(bus)] == [b"x"]


def test_while_pubsub_is_away_it_is_tried_again(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus, clock: Clock
) -> None:
    bus.away = True
    put(database, outbox, b"x")
    running = sender(outbox, bus)
    with capture_logs() as logs:
        running.start()
        wait_until(lambda: logs, "a word of it")
        assert "tried again" in logs[0]["event"]
        assert outbox.numbers()
        bus.away = False
        clock.now_ns += 15 * 10**9
        wait_until(lambda: not outbox.numbers(), "sent")
        running.stop()
    assert len(sent(bus)) == 1


def test_what_pubsub_never_takes_goes_to_the_dead_letter(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    put(database, outbox, b"x", sub_folder="commands/" + "y" * 2000)
    running = sender(outbox, bus)
    running.start()
    wait_until(lambda: not outbox.numbers(), "let go of")
    running.stop()
    [letter] = sent(bus, topology.DEAD_LETTER)
    assert (letter.data, letter.attributes["source"]) == (b"x", "downlink")
    assert "too long" in letter.attributes["reason"]
    assert sent(bus) == []


def test_while_the_database_is_away_it_waits(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.sqlite"
    put(database, outbox, b"x")
    whole = file.read_bytes()
    database.close()
    file.write_bytes(b"no database" * 100)
    running = sender(outbox, bus)
    with capture_logs() as logs:
        running.start()
        wait_until(lambda: logs, "a word of it")
        assert logs[0]["event"] == "fleet database away"
        database.close()
        file.write_bytes(whole)
        wait_until(lambda: sent(bus), "sent")
        running.stop()


def test_a_publisher_that_fails_tells_why(
    database: FleetDatabase, outbox: DownlinkOutbox, bus: FakeBus
) -> None:
    publisher = bus.publisher()
    publisher.close()
    put(database, outbox, b"x")
    running = DownlinkSender(outbox, publisher, 0.02, LEASE)
    with capture_logs() as logs:
        running.start()
        wait_until(lambda: logs, "a word of it")
        running.stop()
    assert logs[0]["reason"] == str(BusError("the publisher was closed"))
    assert outbox.numbers()
