"""Groups of messages: full by number, by bytes or by time; nothing is lost at the end."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from cloud.bus import topology
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Received
from tests.support.fake_bus import FakeBus
from tests.support.processes import wait_until
from tests.support.watched_subscriber import WatchedSubscriber


class Reading:
    """A reader whose groups are kept and acknowledged."""

    def __init__(self, limits: GroupLimits) -> None:
        self.bus = FakeBus()
        self.groups: list[list[bytes]] = []
        self.subscriber = WatchedSubscriber(self.bus.subscriber())
        self.go_on = threading.Event()
        self.go_on.set()
        self.reader = GroupReader(self.subscriber, "evidence", self._handle, limits)

    def publish(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.bus.publisher().publish(topology.EVIDENCE, payload).result()

    def _handle(self, group: Sequence[Received]) -> None:
        self.groups.append([received.data for received in group])
        self.go_on.wait(20)
        for received in group:
            received.ack()


@pytest.fixture
def readings() -> Iterator[list[Reading]]:
    made: list[Reading] = []
    yield made
    for reading in made:
        reading.go_on.set()
        reading.reader.stop()


def started(readings: list[Reading], limits: GroupLimits, *payloads: bytes) -> Reading:
    reading = Reading(limits)
    readings.append(reading)
    reading.publish(*payloads)
    reading.reader.start()
    return reading


def test_a_group_is_full_by_number(readings: list[Reading]) -> None:
    reading = started(readings, GroupLimits(2, 1000, 60), b"a", b"b", b"c", b"d", b"e")
    wait_until(lambda: len(reading.groups) == 2, "two groups")

    assert reading.groups == [[b"a", b"b"], [b"c", b"d"]]


def test_a_group_is_full_by_bytes(readings: list[Reading]) -> None:
    reading = started(readings, GroupLimits(100, 5, 60), b"abc", b"def", b"g", b"hijkl", b"m")
    wait_until(lambda: len(reading.groups) == 2, "two groups")

    assert reading.groups == [[b"abc", b"def"], [b"g", b"hijkl"]]


def test_a_group_that_is_not_full_is_handled_after_its_time(readings: list[Reading]) -> None:
    reading = started(readings, GroupLimits(100, 1000, 0.01), b"a")
    wait_until(lambda: reading.groups == [[b"a"]], "the first group")
    assert reading.reader.running
    reading.publish(b"b")
    wait_until(lambda: reading.groups == [[b"a"], [b"b"]], "the second group")


def test_what_waits_at_the_end_is_given_back(readings: list[Reading]) -> None:
    reading = started(readings, GroupLimits(100, 1000, 60), b"a", b"b")
    wait_until(lambda: len(reading.subscriber.delivered) == 2, "delivered")
    reading.reader.stop()

    assert reading.groups == []
    assert len(reading.subscriber.nacked) == 2
    assert not reading.reader.running


def test_the_group_that_is_handled_at_the_end_is_finished(readings: list[Reading]) -> None:
    reading = Reading(GroupLimits(1, 1000, 60))
    readings.append(reading)
    reading.go_on.clear()
    reading.publish(b"a", b"b")
    reading.reader.start()
    wait_until(lambda: len(reading.subscriber.delivered) == 2, "delivered")
    wait_until(lambda: reading.groups == [[b"a"]], "handled")
    ending = threading.Thread(target=reading.reader.stop)
    ending.start()
    wait_until(lambda: not reading.reader.running, "stopping")
    reading.go_on.set()
    ending.join()

    assert reading.groups == [[b"a"]]
    assert len(reading.subscriber.acked) == 1
    assert len(reading.subscriber.nacked) == 1


def test_a_pause_ends_with_the_reader(readings: list[Reading]) -> None:
    reading = started(readings, GroupLimits(1, 1000, 60))
    pausing = threading.Thread(target=lambda: reading.reader.pause(60))
    pausing.start()
    reading.reader.stop()
    pausing.join(5)

    assert not pausing.is_alive()
