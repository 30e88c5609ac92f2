"""Reports of updates from the bus into the tables."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.desired.updates import Updates
from cloud.desired.worker import UpdateWorker
from cloud.fleet.database import FleetDatabase
from protos.codec import encode
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.fake_bus import FakeBus
from tests.support.fleet import fleet_file
from tests.support.processes import wait_until
from tests.support.update_reports import update_report
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


@pytest.fixture
def database(tmp_path: Path) -> Iterator[FleetDatabase]:
    with closing(FleetDatabase(fleet_file(tmp_path / "fleet.sqlite"))) as made:
        yield made


@pytest.fixture
def updates(database: FleetDatabase) -> Updates:
    return Updates(database)


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def subscriber(bus: FakeBus) -> WatchedSubscriber:
    return WatchedSubscriber(bus.subscriber())


@pytest.fixture
def worker(updates: Updates, bus: FakeBus, subscriber: WatchedSubscriber) -> Iterator[UpdateWorker]:
    made = UpdateWorker(updates, subscriber, bus.publisher(), Backoff(0.005, 0.01))
    made.start()
    yield made
    made.stop()


def states(updates: Updates) -> list[int]:
    return [update.last.state for update in updates.with_steps("cam-box")]


def test_reports_are_kept_and_acknowledged(
    worker: UpdateWorker, updates: Updates, bus: FakeBus, subscriber: WatchedSubscriber
) -> None:
    assert worker.running
    for report in (update_report(1, UpdateReport.PENDING), update_report(2)):
        for _ in range(2):
            bus.publisher().publish(topology.UPDATES, encode(report), {}).result()
    wait_until(lambda: len(subscriber.acked) == 4, "acknowledged")
    assert states(updates) == [UpdateReport.PROBATION]
    worker.stop()
    assert not worker.running


@pytest.mark.parametrize(
    "data", [b"garbage", encode(update_report(1, boot=0)), encode(update_report(1, code="A B"))]
)
def test_what_is_no_report_goes_to_the_dead_letter(
    worker: UpdateWorker, updates: Updates, bus: FakeBus, subscriber: WatchedSubscriber, data: bytes
) -> None:
    bus.publisher().publish(topology.UPDATES, data, {}).result()
    wait_until(lambda: bus.published[-1][0] == topology.DEAD_LETTER, "dead letter")
    wait_until(lambda: len(subscriber.acked) == 1, "acknowledged")
    assert bus.published[-1][1].attributes["source"] == "fleet-updates"
    assert states(updates) == []


def test_while_the_database_is_away_a_report_comes_again(
    worker: UpdateWorker,
    database: FleetDatabase,
    updates: Updates,
    bus: FakeBus,
    subscriber: WatchedSubscriber,
    tmp_path: Path,
) -> None:
    table = tmp_path / "fleet.sqlite"
    whole = table.read_bytes()
    database.close()
    table.write_bytes(b"no database" * 100)
    bus.publisher().publish(topology.UPDATES, encode(update_report(1)), {}).result()
    wait_until(lambda: len(subscriber.nacked) > 2, "given back")
    assert subscriber.acked == []
    database.close()
    table.write_bytes(whole)
    wait_until(lambda: subscriber.acked, "acknowledged")
    assert len(states(updates)) == 1


def test_an_end_is_told_once_and_a_bad_one_as_a_warning(updates: Updates, bus: FakeBus) -> None:
    worker = UpdateWorker(updates, bus.subscriber(), bus.publisher())

    def take(report: UpdateReport) -> list[tuple[str, str]]:
        with capture_logs() as logs:
            worker.take([Received(encode(report))])
        return [(log["state"], log["log_level"]) for log in logs]

    ended = update_report(9, UpdateReport.ROLLED_BACK, code="probation-latency")
    assert take(update_report(8)) == []
    assert take(ended) == [("rolled-back", "warning")]
    assert take(ended) == []
    well = update_report(9, UpdateReport.COMMITTED, deployment="order-2")
    assert take(well) == [("committed", "info")]
